"""Endpoints: where webhooks go. The secret is sealed, for it must be read again to sign."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Level, Reach
from service.store.columns import Choice, Json, UtcDateTime
from service.store.paging import get_within, page, within


class EndpointState(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"


class Endpoint(SQLModel, table=True):
    """`events`: subscribed types, `deadline.*` patterns, or `*`."""

    __tablename__ = "endpoints"

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id", index=True)
    name: str
    url: str
    sealed_secret: bytes
    events: list[str] = Field(sa_type=Json)
    level: int = Level.CODE
    state: EndpointState = Field(default=EndpointState.ACTIVE, sa_type=Choice(EndpointState))
    revision: int = 1
    created_at: datetime = Field(sa_type=UtcDateTime)


async def get_endpoint(
    session: AsyncSession, endpoint_id: str, reach: Reach, lock: bool = False
) -> Endpoint | None:
    return await get_within(session, Endpoint, endpoint_id, reach, lock)


async def list_endpoints(
    session: AsyncSession, reach: Reach, after: str | None, limit: int
) -> list[Endpoint]:
    query = within(select(Endpoint), Endpoint.team_id, reach)
    return await page(session, query, Endpoint.id, after, limit)


async def active_endpoints(
    session: AsyncSession, team_ids: Sequence[str]
) -> dict[str, list[Endpoint]]:
    """Team id to its active endpoints."""
    query = select(Endpoint).where(
        col(Endpoint.team_id).in_(set(team_ids)), Endpoint.state == EndpointState.ACTIVE
    )
    found: dict[str, list[Endpoint]] = {}
    for endpoint in await session.exec(query.order_by(col(Endpoint.id))):
        found.setdefault(endpoint.team_id, []).append(endpoint)
    return found
