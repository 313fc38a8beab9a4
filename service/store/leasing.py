"""Which messages are due, and who holds them.

A message is claimed by pushing its `next_attempt_at` one lease ahead under a new token: a crashed
worker's rows become due again by themselves, and the same index serves both. Of one endpoint no more is
claimed than it takes at once and in a second, and whatever waits behind it goes by; of the mails to one
person that can wait, no more than a person reads. Where much waits, half of what is claimed goes to teams
drawn by lot, so that nobody's crowd keeps the others waiting.
"""

import random
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, case, func, true, union_all, update
from sqlalchemy import select as select_columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.bundles import Pace, patient_from, turn_at
from service.domain.notifications import PENDING_STATES, ChannelKind, MessageState
from service.store.attempts import Attempt
from service.store.columns import one_of
from service.store.endpoints import Endpoint
from service.store.messages import (
    PACED,
    PATIENT_MAILS,
    PENDING,
    PENDING_MAILS,
    PENDING_OF_ALERTS,
    Message,
    not_behind,
)
from service.store.queues import along_indexes
from service.store.room import Waiting, room_of_endpoints, with_room
from service.store.shares import first_of_teams

#: Rows taken into view for each that may be claimed: an endpoint whose rows fill them all is full by then,
#: and passed over the next time.
_LOOKED_AT = 8
#: Of so many that have waited longest, those are taken into view whose time runs out first.
_WEIGHED = 2000


async def lease_due(
    session: AsyncSession,
    pace: Pace,
    now: datetime,
    lease: str,
    lease_for: timedelta,
    limit: int,
    lot: Callable[[], float] = random.random,
) -> list[Message]:
    """Claims up to `limit` messages whose next attempt has come, or whose holder has gone silent. Those of
    alerts first, however many others have been waiting longer; then those first whose time runs out
    first. Where more waits than is looked at, half of the room goes to one message each of as many teams:
    to which, and whether to one where there is room for one, `lot` decides, between 0 and 1."""
    most, due = limit * _LOOKED_AT, _due(pace, (), now)
    await along_indexes(session)
    nearest = await _nearest(session, due, now, most)
    crowded = len(nearest) == most
    some_wait = crowded or any(one.can_wait for one in nearest)
    if some_wait and await _put_off(session, pace, now, most):
        nearest = await _nearest(session, due, now, most)
    room: dict[str, int] = {}
    if crowded or any(one.endpoint_id for one in nearest):
        room = await room_of_endpoints(session, now)
        if full := [endpoint_id for endpoint_id, left in room.items() if not left]:
            due = _due(pace, full, now)
            nearest = await _nearest(session, due, now, most)
    alerts = [one for one in nearest if one.alert_id]
    drawn: Sequence[Waiting] = ()
    if len(nearest) == most:
        left = max(limit - len(with_room(alerts, room)), 0)
        if half := int(left / 2 + lot()):
            drawn = await _drawn(session, due, half, lot)
    in_turn = {one.id: one for one in (*alerts, *drawn, *nearest)}
    ids, ahead = with_room(in_turn.values(), room), [one.id for one in drawn]
    return await _lease_first(session, ids, ahead, now, lease, lease_for, limit)


def _due(pace: Pace, full: Collection[str], now: datetime) -> ColumnElement[bool]:
    """What may leave: by a way that is open, to an endpoint that is not full."""
    open_ways = col(Message.channel).not_in(pace.resting) if pace.resting else true()
    return and_(open_ways, col(Message.next_attempt_at) <= now, not_behind(full))


async def lease_company(
    session: AsyncSession,
    reader_ids: Collection[str],
    now: datetime,
    lease: str,
    lease_for: timedelta,
    limit: int,
) -> list[Message]:
    """The other mails that are due to these readers, under the same lease."""
    reader, since = col(Message.user_id), col(Message.next_attempt_at)
    due = select(Message.id).where(PENDING_MAILS, one_of(reader, reader_ids), since <= now)
    # In the order of the index that is by readers: the other one holds all that waits.
    due = due.order_by(reader, since).limit(limit)
    ids = due.with_for_update(skip_locked=True).scalar_subquery()
    return await _lease(session, col(Message.id).in_(ids), now, lease, lease_for)


async def _put_off(session: AsyncSession, pace: Pace, now: datetime, most: int) -> bool:
    """Mails that can wait, to people who have just had enough: they are due again when it is their turn. Of
    each person's those of one kind leave as one. What somebody asked for goes at once. True where there
    were any."""
    since = col(Message.next_attempt_at)
    due = and_(PATIENT_MAILS, col(Message.state) == MessageState.DUE, since <= now)
    columns = (Message.user_id, Message.event, Message.useful_until, Message.asked_by)
    # Of a crowd none of which can wait no more is read than may be claimed.
    longest = select_columns(*map(col, columns), since).where(due).order_by(since).limit(_WEIGHED)
    one = longest.subquery().c
    nearest = select_columns(one.user_id, one.event).where(_can_wait(one, now))
    nearest = nearest.order_by(one.next_attempt_at).limit(most)
    kinds = dict.fromkeys(tuple(row) for row in await session.exec(nearest))  # type: ignore[call-overload]
    begun = await _mails_begun(session, {reader for reader, _ in kinds}, now) if kinds else {}
    waits = False
    for reader, event in kinds:
        mails = begun.setdefault(reader, [])
        if (at := turn_at(mails, pace, now)) > now:
            waits = True
            own = and_(col(Message.user_id) == reader, col(Message.event) == event)
            ids = (
                select(Message.id)
                .where(due, _can_wait(Message, now), own)
                .with_for_update(skip_locked=True)
            )
            await session.exec(
                update(Message)
                .where(col(Message.id).in_(ids.scalar_subquery()))
                .values(next_attempt_at=at, reason=PACED)
                .execution_options(synchronize_session=False)
            )
        mails.append(now)
    return waits


def _can_wait(message: Any, now: datetime) -> ColumnElement[bool]:
    return and_(message.useful_until >= patient_from(now), message.asked_by.is_(None))


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


async def _lease_first(
    session: AsyncSession,
    message_ids: Sequence[str],
    ahead: Collection[str],
    now: datetime,
    lease: str,
    lease_for: timedelta,
    limit: int,
) -> list[Message]:
    """Those of these that nobody holds by now: of what is of no alert, those `ahead` before the others."""
    if not message_ids:
        return []
    of_alert, *by_time = _turns(Message)
    # Asked for in a way that no index on what is pending serves: by their ids they are found at once.
    pending = func.coalesce(col(Message.state), "").in_(PENDING_STATES)
    chosen = (
        select(Message.id)
        .where(pending, col(Message.next_attempt_at) <= now, one_of(col(Message.id), message_ids))
        .order_by(of_alert, one_of(col(Message.id), ahead).desc(), *by_time)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = col(Message.id).in_(chosen.scalar_subquery())
    return await _lease(session, ids, now, lease, lease_for)


async def _nearest(
    session: AsyncSession, due: ColumnElement[bool], now: datetime, most: int
) -> Sequence[Waiting]:
    """Of those of alerts, and of all, that have waited longest the first by their turn.

    A query of its own: as a part of the next one, a planner without fresh figures ran it anew for every
    row, for half a minute.
    """
    of_alerts = and_(PENDING_OF_ALERTS, due)
    others = and_(PENDING, col(Message.alert_id).is_(None), due)
    lanes = (_longest(of_alerts, now, most), _longest(others, now, max(most, _WEIGHED)))
    either = union_all(*(select_columns(lane) for lane in lanes)).subquery().c
    wanted = _with_endpoint(either, either.can_wait).order_by(*_turns(either)).limit(most)
    return [Waiting(*row) for row in await session.exec(wanted)]


def _longest(due: ColumnElement[bool], now: datetime, most: int) -> Subquery:
    """Of them those that have waited longest."""
    waited = col(Message.next_attempt_at)
    columns = (Message.id, Message.endpoint_id, Message.alert_id, waited, Message.useful_until)
    can_wait = and_(PATIENT_MAILS, _can_wait(Message, now)).label("can_wait")
    chosen = select_columns(*map(col, columns), can_wait).where(due)
    return chosen.order_by(waited).limit(most).subquery()


def _turns(message: Any) -> tuple[ColumnElement[Any], ...]:
    """Alerts first, by how long they have waited; the others by when their time runs out."""
    of_alert = message.alert_id.is_not(None)
    since = case((of_alert, message.next_attempt_at), else_=message.useful_until)
    return of_alert.desc(), since, message.id


def _with_endpoint(message: Any, *more: ColumnElement[bool]) -> Any:
    """The columns of `Waiting`."""
    columns = (message.id, message.endpoint_id, message.alert_id, col(Endpoint.at_once))
    return select_columns(*columns, *more).outerjoin(
        Endpoint, col(Endpoint.id) == message.endpoint_id
    )


async def _drawn(
    session: AsyncSession, due: ColumnElement[bool], most: int, lot: Callable[[], float]
) -> Sequence[Waiting]:
    since = col(Message.next_attempt_at)
    ids = await first_of_teams(session, Message, PENDING, and_(PENDING, due), since, most, lot)
    wanted = _with_endpoint(Message).where(one_of(col(Message.id), ids))
    return [Waiting(*row) for row in await session.exec(wanted)]


async def _lease(
    session: AsyncSession,
    chosen: ColumnElement[bool],
    now: datetime,
    lease: str,
    lease_for: timedelta,
) -> list[Message]:
    claimed = await session.exec(
        update(Message)
        .where(chosen)
        .values(
            state=MessageState.SENDING,
            lease=lease,
            next_attempt_at=now + lease_for,
            attempts=col(Message.attempts) + 1,
        )
        .returning(Message)
        .execution_options(synchronize_session=False)
    )
    return list(claimed.scalars())
