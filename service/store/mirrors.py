"""What calendars on CalDAV servers lack: deadlines held against the record of what was written there."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, case, not_, or_, true, update
from sqlalchemy import select as select_columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.deadlines import LIVE_STATES, DeadlineState
from service.domain.feeds import CANCELLED_SHOWN_FOR, ENDED_SHOWN_FOR, MOVED_SHOWN_FOR
from service.domain.notifications import EventType, MessageState, Superseded
from service.store.cases import Case
from service.store.deadlines import Deadline
from service.store.endpoints import Endpoint
from service.store.messages import Message
from service.store.remote_records import RemoteRecord

_WAITING = (MessageState.DUE, MessageState.HELD)


class Behind(NamedTuple):
    """`sequence`: of the entry as it should be; `shown`: there should be one."""

    deadline: Deadline
    case: Case
    sequence: int
    shown: bool


async def behind(
    session: AsyncSession,
    endpoint: Endpoint,
    now: datetime,
    limit: int,
) -> list[Behind]:
    """Entries that are not as they should be and are not being made so, soonest due first."""
    shown, sequence = _shown(endpoint, now), _sequence(endpoint, now)
    record = and_(
        col(RemoteRecord.endpoint_id) == endpoint.id,
        col(RemoteRecord.subject_id) == col(Deadline.id),
    )
    written = col(RemoteRecord.sequence).is_not_distinct_from(sequence)
    known = col(RemoteRecord.subject_id).is_not(None)
    event = case((shown, EventType.ENTRY_WRITTEN.value), else_=EventType.ENTRY_WITHDRAWN.value)
    in_hand = (
        select(Message.id)
        .where(Message.endpoint_id == endpoint.id, col(Message.deadline_id) == col(Deadline.id))
        .where(
            or_(
                col(Message.state) == MessageState.SENDING,
                and_(
                    col(Message.state).in_(_WAITING),
                    col(Message.occurrence) == sequence,
                    col(Message.event) == event,
                ),
            )
        )
    )
    query = (
        select_columns(Deadline, Case, sequence, shown)
        .join(Case, col(Case.id) == col(Deadline.case_id))
        .outerjoin(RemoteRecord, record)
        .where(col(Deadline.team_id) == endpoint.team_id)
        .where(or_(and_(shown, not_(written)), and_(not_(shown), known)), not_(in_hand.exists()))
        .order_by(col(Deadline.due_at), col(Deadline.id))
        .limit(limit)
    )
    rows = await session.exec(query)  # type: ignore[call-overload]  # not typed for plain selects
    return [Behind(row[0], row[1], int(row[2]), bool(row[3])) for row in rows]


def _shown(endpoint: Endpoint, now: datetime) -> ColumnElement[bool]:
    """What the endpoint asked for, as long as a calendar shows it; never a drill."""
    state, ended_at = col(Deadline.state), col(Deadline.ended_at)
    lately = case(
        (state == DeadlineState.CANCELLED, ended_at > now - CANCELLED_SHOWN_FOR),
        else_=ended_at > now - ENDED_SHOWN_FOR,
    )
    return and_(
        col(Deadline.drill).is_(False),
        or_(state.in_(LIVE_STATES), lately),
        col(Deadline.case_id).in_(endpoint.cases) if endpoint.cases else true(),
        col(Deadline.critical).is_(True) if endpoint.critical_only else true(),
    )


def _sequence(endpoint: Endpoint, now: datetime) -> ColumnElement[int]:
    """Each change of what is shown outweighs both that time brings: the due instant passes, and a date that
    has moved is not new any more."""
    changes = col(Deadline.shown) + col(Case.shown) + endpoint.shown
    passed = case((col(Deadline.due_at) <= now, 1), else_=0)
    moved_long_ago = and_(
        col(Deadline.version) > 1, col(Deadline.entered_at) <= now - MOVED_SHOWN_FOR
    )
    return 3 * changes + passed + case((moved_long_ago, 1), else_=0)


async def give_way(
    session: AsyncSession, endpoint_id: str, deadline_ids: Collection[str]
) -> set[str]:
    """What waits to say something older of these is not sent any more; answers those of which something
    leaves at this moment: two words on their way could overtake each other."""
    if not deadline_ids:
        return set()
    of_these = and_(
        col(Message.endpoint_id) == endpoint_id, col(Message.deadline_id).in_(deadline_ids)
    )
    await session.exec(
        update(Message)
        .where(of_these, col(Message.state).in_(_WAITING))
        .values(state=MessageState.SUPERSEDED, reason=Superseded.VERSION_CHANGED)
        .execution_options(synchronize_session=False)
    )
    leaving = select(Message.deadline_id).where(
        of_these, col(Message.state) == MessageState.SENDING
    )
    return {one for one in await session.exec(leaving) if one}
