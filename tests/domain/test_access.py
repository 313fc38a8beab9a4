"""Nobody sees a case of another team, and nobody sees more of one than the case, the channel and
their own part in it allow."""

from itertools import product

import pytest

from service.domain.access import Caller, Level, Reach, Scope, level_for
from service.domain.escalation import Role
from service.errors import Code, Refusal

OPERATOR = Reach(None)
ONE_TEAM = Reach(frozenset({"team_a"}))
TWO_TEAMS = Reach(frozenset({"team_a", "team_b"}))
NO_TEAM = Reach(frozenset())


def caller(reach: Reach, user_id: str | None = None) -> Caller:
    return Caller("key_1", Scope.WRITE, reach, user_id)


def test_a_scope_contains_those_before_it_and_no_other() -> None:
    order = [Scope.READ, Scope.WRITE, Scope.ADMIN]
    for (i, one), (j, other) in product(enumerate(order), repeat=2):
        assert one.contains(other) is (i >= j)


def test_the_wall_stands_between_teams() -> None:
    assert ONE_TEAM.contains("team_a")
    assert not ONE_TEAM.contains("team_b")
    assert not NO_TEAM.contains("team_a")
    assert OPERATOR.contains("team_b")


@pytest.mark.parametrize(
    ("reach", "asked", "team"),
    [
        (ONE_TEAM, None, "team_a"),
        (ONE_TEAM, "team_a", "team_a"),
        (TWO_TEAMS, "team_b", "team_b"),
        (OPERATOR, "team_z", "team_z"),
    ],
)
def test_something_new_belongs_to_the_team_asked_for_or_the_only_one(
    reach: Reach, asked: str | None, team: str
) -> None:
    assert caller(reach).team_for(asked) == team


@pytest.mark.parametrize(
    ("reach", "asked", "code"),
    [
        (TWO_TEAMS, None, Code.MISSING_FIELD),
        (OPERATOR, None, Code.MISSING_FIELD),
        (NO_TEAM, None, Code.MISSING_FIELD),
        (ONE_TEAM, "team_b", Code.NOT_FOUND),
        (NO_TEAM, "team_a", Code.NOT_FOUND),
    ],
)
def test_a_team_that_is_unclear_or_beyond_reach_is_refused(
    reach: Reach, asked: str | None, code: Code
) -> None:
    with pytest.raises(Refusal) as refused:
        caller(reach).team_for(asked)
    assert refused.value.code is code


def test_the_journal_names_the_person_where_one_is_known_else_the_key() -> None:
    assert caller(ONE_TEAM, "usr_1").actor == "usr_1"
    assert caller(ONE_TEAM).actor == "key_1"


@pytest.mark.parametrize(("channel", "ceiling"), list(product(Level, Level)))
def test_whoever_has_no_part_in_the_case_is_shown_nothing(channel: Level, ceiling: Level) -> None:
    assert level_for(None, channel, ceiling) is None


@pytest.mark.parametrize(("role", "channel", "ceiling"), list(product(Role, Level, Level)))
def test_the_least_of_person_channel_and_case_decides(
    role: Role, channel: Level, ceiling: Level
) -> None:
    level = level_for(role, channel, ceiling)
    assert level is not None
    assert level <= min(channel, ceiling)
    if role is Role.OBSERVER:
        assert level <= Level.CODE
    else:
        assert level == min(channel, ceiling)
