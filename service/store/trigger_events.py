"""Trigger events: what started a clock."""

from datetime import date, datetime

from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.store.columns import UtcDateTime
from service.store.paging import page


class TriggerEvent(SQLModel, table=True):
    """`occurred_on` is always set; `occurred_at` where the hour is known. `served_on`: receipt by us.
    `ruled_on`: when a court ruled on it."""

    __tablename__ = "trigger_events"

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id")
    case_id: str = Field(foreign_key="cases.id", index=True)
    kind: str
    occurred_on: date
    occurred_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    served_on: date | None = None
    ruled_on: date | None = None
    timezone: str
    note: str | None = None
    created_by: str
    created_at: datetime = Field(sa_type=UtcDateTime)


async def list_trigger_events(
    session: AsyncSession, case_id: str, after: str | None, limit: int
) -> list[TriggerEvent]:
    query = select(TriggerEvent).where(TriggerEvent.case_id == case_id)
    return await page(session, query, col(TriggerEvent.id), after, limit)
