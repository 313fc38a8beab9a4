"""Endpoints of the tools that a team uses, and of its people: put up, changed, given a new secret, tested
by the real path, enabled and disabled."""

import base64
import json
import secrets
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Caller, Level
from service.domain.notifications import EventType
from service.domain.webhooks import ADAPTERS, CHATS, LOGGED_IN, Detail, Format, carries
from service.errors import Code, Refusal, not_found
from service.flows import endpoint_care
from service.flows.endpoint_care import TEST_TRIED_FOR
from service.flows.sitting import Sitting
from service.flows.standing import check_precondition
from service.flows.tools import form_of, test_message
from service.ids import new_id
from service.schemas.endpoints import EndpointIn, EndpointPatch
from service.sealing import Seal
from service.store.cases import cases_of_team
from service.store.deadlines import wake_cases_of
from service.store.endpoints import Endpoint, get_endpoint
from service.store.journal import Happening, record
from service.store.messages import add_messages
from service.store.teams import existing_team_ids
from service.store.users import members_among

#: Secrets that sign at the same time: that of now, and two given up.
_LIVE_SECRETS = 3
#: Chats ask for no more than one message a second.
_CHAT_PACE = {"at_once": 1, "per_second": 1.0}
_SEALED = {"header", "account", "full_confirmed", "disabled"}


async def create_endpoint(
    sitting: Sitting, seal: Seal, body: EndpointIn, caller: Caller
) -> tuple[Endpoint, str]:
    """The endpoint, and the secret that is shown this once. Raises Refusal `unknown_reference` for people
    and cases that are not the team's, `invalid_input` for what does not fit its format."""
    session, now = sitting.session, sitting.now
    team_id = caller.team_for(body.team_id)
    if not await existing_team_ids(session, [team_id]):
        raise not_found("team")
    endpoint_id, secret = new_id("end", now), _new_secret()
    pace = _CHAT_PACE if body.format in CHATS else {}
    given = body.model_dump(exclude=_SEALED | {"team_id"}, exclude_none=True)
    endpoint = Endpoint(
        id=endpoint_id,
        team_id=team_id,
        sealed_secret=seal.close(secret.encode(), endpoint_id),
        sealed_credentials=_sealed(seal, endpoint_id, body),
        alive_at=now,
        created_at=now,
        **(pace | given | ({"events": []} if body.user_id else {})),
    )
    await _check(sitting, endpoint, body)
    await _kept(sitting, endpoint, caller, "endpoint.created")
    return endpoint, secret


async def change_endpoint(
    sitting: Sitting,
    seal: Seal,
    endpoint_id: str,
    body: EndpointPatch,
    if_match: str,
    caller: Caller,
) -> Endpoint:
    endpoint = await _found(sitting.session, endpoint_id, caller)
    check_precondition(endpoint.id, endpoint.revision, if_match)
    if endpoint.user_id is not None and (body.events is not None or body.cases is not None):
        text = "An endpoint of one person carries that person's notices, and no events."
        raise Refusal(Code.INVALID_INPUT, text, "events")
    for name, value in body.model_dump(exclude_none=True, exclude=_SEALED).items():
        setattr(endpoint, name, value)
    endpoint.sealed_credentials = _sealed(seal, endpoint.id, body) or endpoint.sealed_credentials
    await _check(sitting, endpoint, body)
    endpoint.revision, endpoint.shown = endpoint.revision + 1, endpoint.shown + 1
    await _kept(sitting, endpoint, caller, "endpoint.changed")
    if body.disabled is not None:
        await switch(sitting, endpoint, caller, not body.disabled)
    return endpoint


async def rotate_secret(
    sitting: Sitting, seal: Seal, endpoint_id: str, grace: timedelta, caller: Caller
) -> tuple[Endpoint, str]:
    """From now on a new secret signs, and beside it for so long that of before. Raises Refusal
    `illegal_state` where as many as receivers can be asked to compare sign already."""
    session, now = sitting.session, sitting.now
    endpoint = await _found(session, endpoint_id, caller)
    older = [one for one in endpoint.older_secrets if datetime.fromisoformat(one[1]) > now]
    if grace:
        older.insert(
            0, [base64.b64encode(endpoint.sealed_secret).decode(), (now + grace).isoformat()]
        )
    if len(older) >= _LIVE_SECRETS:
        text = "Three secrets sign already: wait until the grace of the oldest is over."
        raise Refusal(Code.ILLEGAL_STATE, text)
    secret = _new_secret()
    endpoint.sealed_secret = seal.close(secret.encode(), endpoint.id)
    endpoint.older_secrets = older
    endpoint.revision += 1
    await _kept(sitting, endpoint, caller, "endpoint.secret_rotated")
    return endpoint, secret


async def switch_by_id(sitting: Sitting, endpoint_id: str, caller: Caller, on: bool) -> Endpoint:
    endpoint = await _found(sitting.session, endpoint_id, caller)
    await switch(sitting, endpoint, caller, on)
    return endpoint


async def switch(sitting: Sitting, endpoint: Endpoint, caller: Caller, on: bool) -> None:
    """Enabling forgets every failure and sends a test ahead of what was held; a calendar is then
    written anew."""
    session, now, actor = sitting.session, sitting.now, caller.actor
    if on:
        endpoint.shown += 1
        await endpoint_care.enable(session, sitting.channels, endpoint, actor, now)
    else:
        await endpoint_care.disable(session, sitting.channels, endpoint, actor, now)


async def send_test(sitting: Sitting, endpoint_id: str, event: EventType, caller: Caller) -> str:
    """A ping on the way that every event takes, or an example of another event; answers the message's id.
    Raises Refusal `invalid_input` for what that endpoint is never told."""
    endpoint = await _found(sitting.session, endpoint_id, caller)
    ping = event is EventType.ENDPOINT_TEST
    if not carries(endpoint.format, event) or (endpoint.format in ADAPTERS and not ping):
        text = (
            "That endpoint is sent no example of this: it would be kept there as if it were true."
        )
        raise Refusal(Code.INVALID_INPUT, text, "type")
    message = test_message(
        endpoint, sitting.webhooks, caller.actor, sitting.now, TEST_TRIED_FOR, event
    )
    await add_messages(sitting.session, [message])
    return message.id


async def _check(sitting: Sitting, endpoint: Endpoint, body: EndpointIn | EndpointPatch) -> None:
    """Of the whole endpoint, as it would be."""
    session, team_id = sitting.session, endpoint.team_id
    for field in ("user_id", "owner_id"):
        person = getattr(endpoint, field)
        if person and not await members_among(session, team_id, [person]):
            raise Refusal(Code.UNKNOWN_REFERENCE, "That person is not in the team.", field)
    if endpoint.cases and set(endpoint.cases) - await cases_of_team(
        session, team_id, endpoint.cases
    ):
        raise Refusal(Code.UNKNOWN_REFERENCE, "The team has no such case.", "cases")
    if endpoint.detail is Detail.FULL:
        _check_full(endpoint, body)
    sitting.webhooks.check_address(endpoint.url)
    _check_format(endpoint, body)
    header = body.header
    sitting.webhooks.check_form(form_of(endpoint), (header.name, header.value) if header else None)


def _check_full(endpoint: Endpoint, body: EndpointIn | EndpointPatch) -> None:
    if endpoint.level < Level.BASIS:
        text = "Full detail shows titles, and those are of level 2."
        raise Refusal(Code.INVALID_INPUT, text, "level")
    if {"detail", "level", "url"} & body.model_fields_set and not body.full_confirmed:
        text = (
            "Titles may name people: confirm with full_confirmed that the receiver may read them."
        )
        raise Refusal(Code.INVALID_INPUT, text, "full_confirmed")


def _check_format(endpoint: Endpoint, body: EndpointIn | EndpointPatch) -> None:
    """What a format needs, and what makes no sense with it."""
    account = endpoint.format in LOGGED_IN
    if account and (body.header or endpoint.sealed_credentials is None):
        raise Refusal(Code.INVALID_INPUT, "That system wants an account to log in with.", "account")
    if body.account and not account:
        text = "Only uwazi and caldav are logged in to; give others a header."
        raise Refusal(Code.INVALID_INPUT, text, "account")
    if endpoint.format is Format.CIVICRM and endpoint.sealed_credentials is None:
        text = "CiviCRM wants its key in a header, as X-Civi-Auth: Bearer and the key."
        raise Refusal(Code.INVALID_INPUT, text, "header")
    if endpoint.user_id and endpoint.format in ADAPTERS:
        text = "A case system or a team's calendar is no way to a person."
        raise Refusal(Code.INVALID_INPUT, text, "format")


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _sealed(seal: Seal, endpoint_id: str, body: EndpointIn | EndpointPatch) -> bytes | None:
    if body.header is not None:
        pair = [body.header.name, body.header.value]
    elif body.account is not None:
        pair = [body.account.username, body.account.password]
    else:
        return None
    return seal.close(json.dumps(pair).encode(), endpoint_id)


async def _found(session: AsyncSession, endpoint_id: str, caller: Caller) -> Endpoint:
    endpoint = await get_endpoint(session, endpoint_id, caller.reach, lock=True)
    if endpoint is None:
        raise not_found("endpoint")
    return endpoint


async def _kept(sitting: Sitting, endpoint: Endpoint, caller: Caller, action: str) -> None:
    """A person's new way is used at once for what no other has brought."""
    session, now = sitting.session, sitting.now
    session.add(endpoint)
    await session.flush()
    if endpoint.user_id is not None:
        await wake_cases_of(session, endpoint.user_id, now)
    names = ("level", "detail", "format", "state", "events")
    data = {name: getattr(endpoint, name) for name in names}
    data |= {"user_id": endpoint.user_id} if endpoint.user_id else {}
    happening = Happening(endpoint.team_id, caller.actor, action, endpoint.id, None, data)
    await record(session, [happening], now)
