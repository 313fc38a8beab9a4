"""Reviews: deadlines that a new edition of the law would move, old date beside new."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, Select, case, or_, text, update
from sqlalchemy import select as select_columns
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Reach
from service.domain.service_of_process import ServiceMethod
from service.store.cases import Case
from service.store.columns import Choice, UtcDateTime, one_of
from service.store.deadlines import LIVE, Deadline, woken_by
from service.store.paging import page, within
from service.store.trigger_events import TriggerEvent

_WAITING = text("state = 'waiting'")


class ReviewState(StrEnum):
    """`waiting` for a person; `applied`: the date moved, by itself or by a person's word; `kept`: a
    person left the date as it was; `moot`: overtaken by another change or the deadline's end."""

    WAITING = "waiting"
    APPLIED = "applied"
    KEPT = "kept"
    MOOT = "moot"


class Review(SQLModel, table=True):
    """`new_on` and `new_at` are None where the law gives no date any more, for the `reason` given.
    `ask_again_on`: the day until which a person has put it off."""

    __tablename__ = "reviews"
    __table_args__ = (
        Index(
            "uq_reviews_waiting",
            "deadline_id",
            unique=True,
            postgresql_where=_WAITING,
            sqlite_where=_WAITING,
        ),
        Index("ix_reviews_team_id", "team_id", "id"),
    )

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id")
    case_id: str = Field(foreign_key="cases.id")
    deadline_id: str = Field(foreign_key="deadlines.id", index=True)
    state: ReviewState = Field(sa_type=Choice(ReviewState))
    edition: str
    reason: str
    old_on: date
    old_at: datetime = Field(sa_type=UtcDateTime)
    new_on: date | None = None
    new_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ask_again_on: date | None = None
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decided_because: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)


async def list_reviews(
    session: AsyncSession,
    reach: Reach,
    *,
    states: Collection[ReviewState] = (),
    case_id: str | None = None,
    put_off_until: date | None = None,
    after: str | None,
    limit: int,
) -> list[Review]:
    """Oldest first; with `put_off_until`, without those that a person put off beyond that day."""
    query = within(select(Review), Review.team_id, reach)
    if states:
        query = query.where(col(Review.state).in_(states))
    if case_id:
        query = query.where(Review.case_id == case_id)
    if put_off_until:
        asked = col(Review.ask_again_on)
        query = query.where(asked.is_(None) | (asked <= put_off_until))
    return await page(session, query, Review.id, after, limit)


async def lock_reviews(session: AsyncSession, ids: Iterable[str], reach: Reach) -> list[Review]:
    query = within(select(Review).where(one_of(col(Review.id), ids)), Review.team_id, reach)
    return list(await session.exec(query.order_by(col(Review.id)).with_for_update()))


async def newest_reviews(session: AsyncSession, deadline_ids: Iterable[str]) -> dict[str, Review]:
    """Deadline id to its newest review."""
    query = select(Review).where(one_of(col(Review.deadline_id), deadline_ids))
    return {one.deadline_id: one for one in await session.exec(query.order_by(col(Review.id)))}


async def close_waiting(session: AsyncSession, deadline_ids: Iterable[str]) -> None:
    """What waits for a decision on these deadlines has been overtaken."""
    await session.exec(
        update(Review)
        .where(col(Review.deadline_id).in_(set(deadline_ids)), _WAITING)
        .values(state=ReviewState.MOOT)
        .execution_options(synchronize_session="fetch")
    )


@dataclass(frozen=True)
class Unchecked:
    """What a date rests on, without the rest of its deadline: thousands are read at a time.

    `occurred_on` is None where there is no trigger event; `stated`: a person's word stands over the
    rule, or alone.
    """

    id: str
    rule_id: str | None
    due_on: date
    due_at: datetime
    act_by_on: date | None
    computed_at: datetime | None
    whole_day: bool
    timezone: str
    stated: dict[str, Any] | None
    entered_at: datetime
    occurred_on: date | None
    occurred_at: datetime | None
    sent_on: date | None
    served_on: date | None
    service_method: ServiceMethod | None
    ruled_on: date | None
    facts_on: date | None
    calendar: str | None
    respondent_state: str | None


_OF_DEADLINE = (
    "id", "rule_id", "due_on", "due_at", "act_by_on", "computed_at", "whole_day", "timezone",
    "stated", "entered_at",
)  # fmt: skip
_OF_EVENT = (
    "occurred_on", "occurred_at", "sent_on", "served_on", "service_method", "ruled_on", "facts_on",
)  # fmt: skip


async def live_dates(session: AsyncSession, limit: int) -> list[Unchecked]:
    """Of all teams, soonest due first, for a look ahead that changes nothing."""
    query = _dates().where(LIVE).order_by(col(Deadline.due_at)).limit(limit)
    connection = await session.connection()
    return [Unchecked(*row) for row in await connection.execute(query)]


async def claim_unchecked(session: AsyncSession, edition: str, limit: int) -> list[Unchecked]:
    """Live deadlines that were last held against another edition of the law, for this transaction."""
    held = col(Deadline.checked_against)
    query = (
        _dates()
        # Two ranges, where an index serves; an inequality would read every row each time.
        .where(LIVE, or_(held < edition, held > edition))
        .limit(limit)
        .with_for_update(skip_locked=True, of=Deadline)
    )
    connection = await session.connection()
    return [Unchecked(*row) for row in await connection.execute(query)]


def _dates() -> Select[Any]:
    columns = [
        *(getattr(Deadline, name) for name in _OF_DEADLINE),
        *(getattr(TriggerEvent, name) for name in _OF_EVENT),
        Case.calendar,
        Case.respondent_state,
    ]
    return (
        select_columns(*columns)
        .join(Case, col(Case.id) == col(Deadline.case_id))
        .outerjoin(TriggerEvent, col(TriggerEvent.id) == col(Deadline.trigger_event_id))
    )


async def mark_checked(
    session: AsyncSession, deadline_ids: Iterable[str], edition: str, now: datetime
) -> None:
    """Where the date stands, marks may not: their instants rest on the same days and clocks, so that the
    next tick looks again at what was held against another edition before."""
    held_before = col(Deadline.checked_against) != ""
    wake_at = case((held_before, woken_by(now)), else_=col(Deadline.wake_at))
    await session.exec(
        update(Deadline)
        .where(one_of(col(Deadline.id), deadline_ids))
        .values(checked_against=edition, wake_at=wake_at)
        # No object of this transaction is asked for its edition again: nothing to bring up to date.
        .execution_options(synchronize_session=False)
    )
