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
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Subquery,
    Update,
    and_,
    bindparam,
    case,
    func,
    true,
    union_all,
    update,
)
from sqlalchemy import select as select_columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.bundles import Pace, patient_from
from service.domain.notifications import PENDING_STATES, ChannelKind, MessageState
from service.store.columns import Names, UtcDateTime, one_of
from service.store.endpoints import Endpoint
from service.store.messages import (
    PATIENT_MAILS,
    PENDING,
    PENDING_MAILS,
    PENDING_OF_ALERTS,
    Message,
    not_behind,
)
from service.store.patience import can_wait, put_off
from service.store.queues import along_indexes
from service.store.room import Waiting, room_of_endpoints, with_room
from service.store.shares import draw, first_of_teams

#: Rows taken into view for each that may be claimed: an endpoint whose rows fill them all is full by then,
#: and passed over the next time.
_LOOKED_AT = 8
#: Of so many that have waited longest, those are taken into view whose time runs out first.
_WEIGHED = 2000

#: What is another in each claim. The statements themselves are built once: that took longer than to ask.
_NOW = bindparam("now", type_=UtcDateTime)
_FULL, _IDS, _AHEAD = (bindparam(name, type_=Names) for name in ("full", "ids", "ahead"))
_MOST, _IN_VIEW = (bindparam(name, type_=Integer) for name in ("most", "in_view"))


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
    most = limit * _LOOKED_AT
    given: dict[str, Any] = {"now": now, "patient_from": patient_from(now)}
    given |= {"most": most, "in_view": max(most, _WEIGHED), "full": ()}
    await along_indexes(session)
    nearest = await _nearest(session, pace, given)
    crowded = len(nearest) == most
    some_wait = crowded or any(one.can_wait for one in nearest)
    if some_wait and await put_off(session, pace, now, most):
        nearest = await _nearest(session, pace, given)
    room: dict[str, int] = {}
    if crowded or any(one.endpoint_id for one in nearest):
        room = await room_of_endpoints(session, now)
        if full := [endpoint_id for endpoint_id, left in room.items() if not left]:
            given["full"] = full
            nearest = await _nearest(session, pace, given)
    alerts = [one for one in nearest if one.alert_id]
    drawn: Sequence[Waiting] = ()
    if len(nearest) == most:
        left = max(limit - len(with_room(alerts, room)), 0)
        if half := int(left / 2 + lot()):
            drawn = await _drawn(session, pace, given, half, lot)
    in_turn = {one.id: one for one in (*alerts, *drawn, *nearest)}
    if not (ids := with_room(in_turn.values(), room)):
        return []
    ahead = [one.id for one in drawn]
    chosen = {"now": now, "ids": ids, "ahead": ahead, "most": limit}
    return await _lease(session, _first(), chosen, lease, lease_for)


async def lease_company(
    session: AsyncSession,
    reader_ids: Collection[str],
    now: datetime,
    lease: str,
    lease_for: timedelta,
    limit: int,
) -> list[Message]:
    """The other mails that are due to these readers, under the same lease."""
    chosen = {"now": now, "ids": reader_ids, "most": limit}
    return await _lease(session, _of_readers(), chosen, lease, lease_for)


@cache
def _of_readers() -> Update:
    reader, since = col(Message.user_id), col(Message.next_attempt_at)
    due = select(Message.id).where(PENDING_MAILS, one_of(reader, _IDS), since <= _NOW)
    # In the order of the index that is by readers: the other one holds all that waits.
    due = due.order_by(reader, since).limit(_MOST)
    return _leased(due.with_for_update(skip_locked=True))


async def _nearest(session: AsyncSession, pace: Pace, given: dict[str, Any]) -> Sequence[Waiting]:
    rows = await session.exec(_in_turn(pace.resting), params=given)  # type: ignore[call-overload]
    return [Waiting(*row) for row in rows]


@cache
def _in_turn(resting: frozenset[ChannelKind]) -> Select[Any]:
    """Of those of alerts, and of all, that have waited longest the first by their turn.

    A query of its own: as a part of the next one, a planner without fresh figures ran it anew for every
    row, for half a minute.
    """
    due = _due(resting)
    others = and_(PENDING, col(Message.alert_id).is_(None), due)
    lanes = (_longest(and_(PENDING_OF_ALERTS, due), _MOST), _longest(others, _IN_VIEW))
    either = union_all(*(select_columns(lane) for lane in lanes)).subquery()
    # The first alone are joined to their endpoints: each is looked up by its id.
    first = select_columns(either).order_by(*_turns(either.c)).limit(_MOST).subquery().c
    return _with_endpoint(first, first.can_wait).order_by(*_turns(first))


def _due(resting: frozenset[ChannelKind]) -> ColumnElement[bool]:
    """What may leave: by a way that is open, to an endpoint that is not full."""
    open_ways = col(Message.channel).not_in(resting) if resting else true()
    return and_(open_ways, col(Message.next_attempt_at) <= _NOW, not_behind(_FULL))


def _longest(due: ColumnElement[bool], most: ColumnElement[int]) -> Subquery:
    """Of them those that have waited longest."""
    waited = col(Message.next_attempt_at)
    columns = (Message.id, Message.endpoint_id, Message.alert_id, waited, Message.useful_until)
    patient = and_(PATIENT_MAILS, can_wait(Message)).label("can_wait")
    chosen = select_columns(*map(col, columns), patient).where(due)
    return chosen.order_by(waited).limit(most).subquery()


def _turns(message: Any) -> tuple[ColumnElement[Any], ...]:
    """Alerts first, by how long they have waited; the others by when their time runs out."""
    of_alert = message.alert_id.is_not(None)
    since = case((of_alert, message.next_attempt_at), else_=message.useful_until)
    return of_alert.desc(), since, message.id


def _with_endpoint(message: Any, *more: ColumnElement[bool]) -> Select[Any]:
    """The columns of `Waiting`."""
    columns = (message.id, message.endpoint_id, message.alert_id, col(Endpoint.at_once))
    return select_columns(*columns, *more).outerjoin(
        Endpoint, col(Endpoint.id) == message.endpoint_id
    )


async def _drawn(
    session: AsyncSession,
    pace: Pace,
    given: dict[str, Any],
    most: int,
    lot: Callable[[], float],
) -> Sequence[Waiting]:
    ids = await draw(session, _first_of_teams(pace.resting), given, most, lot)
    rows = await session.exec(_by_ids(), params={"ids": ids})  # type: ignore[call-overload]
    return [Waiting(*row) for row in rows]


@cache
def _first_of_teams(resting: frozenset[ChannelKind]) -> Select[tuple[str | None]]:
    due = and_(PENDING, _due(resting))
    return first_of_teams(Message, PENDING, due, col(Message.next_attempt_at))


@cache
def _by_ids() -> Select[Any]:
    return _with_endpoint(Message).where(one_of(col(Message.id), _IDS))


@cache
def _first() -> Update:
    """Of those of these ids that nobody holds by now: of what is of no alert, those `ahead` before the
    others."""
    of_alert, *by_time = _turns(Message)
    # Asked for in a way that no index on what is pending serves: by their ids they are found at once.
    pending = func.coalesce(col(Message.state), "").in_(PENDING_STATES)
    chosen = (
        select(Message.id)
        .where(pending, col(Message.next_attempt_at) <= _NOW, one_of(col(Message.id), _IDS))
        .order_by(of_alert, one_of(col(Message.id), _AHEAD).desc(), *by_time)
        .limit(_MOST)
    )
    return _leased(chosen.with_for_update(skip_locked=True))


def _leased(chosen: Any) -> Update:
    """Claims these, and answers them as they are from now on."""
    claimed = {
        "state": MessageState.SENDING,
        "lease": bindparam("holder"),
        "next_attempt_at": bindparam("until", type_=UtcDateTime),
        "attempts": col(Message.attempts) + 1,
    }
    return (
        update(Message)
        .where(col(Message.id).in_(chosen.scalar_subquery()))
        .values(claimed)
        .returning(Message)
        .execution_options(synchronize_session=False)
    )


async def _lease(
    session: AsyncSession,
    statement: Update,
    chosen: dict[str, Any],
    lease: str,
    lease_for: timedelta,
) -> list[Message]:
    held = {"holder": lease, "until": chosen["now"] + lease_for}
    claimed = await session.exec(statement, params=chosen | held)
    return list(claimed.scalars())
