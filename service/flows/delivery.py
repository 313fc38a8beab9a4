"""From message row to provider: claim with a last check, send with nothing held. How it went, writes
`settling.py` down.

Each is a function, so that whoever calls them decides where transactions end: after the claim, before
anything leaves; and again when the verdicts are in.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from service.channels.interface import Channel
from service.domain.bundles import APART, PATIENT, Due, Pace, together
from service.domain.endpoints import interval
from service.domain.notifications import (
    ChannelKind,
    MessageState,
    Superseded,
)
from service.domain.retry import Outcome, Verdict
from service.faults import fault
from service.flows.handover import (
    Consignment,
    Delivered,
    Shipment,
    held,
    known_elsewhere,
    outdone,
    parcel_of,
    stale,
)
from service.flows.quarantine import unsure
from service.flows.readers import no_longer_shown, outdated, write_anew
from service.flows.settling import INTERNAL, count_ends, look_again
from service.ids import new_id
from service.sealing import Seal
from service.store.attempts import Attempt, close_abandoned, open_attempts
from service.store.leasing import lease_company, lease_due
from service.store.messages import Message
from service.store.outbox import give_up, hold
from service.store.room import take_share
from service.store.standings import Standing, standing_of
from service.store.tallies import possible_duplicates, tally

#: How long a claim holds; every channel's own time-out is shorter.
LEASE = timedelta(seconds=60)
#: Mails that are looked for beside those of one claim, to go along with them.
_COMPANY = 500

_log = structlog.get_logger()


async def claim(
    session: AsyncSession,
    seal: Seal,
    pace: Pace,
    worker: str,
    now: datetime,
    limit: int,
    first: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
) -> list[Shipment]:
    """Leases due messages, drops those that no longer hold, and opens the attempts of the rest. Whoever
    is to get many is sent all that is due to them, whatever the limit. `first`: entered once something is
    found, so that it goes before whatever takes long."""
    lease = new_id("lse", now)
    messages = await lease_due(session, pace, now, lease, LEASE, limit)
    if not messages:
        return []
    async with first():
        return await _opened(session, seal, worker, now, lease, messages)


async def _opened(
    session: AsyncSession,
    seal: Seal,
    worker: str,
    now: datetime,
    lease: str,
    messages: list[Message],
) -> list[Shipment]:
    if crowded := _crowded(messages):
        messages += await lease_company(session, crowded, now, lease, LEASE, _COMPANY)
    standings = await standing_of(session, messages)
    doubtful = await unsure(session, messages, standings, now)
    retried = [one.id for one in messages if one.attempts > 1 or one.id in doubtful]
    repeated = await close_abandoned(session, retried, now) if retried else set()
    beyond = await no_longer_shown(session, messages)
    moved = await outdated(session, messages)
    known = await known_elsewhere(session, messages, standings)
    dropped: dict[Superseded, list[Message]] = {}
    waiting, leaving = [], []
    for message in messages:
        standing, there = standings[message.id], known.get(message.id)
        reason = stale(message, standing, message.id in beyond, message.id in moved)
        if reason := reason or outdone(message, there):
            dropped.setdefault(reason, []).append(message)
        elif held(message, standing):
            waiting.append(message.id)
        else:
            parcel = parcel_of(message, standing, there, seal, message.id in repeated, now)
            leaving.append(Consignment(message, new_id("att", now), lease, parcel))
    await _drop(session, dropped, lease, now)
    if waiting:
        await hold(session, waiting, lease, now)
    shipments = _shipments(leaving, standings, now)
    if leaving:
        await take_share(session, _shares(leaving, standings, now), now)
        await open_attempts(session, _attempts(shipments, worker, now))
    unknown = sum(one.parcel.maybe_repeated for one in leaving)
    tally(session, partial(possible_duplicates.inc, unknown))
    return shipments


async def _drop(
    session: AsyncSession,
    dropped: Mapping[Superseded, Sequence[Message]],
    lease: str,
    now: datetime,
) -> None:
    for reason, messages in dropped.items():
        ids = [message.id for message in messages]
        await give_up(session, ids, lease, MessageState.SUPERSEDED, reason)
        count_ends(session, messages, MessageState.SUPERSEDED, reason)
    every = [message for messages in dropped.values() for message in messages]
    await look_again(session, every, now)
    await write_anew(session, every, now)


def _shares(
    leaving: Sequence[Consignment], standings: Mapping[str, Standing], now: datetime
) -> dict[str, float]:
    """Endpoint id to the seconds of its rate that these take."""
    shares: dict[str, float] = {}
    for one in leaving:
        endpoint = standings[one.message.id].endpoint
        if endpoint is not None:
            each = interval(endpoint.per_second, endpoint.slow_until, now).total_seconds()
            shares[endpoint.id] = shares.get(endpoint.id, 0.0) + each
    return shares


def _crowded(messages: Sequence[Message]) -> set[str]:
    """The readers of more mails than are sent one by one."""
    mails = [one for one in messages if one.channel is ChannelKind.EMAIL and one.user_id]
    every = Counter(one.user_id for one in mails)
    patient = Counter(one.user_id for one in mails if one.event in PATIENT)
    return {str(one) for one in every if every[one] > APART or patient[one] > 1}


def _shipments(
    consignments: Sequence[Consignment], standings: Mapping[str, Standing], now: datetime
) -> list[Shipment]:
    by_id = {one.message.id: one for one in consignments}
    groups = together(_due(one.message, standings[one.message.id], now) for one in consignments)
    return [Shipment(tuple(by_id[message_id] for message_id in group)) for group in groups]


def _due(message: Message, standing: Standing, now: datetime) -> Due:
    mail = message.channel is ChannelKind.EMAIL
    subject = standing.subject if message.deadline_id else None
    left = subject.due_at - now if subject else timedelta()
    reader = message.user_id if mail else None
    return Due(message.id, reader, subject is not None, left, message.event)


async def send(channels: Mapping[ChannelKind, Channel], shipment: Shipment) -> list[Delivered]:
    """One try, with no transaction open. Whatever a channel raises against its promise is a failure."""
    loop, (first, *rest) = asyncio.get_running_loop(), shipment.consignments
    began, channel = loop.time(), channels[first.message.channel]
    parcel = replace(first.parcel, along=tuple(one.parcel for one in rest))
    try:
        fault("send.before")
        outcome = await channel.send(parcel)
    except Exception as error:
        _log.exception("channel_raised", message_id=first.message.id, channel=channel.kind)
        outcome = Outcome(Verdict.UNKNOWN, INTERNAL, type(error).__name__)
    # Anything may come back, and Postgres keeps no NUL.
    words = outcome.detail.replace("\0", "\ufffd")
    outcome = replace(outcome, detail=words, took=timedelta(seconds=loop.time() - began))
    return [Delivered(one, outcome) for one in shipment.consignments]


def _attempts(shipments: Sequence[Shipment], worker: str, now: datetime) -> list[Attempt]:
    return [
        Attempt(
            id=one.attempt_id,
            message_id=one.message.id,
            number=one.message.attempts,
            worker=worker,
            opened_at=now,
            asked_by=one.message.asked_by,
            along_with=None if one is first else first.attempt_id,
        )
        for shipment in shipments
        for first in shipment.consignments[:1]
        for one in shipment.consignments
    ]
