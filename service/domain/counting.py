"""How each unit of a time limit is counted, one way for each family: days, months, hours.

No roll, no cut-off, no explanation: `deadlines.py` puts those around it. Every walk is bounded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice

from dateutil.relativedelta import relativedelta

from service.domain.court_calendars import ONE_DAY, CourtCalendar
from service.domain.time_limits import FirstDay, HoursBy, MonthEnd, TimeLimit, Unit
from service.domain.tolling import Standstill, merged
from service.errors import Code, Refusal

#: Days off in a row before a count is given up: no court is away for as long.
_PATIENCE = 1100
#: Days that a derivation lists by date; a stay of years is told by its tolling, not day by day.
_LISTED = 400


@dataclass(frozen=True)
class Counted:
    """The day on which the count ends, and the days that did not count on the way."""

    end: date
    skipped: tuple[date, ...] = ()


def count(
    start: date, limit: TimeLimit, calendar: CourtCalendar | None, still: Standstill
) -> Counted:
    """Days, court days, weeks, months and years; OverflowError beyond the calendar's end."""
    if limit.unit in (Unit.MONTHS, Unit.YEARS):
        return _months(start, limit, still)
    return _days(start, limit, calendar, still)


def to_instant(wall: datetime, zone: tzinfo) -> datetime:
    """A wall-clock time as UTC; where the clock skips or repeats it, the earlier instant (safer)."""
    return min(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))


def _days(
    start: date, limit: TimeLimit, calendar: CourtCalendar | None, still: Standstill
) -> Counted:
    step = limit.sign * ONE_DAY
    included = limit.first_day is FirstDay.INCLUDED and limit.days > 0
    beyond = step if limit.clear_days else timedelta()
    if not limit.skips_days_off and not still.ranges:
        return Counted(start + step * (limit.days - included) + beyond)
    skipped: list[date] = []
    day, remaining = start if included else start + step, limit.days
    while remaining:
        day = _court_day(day, step, limit, calendar, still, skipped)
        remaining -= 1
        if remaining:
            day += step
    day = (day if limit.days else start) + beyond
    if limit.clear_days:
        day = _counting_day(
            day, step, still, skipped
        )  # the act cannot fall on one that does not count
    return Counted(day, tuple(skipped))


def _court_day(
    day: date,
    step: timedelta,
    limit: TimeLimit,
    calendar: CourtCalendar | None,
    still: Standstill,
    skipped: list[date],
) -> date:
    """The first day from `day` on that counts for this limit."""
    day = _counting_day(day, step, still, skipped)
    if not limit.skips_days_off or calendar is None:
        return day
    for _ in range(_PATIENCE):
        if calendar.is_court_day(day):
            return day
        skipped.append(day)
        day = _counting_day(day + step, step, still, skipped)
    raise Refusal(Code.OUTSIDE_CALENDAR, "The court never sits for three years.", "calendar")


def _counting_day(day: date, step: timedelta, still: Standstill, skipped: list[date]) -> date:
    """The first day from `day` on at which the clock does not stand still."""
    if not still.ranges:
        return day
    after = still.leave(day, step)
    room = max(_LISTED - len(skipped), 0)
    skipped += list(islice(_between(day, after - step, step), room))
    return after


def _months(start: date, limit: TimeLimit, still: Standstill) -> Counted:
    """The corresponding day by the limit's convention; days that did not count are added at the end."""
    step = limit.sign * ONE_DAY
    end = _corresponding(start, limit) + (step if limit.clear_days else timedelta())
    inside = start if limit.first_day is FirstDay.INCLUDED else start + step
    lost = still.days_within(min(inside, end), max(inside, end)) if limit.amount else 0
    passed = (day for day in _between(inside, end, step) if still.holds(day))
    skipped = list(islice(passed, _LISTED)) if lost else []
    for _ in range(lost):
        end = _counting_day(end + step, step, still, skipped)
    return Counted(end, tuple(skipped))


def _corresponding(start: date, limit: TimeLimit) -> date:
    months = limit.amount * (12 if limit.unit is Unit.YEARS else 1)
    included = limit.first_day is FirstDay.INCLUDED and months > 0
    if limit.month_end is MonthEnd.THIRTY_DAYS:
        return start + limit.sign * (30 * months - included) * ONE_DAY
    if limit.month_end is MonthEnd.WHOLE_MONTHS and months:
        return _whole_months(start, months, limit.sign, included)
    end = _shifted(start, limit.sign * months)
    has_such_a_day = end.day == start.day
    if limit.month_end is MonthEnd.STICKY and _is_month_end(start):
        end += relativedelta(day=31)
    return end - limit.sign * ONE_DAY if included and has_such_a_day else end


def _whole_months(start: date, months: int, sign: int, included: bool) -> date:
    """Months that begin with any day of a month and end with the day before its like in another,
    or with that month's last day where it has no such day. Counted back: the latest day from which
    so many whole months are over in time."""
    if sign > 0:
        begin = start if included else start + ONE_DAY
        end = _shifted(begin, months)
        return end - ONE_DAY if end.day == begin.day else end
    return _shifted(start + ONE_DAY if included else start, -months)


def _shifted(day: date, months: int) -> date:
    try:
        return day + relativedelta(months=months)
    except ValueError as error:  # dateutil's word for a year beyond 1..9999
        raise OverflowError from error


def _is_month_end(day: date) -> bool:
    return (day + ONE_DAY).day == 1


def _between(first: date, last: date, step: timedelta) -> Iterator[date]:
    day = first
    while (last - day) * step.days >= timedelta():
        yield day
        day += step


def count_hours(
    start: datetime,
    limit: TimeLimit,
    zone: tzinfo,
    calendar: CourtCalendar | None,
    still: Standstill,
) -> datetime:
    """The UTC instant at which the hours run out. `elapsed` counts on the real axis of time, `clock`
    on the wall's; both pass over what stands still, and days off where the limit says so."""
    off = _hours_off(start, limit, zone, calendar, still)
    if limit.hours_by is HoursBy.CLOCK:
        wall = start.astimezone(zone).replace(tzinfo=None)
        return to_instant(_run(wall, limit, off), zone)
    real = [(to_instant(a, zone), to_instant(b, zone)) for a, b in off]
    return _run(start.astimezone(UTC), limit, real)


def _run(at: datetime, limit: TimeLimit, off: list[tuple[datetime, datetime]]) -> datetime:
    """Runs the hours from `at` in the limit's direction, around the spans in which nothing counts."""
    remaining = timedelta(hours=limit.amount)
    if limit.sign > 0:
        for begin, end in off:
            if end <= at:
                continue
            if begin > at:
                if at + remaining <= begin:
                    break
                remaining -= begin - at
            at = end
        return at + remaining
    for begin, end in reversed(off):
        if begin >= at:
            continue
        if end < at:
            if at - remaining >= end:
                break
            remaining -= at - end
        at = begin
    return at - remaining


def _hours_off(
    start: datetime,
    limit: TimeLimit,
    zone: tzinfo,
    calendar: CourtCalendar | None,
    still: Standstill,
) -> list[tuple[datetime, datetime]]:
    """Spans on the wall clock, in order, in which hours do not count."""
    ranges = list(still.ranges)
    if limit.skips_days_off and calendar is not None:
        step, skipped = limit.sign * ONE_DAY, list[date]()
        day = start.astimezone(zone).date()
        for _ in range(limit.amount // 24 + 2):
            skipped.clear()
            day = _court_day(day, step, limit, calendar, still, skipped) + step
            ranges += [(off, off) for off in skipped]
    return [
        (datetime.combine(first, time()), datetime.combine(last + ONE_DAY, time()))
        for first, last in merged(ranges)
    ]
