"""What people answered: acknowledgements, and whatever else ends a silence."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.escalation import ResponseKind
from service.store.columns import Choice, UtcDateTime


class Response(SQLModel, table=True):
    """`method`: how the answer was given (`api`). `reason`: of a decline, `not_mine`, `away` or `cannot`;
    of a snooze, in words. `until`: when a snooze ends."""

    __tablename__ = "responses"

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id")
    deadline_id: str = Field(foreign_key="deadlines.id", index=True)
    version: int
    kind: ResponseKind = Field(sa_type=Choice(ResponseKind))
    user_id: str = Field(foreign_key="users.id")
    method: str
    note: str | None = None
    reason: str | None = None
    until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    at: datetime = Field(sa_type=UtcDateTime)


async def responses_to(
    session: AsyncSession, deadline_ids: Iterable[str]
) -> dict[str, list[Response]]:
    """Deadline id to its responses, oldest first."""
    query = select(Response).where(col(Response.deadline_id).in_(set(deadline_ids)))
    found: dict[str, list[Response]] = {}
    for response in await session.exec(query.order_by(col(Response.at), col(Response.id))):
        found.setdefault(response.deadline_id, []).append(response)
    return found
