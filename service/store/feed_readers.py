"""Which programs read a feed, by family and nothing finer: no address of anybody's is kept."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.feeds import Family
from service.store.columns import Choice, UtcDateTime, insert_missing, one_of


class FeedReader(SQLModel, table=True):
    """`last_fetched_at` None: it was only ever refused, first at `refused_at`. `etag`: of what it has;
    `usual_seconds`: between two of its fetches."""

    __tablename__ = "feed_readers"

    feed_id: str = Field(primary_key=True, foreign_key="feeds.id")
    family: Family = Field(primary_key=True, sa_type=Choice(Family))
    first_seen_at: datetime = Field(sa_type=UtcDateTime)
    last_fetched_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    etag: str | None = None
    usual_seconds: int | None = None
    refused_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    @property
    def usual(self) -> timedelta | None:
        return None if self.usual_seconds is None else timedelta(seconds=self.usual_seconds)


async def lock_reader(
    session: AsyncSession, feed_id: str, family: Family, now: datetime
) -> FeedReader:
    """As it stands; one that was not known is known from now on, and to one of two that come at once it
    is the other's."""
    new = FeedReader(feed_id=feed_id, family=family, first_seen_at=now)
    await insert_missing(session, FeedReader, [new.model_dump()], "feed_id", "family")
    query = select(FeedReader).where(FeedReader.feed_id == feed_id, FeedReader.family == family)
    return (await session.exec(query.with_for_update())).one()


async def readers_of(session: AsyncSession, feed_ids: Iterable[str]) -> dict[str, list[FeedReader]]:
    """Feed id to its readers, in the order in which they came."""
    query = select(FeedReader).where(one_of(col(FeedReader.feed_id), feed_ids))
    found: dict[str, list[FeedReader]] = {}
    for one in await session.exec(query.order_by(col(FeedReader.first_seen_at), FeedReader.family)):
        found.setdefault(one.feed_id, []).append(one)
    return found
