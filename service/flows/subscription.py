"""Making and changing feeds: who may see what is decided at each fetch, never here."""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Caller
from service.domain.feeds import LIVES_FOR, LONGEST, OVERLAP, Scope
from service.errors import Code, Refusal, not_found
from service.flows.standing import check_precondition
from service.ids import new_id
from service.schemas.feeds import FeedIn, FeedPatch, RotateIn
from service.sealing import fingerprint, new_secret
from service.store.cases import cases_of_team
from service.store.feeds import Feed, feeds_of_user, get_feed
from service.store.journal import Happening, record
from service.store.users import get_user, members_among

#: Where these are given as null, they go back to what is usual.
_BY_DEFAULT = frozenset({"language", "fetchers"})


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
        fingerprint=fingerprint(secret),
        salt=new_secret(),
        shown_at=now,
        created_at=now,
        expires_at=body.expires_at or now + LIVES_FOR,
        **body.model_dump(exclude={"team_id", "expires_at"}),
    )
    _check_expiry(body.expires_at, now)
    await _check_scope(session, feed)
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
    """Whatever changes, every event of the feed counts as changed."""
    feed = await own_feed(session, feed_id, caller, lock=True)
    check_precondition(feed.id, feed.revision, if_match)
    for name, value in body.model_dump(exclude_unset=True).items():
        if value is not None or name in _BY_DEFAULT:
            setattr(feed, name, value)
    if feed.scope is not Scope.CASE and body.case_id is None:
        feed.case_id = None
    _check_expiry(body.expires_at, now)
    await _check_scope(session, feed)
    return await _changed(session, feed, caller, "feed.changed", now)


async def rotate_feed(
    session: AsyncSession, feed_id: str, body: RotateIn, caller: Caller, now: datetime
) -> tuple[Feed, str]:
    """A new address for the same events; the old one goes on for a while, unless others have it."""
    feed = await own_feed(session, feed_id, caller, lock=True)
    secret = new_secret()
    lasting = not body.at_once
    feed.previous_fingerprint = feed.fingerprint if lasting else None
    feed.previous_until = now + OVERLAP if lasting else None
    feed.fingerprint = fingerprint(secret)
    return await _changed(session, feed, caller, "feed.rotated", now), secret


async def revoke_feed(session: AsyncSession, feed_id: str, caller: Caller, now: datetime) -> Feed:
    feed = await own_feed(session, feed_id, caller, lock=True)
    return await _revoked(session, feed, caller, now)


async def revoke_all(
    session: AsyncSession, user_id: str, caller: Caller, now: datetime
) -> list[Feed]:
    """Every feed of a person within the caller's reach: a phone is lost, or a person in danger."""
    if await get_user(session, user_id, caller.reach) is None:
        raise not_found("user")
    if caller.user_id not in (None, user_id):
        raise Refusal(Code.FORBIDDEN, "This key revokes feeds of its own person only.")
    feeds = await feeds_of_user(session, user_id, caller.reach)
    return [await _revoked(session, feed, caller, now) for feed in feeds]


async def own_feed(session: AsyncSession, feed_id: str, caller: Caller, lock: bool = False) -> Feed:
    """A person's key sees that person's feeds alone."""
    feed = await get_feed(session, feed_id, caller.reach, lock)
    if feed is None or caller.user_id not in (None, feed.user_id):
        raise not_found("feed")
    return feed


def _check_expiry(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is not None and not now < expires_at <= now + LONGEST:
        sentence = "A feed expires in the future, in 366 days at the latest."
        raise Refusal(Code.INVALID_INSTANT, sentence, "expires_at")


async def _check_scope(session: AsyncSession, feed: Feed) -> None:
    if feed.scope is Scope.CASE and feed.case_id is None:
        raise Refusal(Code.MISSING_FIELD, "Say which case this feed is for.", "case_id")
    if feed.case_id is None:
        return
    if feed.scope is not Scope.CASE:
        raise Refusal(Code.INVALID_INPUT, "Only a feed of scope `case` names a case.", "case_id")
    if not await cases_of_team(session, feed.team_id, [feed.case_id]):
        raise Refusal(Code.UNKNOWN_REFERENCE, "The team has no such case.", "case_id")


async def _revoked(session: AsyncSession, feed: Feed, caller: Caller, now: datetime) -> Feed:
    feed.revoked_at = feed.revoked_at or now
    return await _changed(session, feed, caller, "feed.revoked", now)


async def _changed(
    session: AsyncSession, feed: Feed, caller: Caller, action: str, now: datetime
) -> Feed:
    feed.shown, feed.shown_at, feed.revision = feed.shown + 1, now, feed.revision + 1
    feed.touched += 1
    session.add(feed)
    await session.flush()
    await _journal(session, feed, caller, action, now)
    return feed


async def _journal(
    session: AsyncSession, feed: Feed, caller: Caller, action: str, now: datetime
) -> None:
    data = {"user": feed.user_id, "level": feed.level, "scope": feed.scope}
    happening = Happening(feed.team_id, caller.actor, action, feed.id, None, data)
    await record(session, [happening], now)
