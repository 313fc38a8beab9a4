"""The ladder that a deadline climbs by itself fits what hangs on it, and marks know the court's days."""

from datetime import UTC, date, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import DeadlineKind, DeadlineState, Force
from service.domain.escalation import EVERYBODY, Role, Step, Trigger, check_steps
from service.domain.ladders import Scope, ladder_for, narrowest
from service.domain.plan import PlanFacts, plan
from service.domain.reminders import marked_at
from service.errors import Refusal

ALMATY = ZoneInfo("Asia/Almaty")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ALL_KINDS = list(product(DeadlineKind, Force, (False, True)))


def five_court_days(n: int = 5) -> Step:
    return Step(Trigger.BEFORE_DUE, timedelta(), (Role.OWNER,), court_days=n)


def local(on: date, hour: int = 18) -> datetime:
    return datetime(on.year, on.month, on.day, hour, tzinfo=ALMATY).astimezone(UTC)


@pytest.mark.parametrize(("kind", "force", "critical"), ALL_KINDS)
def test_every_built_in_ladder_can_be_climbed_and_ends_with_everybody(
    kind: DeadlineKind, force: Force, critical: bool
) -> None:
    steps = ladder_for(kind, force, critical)
    check_steps(steps)
    assert set(steps[-1].targets) == set(EVERYBODY)


def test_seventy_two_hours_of_custody_speak_at_48_24_12_and_6_hours_before_their_end() -> None:
    detained = datetime(2020, 2, 21, 9, 40, tzinfo=UTC)
    steps = ladder_for(DeadlineKind.CUSTODY, Force.STATUTORY, critical=True)
    facts = PlanFacts(DeadlineState.OPEN, detained + 72 * HOUR, ALMATY, detained, steps)
    decision = plan(facts, detained)
    everything = [one for one in (decision.due, *decision.upcoming) if one is not None]
    marks = [one.at - facts.due_at for one in everything if one.step.is_mark]
    assert marks == [-72 * HOUR, -48 * HOUR, -24 * HOUR, -12 * HOUR, -6 * HOUR, 0 * HOUR]


def test_of_a_critical_deadline_two_people_must_have_answered_five_court_days_ahead() -> None:
    steps = ladder_for(DeadlineKind.FILING, Force.STATUTORY, critical=True)
    (both,) = [step for step in steps if step.court_days == 5]
    assert both.need is None
    assert set(both.targets) == {Role.OWNER, Role.DEPUTY}


def test_a_watch_asks_on_the_day_and_after_it() -> None:
    steps = ladder_for(DeadlineKind.WATCH, Force.STATUTORY, critical=False)
    assert [step.nominal for step in steps if step.is_mark] == [-7 * DAY, 0 * DAY, 3 * DAY, 7 * DAY]


def test_court_days_leave_out_the_days_on_which_the_court_does_not_sit() -> None:
    new_year = {date(2025, 1, 1): "New Year", date(2025, 1, 2): "New Year"}
    calendar = CourtCalendar(
        "KZ",
        "1",
        2024,
        2025,
        days_off=new_year | {date(2025, 1, 3): "moved"},
        court_days=frozenset({date(2025, 1, 5)}),
    )
    due_at = local(date(2025, 1, 8))
    # 7, 6, Sunday 5 (moved workday), 31 December, 30 December.
    assert marked_at(five_court_days(), due_at, ALMATY, calendar) == local(date(2024, 12, 30))


def test_the_end_of_a_day_is_counted_from_that_day() -> None:
    end_of_friday = local(date(2026, 6, 13), 0)
    assert marked_at(five_court_days(), end_of_friday, ALMATY, None) == local(date(2026, 6, 6), 0)


def test_where_the_calendar_is_not_known_weekends_alone_are_left_out() -> None:
    monday = local(date(2026, 6, 15))
    friday = local(date(2026, 6, 12))
    known = CourtCalendar("KZ", "1", 1999, 2000)
    assert marked_at(five_court_days(1), monday, ALMATY, None) == friday
    assert marked_at(five_court_days(1), monday, ALMATY, known) == friday


@given(
    due_on=st.dates(date(2020, 1, 1), date(2030, 12, 1)),
    days=st.integers(1, 30),
    off=st.sets(st.dates(date(2019, 6, 1), date(2030, 12, 31)), max_size=30),
)
def test_between_a_mark_and_the_due_day_lie_exactly_its_court_days(
    due_on: date, days: int, off: set[date]
) -> None:
    calendar = CourtCalendar("X", "1", 2015, 2035, days_off=dict.fromkeys(off, "off"))
    at = marked_at(five_court_days(days), local(due_on), ALMATY, calendar)
    on = at.astimezone(ALMATY).date()
    between = [on + n * DAY for n in range((due_on - on).days)]
    assert sum(calendar.day_off(one) is None for one in between) == days
    assert calendar.day_off(on) is None


def test_marks_out_of_order_are_refused_whatever_they_are_counted_in() -> None:
    later = Step(Trigger.BEFORE_DUE, 30 * DAY, (Role.OWNER,))
    with pytest.raises(Refusal):
        check_steps([five_court_days(), later])
    check_steps([later, five_court_days()])


def test_the_narrower_default_of_a_team_wins() -> None:
    scopes = [
        ("pol_1", Scope()),
        ("pol_2", Scope(kinds=frozenset({DeadlineKind.HEARING}))),
        ("pol_3", Scope(critical=True)),
        ("pol_4", Scope(forces=frozenset({Force.ORDERED}))),
    ]

    def chosen(kind: DeadlineKind, force: Force, critical: bool) -> str | None:
        return narrowest(scopes, kind, force, critical)

    assert chosen(DeadlineKind.FILING, Force.STATUTORY, False) == "pol_1"
    assert chosen(DeadlineKind.HEARING, Force.ORDERED, False) == "pol_2"
    assert chosen(DeadlineKind.HEARING, Force.ORDERED, True) == "pol_3"
    assert chosen(DeadlineKind.FILING, Force.ORDERED, False) == "pol_4"
    assert narrowest(scopes[1:2], DeadlineKind.FILING, Force.ORDERED, True) is None
