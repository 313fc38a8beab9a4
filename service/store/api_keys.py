"""API keys: only the fingerprint of the secret is kept."""

from datetime import datetime

from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Reach, Scope
from service.store.columns import Choice, UtcDateTime
from service.store.paging import get_within, page, within


class ApiKey(SQLModel, table=True):
    """`team_id` None: the operator's key, which reaches every team. `user_id`: the person it acts for."""

    __tablename__ = "api_keys"

    id: str = Field(primary_key=True)
    name: str
    fingerprint: str = Field(unique=True)
    scope: Scope = Field(sa_type=Choice(Scope))
    team_id: str | None = Field(default=None, foreign_key="teams.id", index=True)
    user_id: str | None = Field(default=None, foreign_key="users.id", index=True)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)


async def get_live_key(session: AsyncSession, fingerprint: str) -> ApiKey | None:
    query = select(ApiKey).where(
        ApiKey.fingerprint == fingerprint, col(ApiKey.revoked_at).is_(None)
    )
    return (await session.exec(query)).first()


async def get_api_key(session: AsyncSession, key_id: str, reach: Reach) -> ApiKey | None:
    return await get_within(session, ApiKey, key_id, reach)


async def list_api_keys(
    session: AsyncSession, reach: Reach, after: str | None, limit: int
) -> list[ApiKey]:
    query = within(select(ApiKey), ApiKey.team_id, reach)
    return await page(session, query, ApiKey.id, after, limit)
