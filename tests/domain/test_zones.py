"""Through every change of a clock marks keep their hour on the wall; nothing is said late or twice."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.counting import midnight, to_instant
from service.domain.deadlines import DeadlineState
from service.domain.escalation import Role, Step, Trigger
from service.domain.plan import PlanFacts, plan
from service.domain.reminders import QuietHours, mark_at, waking

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
#: Both changes of the clock, on both sides of the equator; half an hour; a day that never was.
CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/Santiago", date(2026, 4, 5)),
    ("America/Santiago", date(2026, 9, 6)),
    ("Australia/Sydney", date(2026, 4, 5)),
    ("Australia/Sydney", date(2026, 10, 4)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Asia/Almaty", date(2024, 3, 1)),
    ("Pacific/Apia", date(2011, 12, 30)),
]


def on_wall(on: date, at: time, zone: ZoneInfo) -> datetime:
    return to_instant(datetime.combine(on, at), zone)


@pytest.mark.parametrize(("name", "on"), CHANGES)
def test_a_mark_days_before_keeps_the_hour_on_the_wall(name: str, on: date) -> None:
    zone = ZoneInfo(name)
    due_at = on_wall(on + 2 * DAY, time(18), zone)
    for days in range(1, 6):
        local = mark_at(due_at, -days * DAY, zone).astimezone(zone)
        wanted = datetime.combine(on + (2 - days) * DAY, time(18))
        if name == "Pacific/Apia" and wanted.date() == on:
            continue  # The island had no such day.
        assert local.replace(tzinfo=None) == wanted


@pytest.mark.parametrize(("name", "on"), CHANGES)
def test_marks_in_hours_are_elapsed_hours(name: str, on: date) -> None:
    zone = ZoneInfo(name)
    due_at = on_wall(on + DAY, time(9), zone)
    for hours in (1, 4, 12, 36):
        assert due_at - mark_at(due_at, -hours * HOUR, zone) == hours * HOUR


def test_an_hour_that_is_skipped_is_the_last_instant_that_is_not_later() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    skipped = on_wall(date(2026, 3, 29), time(2, 30), berlin)
    assert skipped <= datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert mark_at(on_wall(date(2026, 3, 31), time(2, 30), berlin), -2 * DAY, berlin) == skipped


def test_of_an_hour_that_comes_twice_the_first_is_meant() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert on_wall(date(2026, 10, 25), time(2, 30), berlin) == datetime(
        2026, 10, 25, 0, 30, tzinfo=UTC
    )
    almaty = ZoneInfo("Asia/Almaty")
    assert on_wall(date(2024, 2, 29), time(23, 30), almaty) == datetime(
        2024, 2, 29, 17, 30, tzinfo=UTC
    )


def test_a_day_of_twenty_five_hours_ends_with_its_last() -> None:
    """Almaty, 29 February 2024: at 24:00 the clocks went back to 23:00."""
    almaty = ZoneInfo("Asia/Almaty")
    assert midnight(date(2024, 3, 1), almaty) == datetime(2024, 2, 29, 19, 0, tzinfo=UTC)
    assert midnight(date(2024, 3, 2), almaty) == datetime(2024, 3, 1, 19, 0, tzinfo=UTC)


def test_seventy_two_hours_of_custody_are_seventy_two_through_kazakhstans_change() -> None:
    detained = datetime(2024, 2, 28, 15, 40, tzinfo=ZoneInfo("Asia/Almaty")).astimezone(UTC)
    ends = detained + 72 * HOUR
    assert ends.astimezone(ZoneInfo("Asia/Almaty")).time() == time(14, 40)


@pytest.mark.parametrize(("name", "on"), CHANGES)
def test_whoever_sleeps_through_a_change_is_woken_when_the_clock_on_the_wall_says_so(
    name: str, on: date
) -> None:
    zone = ZoneInfo(name)
    rest = QuietHours(zone, time(21), time(7))
    asleep = on_wall(on - DAY, time(23, 59), zone)
    woken = waking(asleep, [rest]).astimezone(zone)
    assert woken - asleep <= 12 * HOUR
    if name != "Pacific/Apia":  # Where the morning never came, nobody is made to wait for it.
        assert woken.time() == time(7)


@pytest.mark.parametrize("hour", [time(2), time(2, 30), time(3)])
def test_a_rest_that_ends_in_a_skipped_hour_ends(hour: time) -> None:
    rest = QuietHours(ZoneInfo("Europe/Berlin"), time(21), hour)
    asleep = datetime(2026, 3, 28, 23, 0, tzinfo=UTC)
    assert waking(asleep, [rest]) <= datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


@given(
    change=st.sampled_from(CHANGES),
    minutes=st.integers(-2 * 24 * 60, 2 * 24 * 60),
    marks=st.lists(st.integers(1, 96), min_size=1, max_size=5, unique=True),
)
def test_every_mark_around_a_change_is_said_once_and_never_after_its_instant(
    change: tuple[str, date], minutes: int, marks: list[int]
) -> None:
    zone = ZoneInfo(change[0])
    due_at = on_wall(change[1], time(12), zone) + minutes * HOUR / 60
    steps = tuple(
        Step(Trigger.BEFORE_DUE, hours * HOUR, (Role.OWNER,))
        for hours in sorted(marks, reverse=True)
    )
    rest = {Role.OWNER: (QuietHours(zone, time(21), time(7)),)}
    entered = due_at - 30 * DAY
    facts = PlanFacts(DeadlineState.OPEN, due_at, zone, entered, steps, quiet=rest)
    coming = plan(facts, entered).upcoming
    assert [one.order for one in coming] == list(range(len(steps)))
    assert [one.at for one in coming] == sorted(one.at for one in coming)
    for one in coming:
        assert one.at <= mark_at(due_at, one.step.offset, zone)
