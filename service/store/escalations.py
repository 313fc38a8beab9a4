"""Running escalations: one for each version of a deadline or an alert whose ladder has begun."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from service.store.columns import Json, Row, UtcDateTime
from service.store.subjects import about


class Escalation(Row, table=True):
    """`steps`: the policy's steps as they were when the first one fired; `fired`: step number (text)
    to the instant it fired (ISO 8601, UTC), `told`: step number to the ids of those it told. `repeats`
    and `repeated_at`: how often and when last the exhausted ladder spoke again. The state is derived
    from these and the responses."""

    __tablename__ = "escalations"
    __table_args__ = (
        UniqueConstraint("deadline_id", "version"),
        UniqueConstraint("alert_id", "version"),
        Index("ix_escalations_started_at", "started_at"),
        CheckConstraint("(deadline_id IS NULL) <> (alert_id IS NULL)", name="one_subject"),
    )

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id")
    deadline_id: str | None = Field(default=None, foreign_key="deadlines.id")
    alert_id: str | None = Field(default=None, foreign_key="alerts.id")
    version: int
    steps: list[dict[str, Any]] = Field(sa_type=Json)
    fired: dict[str, str] = Field(sa_type=Json)
    told: dict[str, list[str]] = Field(default_factory=dict, sa_type=Json)
    repeats: int = 0
    repeated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    started_at: datetime = Field(sa_type=UtcDateTime)

    @property
    def subject_id(self) -> str:
        return self.deadline_id or self.alert_id or ""


async def escalations_of(
    session: AsyncSession, subject_ids: Iterable[str]
) -> dict[tuple[str, int], Escalation]:
    """(id of a deadline or an alert, version) to the escalation that runs for it."""
    rows = await session.exec(_of_subjects(), params={"ids": subject_ids})
    return {(one.subject_id, one.version): one for one in rows}


@cache
def _of_subjects() -> SelectOfScalar[Escalation]:
    return select(Escalation).where(about(Escalation))
