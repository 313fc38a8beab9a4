"""/events: for tools that cannot be reached; they read what they would have been sent."""

from typing import Annotated, Any

from fastapi import Query

from service.api.routing import new_router
from service.dependencies import Now, Reader, Session
from service.flows import replaying
from service.schemas.fields import Id, Shape

router = new_router("events", "/events")


class EventsOut(Shape):
    """`last_id`: to be given as `after` the next time; null where nothing was new."""

    items: list[dict[str, Any]]
    last_id: str | None


@router.get("")
async def read_events(
    session: Session,
    caller: Reader,
    now: Now,
    endpoint: Annotated[Id | None, Query()] = None,
    after: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> EventsOut:
    """The bodies written for one endpoint in the last 90 days, oldest first, half a minute after they were
    written; without `endpoint` where the team has just one."""
    items = await replaying.events(session, caller.reach, endpoint, after, limit, now)
    return EventsOut(items=items, last_id=items[-1]["id"] if items else None)
