"""What people answered: acknowledgements, and whatever else ends a silence."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from service.domain.answering import Strength, holds_the_chain
from service.domain.escalation import ResponseKind
from service.store.columns import Choice, UtcDateTime
from service.store.subjects import about


class Response(SQLModel, table=True):
    """`method`: how the answer was given (`api`, `link`); `strength`: how sure it is who gave it.
    `suspect`: it may have been a machine. `client`: keyed fingerprint of the address that it came from,
    for a link. `reason`: of a decline, `not_mine`, `away` or `cannot`; of a snooze, in words. `until`:
    when a snooze ends. `withdrawn_at`: the person has taken it back."""

    __tablename__ = "responses"
    __table_args__ = (
        CheckConstraint("(deadline_id IS NULL) <> (alert_id IS NULL)", name="one_subject"),
    )

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id")
    deadline_id: str | None = Field(default=None, foreign_key="deadlines.id", index=True)
    alert_id: str | None = Field(default=None, foreign_key="alerts.id", index=True)
    version: int
    kind: ResponseKind = Field(sa_type=Choice(ResponseKind))
    user_id: str = Field(foreign_key="users.id")
    method: str
    strength: Strength = Field(default=Strength.API, sa_type=Choice(Strength))
    suspect: bool = False
    client: str | None = Field(default=None, index=True)
    note: str | None = None
    reason: str | None = None
    until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    at: datetime = Field(sa_type=UtcDateTime)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    @property
    def subject_id(self) -> str:
        return self.deadline_id or self.alert_id or ""

    def counts_for(self, critical: bool) -> bool:
        """Whether the ladder heeds it, on a deadline that is critical or is not."""
        if self.withdrawn_at is not None:
            return False
        if self.kind is ResponseKind.DECLINE:
            return (
                not self.suspect
            )  # it brings the next person sooner: the safe side needs less proof
        return holds_the_chain(self.strength, self.suspect, critical)


async def responses_to(
    session: AsyncSession, subject_ids: Iterable[str]
) -> dict[str, list[Response]]:
    """Id of a deadline or an alert to its responses, oldest first."""
    found: dict[str, list[Response]] = {}
    for response in await session.exec(_of_subjects(), params={"ids": subject_ids}):
        found.setdefault(response.subject_id, []).append(response)
    return found


@cache
def _of_subjects() -> SelectOfScalar[Response]:
    query = select(Response).where(about(Response))
    return query.order_by(col(Response.at), col(Response.id))


async def responses_from(session: AsyncSession, client: str, since: datetime) -> list[Response]:
    """What was answered from one client since then and not taken back."""
    query = select(Response).where(
        Response.client == client,
        col(Response.at) >= since,
        col(Response.withdrawn_at).is_(None),
    )
    return list(await session.exec(query))
