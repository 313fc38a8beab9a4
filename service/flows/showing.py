"""What a calendar shows of a deadline, and what it counts by: one answer for feeds, mails, exports and
calendar servers. It reads nothing and decides no right: the level is given.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from service.domain.access import Level, level_for
from service.domain.deadlines import RUNNING_STATES, DeadlineState, local_date
from service.domain.escalation import Role
from service.domain.feeds import (
    CANCELLED_SHOWN_FOR,
    ENDED_SHOWN_FOR,
    FUTURE_SHOWN,
    MOVED_SHOWN_FOR,
    Scope,
    counts,
)
from service.feeds.calendar import uid_for, whole_second
from service.feeds.entries import Basis, Entry, FeedItem
from service.languages import Language
from service.store.cases import Case
from service.store.facts import Facts
from service.store.feeds import Feed

#: Facts that have not changed need no second thought.
_KEPT = 50_000
_ALWAYS = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


class Guise(NamedTuple):
    """How a calendar shows what it shows. `base_url`: where links lead, None: it has none."""

    language: Language = Language.ENGLISH
    base_url: str | None = None
    alarms: bool = False
    tasks: bool = False


@dataclass(frozen=True)
class Counted:
    """By what a calendar knows an event, and by which it sees that the event has changed."""

    uid: str
    sequence: int
    changed_at: datetime


def guise_of(feed: Feed, spoken: Language, base_url: str | None) -> Guise:
    """`spoken`: by its person, where the feed has no language of its own."""
    return Guise(feed.language or spoken, base_url, feed.alarms, feed.tasks)


def level_in(feed: Feed, case: Case, roles: Iterable[Role]) -> Level | None:
    """The highest that any of the person's roles in the case allows; None beyond the feed's scope."""
    if feed.scope is Scope.CASE and feed.case_id != case.id:
        return None
    return level_within(feed, case.ceiling, roles)


def level_within(feed: Feed, ceiling: int, roles: Iterable[Role]) -> Level | None:
    held = (role for role in roles if counts(feed.scope, role))
    levels = (level_for(role, Level(feed.level), Level(ceiling)) for role in held)
    return max((level for level in levels if level is not None), default=None)


@dataclass(frozen=True, eq=False)
class Manner:
    """How one feed shows what it shows at one level, and what it counts by: of the feed itself. The same
    one again for the same, and so its own equal: items are kept by it."""

    salt: str
    shown: int
    shown_at: datetime
    level: Level
    guise: Guise


_manner = lru_cache(maxsize=_KEPT)(Manner)


def manner_of(feed: Feed, level: Level, guise: Guise) -> Manner:
    return _manner(feed.salt, feed.shown, feed.shown_at, level, guise)


def item_of(manner: Manner, facts: Facts, now: datetime) -> FeedItem:
    """The same one again until something turns."""
    [(since, _)] = spans([facts], now)
    return item_since(manner, facts, since)


@lru_cache(maxsize=_KEPT)
def item_since(manner: Manner, facts: Facts, since: datetime) -> FeedItem:
    """Within the span that began then."""
    counted = _counted(manner, facts, since)
    return counted_item(counted, facts, manner.level, since, manner.guise)


def counted_item(
    counted: Counted, facts: Facts, level: Level, now: datetime, guise: Guise
) -> FeedItem:
    """Added in seconds to the time of the latest change, the counters make LAST-MODIFIED rise too, whatever
    falls into one second."""
    modified_at = whole_second(counted.changed_at) + timedelta(seconds=counted.sequence)
    entry = entry_of(facts, level, now, guise)
    return FeedItem(counted.uid, counted.sequence, modified_at, entry)


def entry_of(facts: Facts, level: Level, now: datetime, guise: Guise) -> Entry:
    """Nothing above the level gets as far as to be rendered."""
    running = facts.state in RUNNING_STATES
    overdue = running and facts.due_at <= now
    moved = running and facts.version > 1 and now < facts.entered_at + MOVED_SHOWN_FOR
    return _entry(facts, level, guise, overdue, moved)


@lru_cache(maxsize=_KEPT)
def _entry(facts: Facts, level: Level, guise: Guise, overdue: bool, moved: bool) -> Entry:
    named, detailed, link = level >= Level.CODE, level >= Level.BASIS, guise.base_url
    return Entry(
        level=level,
        language=guise.language,
        case_code=facts.code if named else "",
        title=facts.title if detailed else "",
        kind=facts.kind,
        state=facts.state,
        due_on=facts.due_on,
        due_at=facts.due_at,
        whole_day=facts.whole_day,
        timezone=facts.timezone,
        overdue=overdue,
        moved=moved,
        forum=facts.forum if detailed else None,
        basis=_basis(facts) if detailed else None,
        link=f"{link}/deadlines/{facts.id}" if detailed and link else None,
        notes=facts.notes if level >= Level.FULL else None,
        alarms=guise.alarms,
        task=guise.tasks,
    )


@lru_cache(maxsize=_KEPT)
def course(facts: Facts) -> tuple[datetime, ...]:
    """The instants at which what a calendar shows of it becomes different, by people's doing or by time
    alone, in their order, from the beginning of time to its end. Between two of them nothing does."""
    left_at = leaves_at(facts)
    own = (*_ALWAYS, facts.shown_at, facts.case_shown_at, comes_at(facts), *turns(facts))
    return tuple(sorted([*own, left_at] if left_at else own))


def spans(rows: Iterable[Facts], now: datetime) -> list[tuple[datetime, datetime]]:
    """Of each the span in which `now` lies: whatever holds where it begins, holds until it ends."""
    return [
        (known[(passed := bisect_right(known, now)) - 1], known[passed])
        for known in map(course, rows)
    ]


@lru_cache(maxsize=_KEPT)
def turns(facts: Facts) -> tuple[datetime, ...]:
    """The instants at which time alone changes what an event says: it falls due, it is no longer new that
    it has moved."""
    if facts.state not in RUNNING_STATES:
        return ()
    settled = (facts.entered_at + MOVED_SHOWN_FOR,) if facts.version > 1 else ()
    return (facts.due_at, *settled)


def comes_at(facts: Facts) -> datetime:
    """From when on it is near enough to be shown."""
    return facts.due_at - FUTURE_SHOWN


def leaves_at(facts: Facts) -> datetime | None:
    """When one that has ended is shown no longer."""
    if facts.ended_at is None:
        return None
    cancelled = facts.state is DeadlineState.CANCELLED
    return facts.ended_at + (CANCELLED_SHOWN_FOR if cancelled else ENDED_SHOWN_FOR)


def changes(facts: Facts, now: datetime) -> list[datetime]:
    """When what is shown of it became different, until now."""
    return [facts.shown_at, facts.case_shown_at, *(at for at in turns(facts) if at <= now)]


def _counted(manner: Manner, facts: Facts, now: datetime) -> Counted:
    """The counters rise with every change of what is shown, and count three times, so that none of them is
    outweighed by the two turns that time alone can bring, and a change takes back."""
    turned = sum(at <= now for at in turns(facts))
    sequence = 3 * (facts.shown + facts.case_shown + manner.shown) + turned
    changed_at = max(manner.shown_at, *changes(facts, now))
    return Counted(uid_for(manner.salt, facts.id), sequence, changed_at)


def _basis(facts: Facts) -> Basis:
    """Sources are named as the law is cited."""
    sources = tuple(str(one["citation"]) for one in facts.sources if one.get("citation"))
    entered_on = local_date(facts.entered_at, ZoneInfo(facts.timezone))
    return Basis(facts.rule_id, sources, entered_on)
