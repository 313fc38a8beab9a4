"""Feeds: who may see what is decided at each fetch, never when the feed is made."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Caller, Level, Reach, level_for
from service.domain.deadlines import RUNNING_STATES
from service.domain.escalation import Role
from service.errors import Code, Refusal, not_found
from service.feeds.calendar import etag, render, uid_for, whole_second
from service.feeds.entries import Entry, FeedItem, Look
from service.flows.standing import check_precondition
from service.ids import new_id
from service.languages import Language
from service.schemas.feeds import FeedIn, FeedPatch
from service.sealing import fingerprint, new_secret
from service.store.cases import Case, roles_held
from service.store.deadlines import Deadline, deadlines_shown, newest_end
from service.store.feeds import Feed, get_feed
from service.store.journal import Happening, record
from service.store.users import members_among

#: Ended deadlines stay visible for a while, marked, so that a calendar can show what became of them.
_ENDED_SHOWN_FOR = timedelta(days=30)
#: Some clients drop feeds above a thousand events or a megabyte.
_MOST_EVENTS = 500
_EVERYWHERE = Reach(None)


@dataclass(frozen=True)
class Fetched:
    """What a subscriber gets: the bytes and their validators. `gone`: the feed has been revoked."""

    content: bytes
    etag: str
    modified_at: datetime
    gone: bool = False


@dataclass(frozen=True)
class Counted:
    """By what a calendar knows an event, and by which it sees that the event has changed."""

    uid: str
    sequence: int
    changed_at: datetime


async def create_feed(
    session: AsyncSession, body: FeedIn, caller: Caller, now: datetime
) -> tuple[Feed, str]:
    """The feed, and the secret part of its address, which is shown this once."""
    team_id = caller.team_for(body.team_id)
    if caller.user_id not in (None, body.user_id):
        raise Refusal(Code.FORBIDDEN, "This key makes feeds for its own person only.", "user_id")
    if not await members_among(session, team_id, [body.user_id]):
        raise Refusal(Code.UNKNOWN_REFERENCE, "That person is not in the team.", "user_id")
    secret = new_secret()
    feed = Feed(
        id=new_id("fed", now),
        team_id=team_id,
        user_id=body.user_id,
        name=body.name,
        fingerprint=fingerprint(secret),
        salt=new_secret(),
        level=body.level,
        shown_at=now,
        created_at=now,
    )
    session.add(feed)
    await session.flush()
    await _journal(session, feed, caller, "feed.created", now)
    return feed, secret


async def change_feed(
    session: AsyncSession,
    feed_id: str,
    body: FeedPatch,
    if_match: str,
    caller: Caller,
    now: datetime,
) -> Feed:
    """A new level changes every event that the feed shows."""
    feed = await _found(session, feed_id, caller)
    check_precondition(feed.id, feed.revision, if_match)
    feed.name = body.name or feed.name
    feed.level = feed.level if body.level is None else body.level
    return await _changed(session, feed, caller, "feed.changed", now)


async def rotate_feed(
    session: AsyncSession, feed_id: str, caller: Caller, now: datetime
) -> tuple[Feed, str]:
    """A new address for the same events; the old one ends at once."""
    feed = await _found(session, feed_id, caller)
    secret = new_secret()
    feed.fingerprint = fingerprint(secret)
    return await _changed(session, feed, caller, "feed.rotated", now), secret


async def revoke_feed(session: AsyncSession, feed_id: str, caller: Caller, now: datetime) -> Feed:
    feed = await _found(session, feed_id, caller)
    feed.revoked_at = feed.revoked_at or now
    return await _changed(session, feed, caller, "feed.revoked", now)


async def fetch(session: AsyncSession, feed_id: str, secret: str, now: datetime) -> Fetched | None:
    """None for an unknown feed and for a wrong secret alike, in the same time."""
    feed = await get_feed(session, feed_id, _EVERYWHERE)
    known = feed.fingerprint if feed else fingerprint("")
    if not hmac.compare_digest(known, fingerprint(secret)) or feed is None:
        return None
    if feed.revoked_at is not None:
        return Fetched(b"", "", feed.revoked_at, gone=True)
    entitled = await members_among(session, feed.team_id, [feed.user_id])
    roles = await roles_held(session, feed.user_id) if entitled else {}
    cutoff = now - _ENDED_SHOWN_FOR
    rows = await deadlines_shown(session, feed.team_id, roles, cutoff, _MOST_EVENTS)
    dropped_at = await newest_end(session, feed.team_id, roles, cutoff)
    items = [
        item_of(feed, deadline, case, level, now)
        for deadline, case in rows
        if (level := level_in(feed, case, roles[case.id])) is not None
    ]
    changes = [_changed_at(feed, deadline, case, now) for deadline, case in rows]
    if dropped_at is not None:
        changes.append(dropped_at + _ENDED_SHOWN_FOR)
    changed_at = max([feed.shown_at, *changes])
    content = render(Look(feed.name), items, whole_second(changed_at))
    return Fetched(content, etag(content), _validator(changed_at, now))


def _validator(changed_at: datetime, now: datetime) -> datetime:
    """Last-Modified in whole seconds, such that a change later in the same second is newer still."""
    second = whole_second(changed_at)
    return second if whole_second(now) == second else second + timedelta(seconds=1)


def level_in(feed: Feed, case: Case, roles: Iterable[Role]) -> Level | None:
    """The highest that any of the person's roles in the case allows."""
    levels = (level_for(role, Level(feed.level), Level(case.ceiling)) for role in roles)
    return max((level for level in levels if level is not None), default=None)


def item_of(feed: Feed, deadline: Deadline, case: Case, level: Level, now: datetime) -> FeedItem:
    """The counters rise with every change of what is shown, and count double so that none of them is
    outweighed by the passing of the due instant. Added in seconds to the time of the latest change,
    they make LAST-MODIFIED rise too, whatever falls into one second."""
    sequence = 2 * (deadline.shown + case.shown + feed.shown) + (deadline.due_at <= now)
    counted = Counted(
        uid_for(feed.salt, deadline.id), sequence, _changed_at(feed, deadline, case, now)
    )
    return counted_item(counted, deadline, case, level, now)


def counted_item(
    counted: Counted, deadline: Deadline, case: Case, level: Level, now: datetime
) -> FeedItem:
    modified_at = whole_second(counted.changed_at) + timedelta(seconds=counted.sequence)
    entry = Entry(
        level=level,
        language=Language.ENGLISH,
        case_code=case.code,
        title=deadline.title,
        kind=deadline.kind,
        state=deadline.state,
        due_on=deadline.due_on,
        due_at=deadline.due_at,
        whole_day=deadline.whole_day,
        timezone=deadline.timezone,
        overdue=deadline.due_at <= now and deadline.state in RUNNING_STATES,
    )
    return FeedItem(counted.uid, counted.sequence, modified_at, entry)


def _changed_at(feed: Feed, deadline: Deadline, case: Case, now: datetime) -> datetime:
    """When what the feed shows of this deadline last became different; falling due counts."""
    changes = [deadline.shown_at, case.shown_at, feed.shown_at, deadline.due_at]
    return max((at for at in changes if at <= now), default=feed.shown_at)


async def _found(session: AsyncSession, feed_id: str, caller: Caller) -> Feed:
    feed = await get_feed(session, feed_id, caller.reach, lock=True)
    if feed is None or caller.user_id not in (None, feed.user_id):
        raise not_found("feed")
    return feed


async def _changed(
    session: AsyncSession, feed: Feed, caller: Caller, action: str, now: datetime
) -> Feed:
    feed.shown, feed.shown_at, feed.revision = feed.shown + 1, now, feed.revision + 1
    session.add(feed)
    await session.flush()
    await _journal(session, feed, caller, action, now)
    return feed


async def _journal(
    session: AsyncSession, feed: Feed, caller: Caller, action: str, now: datetime
) -> None:
    data = {"user": feed.user_id, "level": feed.level}
    happening = Happening(feed.team_id, caller.actor, action, feed.id, None, data)
    await record(session, [happening], now)
