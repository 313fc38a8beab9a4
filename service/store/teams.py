"""Teams: the wall. Everything else belongs to one of them."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Reach
from service.store.columns import UtcDateTime
from service.store.paging import page, within


class Team(SQLModel, table=True):
    __tablename__ = "teams"

    id: str = Field(primary_key=True)
    name: str
    revision: int = 1
    created_at: datetime = Field(sa_type=UtcDateTime)


async def get_team(
    session: AsyncSession, team_id: str, reach: Reach, lock: bool = False
) -> Team | None:
    query = within(select(Team).where(Team.id == team_id), Team.id, reach)
    return (await session.exec(query.with_for_update() if lock else query)).first()


async def list_teams(
    session: AsyncSession, reach: Reach, after: str | None, limit: int
) -> list[Team]:
    return await page(session, within(select(Team), Team.id, reach), Team.id, after, limit)


async def existing_team_ids(session: AsyncSession, team_ids: Iterable[str]) -> set[str]:
    return set(await session.exec(select(Team.id).where(col(Team.id).in_(set(team_ids)))))
