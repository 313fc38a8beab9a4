"""Escalation policies as teams write them; a running escalation keeps its own copy."""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, or_
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from service.domain.access import Reach
from service.store.columns import IDS, Json, Names, UtcDateTime, one_of
from service.store.paging import get_within, page, within


class EscalationPolicy(SQLModel, table=True):
    """`steps`: list of {trigger, seconds, court_days, targets, need}. `default_for`: {kinds, forces,
    critical} of the team's deadlines that climb it where nothing else was chosen; None: it is chosen."""

    __tablename__ = "escalation_policies"

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id", index=True)
    name: str
    steps: list[dict[str, Any]] = Field(sa_type=Json)
    default_for: dict[str, Any] | None = Field(default=None, sa_type=Json)
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


async def policies_at_hand(
    session: AsyncSession, policy_ids: Collection[str | None], team_ids: Collection[str]
) -> dict[str, EscalationPolicy]:
    """By id: the named ones, and the defaults of these teams."""
    given = {"ids": policy_ids, "team_ids": team_ids}
    return {policy.id: policy for policy in await session.exec(_at_hand(), params=given)}


@cache
def _at_hand() -> SelectOfScalar[EscalationPolicy]:
    of_teams = one_of(col(EscalationPolicy.team_id), bindparam("team_ids", type_=Names))
    default = and_(of_teams, col(EscalationPolicy.default_for).is_not(None))
    return select(EscalationPolicy).where(or_(one_of(col(EscalationPolicy.id), IDS), default))
