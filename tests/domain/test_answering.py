"""Which form holds, whose answer is believed, and for how long a link is open."""

from datetime import UTC, datetime, timedelta

import pytest

from service.domain.answering import (
    LinkState,
    Problem,
    Strength,
    fault_of_age,
    holds_the_chain,
    is_suspect,
    link_state,
    may_undo,
    offered_snoozes,
)
from service.domain.deadlines import LIVE_STATES, DeadlineState
from service.domain.escalation import longest_snooze

NOON = datetime(2026, 6, 3, 12, 3, 20, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)


@pytest.mark.parametrize(
    ("age", "fault"),
    [
        (-SECOND, Problem.TOO_SOON),
        (1.999 * SECOND, Problem.TOO_SOON),
        (2 * SECOND, None),
        (60 * MINUTE, None),
        (60 * MINUTE + SECOND, Problem.TOO_OLD),
    ],
)
def test_a_form_holds_from_two_seconds_to_an_hour(age: timedelta, fault: Problem | None) -> None:
    assert fault_of_age(NOON, NOON + age) is fault


@pytest.mark.parametrize(
    ("after", "others", "suspect"),
    [
        (19 * SECOND, False, True),
        (20 * SECOND, False, False),
        (DAY, True, True),
        (None, False, True),
    ],
)
def test_what_a_machine_could_have_done_is_suspect(
    after: timedelta | None, others: bool, suspect: bool
) -> None:
    accepted_at = None if after is None else NOON - after
    assert is_suspect(accepted_at, others, NOON) is suspect


@pytest.mark.parametrize(
    ("strength", "suspect", "critical", "holds"),
    [
        (Strength.API, False, True, True),
        (Strength.LINK, False, False, True),
        (Strength.LINK, False, True, False),
        (Strength.LINK, True, False, False),
        (Strength.API, True, False, False),
    ],
)
def test_a_bare_link_never_stops_the_chain_of_a_critical_deadline_nor_a_suspect_any(
    strength: Strength, suspect: bool, critical: bool, holds: bool
) -> None:
    assert holds_the_chain(strength, suspect, critical) is holds


@pytest.mark.parametrize(
    ("state", "on_case", "after_due", "expected"),
    [
        (DeadlineState.OPEN, True, 30 * DAY - SECOND, LinkState.OPEN),
        (DeadlineState.OPEN, True, 30 * DAY, LinkState.OVER),
        (DeadlineState.SUSPENDED, True, -DAY, LinkState.OPEN),
        (DeadlineState.COMPLETED, True, -DAY, LinkState.ENDED),
        (DeadlineState.COMPLETED, False, -DAY, LinkState.LEFT),
        (DeadlineState.OPEN, False, 30 * DAY, LinkState.OVER),
    ],
)
def test_a_link_is_open_until_thirty_days_after_the_due_instant(
    state: DeadlineState, on_case: bool, after_due: timedelta, expected: LinkState
) -> None:
    assert link_state(NOON, state in LIVE_STATES, on_case, NOON + after_due) is expected


def test_an_answer_can_be_taken_back_for_ten_minutes() -> None:
    assert may_undo(NOON, NOON + 10 * MINUTE - SECOND)
    assert not may_undo(NOON, NOON + 10 * MINUTE)


@pytest.mark.parametrize(
    ("left", "hours"),
    [
        (10 * DAY, [1, 2, 4, 8, 16, 24]),
        (30 * HOUR, [1, 2, 4]),
        (25 * HOUR, [1]),
        (24 * HOUR, []),
        (-HOUR, []),
    ],
)
def test_every_instant_that_is_offered_is_allowed_now_and_when_the_form_comes_back(
    left: timedelta, hours: list[int]
) -> None:
    due_at = NOON + left
    offered = offered_snoozes(due_at, NOON)
    assert [round((at - NOON) / HOUR) for at in offered] == hours
    assert all(at.minute % 5 == 0 and at.second == 0 for at in offered)
    for later in (NOON, NOON + 30 * MINUTE):
        assert all(later < at <= longest_snooze(due_at, later) for at in offered)
