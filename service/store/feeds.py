"""Feeds: subscribable calendars. Only the fingerprint of the secret is kept."""

from collections.abc import Iterable, Set
from datetime import datetime

from sqlalchemy import and_, update
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Level, Reach
from service.store.columns import UtcDateTime
from service.store.paging import get_within, page, within
from service.store.users import Membership


class Feed(SQLModel, table=True):
    """`salt` makes the UIDs of this feed unlike those of any other; `shown` counts what changes its
    whole look (level)."""

    __tablename__ = "feeds"

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id", index=True)
    user_id: str = Field(foreign_key="users.id", index=True)
    name: str
    fingerprint: str
    salt: str
    level: int = Level.CODE
    shown: int = 0
    shown_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revision: int = 1
    created_at: datetime = Field(sa_type=UtcDateTime)


async def get_feed(
    session: AsyncSession, feed_id: str, reach: Reach, lock: bool = False
) -> Feed | None:
    return await get_within(session, Feed, feed_id, reach, lock)


async def list_feeds(
    session: AsyncSession, reach: Reach, after: str | None, limit: int
) -> list[Feed]:
    query = within(select(Feed), Feed.team_id, reach)
    return await page(session, query, Feed.id, after, limit)


async def live_feeds_of(session: AsyncSession, user_ids: Set[str]) -> dict[str, list[Feed]]:
    """User id to the feeds that still show something, the oldest first: not revoked, and in a team to
    which the person belongs. No query for nobody."""
    query = (
        select(Feed)
        .join(
            Membership,
            and_(
                col(Membership.team_id) == col(Feed.team_id),
                col(Membership.user_id) == col(Feed.user_id),
            ),
        )
        .where(col(Feed.user_id).in_(user_ids), col(Feed.revoked_at).is_(None))
        .order_by(col(Feed.created_at), col(Feed.id))
    )
    found: dict[str, list[Feed]] = {}
    for feed in await session.exec(query) if user_ids else ():
        found.setdefault(feed.user_id, []).append(feed)
    return found


async def touch_feeds(session: AsyncSession, user_ids: Iterable[str], now: datetime) -> None:
    """What these people may see has changed: their feeds' validators must change with it."""
    await session.exec(
        update(Feed)
        .where(col(Feed.user_id).in_(set(user_ids)))
        .values(shown=col(Feed.shown) + 1, shown_at=now)
        .execution_options(synchronize_session=False)
    )
