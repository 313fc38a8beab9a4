"""How much each endpoint takes at this moment: at once, and of its rate. Claims nothing."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import bindparam, case, func, or_, update
from sqlalchemy import select as select_columns
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.notifications import MessageState
from service.store.columns import core_table
from service.store.endpoints import Endpoint
from service.store.messages import Message

#: Seconds of its rate that an endpoint may be sent in one go after a rest.
_BURST = 10
#: No share lasts for so many seconds: an account that is further ahead was kept by a clock that went wrong.
_FAR = 3600

#: A message's id and its endpoint's.
Waiting = tuple[str, str | None]


async def room_of_endpoints(session: AsyncSession, now: datetime) -> dict[str, int]:
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


async def with_room(
    session: AsyncSession, waiting: Sequence[Waiting], room: Mapping[str, int]
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
