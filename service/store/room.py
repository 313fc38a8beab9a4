"""How much each endpoint takes at this moment: at once, and of its rate. Claims nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, case, func, or_, update
from sqlalchemy import select as select_columns
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from service.store.columns import core_table
from service.store.endpoints import Endpoint
from service.store.messages import SENDING_TO_ENDPOINTS, Message

#: Seconds of its rate that an endpoint may be sent in one go after a rest.
_BURST = 10
#: No share lasts for so many seconds: an account that is further ahead was kept by a clock that went wrong.
_FAR = 3600


class Waiting(NamedTuple):
    """A message that is due. `at_once`: how much its endpoint takes, if it goes to one; `can_wait`: for its
    reader's turn."""

    id: str
    endpoint_id: str | None
    alert_id: str | None
    at_once: int
    can_wait: bool = False


async def room_of_endpoints(session: AsyncSession, now: datetime) -> dict[str, int]:
    """Endpoint id to how many more it takes at this moment, of those that are being sent something or that
    have had their share; of all others as many as they take at once."""
    paced = (now.timestamp(), now.timestamp() + _FAR)
    claimed = col(Message.next_attempt_at) > now
    under_way = (
        select_columns(col(Message.endpoint_id), func.count().filter(claimed).label("number"))
        .where(SENDING_TO_ENDPOINTS)
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


def with_room(waiting: Iterable[Waiting], room: Mapping[str, int]) -> list[str]:
    """The ids of those for which there is room: of each endpoint the first ones alone."""
    found, turns = [], Counter[str]()
    for one in waiting:
        if one.endpoint_id is not None:
            turns[one.endpoint_id] += 1
            if turns[one.endpoint_id] > room.get(one.endpoint_id, one.at_once):
                continue
        found.append(one.id)
    return found


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
