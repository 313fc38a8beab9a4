"""The engine against someone who counts on a paper calendar, one day after another.

Written from the contract of `POST /computations`, not from the engine: days are whole numbers, a
count is the list of the days counted, months are looked up in a month table.
"""

import random
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import MISSING, fields
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import Forum, compute
from service.domain.time_limits import Direction, FirstDay, MonthEnd, Roll, TimeLimit, Unit
from service.domain.tolling import TollingPeriod

FIRST_YEAR, LAST_YEAR = 2010, 2039
DAYS = (Unit.DAYS, Unit.COURT_DAYS, Unit.WEEKS)
MONTHS = (Unit.MONTHS, Unit.YEARS)
LONGEST = {Unit.DAYS: 45, Unit.COURT_DAYS: 20, Unit.WEEKS: 6, Unit.MONTHS: 6, Unit.YEARS: 1}
ZONES = [
    ZoneInfo(key)
    for key in ("Asia/Almaty", "Europe/Paris", "America/New_York", "Asia/Kathmandu", "UTC")
]
YEARS = range(FIRST_YEAR, LAST_YEAR + 1)
CALENDARS = {
    "weekends-only": CourtCalendar("W", "1", FIRST_YEAR, LAST_YEAR),
    "holidays-and-moved-workdays": CourtCalendar(
        "KZ",
        "1",
        FIRST_YEAR,
        LAST_YEAR,
        days_off={
            date(year, month, day): "holiday"
            for year in YEARS
            for month, day in [
                *((1, 1), (1, 2), (1, 7), (3, 8), (3, 9), (3, 21), (3, 22), (3, 23), (5, 1)),
                *((5, 7), (5, 9), (7, 6), (8, 30), (10, 25), (12, 16)),
            ]
        },
        # A Saturday or Sunday worked now and then, and a holiday on which the court sits.
        court_days=frozenset(
            date(year, month, day)
            for year in YEARS
            for month, day in ((1, 4), (3, 14), (5, 8), (7, 6), (10, 19), (12, 20))
        ),
    ),
    "friday-and-saturday-off": CourtCalendar(
        "FS", "1", FIRST_YEAR, LAST_YEAR, weekend=frozenset({4, 5})
    ),
    "long-recess": CourtCalendar(
        "R",
        "1",
        FIRST_YEAR,
        LAST_YEAR,
        days_off={date(year, 7, 20): "holiday" for year in YEARS},
        court_days=frozenset(date(year, 8, 1) for year in YEARS),
        closures=tuple((date(year, 7, 16), date(year, 8, 31)) for year in range(2020, 2027)),
    ),
    "six-day-week": CourtCalendar(
        "SIX",
        "1",
        FIRST_YEAR,
        LAST_YEAR,
        weekend=frozenset({6}),
        days_off={date(year, 12, day): "holiday" for year in YEARS for day in (24, 25, 26)},
        closures=tuple((date(year, 4, 2), date(year, 4, 5)) for year in range(2020, 2027)),
    ),
}


class Oracle:
    """Days are ordinals. `recess`: days that do not count at all; `off`: days without a court."""

    def __init__(self, calendar: CourtCalendar) -> None:
        self.recess: set[int] = set()
        for first, last in calendar.closures:
            self.recess.update(range(first.toordinal(), last.toordinal() + 1))
        self.off = set(self.recess)
        for day in range(date(FIRST_YEAR, 1, 1).toordinal(), date(LAST_YEAR, 12, 31).toordinal()):
            on = date.fromordinal(day)
            free = on.weekday() in calendar.weekend or on in calendar.days_off
            if free and on not in calendar.court_days:
                self.off.add(day)

    def due_on(
        self, trigger: date, limit: TimeLimit, tolling: tuple[TollingPeriod, ...], as_of: date
    ) -> date:
        tolled: set[int] = set()
        for period in tolling:
            until = as_of if period.until_on is None else period.until_on
            tolled.update(range(period.from_on.toordinal(), until.toordinal()))
        end, link = trigger.toordinal(), limit
        while True:
            end = self.end_of(end, link, tolled)
            if link.then is None:
                break
            link = link.then
        forward = limit.roll == "forward"
        if limit.roll == "same_direction":
            forward = limit.direction == "after"
        while limit.roll != "none" and end in self.off:
            end += 1 if forward else -1
        return date.fromordinal(end)

    def end_of(self, trigger: int, limit: TimeLimit, tolled: set[int]) -> int:
        step = 1 if limit.direction == "after" else -1
        days_off = self.recess
        if limit.unit in ("months", "years"):
            how_many = days_in_months(trigger, limit, step)
        else:
            how_many = limit.amount * 7 if limit.unit == "weeks" else limit.amount
            under = limit.skip_non_court_days_under
            if limit.unit == "court_days" or (under is not None and how_many < under):
                days_off = self.off
        counted: list[int] = []
        day = trigger if limit.first_day == "included" else trigger + step
        while len(counted) < how_many:
            if day not in tolled and day not in days_off:
                counted.append(day)
            day += step
        end = counted[-1] if counted else trigger
        if limit.clear_days:  # the far end is left out too: the next day of a clock that runs
            end += step
            while end in tolled or end in self.recess:
                end += step
        return end


def days_in_months(trigger: int, limit: TimeLimit, step: int) -> int:
    """How many days the months have, were no day of them lost, counted one by one."""
    months = limit.amount * 12 if limit.unit == "years" else limit.amount
    if months == 0:
        return 0
    if limit.month_end == "thirty_days":
        return 30 * months
    included = limit.first_day == "included"
    first = date.fromordinal(trigger)
    if limit.month_end == "whole_months" and not included:
        first, included = date.fromordinal(trigger + step), True
    if limit.month_end == "whole_months" and step < 0:
        return whole_months_back(first, months)
    last, there_is_such_a_day = corresponding_day(first, step * months, limit.month_end)
    end = last.toordinal()
    if included and there_is_such_a_day:
        end -= step
    return len(range(first.toordinal() + (0 if included else step), end + step, step))


def whole_months_back(last: date, months: int) -> int:
    """Days from the latest beginning from which so many whole months are over by `last`."""
    begin = last
    while True:
        end, there_is_such_a_day = corresponding_day(begin, months, MonthEnd.WHOLE_MONTHS)
        if end - timedelta(days=there_is_such_a_day) <= last:
            return (last - begin).days + 1
        begin -= timedelta(days=1)


def corresponding_day(first: date, months: int, month_end: MonthEnd) -> tuple[date, bool]:
    """The corresponding day, and whether the month has it (else it is the month's last day)."""
    year, month = first.year, first.month
    for _ in range(abs(months)):
        month += 1 if months > 0 else -1
        if month == 13:
            year, month = year + 1, 1
        if month == 0:
            year, month = year - 1, 12
    longest = monthrange(year, month)[1]
    if month_end == "sticky" and first.day == monthrange(first.year, first.month)[1]:
        return date(year, month, longest), longest >= first.day
    return date(year, month, min(first.day, longest)), first.day <= longest


def due_at(due_on: date, cutoff: str, zone: ZoneInfo) -> datetime:
    if cutoff == "24:00":
        after = due_on + timedelta(days=1)
        return datetime(after.year, after.month, after.day, tzinfo=zone).astimezone(UTC)
    hour, minute = map(int, cutoff.split(":"))
    return datetime(due_on.year, due_on.month, due_on.day, hour, minute, tzinfo=zone).astimezone(
        UTC
    )


def a_link(
    rng: random.Random, units: tuple[Unit, ...], clear_days: bool, then: TimeLimit | None
) -> TimeLimit:
    unit = rng.choice(units)
    first_day = FirstDay.INCLUDED if rng.random() < 0.4 and not clear_days else FirstDay.EXCLUDED
    # No clear days at all would be no limit at all: the contract gives them no meaning.
    return TimeLimit(
        rng.randint(int(clear_days), LONGEST[unit] if rng.random() < 0.6 else 3),
        unit,
        Direction.AFTER if rng.random() < 0.6 else Direction.BEFORE,
        first_day,
        clear_days=clear_days,
        skip_non_court_days_under=rng.randint(1, 15) if rng.random() < 0.3 else None,
        month_end=rng.choice(tuple(MonthEnd)),
        roll=rng.choice(tuple(Roll)),
        cutoff=rng.choice(("24:00", "24:00", "18:00", "09:30")),
        then=then,
    )


def a_limit(rng: random.Random, shape: str) -> TimeLimit:
    if shape != "chains":
        return a_link(rng, MONTHS if "months" in shape else DAYS, "clear" in shape, None)
    limit = None
    for _ in range(rng.choice((2, 2, 2, 2, 2, 3, 3, 5))):
        limit = a_link(rng, DAYS + MONTHS, rng.random() < 0.2, limit)
    assert limit is not None
    return limit


def a_tolling(rng: random.Random, trigger: date) -> tuple[TollingPeriod, ...]:
    periods = []
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        begins = trigger + timedelta(days=rng.randint(-40, 60))
        ends = None if rng.random() < 0.2 else begins + timedelta(days=rng.randint(0, 40))
        periods.append(TollingPeriod(begins, ends))
    return tuple(periods)


def in_words(limit: TimeLimit) -> str:
    said = []
    for field in fields(limit):
        value = getattr(limit, field.name)
        if field.name == "then" and value is not None:
            said.append(f"then=({in_words(value)})")
        elif field.default is MISSING or value != field.default:
            said.append(f"{field.name}={value}")
    return ", ".join(said)


@cache
def oracle_of(name: str) -> Oracle:
    return Oracle(CALENDARS[name])


def disagreements(name: str, shape: str, cases: int) -> Iterator[str]:
    rng = random.Random(f"{name} {shape}")
    calendar, oracle = CALENDARS[name], oracle_of(name)
    first = date(2020, 1, 1).toordinal()
    for _ in range(cases):
        trigger = date.fromordinal(first + rng.randrange(2500))
        limit, tolling = a_limit(rng, shape), a_tolling(rng, trigger)
        as_of = trigger + timedelta(days=rng.randint(0, 80))
        zone = rng.choice(ZONES)
        found = compute(trigger, limit, Forum(zone, calendar, tolling, as_of))
        day = oracle.due_on(trigger, limit, tolling, as_of)
        expected = (day, due_at(day, limit.cutoff, zone))
        if (found.due_on, found.due_at) != expected:
            tolled = ", ".join(
                f"{one.from_on} to {one.until_on or max(as_of, one.from_on)}" for one in tolling
            )
            yield (
                f"{name}, {trigger:%a} {trigger}: {in_words(limit)}"
                + (f"; tolled {tolled}" if tolled else "")
                + f"; by hand {day:%a} {day}, engine {found.due_on:%a} {found.due_on}"
                + (f" at {found.due_at} {zone}" if found.due_on == day else "")
            )


@pytest.mark.parametrize(
    ("shape", "cases"),
    [
        ("days", 6500),
        ("clear days", 2500),
        ("months", 5500),
        ("clear months", 1500),
        ("chains", 4000),
    ],
)
@pytest.mark.parametrize("name", CALENDARS)
def test_whoever_counts_by_hand_finds_the_same_day(name: str, shape: str, cases: int) -> None:
    wrong = sorted(disagreements(name, shape, cases), key=len)
    assert not wrong, f"{len(wrong)} of {cases} differ, the simplest: {wrong[0]}"
