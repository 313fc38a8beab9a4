"""What a fetch of a feed is answered: decided anew at each, from what its person may see at that moment."""

import hmac
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from operator import attrgetter

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Level
from service.domain.deadlines import RUNNING_STATES
from service.domain.feeds import (
    BOUNDS,
    FAREWELL_FOR,
    FUTURE_SHOWN,
    WARNED_BEFORE,
    Bounds,
    Family,
    admits,
    fetchers_for,
)
from service.feeds.calendar import etag, farewell, render, uid_for, whole_second
from service.feeds.entries import Expiry, FeedItem, Look
from service.flows.showing import (
    Guise,
    guise_of,
    item_since,
    level_within,
    manner_of,
    spans,
)
from service.languages import Language
from service.sealing import fingerprint
from service.store.facts import Facts
from service.store.feeds import Feed, Glimpse, ended_at
from service.store.shown import Sight, sight_of

_SECOND = timedelta(seconds=1)
_NOTHING = fingerprint("")


class Standing(Enum):
    """`ENDED`: it says farewell; `GONE`: it has."""

    UNKNOWN = auto()
    ENDED = auto()
    GONE = auto()
    REFUSED = auto()
    OPEN = auto()


@dataclass(frozen=True)
class Fetched:
    """The bytes and their validators. No two contents share a `modified_at`: it lies at the end of the
    second of the newest change, and so perhaps a moment ahead."""

    content: bytes
    etag: str
    modified_at: datetime


@dataclass(frozen=True)
class Rendered(Fetched):
    """`until`: when time alone changes it."""

    until: datetime
    shows_all: bool


def standing(row: Glimpse | None, secret: str, family: Family, now: datetime) -> Standing:
    """Of a feed glanced at. An unknown feed and a wrong secret are told the same, in the same time.
    Whoever was let in once is let in to the farewell."""
    if not _opens(row, secret, now) or row is None:
        return Standing.UNKNOWN
    end = ended_at(row.revoked_at, row.expires_at, now)
    if end is not None:
        return after_end(end, now)
    admitted = admits(fetchers_for(row.fetchers, Level(row.level)), family)
    return Standing.OPEN if admitted else Standing.REFUSED


def after_end(end: datetime, now: datetime) -> Standing:
    return Standing.ENDED if now < end + FAREWELL_FOR else Standing.GONE


def _opens(row: Glimpse | None, secret: str, now: datetime) -> bool:
    asked = fingerprint(secret)
    newest = hmac.compare_digest(row.fingerprint if row else _NOTHING, asked)
    known = row.previous_fingerprint if row else None
    previous = hmac.compare_digest(known or _NOTHING, asked)
    return newest or (
        previous and row is not None and row.previous_until is not None and now < row.previous_until
    )


def kept(row: Glimpse, edition: str, now: datetime) -> Fetched | None:
    """The validators of what was rendered last, where that is what would be rendered now."""
    etag, modified_at, until = row.kept_etag, row.kept_modified_at, row.kept_until
    if etag is None or modified_at is None or until is None:
        return None
    if row.kept_of != kept_of(row.touched, edition) or now >= until:
        return None
    return Fetched(b"", etag, modified_at)


def kept_of(touched: int, edition: str) -> str:
    """`edition`: of the program and its settings, which render otherwise after they have changed."""
    return f"{touched} {edition}"


def goodbye(feed: Feed, end: datetime) -> Fetched:
    """One event, so that calendars drop all others that they keep."""
    at = max(end, feed.shown_at)
    look = Look(feed.name, feed.language or Language.ENGLISH)
    uid = uid_for(feed.salt, "farewell")
    content = farewell(look, uid, end.date(), whole_second(at))
    return Fetched(content, etag(content), whole_second(at) + _SECOND)


async def rendered(
    session: AsyncSession, feed: Feed, base_url: str, now: datetime, bounds: Bounds = BOUNDS
) -> Rendered | None:
    """None where its person is disabled, or has left the team. A fixed number of reads."""
    sight = await sight_of(session, feed, now)
    if sight is None:
        return None
    rows = sight.facts
    began, ended = zip(*spans(rows, now), strict=True) if rows else ((), ())
    guise = guise_of(feed, sight.language, base_url)
    count = bisect_right(rows, now + FUTURE_SHOWN, key=attrgetter("due_at"))
    near = list(zip(rows[:count], began[:count], strict=True))
    near.sort(key=lambda pair: pair[0].ended_at is not None)
    items = _items(feed, sight, guise, near[: bounds.events])
    changed_at = whole_second(max([*_instants(feed, sight.dropped_at, now), *began]))
    extra = _expiry(feed, guise, now)
    content, number = _fitted(feed, guise, items, extra, changed_at, bounds.size)
    return Rendered(
        content,
        etag(content),
        changed_at + _SECOND,
        min([*_turns_ahead(feed, now), *ended]),
        shows_all=number == len(near),
    )


def _items(
    feed: Feed, sight: Sight, guise: Guise, shown: Sequence[tuple[Facts, datetime]]
) -> list[FeedItem]:
    ceilings = {facts.case_id: facts.ceiling for facts, _ in shown}
    manners = {
        case_id: manner_of(feed, level, guise)
        for case_id, ceiling in ceilings.items()
        if (level := level_within(feed, ceiling, sight.roles[case_id])) is not None
    }
    return [
        item_since(manner, facts, since)
        for facts, since in shown
        if (manner := manners.get(facts.case_id))
    ]


def near_ones(rows: Sequence[Facts], now: datetime, within: timedelta) -> list[Facts]:
    """What still runs and falls due so soon."""
    return [
        facts
        for facts in rows
        if facts.state in RUNNING_STATES and now < facts.due_at <= now + within
    ]


def _fitted(
    feed: Feed,
    guise: Guise,
    items: Sequence[FeedItem],
    extra: list[FeedItem],
    at: datetime,
    most: int,
) -> tuple[bytes, int]:
    """The latest go first where it would be too large; answers how many stayed."""
    look = Look(feed.name, guise.language, _zone_most_used(items))
    content = render(look, [*items, *extra], at)
    while len(content) > most:
        items = items[: len(items) * most // len(content) - 1]
        content = render(look, [*items, *extra], at)
    return content, len(items)


def _zone_most_used(items: Sequence[FeedItem]) -> str | None:
    zones = Counter(map(attrgetter("entry.timezone"), items))
    return min(zones, key=lambda zone: (-zones[zone], zone), default=None)


def _instants(feed: Feed, dropped_at: datetime | None, now: datetime) -> list[datetime]:
    """When the feed itself became different, until now, or something left it."""
    warned_at = feed.expires_at - WARNED_BEFORE
    own = [warned_at] if warned_at <= now else []
    return [feed.shown_at, *own, *([dropped_at] if dropped_at else [])]


def _turns_ahead(feed: Feed, now: datetime) -> list[datetime]:
    return [at for at in (feed.expires_at - WARNED_BEFORE, feed.expires_at) if at > now]


def _expiry(feed: Feed, guise: Guise, now: datetime) -> list[FeedItem]:
    """From two weeks before on, an event of the feed itself says so."""
    warned_at = feed.expires_at - WARNED_BEFORE
    if now < warned_at:
        return []
    at = whole_second(max(feed.shown_at, warned_at)) + timedelta(seconds=feed.shown)
    entry = Expiry(guise.language, warned_at.date(), feed.expires_at.date())
    return [FeedItem(uid_for(feed.salt, "expiry"), feed.shown, at, entry)]


async def seen_by_strangers(
    session: AsyncSession, feed: Feed, base_url: str, now: datetime
) -> tuple[Fetched, bool]:
    """What whoever has the address would be given, if at all, and whether nothing had to be left out."""
    end = feed.ended_at(now)
    made = None if end else await rendered(session, feed, base_url, now)
    if made is None:
        return goodbye(feed, end or feed.shown_at), True
    return made, made.shows_all
