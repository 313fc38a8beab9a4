"""Renders a feed: the same items always give the same bytes, so that a strong ETag tells the truth."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone

from service.domain.access import Level
from service.domain.deadlines import DeadlineKind, DeadlineState
from service.feeds.entries import Entry, FeedItem, Look
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


def uid_for(salt: str, deadline_id: str) -> str:
    """A UUID of version 4 in form, the same for ever in this feed and unlike that of any other feed."""
    digest = hashlib.sha256(f"{salt}/{deadline_id}".encode()).digest()
    return str(UUID(bytes=digest[:16], version=4))


def render(look: Look, items: Sequence[FeedItem], modified_at: datetime) -> bytes:
    """A VCALENDAR: CRLF, folded at 75 octets, events by start and UID."""
    calendar = _calendar()
    calendar.add("name", look.name)
    calendar.add("x-wr-calname", look.name)
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
    for item in sorted(items, key=lambda item: (item.entry.due_at, item.uid)):
        calendar.add_component(_event(item))
    rendered: bytes = calendar.to_ical()
    return rendered


def _event(item: FeedItem) -> Event:
    event, entry = Event(), item.entry
    event.add("uid", item.uid)
    event.add("dtstamp", item.modified_at)
    event.add("last-modified", item.modified_at)
    event.add("sequence", item.sequence)
    if entry.whole_day:
        event.add("dtstart", entry.due_on)
        event.add("dtend", entry.due_on + timedelta(days=1))
        event.add("x-microsoft-cdo-alldayevent", "TRUE")
    else:
        due = _local(entry)
        event.add("dtstart", due - _BLOCK)
        event.add("dtend", due)
    event.add("summary", _summary(entry))
    tentative = entry.state in (DeadlineState.PROVISIONAL, DeadlineState.SUSPENDED)
    cancelled = entry.state is DeadlineState.CANCELLED
    event.add("status", "CANCELLED" if cancelled else "TENTATIVE" if tentative else "CONFIRMED")
    event.add("transp", "TRANSPARENT")
    event.add("class", "PRIVATE")
    hearing = entry.kind is DeadlineKind.HEARING and entry.level >= Level.CODE
    event.add("categories", "HEARING" if hearing else "DEADLINE")
    event.add("x-microsoft-cdo-busystatus", "FREE")
    return event


def _summary(entry: Entry) -> str:
    prefix = "OVERDUE " if entry.overdue else _PREFIXES.get(entry.state, "")
    hour = (
        "" if entry.whole_day else f" ({_local(entry):%H:%M} {entry.timezone.rpartition('/')[2]})"
    )
    if entry.level < Level.CODE:
        return f"{prefix}Deadline{hour}"
    what = entry.title if entry.level >= Level.BASIS else _KINDS[entry.kind]
    text = f"{prefix}[{entry.case_code}] {what}"
    return _printable(text)[: _TITLE_LENGTH - len(hour)] + hour


def _printable(text: str) -> str:
    """Without control characters and line separators, which some clients take for line ends."""
    return "".join(" " if not char.isprintable() else char for char in text)


def _local(entry: Entry) -> datetime:
    return entry.due_at.astimezone(ZoneInfo(entry.timezone))


def _zones(items: Sequence[FeedItem]) -> list[Timezone]:
    """A definition for each zone in use, before the events, trimmed to the years that matter."""
    timed = [one.entry for one in items]
    timed = [entry for entry in timed if not entry.whole_day and entry.timezone != "UTC"]
    if not timed:
        return []
    first = min(_ZONES_FROM, *(entry.due_on.year for entry in timed))
    last = max(entry.due_on.year for entry in timed) + 5
    return [definition(name, first, last) for name in sorted({entry.timezone for entry in timed})]


def etag(content: bytes) -> str:
    """Strong, quoted: SHA-256 of the final bytes."""
    return f'"{hashlib.sha256(content).hexdigest()}"'


def whole_second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)
