"""Which mails wait for their reader: whoever has just had enough is sent the rest when it is their turn.
Claims nothing.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, update
from sqlalchemy import select as select_columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.bundles import Pace, patient_from, turn_at
from service.domain.notifications import ChannelKind, MessageState
from service.store.attempts import Attempt
from service.store.columns import UtcDateTime, one_of
from service.store.messages import PACED, PATIENT_MAILS, Message

#: Of so many that have waited longest, those are looked at that can wait.
_WEIGHED = 2000

_NOW = bindparam("now", type_=UtcDateTime)
_PATIENT_FROM = bindparam("patient_from", type_=UtcDateTime)


async def put_off(session: AsyncSession, pace: Pace, now: datetime, most: int) -> bool:
    """Mails that can wait, to people who have just had enough: they are due again when it is their turn. Of
    each person's those of one kind leave as one. What somebody asked for goes at once. True where there
    were any."""
    given = {"now": now, "patient_from": patient_from(now)}
    found = await session.exec(_patient(), params=given | {"most": most})  # type: ignore[call-overload]
    kinds = dict.fromkeys(tuple(row) for row in found)
    begun = await _mails_begun(session, {reader for reader, _ in kinds}, now) if kinds else {}
    waits = False
    for reader, event in kinds:
        mails = begun.setdefault(reader, [])
        if (at := turn_at(mails, pace, now)) > now:
            waits = True
            own = and_(col(Message.user_id) == reader, col(Message.event) == event)
            ids = (
                select(Message.id)
                .where(_due_in_time(), can_wait(Message), own)
                .with_for_update(skip_locked=True)
            )
            await session.exec(
                update(Message)
                .where(col(Message.id).in_(ids.scalar_subquery()))
                .values(next_attempt_at=at, reason=PACED)
                .execution_options(synchronize_session=False),
                params=given,
            )
        mails.append(now)
    return waits


@cache
def _patient() -> Select[Any]:
    """To whom mails that can wait are due, and of what."""
    since = col(Message.next_attempt_at)
    columns = (Message.user_id, Message.event, Message.useful_until, Message.asked_by)
    # Of a crowd none of which can wait no more is read than may be claimed.
    longest = select_columns(*map(col, columns), since).where(_due_in_time())
    one = longest.order_by(since).limit(_WEIGHED).subquery().c
    nearest = select_columns(one.user_id, one.event).where(can_wait(one))
    return nearest.order_by(one.next_attempt_at).limit(bindparam("most", type_=Integer))


def _due_in_time() -> ColumnElement[bool]:
    """Mails that may be of those that can wait, and that nobody has claimed."""
    due = and_(col(Message.state) == MessageState.DUE, col(Message.next_attempt_at) <= _NOW)
    return and_(PATIENT_MAILS, due)


def can_wait(message: Any) -> ColumnElement[bool]:
    """What is far off, given from when on that is, and was asked for by nobody."""
    return and_(message.useful_until >= _PATIENT_FROM, message.asked_by.is_(None))


async def _mails_begun(
    session: AsyncSession, reader_ids: Collection[str], now: datetime
) -> dict[str, list[datetime]]:
    """Reader to when a mail was begun for them in the last hour; many notices in one count once."""
    query = (
        select_columns(col(Message.user_id), col(Attempt.opened_at))
        .join(Attempt, col(Attempt.message_id) == col(Message.id))
        .where(col(Attempt.opened_at) > now - timedelta(hours=1))
        .where(col(Attempt.along_with).is_(None), col(Message.channel) == ChannelKind.EMAIL)
        .where(one_of(col(Message.user_id), reader_ids))
    )
    begun: dict[str, list[datetime]] = {}
    for reader, opened_at in await session.exec(query):  # type: ignore[call-overload]
        begun.setdefault(reader, []).append(opened_at)
    return begun
