"""Messages sent once more because somebody asked: the same bytes under the same ids; and events read again
by those whose endpoint cannot take them."""

import json
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Caller, Reach
from service.domain.endpoints import TRIED_FOR
from service.domain.notifications import MessageState
from service.domain.webhooks import ADAPTERS, CHATS, Format
from service.errors import Code, Refusal, not_found
from service.flows.sitting import Sitting
from service.schemas.endpoints import Recovery
from service.store.endpoints import get_endpoint, list_endpoints
from service.store.journal import Happening, record
from service.store.messages import Message, events_after, get_message, message_of_event
from service.store.outbox import send_again

#: How far back events are sent once more, and how long they can be read, and are kept for that.
_RECOVERABLE, READABLE = timedelta(days=30), timedelta(days=90)
#: Events become visible to whoever polls when no transaction that began before them can still be under
#: way: an id that came in late must not be passed over.
SETTLED_AFTER = timedelta(seconds=30)
_FAILED = (MessageState.FAILED, MessageState.EXPIRED)

_WHY_NOT = {
    MessageState.DUE: "It is on its way already.",
    MessageState.SENDING: "It is on its way already.",
    MessageState.HELD: "It waits until its endpoint takes something again.",
    MessageState.SUPERSEDED: "What it tells does not hold any more.",
}


async def resend(sitting: Sitting, message_id: str, caller: Caller) -> Message:
    """Raises Refusal `illegal_state` for what is under way, or no longer true."""
    session, now = sitting.session, sitting.now
    message = await get_message(session, message_id, caller.reach)
    if message is None:
        raise not_found("message")
    if (why := _WHY_NOT.get(message.state)) is not None:
        raise Refusal(Code.ILLEGAL_STATE, why)
    if not message.content:
        raise Refusal(Code.ILLEGAL_STATE, "What it said is not kept any more.")
    await send_again(session, col(Message.id) == message.id, caller.actor, now, now + TRIED_FOR)
    happening = Happening(
        message.team_id, caller.actor, "message.resent", message.id, message.case_id, {}
    )
    await record(session, [happening], now)
    await session.refresh(message)
    return message


async def recover(sitting: Sitting, endpoint_id: str, body: Recovery, caller: Caller) -> int:
    """How many of its events are sent once more. Raises Refusal `invalid_input` for a span that begins too
    long ago, or ends before it begins."""
    session, now = sitting.session, sitting.now
    endpoint = await get_endpoint(session, endpoint_id, caller.reach)
    if endpoint is None:
        raise not_found("endpoint")
    until = body.until or now
    if not now - _RECOVERABLE <= body.since < until:
        text = "The span must lie within the last 30 days and end after it begins."
        raise Refusal(Code.INVALID_INPUT, text, "since")
    chosen = (col(Message.endpoint_id) == endpoint.id) & col(Message.created_at).between(
        body.since, until
    )
    if body.only == "failed":
        chosen &= col(Message.state).in_(_FAILED)
    number = await send_again(session, chosen, caller.actor, now, now + TRIED_FOR)
    data = {"since": body.since.isoformat(), "until": until.isoformat(), "messages": number}
    data |= {"only": body.only}
    happening = Happening(
        endpoint.team_id, caller.actor, "endpoint.recovered", endpoint.id, None, data
    )
    await record(session, [happening], now)
    return number


async def events(
    session: AsyncSession,
    reach: Reach,
    endpoint_id: str | None,
    after: str | None,
    limit: int,
    now: datetime,
) -> list[dict[str, Any]]:
    """The bodies of an endpoint's events, as it was or would have been sent them, oldest first. `after`:
    the id of the last event that was read. Raises Refusal `bad_cursor` where it is not the endpoint's."""
    endpoint_id = endpoint_id or await _only_endpoint(session, reach)
    endpoint = await get_endpoint(session, endpoint_id, reach)
    if endpoint is None:
        raise not_found("endpoint")
    if endpoint.format in CHATS | ADAPTERS | {Format.FREE}:
        text = "Events are read in the standard form; this endpoint is written to in another."
        raise Refusal(Code.INVALID_INPUT, text, "endpoint")
    begin = None
    if after is not None:
        last = await message_of_event(session, endpoint.id, after)
        if last is None:
            raise Refusal(Code.BAD_CURSOR, "This endpoint has had no such event.", "after")
        begin = last.id
    span = (now - READABLE, now - SETTLED_AFTER)
    rows = await events_after(session, endpoint.id, begin, span, limit)
    return [json.loads(row.content) for row in rows]


async def _only_endpoint(session: AsyncSession, reach: Reach) -> str:
    found = [one for one in await list_endpoints(session, reach, None, 200) if not one.user_id]
    if len(found) != 1:
        text = "Say whose events: there is not just one endpoint of a tool here."
        raise Refusal(Code.MISSING_FIELD, text, "endpoint")
    return found[0].id
