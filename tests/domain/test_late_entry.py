"""What is entered late is said in less time: nobody is left out, and nobody is told too late."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from service.domain.deadlines import DeadlineState
from service.domain.escalation import Role, Step, Trigger, check_steps
from service.domain.ladders import DEFAULT_STEPS
from service.domain.plan import PlanFacts, PlannedStep, plan
from service.domain.reminders import shortened

ALMATY = ZoneInfo("Asia/Almaty")
DUE_AT = datetime(2026, 6, 30, 19, 0, tzinfo=UTC)
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
EVERYONE = {Role.OWNER, Role.DEPUTY, Role.SUPERVISOR, Role.LEAD}

LADDER = (
    Step(Trigger.BEFORE_DUE, 7 * DAY, (Role.OWNER,)),
    Step(Trigger.NO_RESPONSE_FOR, 4 * HOUR, (Role.DEPUTY,)),
    Step(Trigger.NO_RESPONSE_FOR, 4 * HOUR, (Role.SUPERVISOR,)),
    Step(Trigger.BEFORE_DUE, DAY, (Role.OWNER, Role.DEPUTY)),
)


def foretold(steps: tuple[Step, ...], entered_at: datetime) -> list[PlannedStep]:
    """Everything that will be said if nobody answers."""
    own = shortened(steps, DUE_AT, entered_at, ALMATY)
    facts = PlanFacts(DeadlineState.OPEN, DUE_AT, ALMATY, entered_at, own)
    decision = plan(facts, entered_at)
    return [*([decision.due] if decision.due else []), *decision.upcoming]


def first_told(steps: tuple[Step, ...], entered_at: datetime) -> dict[Role, timedelta]:
    """Role to how long after the entry it is first told."""
    told: dict[Role, timedelta] = {}
    for one in foretold(steps, entered_at):
        for role in one.step.targets:
            told.setdefault(role, one.at - entered_at)
    return told


def test_a_ladder_entered_in_time_is_left_as_it_is() -> None:
    assert shortened(LADDER, DUE_AT, DUE_AT - 8 * DAY, ALMATY) == LADDER


def test_entered_six_hours_before_the_supervisor_is_told_two_hours_before_at_the_latest() -> None:
    told = first_told(LADDER, DUE_AT - 6 * HOUR)
    assert told[Role.OWNER] == told[Role.DEPUTY] == timedelta()
    # Four hours before the due instant is possible, and less than three quarters of six hours.
    assert told[Role.SUPERVISOR] == 2 * HOUR


def test_the_missed_marks_are_one_step_and_the_silences_keep_their_proportions() -> None:
    steps = shortened(LADDER, DUE_AT, DUE_AT - 30 * HOUR, ALMATY)
    assert [one.trigger for one in steps] == [
        Trigger.BEFORE_DUE,
        Trigger.NO_RESPONSE_FOR,
        Trigger.NO_RESPONSE_FOR,
        Trigger.BEFORE_DUE,
    ]
    # The next mark comes six hours later: both are over by then.
    assert [one.after for one in steps[1:3]] == [3 * HOUR, 3 * HOUR]


def test_in_the_last_half_hour_everybody_is_told_at_once() -> None:
    told = first_told(LADDER, DUE_AT - 12 * MINUTE)
    assert told == dict.fromkeys((Role.OWNER, Role.DEPUTY, Role.SUPERVISOR), timedelta())


def test_what_is_entered_after_it_was_due_is_told_to_all() -> None:
    assert set(first_told(DEFAULT_STEPS, DUE_AT + DAY)) == EVERYONE


@given(st.integers(1, 45 * 24 * 60))
def test_however_late_the_entry_the_last_person_is_told_before_the_last_quarter(
    minutes: int,
) -> None:
    """Or when the ladder of a timely entry tells them, where that is still ahead: five days before."""
    remaining = minutes * MINUTE
    told = first_told(DEFAULT_STEPS, DUE_AT - remaining)
    assert set(told) == EVERYONE
    assert max(told.values()) <= max(remaining * 3 / 4, remaining - 5 * DAY)


@given(st.integers(1, 45 * 24 * 60))
def test_where_time_allows_the_last_person_is_told_four_hours_before(minutes: int) -> None:
    remaining = minutes * MINUTE
    if remaining >= 5 * HOUR and remaining < 30 * DAY:
        told = first_told(DEFAULT_STEPS, DUE_AT - remaining)
        assert max(told.values()) <= remaining - 4 * HOUR


@given(st.integers(-2000, 45 * 24 * 60))
def test_the_shortened_ladder_can_be_climbed_and_forgets_nobody(minutes: int) -> None:
    for ladder in (LADDER, DEFAULT_STEPS):
        steps = shortened(ladder, DUE_AT, DUE_AT - minutes * MINUTE, ALMATY)
        check_steps(steps)
        assert {r for one in steps for r in one.targets} == {r for o in ladder for r in o.targets}
