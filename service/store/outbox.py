"""The outbox: what becomes of messages that somebody has claimed, or that wait for an endpoint.

Success is monotone, failure is fenced by the lease. What is claimed, and when, says leasing.py.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import ColumnElement, Update, bindparam, func, update
from sqlalchemy import select as select_columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.endpoints import HELD_FOR
from service.domain.notifications import PENDING_STATES, ChannelKind, EventType, MessageState
from service.store.columns import Names, UtcDateTime, one_of
from service.store.messages import HELD, Message

#: The reason of the one message by which a paused endpoint is tried.
PROBE = "probe"


async def mark_accepted(session: AsyncSession, message_ids: Sequence[str], now: datetime) -> None:
    """Monotone: whoever learns of a success may record it, also after the lease has passed."""
    await session.exec(_accepting(), params={"ids": message_ids, "now": now})


@cache
def _accepting() -> Update:
    ids, now = bindparam("ids", type_=Names), bindparam("now", type_=UtcDateTime)
    return (
        update(Message)
        .where(one_of(col(Message.id), ids), col(Message.accepted_at).is_(None))
        .values(state=MessageState.ACCEPTED, accepted_at=now, lease=None, reason=None)
        .execution_options(synchronize_session=False)
    )


async def put_back(
    session: AsyncSession,
    message_id: str,
    lease: str,
    next_attempt_at: datetime,
    counted: bool = True,
) -> bool:
    """Fenced: only the holder of the lease may say that a try has failed. `counted` False: it was none."""
    values = {"state": MessageState.DUE, "reason": None, "next_attempt_at": next_attempt_at}
    uncounted = {} if counted else {"attempts": col(Message.attempts) - 1}
    return await _settle(session, [message_id], lease, **values, **uncounted)


async def give_up(
    session: AsyncSession, message_ids: Sequence[str], lease: str, state: MessageState, reason: str
) -> bool:
    """Fenced, as `put_back`; the state is final and the reason stays readable."""
    return await _settle(session, message_ids, lease, state=state, reason=reason)


async def hold(
    session: AsyncSession, message_ids: Sequence[str], lease: str, now: datetime
) -> bool:
    """Fenced: they wait until their endpoint takes something again."""
    values = {"state": MessageState.HELD, "reason": None, "useful_until": now + HELD_FOR}
    return await _settle(session, message_ids, lease, **values)


async def hold_waiting(session: AsyncSession, endpoint_id: str, now: datetime) -> None:
    """The events for one endpoint that nobody holds at this moment."""
    await session.exec(
        update(Message)
        .where(
            col(Message.endpoint_id) == endpoint_id,
            col(Message.user_id).is_(None),
            col(Message.state) == MessageState.DUE,
            col(Message.event) != EventType.ENDPOINT_TEST,
        )
        .values(state=MessageState.HELD, reason=None, useful_until=now + HELD_FOR)
        .execution_options(synchronize_session=False)
    )


async def _settle(
    session: AsyncSession, message_ids: Sequence[str], lease: str, **values: object
) -> bool:
    result = await session.exec(
        update(Message)
        .where(
            one_of(col(Message.id), message_ids),
            col(Message.lease) == lease,
            col(Message.state) == MessageState.SENDING,
        )
        .values(lease=None, **values)
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)


async def let_go(
    session: AsyncSession, endpoint_id: str, now: datetime, apart: timedelta, most: int
) -> int:
    """What was held for an endpoint is due again, the oldest first and so far `apart`."""
    oldest = select(Message.id).where(HELD, Message.endpoint_id == endpoint_id)
    ids = list(await session.exec(oldest.order_by(col(Message.id)).limit(most)))
    for number, message_id in enumerate(ids):
        await session.exec(
            update(Message)
            .where(col(Message.id) == message_id, col(Message.state) == MessageState.HELD)
            .values(state=MessageState.DUE, next_attempt_at=now + number * apart)
            .execution_options(synchronize_session=False)
        )
    return len(ids)


async def probe_with_oldest(session: AsyncSession, endpoint_id: str, now: datetime) -> bool:
    """The oldest that is held for an endpoint is tried, alone; False where none is."""
    oldest = select(Message.id).where(HELD, Message.endpoint_id == endpoint_id)
    one = oldest.order_by(col(Message.id)).limit(1).scalar_subquery()
    result = await session.exec(
        update(Message)
        .where(col(Message.id) == one, col(Message.state) == MessageState.HELD)
        .values(state=MessageState.DUE, next_attempt_at=now, reason=PROBE)
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)


async def held_for(session: AsyncSession, endpoint_id: str | None = None) -> dict[str, int]:
    """Endpoint id to the number of events that wait for it; of one, or of all."""
    query = select_columns(col(Message.endpoint_id), func.count()).where(HELD)
    if endpoint_id is not None:
        query = query.where(col(Message.endpoint_id) == endpoint_id)
    rows = await session.exec(query.group_by(col(Message.endpoint_id)))  # type: ignore[call-overload]
    return {str(row[0]): int(row[1]) for row in rows}


async def give_up_held(session: AsyncSession, now: datetime) -> int:
    """What was held too long; it can still be read and recovered."""
    result = await session.exec(
        update(Message)
        .where(HELD, col(Message.useful_until) < now)
        .values(state=MessageState.EXPIRED, reason="held_too_long")
        .execution_options(synchronize_session=False)
    )
    return int(result.rowcount)


async def send_again(
    session: AsyncSession,
    chosen: ColumnElement[bool],
    actor: str,
    now: datetime,
    useful_until: datetime,
) -> int:
    """The same bytes under the same id once more, whatever became of them. What is on its way, waits or is
    held needs no asking."""
    final = [MessageState.ACCEPTED, MessageState.FAILED, MessageState.EXPIRED, MessageState.BOUNCED]
    result = await session.exec(
        update(Message)
        .where(chosen, col(Message.state).in_(final))
        .values(
            state=MessageState.DUE,
            reason=None,
            accepted_at=None,
            replayed_at=now,
            asked_by=actor,
            next_attempt_at=now,
            useful_until=useful_until,
        )
        .execution_options(synchronize_session=False)
    )
    return int(result.rowcount)


async def forget_payloads(session: AsyncSession, instant: datetime) -> None:
    """What was said to endpoints before then and has come to its end. Mails are evidence, and stay."""
    ended = set(MessageState) - PENDING_STATES - {MessageState.HELD}
    await session.exec(
        update(Message)
        .where(
            col(Message.created_at) < instant,
            col(Message.channel) == ChannelKind.WEBHOOK,
            col(Message.state).in_(ended),
            col(Message.content) != b"",
        )
        .values(content=b"")
        .execution_options(synchronize_session=False)
    )
