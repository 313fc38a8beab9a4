"""/endpoints"""

from datetime import timedelta
from urllib.parse import urlsplit

from fastapi import Depends, Response

from service.api.messages import message_answers
from service.api.routing import new_router, tag
from service.dependencies import (
    Admin,
    IfMatch,
    Page,
    Reader,
    RuntimeNow,
    Session,
    Sits,
    Writer,
    keep_answer,
)
from service.domain.access import Caller, Scope
from service.domain.notifications import EventType
from service.errors import not_found
from service.flows import integration, replaying
from service.flows.sitting import Sitting
from service.schemas import fields
from service.schemas.endpoints import (
    EndpointIn,
    EndpointMade,
    EndpointOut,
    EndpointPatch,
    Example,
    Recovery,
    RecoveryOut,
    Rotation,
)
from service.schemas.messages import MessageOut
from service.store.endpoints import Endpoint, get_endpoint, list_endpoints
from service.store.messages import Message, get_message, messages_of
from service.store.outbox import held_for

router = new_router("endpoints", "/endpoints")


def _facts(endpoint: Endpoint, held: int) -> dict[str, object]:
    return endpoint.model_dump(include=set(EndpointOut.model_fields)) | {"held": held}


def _seen(endpoint: Endpoint, caller: Caller, held: int) -> EndpointOut:
    """Whoever knows the whole address of a push service may read there what was meant for one person."""
    whole = caller.scope is Scope.ADMIN or endpoint.user_id in (None, caller.user_id)
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(endpoint.url))
    return EndpointOut.model_validate(_facts(endpoint, held) | ({} if whole else {"url": origin}))


async def _answer(
    sitting: Sitting, endpoint: Endpoint, caller: Caller, response: Response
) -> EndpointOut:
    tag(response, endpoint.id, endpoint.revision)
    held = await held_for(sitting.session, endpoint.id)
    return _seen(endpoint, caller, held.get(endpoint.id, 0))


def _made(endpoint: Endpoint, secret: str, response: Response) -> EndpointMade:
    tag(response, endpoint.id, endpoint.revision)
    return EndpointMade.model_validate(_facts(endpoint, 0) | {"secret": secret})


async def _message(sitting: Sitting, message_id: str, caller: Caller) -> MessageOut:
    message = await get_message(sitting.session, message_id, caller.reach)
    if message is None:
        raise not_found("message")
    return (await message_answers(sitting.session, [message], caller))[0]


@router.post("", status_code=201, dependencies=[Depends(keep_answer)])
async def create_endpoint(
    body: EndpointIn, sitting: Sits, caller: Admin, runtime: RuntimeNow, response: Response
) -> EndpointMade:
    """The secret is shown this once."""
    endpoint, secret = await integration.create_endpoint(sitting, runtime.seal, body, caller)
    return _made(endpoint, secret, response)


@router.get("")
async def read_endpoints(session: Session, caller: Reader, page: Page) -> fields.Page[EndpointOut]:
    rows = await list_endpoints(session, caller.reach, page.after_id, page.limit)
    held = await held_for(session)
    items = [_seen(row, caller, held.get(row.id, 0)) for row in rows]
    return fields.Page(items=items, next_cursor=page.next_cursor(rows, lambda row: [row.id]))


@router.get("/{endpoint_id}")
async def read_endpoint(
    endpoint_id: str, sitting: Sits, caller: Reader, response: Response
) -> EndpointOut:
    endpoint = await get_endpoint(sitting.session, endpoint_id, caller.reach)
    if endpoint is None:
        raise not_found("endpoint")
    return await _answer(sitting, endpoint, caller, response)


@router.patch("/{endpoint_id}")
async def change_endpoint(
    endpoint_id: str,
    body: EndpointPatch,
    sitting: Sits,
    caller: Admin,
    runtime: RuntimeNow,
    if_match: IfMatch,
    response: Response,
) -> EndpointOut:
    endpoint = await integration.change_endpoint(
        sitting, runtime.seal, endpoint_id, body, if_match, caller
    )
    return await _answer(sitting, endpoint, caller, response)


@router.post("/{endpoint_id}/rotate-secret", dependencies=[Depends(keep_answer)])
async def rotate_secret(
    endpoint_id: str,
    body: Rotation,
    sitting: Sits,
    caller: Admin,
    runtime: RuntimeNow,
    response: Response,
) -> EndpointMade:
    """The new secret is shown this once; the one before signs beside it until its grace is over."""
    grace = timedelta(seconds=body.grace_seconds)
    endpoint, secret = await integration.rotate_secret(
        sitting, runtime.seal, endpoint_id, grace, caller
    )
    return _made(endpoint, secret, response)


@router.post("/{endpoint_id}/enable", dependencies=[Depends(keep_answer)])
async def enable_endpoint(
    endpoint_id: str, sitting: Sits, caller: Admin, response: Response
) -> EndpointOut:
    """Forgets every failure, sends a test, and then, the oldest first, whatever was held."""
    endpoint = await integration.switch_by_id(sitting, endpoint_id, caller, True)
    return await _answer(sitting, endpoint, caller, response)


@router.post("/{endpoint_id}/disable", dependencies=[Depends(keep_answer)])
async def disable_endpoint(
    endpoint_id: str, sitting: Sits, caller: Admin, response: Response
) -> EndpointOut:
    """Events are held for 30 days from then on, and go when it is enabled."""
    endpoint = await integration.switch_by_id(sitting, endpoint_id, caller, False)
    return await _answer(sitting, endpoint, caller, response)


@router.post("/{endpoint_id}/recover", dependencies=[Depends(keep_answer)])
async def recover_events(
    endpoint_id: str, body: Recovery, sitting: Sits, caller: Admin
) -> RecoveryOut:
    """Sends events of the last 30 days once more; each carries the id that it had."""
    return RecoveryOut(messages=await replaying.recover(sitting, endpoint_id, body, caller))


@router.post("/{endpoint_id}/test", status_code=202, dependencies=[Depends(keep_answer)])
async def test_endpoint(
    endpoint_id: str,
    sitting: Sits,
    caller: Writer,
    body: Example | None = None,  # noqa: PT028  (a route, and no test)
) -> MessageOut:
    """Sends `endpoint.test`, or an example of the `type` that is named, on the way of every event; read the
    message to see how it went."""
    event = body.type if body else EventType.ENDPOINT_TEST
    message_id = await integration.send_test(sitting, endpoint_id, event, caller)
    return await _message(sitting, message_id, caller)


@router.get("/{endpoint_id}/messages")
async def read_endpoint_messages(
    endpoint_id: str, session: Session, caller: Reader, page: Page
) -> fields.Page[MessageOut]:
    if await get_endpoint(session, endpoint_id, caller.reach) is None:
        raise not_found("endpoint")
    rows = await messages_of(session, Message.endpoint_id, endpoint_id, page.after_id, page.limit)
    items = await message_answers(session, rows, caller)
    return fields.Page(items=items, next_cursor=page.next_cursor(rows, lambda row: [row.id]))
