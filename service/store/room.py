"""How much each endpoint takes at this moment: at once, and of its rate. Claims nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Float, Select, Update, bindparam, case, func, or_, update
from sqlalchemy import select as select_columns
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from service.store.columns import UtcDateTime, core_table
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
    since = now.timestamp()
    given = {"now": now, "since": since, "far": since + _FAR}
    rows = await session.exec(_busy(), params=given)  # type: ignore[call-overload]
    return {
        row[0]: 0 if since < row[2] < given["far"] else max(row[1] - (row[3] or 0), 0)
        for row in rows
    }


@cache
def _busy() -> Select[Any]:
    """Of endpoints that are being sent something, or have had their share, what they take and have."""
    claimed = col(Message.next_attempt_at) > bindparam("now", type_=UtcDateTime)
    under_way = (
        select_columns(col(Message.endpoint_id), func.count().filter(claimed).label("number"))
        .where(SENDING_TO_ENDPOINTS)
        .group_by(col(Message.endpoint_id))
        .subquery()
    )
    paced = col(Endpoint.paced_to)
    columns = (col(Endpoint.id), col(Endpoint.at_once), paced, under_way.c.number)
    full = paced.between(bindparam("since"), bindparam("far"))
    return (
        select_columns(*columns)
        .outerjoin(under_way, under_way.c.endpoint_id == col(Endpoint.id))
        .where(or_(under_way.c.number > 0, full))
    )


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
    given = {"floor": now.timestamp() - _BURST, "ceiling": now.timestamp() + _FAR}
    # In one order, or two claims would wait for each other.
    shares = [given | {"endpoint_id": one, "share": seconds[one]} for one in sorted(seconds)]
    await (await session.connection()).execute(_taking(), shares)


@cache
def _taking() -> Update:
    paced, floor = core_table(Endpoint).c.paced_to, bindparam("floor", type_=Float)
    standing = case((or_(paced < floor, paced > bindparam("ceiling")), floor), else_=paced)
    return (
        update(core_table(Endpoint))
        .where(core_table(Endpoint).c.id == bindparam("endpoint_id"))
        .values(paced_to=standing + bindparam("share", type_=Float))
    )
