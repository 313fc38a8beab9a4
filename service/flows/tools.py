"""What the tools of a team are told: which endpoint hears of what, in which form, and how much of it."""

import json
from base64 import b64decode
from collections.abc import Iterable
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from service.channels.interface import Channel, Draft, Form
from service.domain.access import Level
from service.domain.endpoints import HELD_FOR, TRIED_FOR, Report
from service.domain.notifications import EventType, MessageState, dedupe_key
from service.domain.webhooks import CHATS, OPEN_STATES, Detail, Format, carries
from service.flows.examples import example_of
from service.ids import new_id
from service.sealing import Seal
from service.store.alerts import Alert
from service.store.endpoints import Endpoint, team_endpoints
from service.store.messages import Message, add_messages
from service.store.subjects import Subject

#: How much each detail can show at most.
_SHOWN = {Detail.THIN: Level.CODE, Detail.DATES: Level.CODE, Detail.FULL: Level.BASIS}

_log = structlog.get_logger()


def wants(endpoint: Endpoint, event: EventType, subject: Subject | None = None) -> bool:
    """Exact names, `deadline.*`, or `*`, of the cases that it asked for; never what is written for one
    reader. Whoever wants critical things alone still hears of alerts, and of what is about neither."""
    if not carries(endpoint.format, event):
        return False
    if not any(fnmatchcase(event, one) for one in endpoint.events):
        return False
    if endpoint.cases and (subject is None or subject.case_id not in endpoint.cases):
        return False
    urgent = subject is None or subject.critical or isinstance(subject, Alert)
    return urgent or not endpoint.critical_only


def held_back(message: Message, endpoint: Endpoint) -> Message:
    """An event for an endpoint that takes nothing waits from the beginning; a test is how one finds out."""
    personal = endpoint.user_id is not None
    if endpoint.state in OPEN_STATES or personal or message.event is EventType.ENDPOINT_TEST:
        return message
    message.state = MessageState.HELD
    message.useful_until = message.created_at + HELD_FOR
    return message


def form_of(endpoint: Endpoint) -> Form:
    topic = urlsplit(endpoint.url).path.rstrip("/").rpartition("/")[2]
    return Form(endpoint.format, endpoint.detail, endpoint.template, topic)


def most_shown(endpoint: Endpoint) -> Level:
    """A room full of people is shown no titles; a thin calendar shows that there is a date."""
    if endpoint.format is Format.CALDAV and endpoint.detail is Detail.THIN:
        return Level.BARE
    most = Level.CODE if endpoint.format in CHATS else _SHOWN[endpoint.detail]
    return min(Level(endpoint.level), most)


def message_to(
    endpoint: Endpoint,
    webhooks: Channel,
    draft: Draft,
    tried_for: timedelta = TRIED_FOR,
) -> Message:
    """The row of what is about no deadline and no alert, its bytes composed once."""
    now = draft.occurred_at
    message = Message(
        id=draft.message_id,
        team_id=endpoint.team_id,
        step=draft.event,
        event=EventType.ENDPOINT_TEST if draft.example else draft.event,
        event_id=draft.event_id,
        channel=webhooks.kind,
        user_id=endpoint.user_id,
        endpoint_id=endpoint.id,
        level=min(most_shown(endpoint), Level.CODE),
        dedupe_key=dedupe_key(draft.event_id, 0, draft.event, 0, endpoint.id, webhooks.kind),
        content=webhooks.compose(draft),
        due_at=now,
        next_attempt_at=now,
        useful_until=now + tried_for,
        asked_by=draft.actor,
        created_at=now,
    )
    return held_back(message, endpoint)


async def tell_of_person(
    session: AsyncSession,
    webhooks: Channel,
    event: EventType,
    whom: tuple[str, str],
    now: datetime,
) -> None:
    """`whom`: team and user. Who it is, by id alone, for endpoints that are told which case something is
    about."""
    team_id, user_id = whom
    endpoints = (await team_endpoints(session, [team_id])).get(team_id, [])
    event_id = new_id("evt", now)
    messages = []
    for endpoint in (one for one in endpoints if wants(one, event)):
        named = most_shown(endpoint) >= Level.CODE
        draft = _draft(endpoint, event, event_id, now, about_user_id=user_id if named else None)
        messages.append(message_to(endpoint, webhooks, draft))
    await add_messages(session, messages)


async def tell_of_endpoint(
    session: AsyncSession,
    webhooks: Channel,
    event: EventType,
    about: Endpoint,
    report: Report,
    now: datetime,
) -> None:
    """To the other tools of its team: never through the route that is in trouble."""
    endpoints = (await team_endpoints(session, [about.team_id])).get(about.team_id, [])
    event_id = new_id("evt", now)
    others: Iterable[Endpoint] = (one for one in endpoints if one.id != about.id)
    messages = [
        message_to(one, webhooks, _draft(one, event, event_id, now, report=report))
        for one in others
        if wants(one, event)
    ]
    await add_messages(session, messages)


def test_message(
    endpoint: Endpoint,
    webhooks: Channel,
    actor: str | None,
    now: datetime,
    tried_for: timedelta,
    event: EventType,
) -> Message:
    """A ping on the way that every event takes, or an example of another event."""
    example = example_of(event, most_shown(endpoint), now)
    draft = _draft(endpoint, event, new_id("evt", now), now, actor=actor, **example)
    return message_to(endpoint, webhooks, draft, tried_for)


def _draft(
    endpoint: Endpoint, event: EventType, event_id: str, now: datetime, **rest: object
) -> Draft:
    return Draft(
        message_id=new_id("msg", now),
        event=event,
        event_id=event_id,
        team_id=endpoint.team_id,
        occurred_at=now,
        reader_language=endpoint.language,
        form=form_of(endpoint),
        **({"notice": None} | rest),  # type: ignore[arg-type]  # what the three above name
    )


def secrets_of(seal: Seal, endpoint: Endpoint, now: datetime) -> tuple[str, ...]:
    """All that still sign, the newest first; none where the key has changed: that endpoint's attempts fail
    aloud, and the batch goes on."""
    sealed = [endpoint.sealed_secret]
    for older, until in endpoint.older_secrets:
        if now < datetime.fromisoformat(until):
            sealed.append(b64decode(older))
    try:
        return tuple(seal.open(one, endpoint.id).decode() for one in sealed)
    except ValueError:
        _log.error("endpoint_secret_unreadable", endpoint_id=endpoint.id)
        return ()


def credentials_of(seal: Seal, endpoint: Endpoint) -> tuple[str, str] | None:
    """The header that the receiver asked for, or a name and a password."""
    if endpoint.sealed_credentials is None:
        return None
    try:
        name, value = json.loads(seal.open(endpoint.sealed_credentials, endpoint.id))
    except ValueError:
        _log.error("endpoint_credentials_unreadable", endpoint_id=endpoint.id)
        return None
    return str(name), str(value)
