"""One event or task of a calendar as bytes. Equal entries are rendered once and then kept: the UID and the
counters, which differ from calendar to calendar, are put in afterwards.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from icalendar import Alarm, Event, Todo

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
    made = Todo() if isinstance(entry, Entry) and entry.task else Event()
    for name, value in _properties(entry, start, end):
        made.add(name, value)
    if isinstance(entry, Entry):
        for alarm in _alarms(entry):
            made.add_component(alarm)
    begin, rest = made.to_ical(sorted=False).split(b"\r\n", 1)
    if not isinstance(start, datetime):
        return Component(datetime.combine(start, time()), None, begin + b"\r\n", rest)
    zone = None if start.tzinfo is UTC else str(start.tzinfo)
    return Component(start.replace(tzinfo=None), zone, begin + b"\r\n", rest)


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
) -> Iterator[tuple[str, object]]:
    if not isinstance(entry, Entry):
        yield from _event(entry, start, end, busy=False)
        return
    if entry.task:
        yield from _task(entry, end)
    else:
        yield from _event(entry, start, end, entry.hearing and entry.state in LIVE_STATES)
    yield "categories", "HEARING" if entry.hearing else "DEADLINE"
    if text := description(entry):
        yield "description", text
    if entry.link and entry.level >= Level.BASIS:
        yield "url", printable(entry.link)
    if entry.forum and entry.hearing and entry.level >= Level.FULL:
        yield "location", printable(entry.forum)


def _event(
    entry: Entry | Expiry | Farewell, start: date, end: date, busy: bool
) -> Iterator[tuple[str, object]]:
    """Outlook has words of its own for what is busy, and for whole days."""
    yield "dtstart", start
    yield "dtend", end
    yield "summary", summary(entry)
    state = entry.state if isinstance(entry, Entry) else DeadlineState.OPEN
    yield "status", _EVENT_STATUS.get(state, "CONFIRMED")
    yield "transp", "OPAQUE" if busy else "TRANSPARENT"
    yield "class", "PRIVATE"
    yield "x-microsoft-cdo-busystatus", "BUSY" if busy else "FREE"
    if not isinstance(start, datetime):
        yield "x-microsoft-cdo-alldayevent", "TRUE"


def _task(entry: Entry, end: date) -> Iterator[tuple[str, object]]:
    """What has ended otherwise than done asks for nothing more either."""
    yield "due", entry.due_on if entry.whole_day else end
    yield "summary", summary(entry)
    yield "status", _TASK_STATUS.get(entry.state, "NEEDS-ACTION")
    yield "percent-complete", 100 if entry.state is DeadlineState.COMPLETED else 0
    yield "class", "PRIVATE"


def _alarms(entry: Entry) -> Iterator[Alarm]:
    """Two at the most, and only ahead of what is still to come. A task has no start, but its end."""
    if not entry.alarms or entry.overdue or entry.state not in RUNNING_STATES:
        return
    from_start = (entry.whole_day or entry.hearing) and not entry.task
    related = {} if from_start else {"RELATED": "END"}
    rings = _BEFORE_THE_DAY if entry.whole_day else _BEFORE_THE_HOUR
    for number, before in enumerate(rings, 1):
        alarm = Alarm()
        alarm.add("uid", f"{_UID}-{number}")
        alarm.add("action", "DISPLAY")
        alarm.add("trigger", before, parameters=related)
        alarm.add("description", reminder(entry))
        yield alarm
