"""/endpoints"""

from urllib.parse import urlsplit

from fastapi import Depends, Response

from service.api.messages import message_answers
from service.api.routing import new_router, tag
from service.dependencies import (
    Admin,
    IfMatch,
    Now,
    Page,
    Reader,
    RuntimeNow,
    Session,
    Writer,
    keep_answer,
)
from service.domain.access import Caller, Scope
from service.domain.notifications import ChannelKind
from service.errors import not_found
from service.flows import integration
from service.schemas import fields
from service.schemas.endpoints import EndpointIn, EndpointMade, EndpointOut, EndpointPatch
from service.schemas.messages import MessageOut
from service.store.endpoints import Endpoint, get_endpoint, list_endpoints
from service.store.messages import Message, get_message, messages_of

router = new_router("endpoints", "/endpoints")


def _facts(endpoint: Endpoint) -> dict[str, object]:
    return endpoint.model_dump(include=set(EndpointOut.model_fields))


def _seen(endpoint: Endpoint, caller: Caller) -> EndpointOut:
    """Whoever knows the whole address of a push service may read there what was meant for one person."""
    whole = caller.scope is Scope.ADMIN or endpoint.user_id in (None, caller.user_id)
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(endpoint.url))
    return EndpointOut.model_validate(_facts(endpoint) | ({} if whole else {"url": origin}))


@router.post("", status_code=201, dependencies=[Depends(keep_answer)])
async def create_endpoint(
    body: EndpointIn,
    session: Session,
    caller: Admin,
    runtime: RuntimeNow,
    now: Now,
    response: Response,
) -> EndpointMade:
    """The secret is shown this once."""
    webhooks = runtime.channels[ChannelKind.WEBHOOK]
    endpoint, secret = await integration.create_endpoint(
        session, webhooks, runtime.seal, body, caller, now
    )
    tag(response, endpoint.id, endpoint.revision)
    return EndpointMade.model_validate(_facts(endpoint) | {"secret": secret})


@router.get("")
async def read_endpoints(session: Session, caller: Reader, page: Page) -> fields.Page[EndpointOut]:
    rows = await list_endpoints(session, caller.reach, page.after_id, page.limit)
    items = [_seen(row, caller) for row in rows]
    return fields.Page(items=items, next_cursor=page.next_cursor(rows, lambda row: [row.id]))


@router.get("/{endpoint_id}")
async def read_endpoint(
    endpoint_id: str, session: Session, caller: Reader, response: Response
) -> EndpointOut:
    endpoint = await get_endpoint(session, endpoint_id, caller.reach)
    if endpoint is None:
        raise not_found("endpoint")
    tag(response, endpoint.id, endpoint.revision)
    return _seen(endpoint, caller)


@router.patch("/{endpoint_id}")
async def change_endpoint(
    endpoint_id: str,
    body: EndpointPatch,
    session: Session,
    caller: Admin,
    runtime: RuntimeNow,
    now: Now,
    if_match: IfMatch,
    response: Response,
) -> EndpointOut:
    webhooks = runtime.channels[ChannelKind.WEBHOOK]
    endpoint = await integration.change_endpoint(
        session, webhooks, endpoint_id, body, if_match, caller, now
    )
    tag(response, endpoint.id, endpoint.revision)
    return EndpointOut.model_validate(endpoint)


@router.post("/{endpoint_id}/test", status_code=202, dependencies=[Depends(keep_answer)])
async def test_endpoint(
    endpoint_id: str, session: Session, caller: Writer, runtime: RuntimeNow, now: Now
) -> MessageOut:
    """Sends `endpoint.test` on the way of every event; read the message to see how it went."""
    webhooks = runtime.channels[ChannelKind.WEBHOOK]
    message_id = await integration.send_test(session, webhooks, endpoint_id, caller, now)
    message = await get_message(session, message_id, caller.reach)
    if message is None:
        raise not_found("message")
    return (await message_answers(session, [message]))[0]


@router.get("/{endpoint_id}/messages")
async def read_endpoint_messages(
    endpoint_id: str, session: Session, caller: Reader, page: Page
) -> fields.Page[MessageOut]:
    if await get_endpoint(session, endpoint_id, caller.reach) is None:
        raise not_found("endpoint")
    rows = await messages_of(session, Message.endpoint_id, endpoint_id, page.after_id, page.limit)
    items = await message_answers(session, rows)
    return fields.Page(items=items, next_cursor=page.next_cursor(rows, lambda row: [row.id]))
