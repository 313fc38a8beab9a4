"""The next way to a person is taken because the last one failed: each once, none passed over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.escalation import Role, Step, Trigger
from service.domain.notifications import (
    ChannelKind,
    Handover,
    SubjectKind,
    Superseded,
    why_superseded,
)
from service.domain.routes import (
    MAIL,
    End,
    Route,
    Try,
    Turn,
    at_fault,
    first_ways,
    hurried_from,
    is_parallel,
    next_way,
    out_of_reach,
    slow_at,
)

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FAILED = st.sampled_from([End.REFUSED, End.LOST])
ways = st.integers(0, 4).map(lambda n: (MAIL, *(f"end_{number}" for number in range(n))))


def tried(way: str, end: End | None, after: timedelta = timedelta(), failures: int = 0) -> Try:
    return Try(way, NOON + after, end, failures)


@st.composite
def routes(draw: st.DrawFn) -> Route:
    """Any course: some ways used, however they went, answered or not, by a person or a machine."""
    all_ways = draw(ways)
    used = all_ways[: draw(st.integers(1, len(all_ways)))]
    ends = st.sampled_from([None, *End])
    tries = tuple(
        tried(way, draw(ends), draw(st.integers(0, 30)) * MINUTE, draw(st.integers(0, 3)))
        for way in used
    )
    return Route(
        all_ways,
        tries,
        draw(st.none() | st.integers(-60, 60).map(lambda minutes: NOON + minutes * MINUTE)),
        draw(st.none() | st.integers(0, 40).map(lambda minutes: NOON + minutes * MINUTE)),
        draw(st.booleans()),
    )


moments = st.integers(0, 120).map(lambda minutes: NOON + minutes * MINUTE)


@given(routes(), moments)
def test_no_way_is_taken_twice_but_for_one_mail_more(route: Route, now: datetime) -> None:
    turn = next_way(route, now)
    if turn is not None and turn.again:
        assert turn.way == MAIL
        assert route.left == ()
        assert route.suspected_at is not None
    elif turn is not None:
        assert turn.way not in {one.way for one in route.tries}


@given(routes(), moments)
def test_no_way_that_is_left_is_passed_over(route: Route, now: datetime) -> None:
    turn = next_way(route, now)
    if turn is not None and route.left:
        assert turn == Turn(route.left[0])


@given(ways, st.lists(FAILED, min_size=6, max_size=6))
def test_ways_that_fail_one_after_the_other_are_all_used_in_their_order(
    all_ways: tuple[str, ...], ends: list[End]
) -> None:
    route, taken = Route(all_ways, (tried(MAIL, ends[0]),)), [MAIL]
    for end in ends[1:]:
        turn = next_way(route, NOON)
        if turn is None:
            break
        assert not out_of_reach(route)
        taken.append(turn.way)
        route = Route(all_ways, (*route.tries, tried(turn.way, end)))
    assert tuple(taken) == all_ways
    assert out_of_reach(route)
    assert at_fault(route) == (End.REFUSED in ends[: len(all_ways)])


@given(routes(), moments)
def test_the_clock_alone_brings_a_way_at_the_instant_foretold_and_not_before(
    route: Route, now: datetime
) -> None:
    at = slow_at(route)
    if at is None or at <= now:
        return
    assert next_way(route, now) is None
    assert next_way(route, at - MINUTE / 60) is None
    assert next_way(route, at) == Turn(route.left[0])


@given(routes(), moments)
def test_who_has_answered_is_told_by_no_other_way(route: Route, now: datetime) -> None:
    answered = Route(route.ways, route.tries, route.hurry_from, route.suspected_at, settled=True)
    assert next_way(answered, now) is None
    assert slow_at(answered) is None


@given(ways, st.integers(0, 10**4).map(lambda minutes: NOON + minutes * MINUTE))
def test_a_way_that_has_brought_it_is_the_last(all_ways: tuple[str, ...], now: datetime) -> None:
    assert next_way(Route(all_ways, (tried(MAIL, End.ACCEPTED),)), now) is None


def test_two_failures_are_slow_at_once_and_one_is_after_ten_minutes() -> None:
    one, two = (Route((MAIL, "end_1"), (tried(MAIL, None, failures=n),)) for n in (1, 2))
    assert next_way(two, NOON) == Turn("end_1")
    assert next_way(one, NOON + 10 * MINUTE - MINUTE / 60) is None
    assert next_way(one, NOON + 10 * MINUTE) == Turn("end_1")


def test_far_from_the_due_instant_a_slow_way_is_waited_for() -> None:
    hurry_from = hurried_from(NOON + 3 * DAY)
    route = Route((MAIL, "end_1"), (tried(MAIL, None, failures=5),), hurry_from)
    assert next_way(route, NOON + 23 * HOUR) is None
    assert slow_at(route) == NOON + DAY
    assert next_way(route, NOON + DAY) == Turn("end_1")
    failed = Route((MAIL, "end_1"), (tried(MAIL, End.LOST),), hurry_from)
    assert next_way(failed, NOON) == Turn("end_1"), "what has failed for good is never waited for"


def test_after_a_machines_answer_the_person_is_asked_once_by_each_way_and_once_more_by_mail() -> (
    None
):
    first = tried(MAIL, End.ACCEPTED)
    answered_at = NOON + MINUTE
    alone = Route((MAIL,), (first,), suspected_at=answered_at)
    assert next_way(alone, answered_at) == Turn(MAIL, again=True)
    again = Try(MAIL, answered_at, End.ACCEPTED, again=True)
    assert next_way(Route((MAIL,), (first, again), suspected_at=answered_at), answered_at) is None
    twice = Route((MAIL,), (first, again), suspected_at=answered_at + HOUR)
    assert next_way(twice, answered_at + HOUR) is None, "not more than once a step"
    both = Route((MAIL, "end_1"), (first,), suspected_at=answered_at)
    assert next_way(both, answered_at) == Turn("end_1")


def test_a_relay_that_was_away_is_nobodys_address() -> None:
    assert not at_fault(Route((MAIL,), (tried(MAIL, End.LOST),)))
    assert at_fault(Route((MAIL,), (tried(MAIL, End.REFUSED),)))
    assert not at_fault(Route((MAIL, "end_1"), (tried(MAIL, End.REFUSED),)))


def test_two_ways_at_once_are_for_alerts_and_the_last_day_of_what_is_critical() -> None:
    mark = Step(Trigger.BEFORE_DUE, DAY, (Role.OWNER,))
    early = Step(Trigger.BEFORE_DUE, 2 * DAY, (Role.OWNER,))
    silence = Step(Trigger.NO_RESPONSE_FOR, HOUR, (Role.OWNER,))
    assert is_parallel(False, True, mark, False, DAY)
    assert is_parallel(False, True, mark, False, DAY + 8 * HOUR), "moved out of a night's rest"
    assert is_parallel(False, True, early, False, HOUR), "entered late"
    assert is_parallel(True, False, silence, True, -DAY)
    assert not is_parallel(False, True, early, False, 2 * DAY)
    assert not is_parallel(False, True, silence, False, HOUR)
    assert not is_parallel(False, True, mark, True, HOUR), "a repetition is no mark"
    assert not is_parallel(False, False, mark, False, HOUR)
    assert first_ways((MAIL, "end_1", "end_2"), True) == (MAIL, "end_1")
    assert first_ways((MAIL, "end_1"), False) == first_ways((MAIL,), True) == (MAIL,)


TO_A_PERSON = Handover(
    ChannelKind.WEBHOOK,
    SubjectKind.ALERT,
    version=1,
    current_version=1,
    live=True,
    on_case=True,
    recipient_enabled=True,
    personal=True,
)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, None),
        ({"live": False}, Superseded.ALERT_RESOLVED),
        ({"current_version": 2}, Superseded.VERSION_CHANGED),
        ({"on_case": False}, Superseded.RECIPIENT_LEFT),
        ({"recipient_enabled": False}, Superseded.RECIPIENT_DISABLED),
        ({"endpoint_active": False}, Superseded.ENDPOINT_DISABLED),
    ],
)
def test_a_way_of_ones_own_is_held_to_what_a_mail_is_held_to(
    changed: dict[str, Any], reason: Superseded | None
) -> None:
    assert why_superseded(replace(TO_A_PERSON, **changed)) is reason
