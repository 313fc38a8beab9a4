"""Court calendars: seeded once from the `holidays` library into rows, and read from rows ever after."""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from importlib.metadata import version

import holidays
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.court_calendars import CourtCalendar
from service.errors import Code, Refusal
from service.ids import new_id
from service.store.calendars import (
    Calendar,
    CalendarDay,
    DayKind,
    add_calendar,
    days_of,
    newest_calendar,
)

#: Years loaded around the year of seeding; a date beyond them is refused, never guessed.
_YEARS_BACK, _YEARS_AHEAD = 10, 5


async def court_calendar(session: AsyncSession, code: str, now: datetime) -> CourtCalendar:
    """The newest version of a calendar; raises Refusal `unknown_calendar` where none can be had."""
    row = await newest_calendar(session, code)
    if row is not None:
        return _domain(row, await days_of(session, row.id))
    row, days = _seed(code, now)
    await add_calendar(session, row, days)
    return _domain(row, days)


def check_calendar(code: str) -> None:
    """Raises Refusal `unknown_calendar` for a code that no data exists for."""
    country, _, part = code.partition("-")
    regions = holidays.list_supported_countries(include_aliases=False)
    if country not in regions or (part and part not in regions[country]):
        raise Refusal(Code.UNKNOWN_CALENDAR, f"There is no court calendar {code!r}.", "calendar")


def library_calendar(code: str, now: datetime) -> CourtCalendar:
    """What a freshly seeded calendar would be, for those who have no database at hand."""
    calendar, days = _seed(code, now)
    return _domain(calendar, days)


def _domain(row: Calendar, days: Sequence[CalendarDay]) -> CourtCalendar:
    return CourtCalendar(
        code=row.code,
        version=row.version,
        first_year=row.first_year,
        last_year=row.last_year,
        weekend=frozenset(row.weekend),
        days_off={day.on: day.name for day in days if day.kind is DayKind.OFF},
        court_days=frozenset(day.on for day in days if day.kind is DayKind.COURT_DAY),
    )


def _seed(code: str, now: datetime) -> tuple[Calendar, list[CalendarDay]]:
    check_calendar(code)
    country, _, part = code.partition("-")
    first, last = now.year - _YEARS_BACK, now.year + _YEARS_AHEAD
    source = holidays.country_holidays(
        country, subdiv=part or None, years=range(first, last + 1), language="en_US"
    )
    calendar_id = new_id("cal", now)
    off = {on: name for on, name in source.items() if first <= on.year <= last}
    moved = {on for on in source.weekend_workdays if first <= on.year <= last}
    days = [_day(calendar_id, on, DayKind.OFF, off[on]) for on in sorted(off)]
    days += [_day(calendar_id, on, DayKind.COURT_DAY, "moved workday") for on in sorted(moved)]
    calendar = Calendar(
        id=calendar_id,
        code=code,
        version=_version(days),
        first_year=first,
        last_year=last,
        weekend=sorted(source.weekend),
        source=f"holidays {version('holidays')}, {code}",
        created_at=now,
    )
    return calendar, days


def _day(calendar_id: str, on: date, kind: DayKind, name: str) -> CalendarDay:
    return CalendarDay(calendar_id=calendar_id, on=on, kind=kind, name=name)


def _version(days: list[CalendarDay]) -> str:
    """The source's release and a digest of the days: equal versions mean equal data."""
    text = "\n".join(f"{day.on} {day.kind} {day.name}" for day in days)
    return f"holidays-{version('holidays')}+{hashlib.sha256(text.encode()).hexdigest()[:12]}"
