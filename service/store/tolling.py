"""Tolling periods of deadlines: since when, until when, and by whose word, the clock stood still."""

from collections.abc import Iterable
from datetime import date, datetime

from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.store.columns import UtcDateTime, one_of


class TollingPeriod(SQLModel, table=True):
    """Half-open: the clock runs again on `until_on`; None: it still stands."""

    __tablename__ = "tolling_periods"

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id")
    deadline_id: str = Field(foreign_key="deadlines.id", index=True)
    from_on: date
    until_on: date | None = None
    reason: str
    source: str | None = None
    entered_by: str
    entered_at: datetime = Field(sa_type=UtcDateTime)
    lifted_by: str | None = None
    lifted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


async def tolling_of(
    session: AsyncSession, deadline_ids: Iterable[str]
) -> dict[str, list[TollingPeriod]]:
    """Deadline id to its periods, oldest first."""
    query = select(TollingPeriod).where(one_of(col(TollingPeriod.deadline_id), deadline_ids))
    found: dict[str, list[TollingPeriod]] = {}
    for period in await session.exec(query.order_by(col(TollingPeriod.from_on))):
        found.setdefault(period.deadline_id, []).append(period)
    return found
