"""Extensions of time: asked for, granted or refused. Asking moves no date."""

from datetime import date, datetime

from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.deadlines import ExtensionState
from service.store.columns import Choice, UtcDateTime


class Extension(SQLModel, table=True):
    """`asked_until_on`: the last day asked for; `granted_until_on`: the last day granted."""

    __tablename__ = "extensions"

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id")
    deadline_id: str = Field(foreign_key="deadlines.id", index=True)
    state: ExtensionState = Field(sa_type=Choice(ExtensionState))
    requested_on: date
    asked_until_on: date | None = None
    reason: str
    requested_by: str
    granted_until_on: date | None = None
    source: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)


async def extensions_of(session: AsyncSession, deadline_id: str) -> list[Extension]:
    query = select(Extension).where(Extension.deadline_id == deadline_id)
    return list(await session.exec(query.order_by(col(Extension.id))))
