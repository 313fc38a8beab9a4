"""Alerts: emergencies that people raise, and `wake_at`, by which the clockwork finds them first."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import ClassVar

from sqlalchemy import Index, Integer, UniqueConstraint, bindparam, func, text, update
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from service.domain.access import Reach
from service.domain.alerts import AlertState
from service.domain.notifications import SubjectKind
from service.store.columns import Choice, UtcDateTime
from service.store.paging import get_within, page, within

_AWAKE = text("wake_at IS NOT NULL")
#: Written out for the planner, as in messages.py. Empty while all is well.
_ASLEEP = text("wake_at IS NULL AND state = 'open'")


class Alert(SQLModel, table=True):
    """`case_id` None: whom it concerns is not known yet, and the whole team is told. `version` rises when
    a case is named, for then other people are told; `entered_at`: when this version came into being.
    `wake_at`, `failing_since` and `events_told` as in deadlines. `drill`: people are practising.
    `about_user_id`: the person whom nothing reaches; it goes to the others."""

    subject_kind: ClassVar[SubjectKind] = SubjectKind.ALERT
    __tablename__ = "alerts"
    __table_args__ = (
        Index("ix_alerts_wake_at", "wake_at", postgresql_where=_AWAKE, sqlite_where=_AWAKE),
        Index("ix_alerts_asleep", "id", postgresql_where=_ASLEEP, sqlite_where=_ASLEEP),
        UniqueConstraint("team_id", "external_id"),
    )

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id", index=True)
    case_id: str | None = Field(default=None, foreign_key="cases.id", index=True)
    external_id: str | None = None
    title: str
    notes: str | None = None
    about_user_id: str | None = Field(default=None, foreign_key="users.id")
    raised_by: str
    raised_at: datetime = Field(sa_type=UtcDateTime)
    timezone: str
    drill: bool = False
    escalation_policy_id: str | None = Field(default=None, foreign_key="escalation_policies.id")
    state: AlertState = Field(default=AlertState.OPEN, sa_type=Choice(AlertState))
    version: int = 1
    entered_at: datetime = Field(sa_type=UtcDateTime)
    wake_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    failing_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    events_told: int = 0
    resolved_by: str | None = None
    resolved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    resolved_because: str | None = None
    revision: int = 1
    created_at: datetime = Field(sa_type=UtcDateTime)

    @property
    def live(self) -> bool:
        """Whether there is still something to say of it."""
        return self.state is AlertState.OPEN

    @property
    def due_at(self) -> datetime:
        """An alert is due when it is raised."""
        return self.raised_at

    @property
    def critical(self) -> bool:
        """A critical deadline asks for more than an answer by link; in an emergency that would only
        cost time."""
        return False


async def get_alert(
    session: AsyncSession, alert_id: str, reach: Reach, lock: bool = False
) -> Alert | None:
    return await get_within(session, Alert, alert_id, reach, lock)


async def alert_external_id_taken(session: AsyncSession, team_id: str, external_id: str) -> bool:
    query = select(Alert.id).where(Alert.team_id == team_id, Alert.external_id == external_id)
    return (await session.exec(query)).first() is not None


async def list_alerts(
    session: AsyncSession,
    reach: Reach,
    *,
    case_id: str | None,
    states: Iterable[AlertState],
    after: str | None,
    limit: int,
) -> list[Alert]:
    """Oldest first."""
    query = within(select(Alert), Alert.team_id, reach)
    if case_id:
        query = query.where(Alert.case_id == case_id)
    if chosen := list(states):
        query = query.where(col(Alert.state).in_(chosen))
    return await page(session, query, Alert.id, after, limit)


async def claim_due_alerts(session: AsyncSession, now: datetime, limit: int) -> list[Alert]:
    """Alerts whose plan has something to say, held for this transaction, soonest due first."""
    return list(await session.exec(_waiting(), params={"now": now, "most": limit}))


@cache
def _waiting() -> SelectOfScalar[Alert]:
    due = col(Alert.wake_at) <= bindparam("now", type_=UtcDateTime)
    query = select(Alert).where(due).order_by(col(Alert.wake_at))
    return query.limit(bindparam("most", type_=Integer)).with_for_update(skip_locked=True)


async def wake_alerts(session: AsyncSession, alert_ids: Iterable[str], now: datetime) -> None:
    """Let the next tick look at these again, where they are still open."""
    await session.exec(
        update(Alert)
        .where(col(Alert.id).in_(set(alert_ids)), col(Alert.state) == AlertState.OPEN)
        .values(wake_at=now)
    )


async def longest_unseen_alert(session: AsyncSession, now: datetime) -> datetime | None:
    """`wake_at` of the alert that has been waiting longest to be looked at, None where none is."""
    query = select(func.min(Alert.wake_at)).where(col(Alert.wake_at) <= now)
    oldest: datetime | None = (await session.exec(query)).one()
    return oldest


async def number_of_alerts_asleep(session: AsyncSession) -> int:
    """Open alerts that no tick will ever look at."""
    return int((await session.exec(select(func.count()).select_from(Alert).where(_ASLEEP))).one())
