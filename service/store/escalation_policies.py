"""Escalation policies as teams write them; a running escalation keeps its own copy."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Reach
from service.store.columns import Json, UtcDateTime
from service.store.paging import get_within, page, within


class EscalationPolicy(SQLModel, table=True):
    """`steps`: list of {trigger, seconds, targets}."""

    __tablename__ = "escalation_policies"

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id", index=True)
    name: str
    steps: list[dict[str, Any]] = Field(sa_type=Json)
    revision: int = 1
    created_at: datetime = Field(sa_type=UtcDateTime)


async def get_policy(
    session: AsyncSession, policy_id: str, reach: Reach, lock: bool = False
) -> EscalationPolicy | None:
    return await get_within(session, EscalationPolicy, policy_id, reach, lock)


async def list_policies(
    session: AsyncSession, reach: Reach, after: str | None, limit: int
) -> list[EscalationPolicy]:
    query = within(select(EscalationPolicy), EscalationPolicy.team_id, reach)
    return await page(session, query, EscalationPolicy.id, after, limit)


async def policies_by_id(
    session: AsyncSession, policy_ids: Iterable[str]
) -> dict[str, EscalationPolicy]:
    wanted = set(policy_ids)
    if not wanted:
        return {}
    rows = await session.exec(select(EscalationPolicy).where(col(EscalationPolicy.id).in_(wanted)))
    return {policy.id: policy for policy in rows}
