"""How people were reached: what was tried for each step, and whom nothing reaches. It keeps no address."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import delete
from sqlalchemy import select as select_columns
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.bounces import AddressState, BounceClass
from service.domain.notifications import EventType, MessageState
from service.store.alerts import Alert
from service.store.columns import UtcDateTime, insert_missing, one_of, rows_by
from service.store.messages import Message
from service.store.subjects import about
from service.store.users import User


class Unreachable(SQLModel, table=True):
    """Every way to this person in this team has failed, and none has carried anything since."""

    __tablename__ = "unreachable"

    team_id: str = Field(primary_key=True, foreign_key="teams.id")
    user_id: str = Field(primary_key=True, foreign_key="users.id", index=True)
    since: datetime = Field(sa_type=UtcDateTime)


@dataclass(frozen=True)
class Tried:
    """One message of a step to a person. `endpoint_id` None: a mail. `planned_at`: when the step was due;
    `said_at`: when the message was written; `failures`: attempts of which the end is known."""

    message_id: str
    step: str
    occurrence: int
    event: EventType
    user_id: str
    endpoint_id: str | None
    state: MessageState
    failures: int
    planned_at: datetime
    said_at: datetime
    bounce: BounceClass | None = None


async def tries_of(
    session: AsyncSession, subject_ids: Iterable[str]
) -> dict[tuple[str, int], list[Tried]]:
    """(deadline or alert, version) to what was said to people about it on its ladder, in order of time."""
    connection, given = await session.connection(), {"ids": subject_ids}
    found: dict[tuple[str, int], list[Tried]] = {}
    for deadline_id, alert_id, version, *row in await connection.execute(_said(), given):
        if row[1].isdigit():
            row[7] -= row[6] is MessageState.SENDING
            found.setdefault((deadline_id or alert_id, version), []).append(Tried(*row))
    return found


@cache
def _said() -> Any:
    names = ("id", "step", "occurrence", "event", "user_id", "endpoint_id", "state", "attempts")
    instants = ("due_at", "created_at", "bounce")
    owner = ("deadline_id", "alert_id", "deadline_version")
    return (
        select_columns(*(col(getattr(Message, name)) for name in (*owner, *names, *instants)))
        .where(about(Message), col(Message.user_id).is_not(None))
        .order_by(col(Message.created_at), col(Message.id))
    )


async def out_of_reach(
    session: AsyncSession, team_ids: Iterable[str]
) -> dict[tuple[str, str], datetime]:
    """(team id, user id) of those whom nothing reaches, and since when."""
    marked = await session.exec(rows_by(Unreachable.team_id), params={"ids": team_ids})
    return {(one.team_id, one.user_id): one.since for one in marked}


async def mark_unreachable(
    session: AsyncSession, team_id: str, user_id: str, now: datetime
) -> None:
    """Whoever is marked already stays so; a second one that marks waits here for the first."""
    row = {"team_id": team_id, "user_id": user_id, "since": now}
    await insert_missing(session, Unreachable, [row], "team_id", "user_id")


async def unmark(
    session: AsyncSession, user_ids: Collection[str], mailed: Collection[str]
) -> list[tuple[str, str]]:
    """(team id, user id) of those who were marked, in their order. `mailed`: of them, to whom nothing but a
    mail has left; that a relay took it says nothing where mails have come back."""
    gone = select(User.id).where(
        one_of(col(User.id), mailed), User.address_state == AddressState.UNDELIVERABLE
    )
    marked = delete(Unreachable).where(
        one_of(col(Unreachable.user_id), user_ids), col(Unreachable.user_id).not_in(gone)
    )
    rows = await session.exec(marked.returning(col(Unreachable.team_id), col(Unreachable.user_id)))
    return sorted((row[0], row[1]) for row in rows)


async def alerts_about(session: AsyncSession, team_id: str, user_id: str) -> list[Alert]:
    """Those that the clockwork raised because it cannot reach that person."""
    query = select(Alert).where(Alert.team_id == team_id, Alert.about_user_id == user_id)
    return list(await session.exec(query))
