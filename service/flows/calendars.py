"""Court calendars: seeded from the `holidays` library, amended by people, read from rows ever after.

Each change is a new version, which carries on what people entered; a written one never changes.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from importlib.metadata import version

import holidays
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Caller
from service.domain.court_calendars import CourtCalendar
from service.errors import Code, Refusal, not_found
from service.schemas.calendars import WEEKDAYS, AmendmentIn, CourtCalendarIn, DayChangeIn
from service.store.calendars import (
    OWN,
    Calendar,
    Day,
    DayKind,
    Draft,
    add_calendar,
    days_of,
    draft_of,
    library_based_codes,
    lock_calendar,
    newest_calendar,
    release_of,
    rows_of,
)
from service.store.journal import Happening, record

#: Always there: where the cases are heard, and the seats of the bodies that they go to: Strasbourg
#: (whose Alsatian holidays the rest of France does not share) and Geneva.
STANDARD_CODES = ("KZ", "KG", "RU", "UZ", "TR", "FR-6AE", "CH-GE", "US", "GB", "DE")
#: Years loaded around the year of seeding; a date beyond them is refused, never guessed.
_YEARS_BACK, _YEARS_AHEAD = 10, 5
#: Where a day begins first, it does so 14 hours before it does in UTC.
_EARLIEST_ZONE = timedelta(hours=14)
_RELEASE = version("holidays")
_SEED = f"holidays-{_RELEASE}"
#: Court calendars by the id of their version, which never changes once it is written: hundreds of days
#: each, and every request that counts court days asks for one.
_read: dict[str, CourtCalendar] = {}
_MOST_READ = 64


async def court_calendar(session: AsyncSession, code: str, now: datetime) -> CourtCalendar:
    """The newest version of a calendar; raises Refusal `unknown_calendar` where none can be had."""
    row = await newest_calendar(session, code) or await _seeded(session, code, now)
    found = _read.get(row.id)
    if found is None:
        found = draft_of(row, await days_of(session, row.id)).court_calendar(row.version)
        if len(_read) == _MOST_READ:
            _read.clear()
        _read[row.id] = found
    return found


async def check_calendar(session: AsyncSession, code: str) -> None:
    """Raises Refusal `unknown_calendar` for a code that is neither stored nor in the library."""
    if await newest_calendar(session, code) is None:
        _check_library(code, "calendar")


def library_calendar(code: str, now: datetime) -> CourtCalendar:
    """What a freshly seeded calendar would be, for those who have no database at hand."""
    return _seed(code, code, now).court_calendar()


async def new_calendar(
    session: AsyncSession, body: CourtCalendarIn, caller: Caller, now: datetime
) -> Calendar:
    """The first version of a new code.

    Raises Refusal `forbidden` for all but the operator, `duplicate` for a code that is stored,
    `unknown_calendar` where the library has no `based_on`; of the days, what `amend_calendar` raises.
    """
    check_operator(caller)
    draft = _begun(body, now)
    if body.days:
        draft = _with_changes(draft, body.days, draft.source, caller.actor, "days")
    draft = _vouched(draft, body, caller.actor, now)
    taken = await newest_calendar(session, body.code)
    row = None if taken else await _write(session, draft, "calendar.created", body.days, now)
    if row is None:
        raise Refusal(Code.DUPLICATE, "There is a calendar of this code already.", "code")
    return row


async def amend_calendar(
    session: AsyncSession, code: str, body: AmendmentIn, caller: Caller, now: datetime
) -> Calendar:
    """The next version: the newest one with the changes made to it.

    Raises Refusal `forbidden` for all but the operator, `not_found` for a code that is not stored,
    `outside_calendar` for a day beyond its years, `invalid_input` where nothing would change, where
    two changes speak of one day, or where a year would be left without a court day.
    """
    check_operator(caller)
    await lock_calendar(session, code)
    draft = amended(await _newest(session, code), body, caller.actor, now)
    row = await _write(session, draft, "calendar.amended", body.changes, now)
    if row is None:
        raise Refusal(Code.DUPLICATE, "Another version came first; read the calendar again.")
    return row


async def preview_calendar(
    session: AsyncSession, code: str, body: AmendmentIn, now: datetime
) -> CourtCalendar:
    """What `amend_calendar` would make of the newest version, under the same version name; writes
    nothing. Raises what `amend_calendar` raises, but asks for no right."""
    return amended(await _newest(session, code), body, OWN, now).court_calendar()


async def refresh_calendars(session: AsyncSession, now: datetime) -> list[str]:
    """Seeds the standard codes where missing, and brings every library-based calendar to the installed
    release and the present years; the codes that got a new version.

    What a person entered wins over the library. An older release never takes back what a newer one
    said, and no year that was loaded is dropped. Two workers may do it at once.
    """
    codes = sorted({*STANDARD_CODES, *await library_based_codes(session)})
    return [code for code in codes if await _refreshed(session, code, now)]


def amended(newest: Draft, body: AmendmentIn, actor: str, now: datetime) -> Draft:
    """The version after `newest`, in memory; raises Refusal as `amend_calendar` says."""
    draft = _with_changes(newest, body.changes, body.source, actor, "changes")
    return replace(_vouched(draft, body, actor, now), number=newest.number + 1)


async def _newest(session: AsyncSession, code: str) -> Draft:
    row = await newest_calendar(session, code)
    if row is None:
        raise not_found("calendar")
    return draft_of(row, await days_of(session, row.id))


async def _seeded(session: AsyncSession, code: str, now: datetime) -> Calendar:
    """A calendar's first version; where another transaction was quicker, the one it wrote."""
    row, days = rows_of(_seed(code, code, now), now)
    if await add_calendar(session, row, days):
        return row
    return await newest_calendar(session, code) or row


async def _refreshed(session: AsyncSession, code: str, now: datetime) -> bool:
    written = await newest_calendar(session, code)
    if written is not None and _is_fresh(written, now):
        return False
    await lock_calendar(session, code)
    row = await newest_calendar(session, code)
    if row is None:
        return await add_calendar(session, *rows_of(_seed(code, code, now), now))
    newest = draft_of(row, await days_of(session, row.id))
    base = newest.based_on
    if base is None or not _in_library(base) or _figures(newest.release) > _figures(_RELEASE):
        return False
    seed = _seed(code, base, now, newest)
    entered = {on: day for on, day in newest.days.items() if day.entered_by}
    fresh = replace(seed, number=newest.number + 1, days={**seed.days, **entered})
    if fresh.digest == newest.digest:
        return False
    return await _write(session, fresh, "calendar.refreshed", [], now) is not None


def _is_fresh(row: Calendar, now: datetime) -> bool:
    """This release has been asked about all of these years: it would say the same again."""
    years = row.first_year <= now.year - _YEARS_BACK and now.year + _YEARS_AHEAD <= row.last_year
    return years and release_of(row) == _SEED


async def _write(
    session: AsyncSession,
    draft: Draft,
    action: str,
    changes: Sequence[DayChangeIn],
    now: datetime,
) -> Calendar | None:
    """None, with nothing written, where another transaction was quicker. The journal holds no free
    text: of each change the first day, the last day and the kind."""
    row, days = rows_of(draft, now)
    if not await add_calendar(session, row, days):
        return None
    changed = [[str(one.on), str(one.until_on or one.on), one.kind] for one in changes]
    data = row.model_dump(include={"code", "number", "version", "based_on"}) | {"changed": changed}
    actor = row.entered_by or "system"
    await record(session, [Happening(None, actor, action, row.id, None, data)], now)
    return row


def _seed(code: str, based_on: str, now: datetime, loaded: Draft | None = None) -> Draft:
    """What the library says, for the years around `now` and those of `loaded`."""
    _check_library(based_on, "calendar")
    country, _, part = based_on.partition("-")
    first, last = now.year - _YEARS_BACK, now.year + _YEARS_AHEAD
    if loaded is not None:
        first, last = min(first, loaded.first_year), max(last, loaded.last_year)
    years = range(first, last + 1)
    found = holidays.country_holidays(country, part or None, years, language="en_US")
    source = f"holidays {_RELEASE}"
    days = {on: Day(DayKind.OFF, name, source, None) for on, name in found.items()}
    moved = Day(DayKind.COURT_DAY, "moved workday", source, None)
    days |= dict.fromkeys(found.weekend_workdays, moved)
    return Draft(
        code=code,
        based_on=based_on,
        release=_SEED,
        first_year=first,
        last_year=last,
        weekend=tuple(sorted(found.weekend)),
        days={on: day for on, day in days.items() if on.year in years},
        source=f"{source}, {based_on}",
    )


def _begun(body: CourtCalendarIn, now: datetime) -> Draft:
    """A new calendar before its days are entered: the library's, or an empty frame."""
    if body.based_on is not None:
        _check_library(body.based_on, "based_on")
        seed = _seed(body.code, body.based_on, now)
        return replace(seed, source=body.source or seed.source)
    if body.first_year is None or body.last_year is None or body.source is None:
        raise AssertionError("the shape has either based_on or all of these")
    return Draft(
        code=body.code,
        based_on=None,
        release=OWN,
        first_year=body.first_year,
        last_year=body.last_year,
        weekend=tuple(sorted({WEEKDAYS.index(day) for day in body.weekend or ()})),
        days={},
        source=body.source,
    )


def _with_changes(
    draft: Draft, changes: Sequence[DayChangeIn], source: str, actor: str, field: str
) -> Draft:
    days, spoken = dict(draft.days), set[date]()
    for index, change in enumerate(changes):
        for on in _days(draft, change, f"{field}.{index}"):
            if on in spoken:
                raise _wrong("Two changes speak of the same day.", f"{field}.{index}.on")
            spoken.add(on)
            kind = DayKind(change.kind)
            if kind is not DayKind.ORDINARY or on in days:
                days[on] = Day(kind, change.name or "ordinary day", source, actor)
    after = replace(draft, days=days)
    if after.digest == draft.digest:
        raise _wrong("Nothing would change: the calendar says all this already.", field)
    _check_sits(after.court_calendar(), field)
    return after


def _days(draft: Draft, change: DayChangeIn, field: str) -> list[date]:
    """The days of a change; raises Refusal `outside_calendar` for one beyond the loaded years."""
    last = change.until_on or change.on
    for name, on in (("on", change.on), ("until_on", last)):
        if not draft.first_year <= on.year <= draft.last_year:
            detail = f"The calendar knows the years {draft.first_year} to {draft.last_year}."
            raise Refusal(Code.OUTSIDE_CALENDAR, detail, f"{field}.{name}")
    return _from_to(change.on, last)


def _from_to(first: date, last: date) -> list[date]:
    """Both ends included."""
    return [date.fromordinal(day) for day in range(first.toordinal(), last.toordinal() + 1)]


def _vouched(draft: Draft, body: CourtCalendarIn | AmendmentIn, actor: str, now: datetime) -> Draft:
    """What the person says of the version as a whole; nobody has checked anything tomorrow."""
    if body.verified_on is not None and body.verified_on > (now + _EARLIEST_ZONE).date():
        raise Refusal(Code.INVALID_DATE, "This day is still to come.", "verified_on")
    return replace(
        draft,
        source=body.source or draft.source,
        verified_on=body.verified_on,
        note=body.note,
        entered_by=actor,
    )


def check_operator(caller: Caller) -> None:
    if caller.reach.team_ids is not None:
        detail = "Only the operator's key can change a calendar: it moves the dates of every team."
        raise Refusal(Code.FORBIDDEN, detail)


def _check_sits(calendar: CourtCalendar, field: str) -> None:
    """A recess without end would leave dates that never come."""
    for year in range(calendar.first_year, calendar.last_year + 1):
        if not any(map(calendar.is_court_day, _from_to(date(year, 1, 1), date(year, 12, 31)))):
            raise _wrong(f"The court would not sit on a single day of {year}.", field)


def _check_library(code: str, field: str) -> None:
    if not _in_library(code):
        raise Refusal(Code.UNKNOWN_CALENDAR, f"There is no court calendar {code!r}.", field)


def _in_library(code: str) -> bool:
    """A code is a country, or a country and one of its parts: FR-6AE."""
    country, _, part = code.partition("-")
    regions = holidays.list_supported_countries(include_aliases=False)
    return country in regions and (not part or part in regions[country])


def _figures(release: str) -> list[int]:
    """0.109 comes after 0.99."""
    return [int(figure) for figure in re.findall(r"\d+", release)]


def _wrong(detail: str, field: str) -> Refusal:
    return Refusal(Code.INVALID_INPUT, detail, field)
