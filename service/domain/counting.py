"""How each unit of a time limit is counted, one way for each family: days, months, hours; and which
way a last day off moves.

No cut-off, no explanation: `deadlines.py` puts those around it. Every walk is bounded.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice

from dateutil.relativedelta import relativedelta

from service.domain.conventions import IN_MONTHS, Link
from service.domain.court_calendars import ONE_DAY, PATIENCE, CourtCalendar, never_sits
from service.domain.time_limits import HoursBy, MonthEnd, TimeLimit, Unit
from service.domain.tolling import Standstill, merged
from service.errors import Code, Refusal

#: Takes the days that did not count on the way, in order; None where nobody asks for them.
Skipped = list[date] | None

#: Days that a derivation lists by date; a stay of years is told by its tolling, not day by day.
_LISTED = 400
_NOTHING = timedelta()
_MIDNIGHT, _REPEATED, _MIDNIGHT_UTC = time(), time(fold=1), time(tzinfo=UTC)


#: Hears of a limit that was counted: where it ends, and the days that did not count on the way.
Telling = Callable[[Link, date, tuple[date, ...]], None]


def count_chain(
    start: date,
    links: Sequence[Link],
    calendar: CourtCalendar | None,
    still: Standstill,
    tell: Telling | None,
) -> date:
    """Each limit of the chain from the end of the one before; `tell` hears of each.

    Raises Refusal `outside_calendar` beyond the years that the calendar was loaded for,
    `invalid_input` for hours, OverflowError beyond the years that there are.
    """
    runs = not still.ranges
    for link in links:
        passed: tuple[date, ...] = ()
        if runs and link.plain is not None:
            start += link.plain
        elif runs and link.like_day:
            start = _shifted(start, link.months)
        else:
            skipped: Skipped = None if tell is None else []
            start = _walked(start, link, calendar, still, skipped)
            passed = tuple(skipped or ())
        if tell is not None:
            tell(link, start, passed)
    return start


def to_instant(wall: datetime, zone: tzinfo) -> datetime:
    """A wall-clock time as UTC; where the clock skips or repeats it, the earlier instant (safer)."""
    if wall.fold:
        wall = wall.replace(fold=0)
    return wall.replace(tzinfo=UTC) - _ahead(wall, wall.replace(fold=1), zone)


def midnight(on: date, zone: tzinfo) -> datetime:
    """The UTC instant with which `on` begins; as `to_instant`, for what every count needs."""
    ahead = _ahead(datetime.combine(on, _MIDNIGHT), datetime.combine(on, _REPEATED), zone)
    return datetime.combine(on, _MIDNIGHT_UTC) - ahead


def _ahead(wall: datetime, repeated: datetime, zone: tzinfo) -> timedelta:
    """The larger offset of the same time on the wall, its first and its second turn: that of the
    earlier instant. Asking for the two takes a quarter of the time of two changes of zone."""
    ahead = zone.utcoffset(wall) or _NOTHING
    then_ahead = zone.utcoffset(repeated) or _NOTHING
    return max(ahead, then_ahead)


def _walked(
    start: date, link: Link, calendar: CourtCalendar | None, still: Standstill, skipped: Skipped
) -> date:
    """Where a limit ends that is more than an addition."""
    if link.limit.unit in IN_MONTHS:
        return _months(start, link, still, skipped)
    return _days(start, link, calendar, still, skipped)


def _days(
    start: date, link: Link, calendar: CourtCalendar | None, still: Standstill, skipped: Skipped
) -> date:
    limit, step = link.limit, link.step
    if limit.unit is Unit.HOURS:
        raise Refusal(Code.INVALID_INPUT, "Hours cannot follow days.", "time_limit.then")
    if not link.passes_over:
        calendar = None
    first = start if link.included else start + step
    end = _nth_day(first, limit.days, step, calendar, still, skipped) if limit.amount else start
    if limit.clear_days:  # the act cannot fall on a day that does not count
        return _counting_day(end + step, step, still, skipped)
    return end


def _nth_day(
    day: date,
    amount: int,
    step: timedelta,
    calendar: CourtCalendar | None,
    still: Standstill,
    skipped: Skipped,
) -> date:
    """The day number `amount` from `day` on that counts: looked up, or else walked to."""
    if calendar is not None and not still.ranges:
        end = calendar.nth_court_day(day, amount, step.days)
        if end is not None:
            if skipped is not None:
                skipped += calendar.days_off_between(day, end)
            return end
    for _ in range(amount - 1):
        day = _court_day(day, step, calendar, still, skipped) + step
    return _court_day(day, step, calendar, still, skipped)


def _court_day(
    day: date,
    step: timedelta,
    calendar: CourtCalendar | None,
    still: Standstill,
    skipped: Skipped,
) -> date:
    """The first day from `day` on that counts; without a calendar, court days do not matter."""
    day = _counting_day(day, step, still, skipped)
    if calendar is None:
        return day
    for _ in range(PATIENCE):
        if calendar.is_court_day(day):
            return day
        if skipped is not None:
            skipped.append(day)
        day = _counting_day(day + step, step, still, skipped)
    raise never_sits()


def _counting_day(day: date, step: timedelta, still: Standstill, skipped: Skipped) -> date:
    """The first day from `day` on at which the clock does not stand still."""
    if not still.ranges:
        return day
    after = still.leave(day, step)
    if skipped is not None and after != day:  # where none was passed over, none may lie before
        room = max(_LISTED - len(skipped), 0)
        skipped += islice(_between(day, after - step, step), room)
    return after


def _months(start: date, link: Link, still: Standstill, skipped: Skipped) -> date:
    """The corresponding day by the limit's convention; days that did not count are added at the end."""
    limit, step = link.limit, link.step
    end = _corresponding(start, link)
    if limit.clear_days:
        end += step
    if not still.ranges or not limit.amount:
        return end
    inside = start if link.included else start + step
    lost = still.days_within(min(inside, end), max(inside, end))
    if lost and skipped is not None:
        passed = (day for day in _between(inside, end, step) if still.holds(day))
        skipped += islice(passed, _LISTED)
    for _ in range(lost):
        end = _counting_day(end + step, step, still, skipped)
    return end


def _corresponding(start: date, link: Link) -> date:
    months, included, how = link.months, link.included, link.limit.month_end
    if how is MonthEnd.CLIP and not included:
        return _shifted(start, months)
    if how is MonthEnd.THIRTY_DAYS:
        return start + 30 * months * ONE_DAY - (link.step if included else _NOTHING)
    if how is MonthEnd.WHOLE_MONTHS and months:
        return _whole_months(start, abs(months), link.limit.sign, included)
    end = _shifted(start, months)
    has_such_a_day = end.day == start.day
    if how is MonthEnd.STICKY and _is_month_end(start):
        end = _month_end(end)
    return end - link.step if included and has_such_a_day else end


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
    """The like day of another month, or its last where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    try:
        return date(year, month + 1, day.day)
    except ValueError:
        if not MINYEAR <= year <= MAXYEAR:
            raise OverflowError from None
        return _month_end(date(year, month + 1, 1))


def _is_month_end(day: date) -> bool:
    return (day + ONE_DAY).day == 1


def _month_end(day: date) -> date:
    return day + relativedelta(day=31)


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
            day = _court_day(day, step, calendar, still, skipped) + step
            ranges += [(off, off) for off in skipped]
    return [
        (datetime.combine(first, time()), datetime.combine(last + ONE_DAY, time()))
        for first, last in merged(ranges)
    ]
