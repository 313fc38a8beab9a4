"""Who reads a feed, and what its owner is told of it by mail: a program that was not there before, one that
is refused, and that nothing fetches it while a date is near.
"""

from datetime import datetime, timedelta

from service.domain.feeds import (
    NEAR,
    NOTED_EVERY,
    Family,
    FeedNews,
    FeedReport,
    Freshness,
    stale,
    usual_interval,
)
from service.domain.notifications import ChannelKind, EventType
from service.flows.fetching import near_ones
from service.flows.letters import plain_letter
from service.flows.sitting import Sitting
from service.store.feed_readers import FeedReader, lock_reader, readers_of
from service.store.feeds import Feed, feeds_to_tend, owner_of
from service.store.messages import add_messages
from service.store.shown import facts_shown, of_feed
from service.store.users import User

_TRIED_FOR = timedelta(days=2)


def worth_noting(
    etag: str, seen_etag: str | None, fetched_at: datetime | None, now: datetime
) -> bool:
    """No poll is written down while one before it is fresh, and had the same answer."""
    return fetched_at is None or seen_etag != etag or now - fetched_at >= NOTED_EVERY


async def note_fetch(sitting: Sitting, feed: Feed, family: Family, etag: str) -> None:
    """The owner hears of each family of programs once."""
    now = sitting.now
    reader = await lock_reader(sitting.session, feed.id, family, now)
    first = reader.last_fetched_at is None
    if reader.last_fetched_at is not None and now - reader.last_fetched_at >= NOTED_EVERY:
        usual = usual_interval(reader.usual, now - reader.last_fetched_at)
        reader.usual_seconds = round(usual.total_seconds())
    reader.last_fetched_at, reader.etag = now, etag
    sitting.session.add(reader)
    if first:
        await _tell(sitting, feed, FeedNews.FIRST_FETCH, family)


async def note_refusal(sitting: Sitting, feed: Feed, family: Family) -> None:
    reader = await lock_reader(sitting.session, feed.id, family, sitting.now)
    if reader.refused_at is None:
        reader.refused_at = sitting.now
        sitting.session.add(reader)
        await _tell(sitting, feed, FeedNews.REFUSED, family)


async def warn_of_stale(sitting: Sitting, after: str | None, limit: int) -> str | None:
    """The next `limit` feeds after that id; answers the last one's, None where there are no more."""
    session, now = sitting.session, sitting.now
    rows = await feeds_to_tend(session, now, after, limit)
    readers = await readers_of(session, (feed.id for feed, _ in rows))
    for feed, owner in rows:
        seen = _freshness(feed, readers.get(feed.id, []))
        news = stale(seen, now)
        if news and near_ones(await facts_shown(session, of_feed(feed), now), now, NEAR):
            feed.stale_told_at = now
            session.add(feed)
            since = seen.fetched_at or seen.made_at
            await _write(sitting, feed, owner, FeedReport(feed.id, feed.name, news, None, since))
    return rows[-1][0].id if len(rows) == limit else None


def _freshness(feed: Feed, readers: list[FeedReader]) -> Freshness:
    """A feed is one device's: what counts is the program that was there last."""
    fetched = [(one.last_fetched_at, one.usual) for one in readers if one.last_fetched_at]
    fetched_at, usual = max(fetched, key=lambda pair: pair[0], default=(None, None))
    return Freshness(feed.created_at, fetched_at, usual, feed.stale_told_at)


async def _tell(sitting: Sitting, feed: Feed, news: FeedNews, family: Family) -> None:
    owner = await owner_of(sitting.session, feed)
    if owner is not None:
        await _write(sitting, feed, owner, FeedReport(feed.id, feed.name, news, family))


async def _write(sitting: Sitting, feed: Feed, owner: User, report: FeedReport) -> None:
    mails, event = sitting.channels[ChannelKind.EMAIL], EventType.FEED_NEWS
    letter = plain_letter(mails, owner, feed.team_id, event, _TRIED_FOR, sitting.now, report)
    await add_messages(sitting.session, [letter])
