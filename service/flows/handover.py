"""A message at the door: whether it still holds, and the parcel that leaves, with the address, the secrets
and the right to know read now, never frozen. It sends nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from service.channels.interface import Parcel
from service.domain.notifications import (
    EventType,
    Handover,
    SubjectKind,
    Superseded,
    why_superseded,
)
from service.domain.retry import Outcome
from service.domain.webhooks import ADAPTERS, OPEN_STATES, EndpointState
from service.flows.tools import credentials_of, secrets_of
from service.sealing import Seal
from service.store.endpoints import Endpoint
from service.store.messages import Message
from service.store.outbox import PROBE
from service.store.remote_records import RemoteRecord, remote_records
from service.store.standings import Standing


@dataclass(frozen=True)
class Consignment:
    """A claimed message on its way: what to send, and what is needed to record how it went."""

    message: Message
    attempt_id: str
    lease: str
    parcel: Parcel


@dataclass(frozen=True)
class Shipment:
    """What leaves in one go: one message, or several mails to one person."""

    consignments: tuple[Consignment, ...]


@dataclass(frozen=True)
class Delivered:
    consignment: Consignment
    outcome: Outcome


def stale(message: Message, standing: Standing, beyond: bool, moved: bool) -> Superseded | None:
    """`beyond`: it lists a case that its reader may not see any more; `moved`: a date that has moved."""
    subject, user, endpoint = standing.subject, standing.user, standing.endpoint
    enabled = user is not None and user.disabled_at is None
    personal = endpoint is not None and message.user_id is not None
    on_case = standing.on_case and (standing.in_team or not personal)
    facts = Handover(
        channel=message.channel,
        subject=SubjectKind.ALERT if message.alert_id else SubjectKind.DEADLINE,
        version=message.deadline_version,
        current_version=subject.version if subject else 0 if moved else None,
        live=subject is None or subject.live or message.event is EventType.DEADLINE_CANCELLED,
        on_case=on_case and not beyond,
        recipient_enabled=enabled or (endpoint is not None and not personal),
        personal=personal,
        endpoint_active=endpoint is None or _takes(message, endpoint),
    )
    return why_superseded(facts)


def held(message: Message, standing: Standing) -> bool:
    """Events for tools wait for their endpoint; what one person is told goes another way instead."""
    endpoint = standing.endpoint
    return endpoint is not None and message.user_id is None and not _takes(message, endpoint)


def _takes(message: Message, endpoint: Endpoint) -> bool:
    """A test always goes: it is how one finds out."""
    if endpoint.state in OPEN_STATES or message.event is EventType.ENDPOINT_TEST:
        return True
    return endpoint.state is EndpointState.PAUSED and message.reason == PROBE


async def known_elsewhere(
    session: AsyncSession, messages: Iterable[Message], standings: Mapping[str, Standing]
) -> dict[str, RemoteRecord]:
    """Message id to what its receiver keeps of the deadline, of those systems that keep an entry."""
    pairs = {
        message.id: (endpoint.id, message.deadline_id or "")
        for message in messages
        if (endpoint := standings[message.id].endpoint) and endpoint.format in ADAPTERS
    }
    if not pairs:
        return {}
    endpoints, subjects = ({pair[n] for pair in pairs.values()} for n in (0, 1))
    known = await remote_records(session, endpoints, subjects)
    return {message_id: known[pair] for message_id, pair in pairs.items() if pair in known}


def outdone(message: Message, known: RemoteRecord | None) -> Superseded | None:
    """Something newer is known to stand there: older news, sent once more, must not undo it."""
    newer = known is not None and (known.sequence or 0) > message.occurrence
    return Superseded.VERSION_CHANGED if newer else None


def parcel_of(
    message: Message,
    standing: Standing,
    known: RemoteRecord | None,
    seal: Seal,
    repeated: bool,
    now: datetime,
) -> Parcel:
    user, endpoint = standing.user, standing.endpoint
    parcel = Parcel(
        message_id=message.id,
        event_id=message.event_id,
        address=user.email if user else "",
        openpgp_key=user.openpgp_key_for(message.event) if user else None,
        content=message.content,
        attempt=message.attempts,
        maybe_repeated=repeated,
        sent_at=now,
        remote_id=known.remote_id if known else None,
    )
    return parcel if endpoint is None else _to_endpoint(parcel, message, endpoint, seal)


def _to_endpoint(parcel: Parcel, message: Message, endpoint: Endpoint, seal: Seal) -> Parcel:
    return replace(
        parcel,
        address=endpoint.url,
        secrets=secrets_of(seal, endpoint, parcel.sent_at),
        format=endpoint.format,
        credentials=credentials_of(seal, endpoint),
        replayed=message.replayed_at is not None,
    )
