"""Renders a feed: the same items always give the same bytes, so that a strong ETag tells the truth."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from operator import attrgetter
from typing import NamedTuple

import structlog
from icalendar import Calendar

from service.feeds.components import component
from service.feeds.entries import Farewell, FeedItem, Look
from service.feeds.wording import printable
from service.feeds.zones import definition

_END = b"END:VCALENDAR\r\n"
#: Zone definitions begin here (or with the oldest event): not a century of past rules.
_ZONES_FROM = 2024
#: Before lies local mean time, in seconds that some clients cannot read; after it nobody knows the clocks.
_ZONES_WITHIN = (1970, 2100)

_EVENT = attrgetter("event")
_log = structlog.get_logger()


class Placed(NamedTuple):
    """An event in its place: by what the clock on the wall shows when it starts, then by its UID, with
    which its bytes begin. `zone`: the IANA name that it is written with."""

    start: datetime
    event: bytes
    zone: str | None


def uid_for(salt: str, deadline_id: str) -> str:
    """A UUID of version 4 in form, the same for ever in this feed and unlike that of any other feed."""
    digest = hashlib.sha256(f"{salt}/{deadline_id}".encode()).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def render(look: Look, items: Sequence[FeedItem], modified_at: datetime) -> bytes:
    """A VCALENDAR: CRLF, folded at 75 octets, events by start and UID."""
    changed = f"LAST-MODIFIED:{modified_at:%Y%m%dT%H%M%SZ}\r\n".encode("ascii")
    return _filled(_begin(look) + changed, _sound(items))


def publish(item: FeedItem) -> bytes:
    """A VCALENDAR of one event, to be carried by a mail: nothing in it names a calendar, or refreshes."""
    return _filled(_mailed(), [counted(item)])


def farewell(look: Look, uid: str, on: date, at: datetime) -> bytes:
    """What a calendar that is switched off shows: clients delete all that it does not hold any more."""
    return render(look, [FeedItem(uid, at.toordinal(), at, Farewell(look.language, on))], at)


def _calendar(method: str | None) -> Calendar:
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//Deadline Feed//1.0//EN")
    calendar.add("calscale", "GREGORIAN")
    if method:
        calendar.add("method", method)
    return calendar


def _without_end(calendar: Calendar) -> bytes:
    whole: bytes = calendar.to_ical(sorted=False)
    return whole.removesuffix(_END)


@lru_cache(maxsize=10_000)
def _begin(look: Look) -> bytes:
    calendar, name = _calendar("PUBLISH"), printable(look.name)
    calendar.add("name", name)
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", timedelta(hours=1), parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    if look.timezone:
        calendar.add("x-wr-timezone", look.timezone)
    return _without_end(calendar)


@cache
def _mailed() -> bytes:
    return _without_end(_calendar("PUBLISH"))


@cache
def _stored() -> bytes:
    """On a calendar server there is no METHOD (RFC 4791, 4.1)."""
    return _without_end(_calendar(None))


@lru_cache(maxsize=20_000)
def counted(item: FeedItem) -> Placed:
    """Kept by the item itself."""
    made = component(item.entry)
    return Placed(made.start, made.counted(item), made.zone)


def _sound(items: Iterable[FeedItem]) -> list[Placed]:
    """One that cannot be rendered is left out and logged: the others are worth more than none."""
    try:
        return list(map(counted, items))
    except Exception:
        return [made for item in items if (made := _isolated(item))]


def _isolated(item: FeedItem) -> Placed | None:
    try:
        return counted(item)
    except Exception:
        _log.exception("no_event", uid=item.uid)
        return None


def _filled(begin: bytes, made: Iterable[Placed]) -> bytes:
    placed = sorted(made)
    return b"".join([begin, *_zones(placed), *map(_EVENT, placed), _END])


def _zones(placed: Sequence[Placed]) -> list[bytes]:
    """A definition for each zone in use, before the events, trimmed to the years that matter."""
    zoned = [one for one in placed if one.zone]
    names = {one.zone for one in zoned if one.zone}
    years = [one.start.year for one in zoned[:1] + zoned[-1:]] or [_ZONES_FROM]
    first = max(min(_ZONES_FROM, *years), _ZONES_WITHIN[0])
    last = min(max(years) + 5, _ZONES_WITHIN[1])
    return [definition(name, first, last) for name in sorted(names)]


def etag(content: bytes) -> str:
    """Strong, quoted: SHA-256 of the final bytes."""
    return f'"{hashlib.sha256(content).hexdigest()}"'


def whole_second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


def stored(item: FeedItem) -> bytes:
    """A VCALENDAR of one event, for a calendar server to keep."""
    return _filled(_stored(), [counted(item)])
