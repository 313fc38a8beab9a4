"""Feeds: subscribable calendars. Only the fingerprint of the secret is kept."""

from collections.abc import Set
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, update
from sqlalchemy import select as select_columns
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from service.domain.access import Level, Reach
from service.domain.deadlines import DeadlineKind
from service.domain.feeds import Family, Fetchers, Scope, fetchers_for
from service.languages import Language
from service.store.columns import IDS, Choice, Json, UtcDateTime, core_table, one_of
from service.store.feed_readers import FeedReader
from service.store.glances import Glances
from service.store.paging import get_within, page, within
from service.store.users import Membership, User


class Feed(SQLModel, table=True):
    """`salt` makes the UIDs of this feed unlike those of any other; `shown` counts what changes its
    whole look, `touched` all that may change what it shows. `kinds` empty: all; `language` None: the
    person's; `fetchers` None: as its level wants. The previous secret opens it too, until then.

    `kept_of`: of what the validators `kept_etag` and `kept_modified_at` tell, until time alone changes
    that, at `kept_until`. `stale_told_at`: when its owner was last told that nothing fetches it.
    """

    __tablename__ = "feeds"

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id", index=True)
    user_id: str = Field(foreign_key="users.id", index=True)
    name: str
    fingerprint: str
    previous_fingerprint: str | None = None
    previous_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    salt: str
    level: int = Level.CODE
    scope: Scope = Field(default=Scope.TEAM, sa_type=Choice(Scope))
    case_id: str | None = Field(default=None, foreign_key="cases.id")
    kinds: list[str] = Field(default_factory=list, sa_type=Json)
    language: Language | None = Field(default=None, sa_type=Choice(Language))
    tasks: bool = False
    alarms: bool = False
    fetchers: Fetchers | None = Field(default=None, sa_type=Choice(Fetchers))
    shown: int = 0
    shown_at: datetime = Field(sa_type=UtcDateTime)
    touched: int = 0
    kept_of: str | None = None
    kept_etag: str | None = None
    kept_modified_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    kept_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    stale_told_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revision: int = 1
    created_at: datetime = Field(sa_type=UtcDateTime)

    def holds(self, kind: DeadlineKind, now: datetime) -> bool:
        """Whether it shows events of that kind, and still shows any."""
        return (
            not self.tasks and kind in (self.kinds or DeadlineKind) and self.ended_at(now) is None
        )

    @property
    def admitted(self) -> Fetchers:
        return fetchers_for(self.fetchers, Level(self.level))

    def ended_at(self, now: datetime) -> datetime | None:
        """Since when it has been switched off."""
        return ended_at(self.revoked_at, self.expires_at, now)


def ended_at(revoked_at: datetime | None, expires_at: datetime, now: datetime) -> datetime | None:
    """What came first: it was revoked, or its time was up."""
    end = min(revoked_at or expires_at, expires_at)
    return end if end <= now else None


class Glimpse(NamedTuple):
    """What a poll that finds nothing new has to know of a feed, and of the readers of one family, if any
    ever came."""

    level: int
    fetchers: Fetchers | None
    expires_at: datetime
    revoked_at: datetime | None
    fingerprint: str
    previous_fingerprint: str | None
    previous_until: datetime | None
    touched: int
    kept_of: str | None
    kept_etag: str | None
    kept_modified_at: datetime | None
    kept_until: datetime | None
    last_fetched_at: datetime | None
    seen_etag: str | None


_FEEDS, _READERS = core_table(Feed), core_table(FeedReader)
_OF_FAMILY = and_(
    _READERS.c["feed_id"] == _FEEDS.c["id"], _READERS.c["family"] == bindparam("family")
)
_GLIMPSE = (
    select_columns(
        *(_FEEDS.c[name] for name in Glimpse._fields[:-2]),
        _READERS.c["last_fetched_at"],
        _READERS.c["etag"].label("seen_etag"),
    )
    .select_from(_FEEDS.outerjoin(_READERS, _OF_FAMILY))
    .where(_FEEDS.c["id"] == bindparam("feed_id"))
)


async def glance(glances: Glances, feed_id: str, family: Family) -> Glimpse | None:
    """All of it in one read."""
    row = await glances.first(_GLIMPSE, {"feed_id": feed_id, "family": family.value})
    return None if row is None else Glimpse._make(row)


_WHOLE = select_columns(_FEEDS).where(_FEEDS.c["id"] == bindparam("feed_id"))
_COLUMNS = tuple(_FEEDS.c.keys())


async def read_feed(glances: Glances, feed_id: str) -> Feed | None:
    """To be read, not to be changed: no session knows of it."""
    row = await glances.first(_WHOLE, {"feed_id": feed_id})
    return None if row is None else Feed(**dict(zip(_COLUMNS, row, strict=True)))


async def get_feed(
    session: AsyncSession, feed_id: str, reach: Reach, lock: bool = False
) -> Feed | None:
    return await get_within(session, Feed, feed_id, reach, lock)


async def list_feeds(
    session: AsyncSession, reach: Reach, after: str | None, limit: int
) -> list[Feed]:
    query = within(select(Feed), Feed.team_id, reach)
    return await page(session, query, Feed.id, after, limit)


async def feeds_of_user(session: AsyncSession, user_id: str, reach: Reach) -> list[Feed]:
    """Those that are not revoked yet, held against every other writer."""
    query = within(select(Feed), Feed.team_id, reach)
    query = query.where(Feed.user_id == user_id, col(Feed.revoked_at).is_(None))
    return list(await session.exec(query.order_by(col(Feed.id)).with_for_update()))


async def live_feeds_of(session: AsyncSession, user_ids: Set[str]) -> dict[str, list[Feed]]:
    """User id to the feeds that are not revoked, in teams to which the person belongs, the oldest first.
    No query for nobody."""
    given, found = {"ids": user_ids}, dict[str, list[Feed]]()
    for feed in await session.exec(_live(), params=given) if user_ids else ():
        found.setdefault(feed.user_id, []).append(feed)
    return found


@cache
def _live() -> SelectOfScalar[Feed]:
    return (
        select(Feed)
        .join(Membership, _member())
        .where(one_of(col(Feed.user_id), IDS), col(Feed.revoked_at).is_(None))
        .order_by(col(Feed.created_at), col(Feed.id))
    )


async def feeds_to_tend(
    session: AsyncSession, now: datetime, after: str | None, limit: int
) -> list[tuple[Feed, User]]:
    """Those that answer, with their owners, by id; passing over what another holds."""
    query = (
        select(Feed, User)
        .join(Membership, _member())
        .join(User, col(User.id) == col(Feed.user_id))
        .where(col(User.disabled_at).is_(None), col(Feed.revoked_at).is_(None))
        .where(col(Feed.expires_at) > now, col(Feed.id) > (after or ""))
        .order_by(col(Feed.id))
        .limit(limit)
        .with_for_update(of=Feed, skip_locked=True)
    )
    return list(await session.exec(query))


async def owner_of(session: AsyncSession, feed: Feed) -> User | None:
    """None for one who is disabled, or has left the team."""
    query = (
        select(User)
        .join(Membership, col(Membership.user_id) == col(User.id))
        .where(User.id == feed.user_id, Membership.team_id == feed.team_id)
        .where(col(User.disabled_at).is_(None))
    )
    return (await session.exec(query)).first()


async def keep(
    session: AsyncSession, feed_id: str, of: str, etag: str, modified_at: datetime, until: datetime
) -> None:
    """What was rendered of a feed, so that who has it already is told so without rendering it anew."""
    await session.exec(
        update(Feed)
        .where(col(Feed.id) == feed_id)
        .values(kept_of=of, kept_etag=etag, kept_modified_at=modified_at, kept_until=until)
        .execution_options(synchronize_session=False)
    )


def _member() -> Any:
    return and_(
        col(Membership.team_id) == col(Feed.team_id), col(Membership.user_id) == col(Feed.user_id)
    )
