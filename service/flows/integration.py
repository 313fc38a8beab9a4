"""Endpoints of the tools that a team uses, and of its people: put up, changed, tested by the real path."""

import base64
import secrets
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from service.channels.interface import Channel, Draft
from service.domain.access import Caller
from service.domain.notifications import EventType, dedupe_key
from service.domain.webhooks import EndpointState
from service.errors import Code, Refusal, not_found
from service.flows.standing import check_precondition
from service.ids import new_id
from service.schemas.endpoints import EndpointIn, EndpointPatch
from service.sealing import Seal
from service.store.deadlines import wake_cases_of
from service.store.endpoints import Endpoint, get_endpoint
from service.store.journal import Happening, record
from service.store.messages import Message, add_messages
from service.store.teams import existing_team_ids
from service.store.users import members_among

#: A test that has not got through by then tells nobody anything any more.
_TEST_USEFUL_FOR = timedelta(hours=1)


async def create_endpoint(
    session: AsyncSession,
    webhooks: Channel,
    seal: Seal,
    body: EndpointIn,
    caller: Caller,
    now: datetime,
) -> tuple[Endpoint, str]:
    """The endpoint, and the secret that is shown this once. Raises Refusal `unknown_reference` for a person
    who is not in the team."""
    team_id = caller.team_for(body.team_id)
    if not await existing_team_ids(session, [team_id]):
        raise not_found("team")
    if body.user_id and not await members_among(session, team_id, [body.user_id]):
        raise Refusal(Code.UNKNOWN_REFERENCE, "That person is not in the team.", "user_id")
    webhooks.check_address(body.url)
    endpoint_id = new_id("end", now)
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    endpoint = Endpoint(
        id=endpoint_id,
        team_id=team_id,
        user_id=body.user_id,
        name=body.name,
        url=body.url,
        sealed_secret=seal.close(secret.encode(), endpoint_id),
        events=[] if body.user_id else body.events,
        level=body.level,
        created_at=now,
    )
    await _kept(session, endpoint, caller, "endpoint.created", now)
    return endpoint, secret


async def change_endpoint(
    session: AsyncSession,
    webhooks: Channel,
    endpoint_id: str,
    body: EndpointPatch,
    if_match: str,
    caller: Caller,
    now: datetime,
) -> Endpoint:
    endpoint = await _found(session, endpoint_id, caller)
    check_precondition(endpoint.id, endpoint.revision, if_match)
    if endpoint.user_id is not None and body.events is not None:
        text = "An endpoint of one person carries that person's notices, and no events."
        raise Refusal(Code.INVALID_INPUT, text, "events")
    if body.url is not None:
        webhooks.check_address(body.url)
    for name, value in body.model_dump(exclude_none=True, exclude={"disabled"}).items():
        setattr(endpoint, name, value)
    if body.disabled is not None:
        endpoint.state = EndpointState.DISABLED if body.disabled else EndpointState.ACTIVE
    endpoint.revision += 1
    await _kept(session, endpoint, caller, "endpoint.changed", now)
    return endpoint


async def send_test(
    session: AsyncSession, webhooks: Channel, endpoint_id: str, caller: Caller, now: datetime
) -> str:
    """A ping on the way that every event takes; answers the message's id."""
    endpoint = await _found(session, endpoint_id, caller)
    message_id, event_id = new_id("msg", now), new_id("evt", now)
    event = EventType.ENDPOINT_TEST
    draft = Draft(
        message_id=message_id,
        event=event,
        event_id=event_id,
        team_id=endpoint.team_id,
        occurred_at=now,
        notice=None,
        actor=caller.actor,
    )
    message = Message(
        id=message_id,
        team_id=endpoint.team_id,
        step=event,
        event=event,
        event_id=event_id,
        channel=webhooks.kind,
        user_id=endpoint.user_id,
        endpoint_id=endpoint.id,
        level=0,
        dedupe_key=dedupe_key(event_id, 0, event, 0, endpoint.id, webhooks.kind),
        content=webhooks.compose(draft),
        due_at=now,
        next_attempt_at=now,
        useful_until=now + _TEST_USEFUL_FOR,
        created_at=now,
    )
    await add_messages(session, [message])
    return message_id


async def _found(session: AsyncSession, endpoint_id: str, caller: Caller) -> Endpoint:
    endpoint = await get_endpoint(session, endpoint_id, caller.reach, lock=True)
    if endpoint is None:
        raise not_found("endpoint")
    return endpoint


async def _kept(
    session: AsyncSession, endpoint: Endpoint, caller: Caller, action: str, now: datetime
) -> None:
    """A person's new way is used at once for what no other has brought."""
    session.add(endpoint)
    await session.flush()
    if endpoint.user_id is not None:
        await wake_cases_of(session, endpoint.user_id, now)
    data = {"level": endpoint.level, "state": endpoint.state, "events": endpoint.events}
    data |= {"user_id": endpoint.user_id} if endpoint.user_id else {}
    happening = Happening(endpoint.team_id, caller.actor, action, endpoint.id, None, data)
    await record(session, [happening], now)
