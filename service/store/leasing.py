"""Which messages are due, and who holds them.

A message is claimed by pushing its `next_attempt_at` one lease ahead under a new token: a crashed
worker's rows become due again by themselves, and the same index serves both. Of one endpoint no more is
claimed than it takes at once and in a second, and whatever waits behind it goes by; of the mails to one
person that can wait, no more than a person reads. Where much waits, half of what is claimed goes to teams
drawn by lot, so that nobody's crowd keeps the others waiting.
"""

import random
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, TextClause, and_, bindparam, case, func, or_, true, update
from sqlalchemy import select as select_columns
from sqlalchemy.orm import Mapped
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.bundles import Pace, patient_from, turn_at
from service.domain.notifications import ChannelKind, MessageState
from service.store.attempts import Attempt
from service.store.columns import core_table
from service.store.endpoints import Endpoint
from service.store.messages import (
    PACED,
    PATIENT_MAILS,
    PENDING,
    PENDING_OF_ALERTS,
    Message,
    not_behind,
)

#: Seconds of its rate that an endpoint may be sent in one go after a rest.
_BURST = 10
#: No share lasts for so many seconds: an account that is further ahead was kept by a clock that went wrong.
_FAR = 3600
#: Rows taken into view for each that may be claimed: an endpoint whose rows fill them all is full by then,
#: and passed over the next time.
_LOOKED_AT = 8
#: Of so many that have waited longest, those are taken into view whose time runs out first.
_WEIGHED = 2000

#: A message's id and its endpoint's.
_Waiting = tuple[str, str | None]


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
    await _put_off(session, pace, now, limit * _LOOKED_AT)
    room, claimed = await _room(session, now), list[Message]()
    full = [endpoint_id for endpoint_id, left in room.items() if not left]

    async def take(rows: Sequence[_Waiting], first: Mapped[datetime]) -> None:
        nonlocal room
        ids, left = await _with_room(session, rows, room), limit - len(claimed)
        more = await _lease_first(session, ids, first, now, lease, lease_for, left)
        claimed.extend(more)
        if len(claimed) < limit and any(one.endpoint_id for one in more):
            room = await _room(session, now)

    most = limit * _LOOKED_AT
    waited, time_left = col(Message.next_attempt_at), col(Message.useful_until)
    of_alerts = _due(PENDING_OF_ALERTS, pace, full, now)
    await take(await _nearest(session, of_alerts, waited, most), waited)
    if len(claimed) == limit:
        return claimed
    every = _due(PENDING, pace, full, now)
    nearest = await _nearest(session, every, time_left, most)
    if len(nearest) == most and (half := int((limit - len(claimed)) / 2 + lot())):
        drawn = sorted(await _first_of_teams(session, every), key=lambda _: lot())[:half]
        await take(drawn, waited)
    await take(nearest, time_left)
    return claimed


def _due(
    pending: TextClause, pace: Pace, full: Collection[str], now: datetime
) -> ColumnElement[bool]:
    """What may leave: by a way that is open, to an endpoint that is not full."""
    open_ways = col(Message.channel).not_in(pace.resting) if pace.resting else true()
    return and_(pending, open_ways, col(Message.next_attempt_at) <= now, not_behind(full))


async def lease_company(
    session: AsyncSession,
    reader_ids: Collection[str],
    now: datetime,
    lease: str,
    lease_for: timedelta,
    limit: int,
) -> list[Message]:
    """The other mails that are due to these readers, under the same lease."""
    to_readers = and_(
        PENDING,
        col(Message.user_id).in_(reader_ids),
        col(Message.channel) == ChannelKind.EMAIL,
        col(Message.next_attempt_at) <= now,
    )
    due = select(Message.id).where(to_readers).order_by(col(Message.next_attempt_at)).limit(limit)
    ids = due.with_for_update(skip_locked=True).scalar_subquery()
    return await _lease(session, col(Message.id).in_(ids), now, lease, lease_for)


async def _put_off(session: AsyncSession, pace: Pace, now: datetime, most: int) -> None:
    """Mails that can wait, to people who have just had enough: they are due again when it is their turn. Of
    each person's those of one kind leave as one. What somebody asked for goes at once."""
    due = and_(
        PATIENT_MAILS,
        col(Message.state) == MessageState.DUE,
        col(Message.next_attempt_at) <= now,
        col(Message.useful_until) >= patient_from(now),
        col(Message.asked_by).is_(None),
    )
    nearest = select_columns(col(Message.user_id), col(Message.event)).where(due)
    nearest = nearest.order_by(col(Message.next_attempt_at)).limit(most)
    kinds = dict.fromkeys(tuple(row) for row in await session.exec(nearest))  # type: ignore[call-overload]
    begun = await _mails_begun(session, {reader for reader, _ in kinds}, now) if kinds else {}
    for reader, event in kinds:
        mails = begun.setdefault(reader, [])
        if (at := turn_at(mails, pace, now)) > now:
            own = due & (col(Message.user_id) == reader) & (col(Message.event) == event)
            ids = select(Message.id).where(own).with_for_update(skip_locked=True)
            await session.exec(
                update(Message)
                .where(col(Message.id).in_(ids.scalar_subquery()))
                .values(next_attempt_at=at, reason=PACED)
                .execution_options(synchronize_session=False)
            )
        mails.append(now)


async def _mails_begun(
    session: AsyncSession, reader_ids: Collection[str], now: datetime
) -> dict[str, list[datetime]]:
    """Reader to when a mail was begun for them in the last hour; many notices in one count once."""
    query = (
        select_columns(col(Message.user_id), col(Attempt.opened_at))
        .join(Attempt, col(Attempt.message_id) == col(Message.id))
        .where(col(Attempt.opened_at) > now - timedelta(hours=1))
        .where(col(Attempt.along_with).is_(None), col(Message.channel) == ChannelKind.EMAIL)
        .where(col(Message.user_id).in_(reader_ids))
    )
    begun: dict[str, list[datetime]] = {}
    for reader, opened_at in await session.exec(query):  # type: ignore[call-overload]
        begun.setdefault(reader, []).append(opened_at)
    return begun


async def _room(session: AsyncSession, now: datetime) -> dict[str, int]:
    """Endpoint id to how many more it takes at this moment, of those that are being sent something or that
    have had their share; of all others as many as they take at once."""
    paced = (now.timestamp(), now.timestamp() + _FAR)
    under_way = (
        select_columns(col(Message.endpoint_id), func.count().label("number"))
        .where(col(Message.state) == MessageState.SENDING, col(Message.endpoint_id).is_not(None))
        .where(col(Message.next_attempt_at) > now)
        .group_by(col(Message.endpoint_id))
        .subquery()
    )
    query = (
        select_columns(
            col(Endpoint.id), col(Endpoint.at_once), col(Endpoint.paced_to), under_way.c.number
        )
        .outerjoin(under_way, under_way.c.endpoint_id == col(Endpoint.id))
        .where(or_(under_way.c.number > 0, col(Endpoint.paced_to).between(*paced)))
    )
    return {
        row[0]: 0 if paced[0] < row[2] < paced[1] else max(row[1] - (row[3] or 0), 0)
        for row in await session.exec(query)  # type: ignore[call-overload]  # columns, not models
    }


async def _lease_first(
    session: AsyncSession,
    message_ids: Sequence[str],
    first: Mapped[datetime],
    now: datetime,
    lease: str,
    lease_for: timedelta,
    limit: int,
) -> list[Message]:
    """Those of these that nobody holds by now, in that order."""
    if not message_ids or not limit:
        return []
    chosen = (
        select(Message.id)
        .where(PENDING, col(Message.next_attempt_at) <= now, col(Message.id).in_(message_ids))
        .order_by(first, col(Message.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = col(Message.id).in_(chosen.scalar_subquery())
    return await _lease(session, ids, now, lease, lease_for)


async def _nearest(
    session: AsyncSession, due: ColumnElement[bool], first: Mapped[datetime], most: int
) -> Sequence[_Waiting]:
    """Of those that have waited longest the first by that column.

    A query of its own: as a part of the next one, a planner without fresh figures ran it anew for every
    row, for half a minute.
    """
    longest = (
        select_columns(col(Message.id), col(Message.endpoint_id), first.label("first"))
        .where(due)
        .order_by(col(Message.next_attempt_at))
        .limit(max(most, _WEIGHED))
        .subquery()
    )
    nearest = select_columns(longest.c.id, longest.c.endpoint_id)
    nearest = nearest.order_by(longest.c.first, longest.c.id).limit(most)
    return list(await session.exec(nearest))  # type: ignore[call-overload]  # columns, not models


async def _first_of_teams(session: AsyncSession, due: ColumnElement[bool]) -> Sequence[_Waiting]:
    """Of each team the one that has waited longest. Reads one entry of an index for each team, however much
    any of them has waiting."""
    team_id = col(Message.team_id)
    teams = (
        select_columns(func.min(team_id).label("id")).where(PENDING).cte("teams", recursive=True)
    )
    after = select_columns(func.min(team_id)).where(PENDING, team_id > teams.c.id)
    teams = teams.union_all(
        select_columns(after.correlate(teams).scalar_subquery()).where(teams.c.id.is_not(None))
    )
    first = select_columns(col(Message.id)).where(due, team_id == teams.c.id).correlate(teams)
    longest = first.order_by(col(Message.next_attempt_at)).limit(1).scalar_subquery()
    ids = select_columns(longest).select_from(teams).where(teams.c.id.is_not(None))
    found = [row[0] for row in await session.exec(ids) if row[0]]  # type: ignore[call-overload]
    wanted = select_columns(col(Message.id), col(Message.endpoint_id))
    wanted = wanted.where(col(Message.id).in_(found))
    return list(await session.exec(wanted))  # type: ignore[call-overload]  # columns, not models


async def _with_room(
    session: AsyncSession, waiting: Sequence[_Waiting], room: Mapping[str, int]
) -> list[str]:
    """The ids of those for which there is room: of each endpoint the first ones alone."""
    wanted = {endpoint_id for _, endpoint_id in waiting if endpoint_id is not None}
    takes = await _at_once(session, wanted) | dict(room)
    found, turns = [], Counter[str | None]()
    for message_id, endpoint_id in waiting:
        turns[endpoint_id] += 1
        if endpoint_id is None or turns[endpoint_id] <= takes[endpoint_id]:
            found.append(message_id)
    return found


async def _at_once(session: AsyncSession, endpoint_ids: Collection[str]) -> dict[str, int]:
    query = select_columns(col(Endpoint.id), col(Endpoint.at_once)).where(
        col(Endpoint.id).in_(endpoint_ids)
    )
    rows = await session.exec(query) if endpoint_ids else []  # type: ignore[call-overload]
    return {str(row[0]): int(row[1]) for row in rows}


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


async def take_share(session: AsyncSession, seconds: Mapping[str, float], now: datetime) -> None:
    """Endpoint id to the seconds of its rate that have just been used up. Whoever has rested may be sent
    ten seconds' worth in one go. Added by the database: workers share one account."""
    if not seconds:
        return
    floor, ceiling = now.timestamp() - _BURST, now.timestamp() + _FAR
    endpoints = core_table(Endpoint)
    paced = endpoints.c.paced_to
    standing = case((or_(paced < floor, paced > ceiling), floor), else_=paced)
    statement = (
        update(endpoints)
        .where(endpoints.c.id == bindparam("endpoint_id"))
        .values(paced_to=standing + bindparam("share"))
    )
    # In one order, or two claims would wait for each other.
    shares = [{"endpoint_id": one, "share": seconds[one]} for one in sorted(seconds)]
    await (await session.connection()).execute(statement, shares)
