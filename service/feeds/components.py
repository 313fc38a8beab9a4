"""One event or task of a calendar as bytes. Equal entries are rendered once and then kept: the UID and the
counters, which differ from calendar to calendar, are put in afterwards.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from icalendar import vDDDTypes, vInt, vText, vUri
from icalendar.parser import Contentline, Parameters

from service.domain.access import Level
from service.domain.deadlines import LIVE_STATES, RUNNING_STATES, DeadlineState
from service.feeds.entries import Entry, Expiry, Farewell, FeedItem
from service.feeds.wording import description, printable, reminder, summary

_BLOCK = timedelta(minutes=30)
_DAY = timedelta(days=1)
#: Stands for the UID in what is kept. No text holds it: none has a control character left.
_UID = "\x00"
#: Before the day begins: nine in the morning of the day before, and not its midnight.
_BEFORE_THE_DAY = (timedelta(hours=-15),)
#: Before the due instant: where a hearing begins, and anything else ends.
_BEFORE_THE_HOUR = (timedelta(days=-1), timedelta(hours=-2))
_EVENT_STATUS = {
    DeadlineState.PROVISIONAL: "TENTATIVE",
    DeadlineState.SUSPENDED: "TENTATIVE",
    DeadlineState.CANCELLED: "CANCELLED",
}
_TASK_STATUS = {
    DeadlineState.COMPLETED: "COMPLETED",
    DeadlineState.MISSED: "CANCELLED",
    DeadlineState.WAIVED: "CANCELLED",
    DeadlineState.CANCELLED: "CANCELLED",
}

#: Of one property, before the library gives it its type.
Value = str | int | date | timedelta


@dataclass(frozen=True)
class Component:
    """`start`: what the clock on the wall shows then. `zone`: the IANA name that it is written with."""

    start: datetime
    zone: str | None
    begin: bytes
    rest: bytes

    def counted(self, item: FeedItem) -> bytes:
        """No line put in here is long enough to be folded, or holds anything to escape."""
        uid, stamp = item.uid.encode("ascii"), f"{item.modified_at:%Y%m%dT%H%M%SZ}".encode("ascii")
        counters = b"UID:%b\r\nDTSTAMP:%b\r\nLAST-MODIFIED:%b\r\nSEQUENCE:%d\r\n"
        put_in = counters % (uid, stamp, stamp, item.sequence)
        return self.begin + put_in + self.rest.replace(_UID.encode(), uid)


@lru_cache(maxsize=50_000)
def component(entry: Entry | Expiry | Farewell) -> Component:
    """A frozen entry is the key, so that nothing kept is ever stale."""
    start, end = _span(entry)
    kind = "VTODO" if isinstance(entry, Entry) and entry.task else "VEVENT"
    lines = [_line(name, value) for name, value in _properties(entry, start, end)]
    if isinstance(entry, Entry):
        lines += _alarms(entry)
    begin, rest = _line("BEGIN", kind), b"".join([*lines, _line("END", kind)])
    if not isinstance(start, datetime):
        return Component(datetime.combine(start, time()), None, begin, rest)
    zone = None if start.tzinfo is UTC else str(start.tzinfo)
    return Component(start.replace(tzinfo=None), zone, begin, rest)


def _line(name: str, value: Value, *parameters: tuple[str, str]) -> bytes:
    """A content line, typed, escaped and folded by the library."""
    # Instants that are equal may be written in different zones: texts alone are kept.
    write = _text if isinstance(value, str) else _written
    return write(name, value, parameters)


def _written(name: str, value: Value, parameters: Iterable[tuple[str, str]]) -> bytes:
    typed: vText | vUri | vInt | vDDDTypes
    match value:
        case str():
            typed = vUri(value) if name == "URL" else vText(value)
        case int():
            typed = vInt(value)
        case _:
            typed = vDDDTypes(value)
    given = Parameters({**typed.params, **dict(parameters)})
    line: bytes = Contentline.from_parts(name, given, typed).to_ical()
    return line + b"\r\n"


#: Most lines of an event are like those of others.
_text = lru_cache(maxsize=1_000)(_written)


def _span(entry: Entry | Expiry | Farewell) -> tuple[date, date]:
    """Days, the second exclusive; or instants on the clock of the zone, for a phone with stale zone data
    still reads the right hour there. In UTC where that clock is UTC itself, and in the hour that it
    shows twice. A task has its end alone."""
    if not isinstance(entry, Entry):
        return entry.on, entry.on + _DAY
    if entry.whole_day:
        return entry.due_on, entry.due_on + _DAY
    zone = ZoneInfo(entry.timezone)
    begins_at = entry.due_at if entry.hearing and not entry.task else entry.due_at - _BLOCK
    start, end = (at.astimezone(zone) for at in (begins_at, begins_at + _BLOCK))
    if end.tzname() == "UTC" or start.fold or end.fold:
        return start.astimezone(UTC), end.astimezone(UTC)
    return start, end


def _properties(
    entry: Entry | Expiry | Farewell, start: date, end: date
) -> Iterator[tuple[str, Value]]:
    if not isinstance(entry, Entry):
        yield from _event(entry, start, end, busy=False)
        return
    if entry.task:
        yield from _task(entry, end)
    else:
        yield from _event(entry, start, end, entry.hearing and entry.state in LIVE_STATES)
    yield "CATEGORIES", "HEARING" if entry.hearing else "DEADLINE"
    if text := description(entry):
        yield "DESCRIPTION", text
    if entry.link and entry.level >= Level.BASIS:
        yield "URL", printable(entry.link)
    if entry.forum and entry.hearing and entry.level >= Level.FULL:
        yield "LOCATION", printable(entry.forum)


def _event(
    entry: Entry | Expiry | Farewell, start: date, end: date, busy: bool
) -> Iterator[tuple[str, Value]]:
    """Outlook has words of its own for what is busy, and for whole days."""
    yield "DTSTART", start
    yield "DTEND", end
    yield "SUMMARY", summary(entry)
    state = entry.state if isinstance(entry, Entry) else DeadlineState.OPEN
    yield "STATUS", _EVENT_STATUS.get(state, "CONFIRMED")
    yield "TRANSP", "OPAQUE" if busy else "TRANSPARENT"
    yield "CLASS", "PRIVATE"
    yield "X-MICROSOFT-CDO-BUSYSTATUS", "BUSY" if busy else "FREE"
    if not isinstance(start, datetime):
        yield "X-MICROSOFT-CDO-ALLDAYEVENT", "TRUE"


def _task(entry: Entry, end: date) -> Iterator[tuple[str, Value]]:
    """What has ended otherwise than done asks for nothing more either."""
    yield "DUE", entry.due_on if entry.whole_day else end
    yield "SUMMARY", summary(entry)
    yield "STATUS", _TASK_STATUS.get(entry.state, "NEEDS-ACTION")
    yield "PERCENT-COMPLETE", 100 if entry.state is DeadlineState.COMPLETED else 0
    yield "CLASS", "PRIVATE"


def _alarms(entry: Entry) -> Iterator[bytes]:
    """Two at the most, and only ahead of what is still to come. A task has no start, but its end."""
    if not entry.alarms or entry.overdue or entry.state not in RUNNING_STATES:
        return
    from_start = (entry.whole_day or entry.hearing) and not entry.task
    related = () if from_start else (("RELATED", "END"),)
    rings = _BEFORE_THE_DAY if entry.whole_day else _BEFORE_THE_HOUR
    for number, before in enumerate(rings, 1):
        yield _line("BEGIN", "VALARM")
        yield _line("UID", f"{_UID}-{number}")
        yield _line("ACTION", "DISPLAY")
        yield _line("TRIGGER", before, *related)
        yield _line("DESCRIPTION", reminder(entry))
        yield _line("END", "VALARM")
