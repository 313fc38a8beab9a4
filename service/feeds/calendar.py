"""Renders a feed: the same items always give the same bytes, so that a strong ETag tells the truth."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone

from service.domain.access import Level
from service.domain.deadlines import DeadlineKind, DeadlineState
from service.feeds.zones import definition

_TITLE_LENGTH = 80
_BLOCK = timedelta(minutes=30)
#: Zone definitions begin here (or with the oldest event): not a century of past rules.
_ZONES_FROM = 2024

_KINDS = {
    DeadlineKind.FILING: "Filing: last day",
    DeadlineKind.HEARING: "Hearing",
    DeadlineKind.CUSTODY: "Custody ends",
    DeadlineKind.WATCH: "Answer due",
    DeadlineKind.EXPIRY: "Expires",
    DeadlineKind.INTERNAL: "Internal target",
}
_PREFIXES = {
    DeadlineState.SUSPENDED: "SUSPENDED ",
    DeadlineState.COMPLETED: "✓ ",
    DeadlineState.MISSED: "MISSED ",
    DeadlineState.WAIVED: "WAIVED ",
    DeadlineState.CANCELLED: "CANCELLED ",
}


@dataclass(frozen=True)
class FeedItem:
    """One deadline as one feed shows it. `sequence` and `modified_at` (UTC) rise with every change."""

    uid: str
    sequence: int
    modified_at: datetime
    level: Level
    case_code: str
    title: str
    kind: DeadlineKind
    state: DeadlineState
    due_on: date
    due_at: datetime
    whole_day: bool
    timezone: str
    overdue: bool


def uid_for(salt: str, deadline_id: str) -> str:
    """A UUID of version 4 in form, the same for ever in this feed and unlike that of any other feed."""
    digest = hashlib.sha256(f"{salt}/{deadline_id}".encode()).digest()
    return str(UUID(bytes=digest[:16], version=4))


def render(name: str, items: Sequence[FeedItem], modified_at: datetime) -> bytes:
    """A VCALENDAR: CRLF, folded at 75 octets, events by start and UID."""
    calendar = _calendar()
    calendar.add("name", name)
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", timedelta(hours=1), parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    calendar.add("last-modified", modified_at)
    return _filled(calendar, items)


def publish(item: FeedItem) -> bytes:
    """A VCALENDAR of one event, to be carried by a mail: nothing in it names a calendar, or refreshes."""
    return _filled(_calendar(), [item])


def _calendar() -> Calendar:
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//Deadline Feed//1.0//EN")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    return calendar


def _filled(calendar: Calendar, items: Sequence[FeedItem]) -> bytes:
    for zone in _zones(items):
        calendar.add_component(zone)
    for item in sorted(items, key=lambda item: (item.due_at, item.uid)):
        calendar.add_component(_event(item))
    rendered: bytes = calendar.to_ical()
    return rendered


def _event(item: FeedItem) -> Event:
    event = Event()
    event.add("uid", item.uid)
    event.add("dtstamp", item.modified_at)
    event.add("last-modified", item.modified_at)
    event.add("sequence", item.sequence)
    if item.whole_day:
        event.add("dtstart", item.due_on)
        event.add("dtend", item.due_on + timedelta(days=1))
        event.add("x-microsoft-cdo-alldayevent", "TRUE")
    else:
        due = _local(item)
        event.add("dtstart", due - _BLOCK)
        event.add("dtend", due)
    event.add("summary", _summary(item))
    tentative = item.state in (DeadlineState.PROVISIONAL, DeadlineState.SUSPENDED)
    cancelled = item.state is DeadlineState.CANCELLED
    event.add("status", "CANCELLED" if cancelled else "TENTATIVE" if tentative else "CONFIRMED")
    event.add("transp", "TRANSPARENT")
    event.add("class", "PRIVATE")
    hearing = item.kind is DeadlineKind.HEARING and item.level >= Level.CODE
    event.add("categories", "HEARING" if hearing else "DEADLINE")
    event.add("x-microsoft-cdo-busystatus", "FREE")
    return event


def _summary(item: FeedItem) -> str:
    prefix = "OVERDUE " if item.overdue else _PREFIXES.get(item.state, "")
    hour = "" if item.whole_day else f" ({_local(item):%H:%M} {item.timezone.rpartition('/')[2]})"
    if item.level < Level.CODE:
        return f"{prefix}Deadline{hour}"
    what = item.title if item.level >= Level.BASIS else _KINDS[item.kind]
    text = f"{prefix}[{item.case_code}] {what}"
    return _printable(text)[: _TITLE_LENGTH - len(hour)] + hour


def _printable(text: str) -> str:
    """Without control characters and line separators, which some clients take for line ends."""
    return "".join(" " if not char.isprintable() else char for char in text)


def _local(item: FeedItem) -> datetime:
    return item.due_at.astimezone(ZoneInfo(item.timezone))


def _zones(items: Sequence[FeedItem]) -> list[Timezone]:
    """A definition for each zone in use, before the events, trimmed to the years that matter."""
    timed = [item for item in items if not item.whole_day and item.timezone != "UTC"]
    if not timed:
        return []
    first = min(_ZONES_FROM, *(item.due_on.year for item in timed))
    last = max(item.due_on.year for item in timed) + 5
    return [definition(name, first, last) for name in sorted({item.timezone for item in timed})]


def etag(content: bytes) -> str:
    """Strong, quoted: SHA-256 of the final bytes."""
    return f'"{hashlib.sha256(content).hexdigest()}"'


def whole_second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)
