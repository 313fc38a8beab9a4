"""Which steps that are to come would reach nobody, and which ladders hang on one person."""

from datetime import UTC, datetime, timedelta

from service.domain.coverage import EVERY_STEP, HORIZON, REPETITION, Gap, GapCode, Turn, gaps
from service.domain.escalation import Role

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
UNTIL = NOW + HORIZON
DAY = timedelta(days=1)


def turn(
    step: str, day: int, *told: str, holders: int | None = None, role: Role = Role.OWNER
) -> Turn:
    number = len(told) if holders is None else holders
    return Turn(step, NOW + day * DAY, (role,), number, frozenset(told))


def codes(found: list[Gap]) -> list[tuple[str, GapCode]]:
    return [(one.step, one.code) for one in found]


def test_steps_that_all_reach_somebody_leave_no_gap() -> None:
    assert gaps([turn("0", 1, "a"), turn("1", 2, "b")], critical=True, until=UNTIL) == []


def test_a_step_whose_roles_nobody_holds_is_a_gap_with_its_instant_and_roles() -> None:
    (found,) = gaps([turn("3", 5, role=Role.LEAD), turn("4", 6, "a")], False, UNTIL)
    assert (found.step, found.at, found.roles) == ("3", NOW + 5 * DAY, (Role.LEAD,))
    assert found.code is GapCode.NOBODY
    assert "step 3 (lead)" in found.sentence


def test_a_step_whose_people_are_all_away_says_so() -> None:
    assert codes(gaps([turn("0", 1, holders=2)], False, UNTIL)) == [("0", GapCode.AWAY)]


def test_what_lies_beyond_the_horizon_is_no_gap_yet() -> None:
    assert gaps([turn("0", 61)], False, UNTIL) == []
    assert codes(gaps([turn("0", 60)], False, UNTIL)) == [("0", GapCode.NOBODY)]


def test_gaps_come_in_order_of_time() -> None:
    found = gaps([turn("2", 9), turn("0", 1), turn("1", 4, "a")], False, UNTIL)
    assert [one.step for one in found] == ["0", "2"]


def test_a_critical_ladder_that_rests_on_one_person_is_a_gap_as_a_whole() -> None:
    ladder = [turn("0", 2, "a"), turn("1", 3, "a", role=Role.DEPUTY)]
    (found,) = gaps(ladder, True, UNTIL)
    assert (found.step, found.code) == (EVERY_STEP, GapCode.ONLY_ONE_PERSON)
    assert found.at == NOW + 2 * DAY
    assert found.roles == (Role.OWNER, Role.DEPUTY)
    assert "2026-05-01" in found.sentence


def test_one_person_is_enough_where_the_deadline_is_not_critical() -> None:
    assert gaps([turn("0", 2, "a"), turn("1", 3, "a")], False, UNTIL) == []


def test_that_all_are_told_once_the_ladder_is_exhausted_does_not_make_up_for_one_person() -> None:
    ladder = [turn("0", 2, "a"), turn(REPETITION, 3, "a", "b")]
    assert codes(gaps(ladder, True, UNTIL)) == [(EVERY_STEP, GapCode.ONLY_ONE_PERSON)]
    assert gaps(ladder[1:], True, UNTIL) == []


def test_a_ladder_that_reaches_nobody_at_all_is_told_step_by_step() -> None:
    assert codes(gaps([turn("0", 1), turn("1", 2)], True, UNTIL)) == [
        ("0", GapCode.NOBODY),
        ("1", GapCode.NOBODY),
    ]


def test_nothing_to_come_is_nothing_to_cover() -> None:
    assert gaps([], True, UNTIL) == []
