"""Running escalations: one for each version of a deadline whose ladder has begun."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.store.columns import Json, UtcDateTime


class Escalation(SQLModel, table=True):
    """`steps`: the policy's steps as they were when the first one fired; `fired`: step number (text)
    to the instant it fired (ISO 8601, UTC), `told`: step number to the ids of those it told. `repeats`
    and `repeated_at`: how often and when last the exhausted ladder spoke again. The state is derived
    from these and the responses."""

    __tablename__ = "escalations"
    __table_args__ = (UniqueConstraint("deadline_id", "version"),)

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id")
    deadline_id: str = Field(foreign_key="deadlines.id")
    version: int
    steps: list[dict[str, Any]] = Field(sa_type=Json)
    fired: dict[str, str] = Field(sa_type=Json)
    told: dict[str, list[str]] = Field(default_factory=dict, sa_type=Json)
    repeats: int = 0
    repeated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    started_at: datetime = Field(sa_type=UtcDateTime)


async def escalations_of(
    session: AsyncSession, deadline_ids: Iterable[str]
) -> dict[tuple[str, int], Escalation]:
    """(deadline id, version) to the escalation that runs for it."""
    rows = await session.exec(
        select(Escalation).where(col(Escalation.deadline_id).in_(set(deadline_ids)))
    )
    return {(one.deadline_id, one.version): one for one in rows}
