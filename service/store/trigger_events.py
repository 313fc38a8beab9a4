"""Trigger events: what started a clock."""

from datetime import date, datetime

from sqlmodel import Field, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.deadlines import Fate
from service.domain.service_of_process import ServiceMethod
from service.store.columns import Choice, Row, UtcDateTime
from service.store.paging import page


class TriggerEvent(Row, table=True):
    """`occurred_on` is always set; `occurred_at` where the hour is known. `sent_on` and `served_on`:
    dispatch, and receipt by us. `ruled_on`: when a court ruled on it. `facts_on`: the latest of the
    facts complained of. `source_deadline_id` and `fate`: the deadline of which this is the fate."""

    __tablename__ = "trigger_events"

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id")
    case_id: str = Field(foreign_key="cases.id", index=True)
    kind: str
    occurred_on: date
    occurred_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    sent_on: date | None = None
    served_on: date | None = None
    service_method: ServiceMethod | None = Field(default=None, sa_type=Choice(ServiceMethod))
    ruled_on: date | None = None
    facts_on: date | None = None
    source_deadline_id: str | None = Field(default=None, index=True)
    fate: Fate | None = Field(default=None, sa_type=Choice(Fate))
    timezone: str
    note: str | None = None
    created_by: str
    created_at: datetime = Field(sa_type=UtcDateTime)


async def events_out_of(session: AsyncSession, deadline_id: str, fate: Fate) -> list[TriggerEvent]:
    """The events that this fate of a deadline has set going."""
    query = select(TriggerEvent).where(
        TriggerEvent.source_deadline_id == deadline_id, TriggerEvent.fate == fate
    )
    return list(await session.exec(query.order_by(col(TriggerEvent.id))))


async def list_trigger_events(
    session: AsyncSession, case_id: str, after: str | None, limit: int
) -> list[TriggerEvent]:
    query = select(TriggerEvent).where(TriggerEvent.case_id == case_id)
    return await page(session, query, col(TriggerEvent.id), after, limit)
