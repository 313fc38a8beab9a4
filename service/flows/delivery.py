"""From message row to provider and back: claim with a last check, send with nothing held, record.

The three parts are three functions, so that whoever calls them decides where transactions end:
after the claim, before anything leaves; and again when the verdicts are in.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from service.channels.interface import Channel, Parcel
from service.domain.bundles import APART, PATIENT, Due, Pace, together
from service.domain.endpoints import interval
from service.domain.notifications import (
    ChannelKind,
    EventType,
    MessageState,
    Superseded,
)
from service.domain.retry import GiveUp, Outcome, TryAgain, Verdict, after_failure
from service.domain.routes import SLOW_AFTER
from service.faults import fault
from service.flows.bouncing import turned_away
from service.flows.endpoint_care import note
from service.flows.handover import held, known_elsewhere, outdone, parcel_of, stale
from service.flows.mishaps import Trouble, tell_of_trouble, trouble_with
from service.flows.quarantine import unsure
from service.flows.readers import no_longer_shown, outdated, write_anew
from service.flows.recipients import restored
from service.ids import new_id
from service.sealing import Seal
from service.store.attempts import Attempt, close_abandoned, close_attempts, open_attempts
from service.store.journal import Happening, record
from service.store.leasing import lease_company, lease_due, take_share
from service.store.messages import Message, Standing, standing_of
from service.store.outbox import give_up, hold, mark_accepted, put_back
from service.store.remote_records import RemoteRecord, keep_record
from service.store.subjects import wake_subjects
from service.store.tallies import notifications, possible_duplicates, tally

#: How long a claim holds; every channel's own time-out is shorter.
LEASE = timedelta(seconds=60)
#: Mails that are looked for beside those of one claim, to go along with them.
_COMPANY = 500

_log = structlog.get_logger()


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


async def claim(
    session: AsyncSession, seal: Seal, pace: Pace, worker: str, now: datetime, limit: int
) -> list[Shipment]:
    """Leases due messages, drops those that no longer hold, and opens the attempts of the rest. Whoever
    is to get many is sent all that is due to them, whatever the limit."""
    lease = new_id("lse", now)
    messages = await lease_due(session, pace, now, lease, LEASE, limit)
    if not messages:
        return []
    if crowded := _crowded(messages):
        messages += await lease_company(session, crowded, now, lease, LEASE, _COMPANY)
    doubtful = await unsure(session, messages, now)
    retried = [one.id for one in messages if one.attempts > 1 or one.id in doubtful]
    repeated = await close_abandoned(session, retried, now) if retried else set()
    standings = await standing_of(session, messages)
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
        _count(session, messages, MessageState.SUPERSEDED, reason)
    every = [message for messages in dropped.values() for message in messages]
    await _look_again(session, every, now)
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
        outcome = Outcome(Verdict.UNKNOWN, "internal", type(error).__name__)
    outcome = replace(outcome, took=timedelta(seconds=loop.time() - began))
    return [Delivered(one, outcome) for one in shipment.consignments]


async def record_all(
    session: AsyncSession,
    channels: Mapping[ChannelKind, Channel],
    delivered: Sequence[Delivered],
    now: datetime,
    jitter: Callable[[], float],
) -> None:
    """Closes the attempts; success is final, failure becomes a later try or an end with a reason."""
    await close_attempts(
        session, [(one.consignment.attempt_id, one.outcome) for one in delivered], now
    )
    accepted = [one for one in delivered if one.outcome.verdict is Verdict.ACCEPTED]
    if accepted:
        taken = [one.consignment.message for one in accepted]
        await mark_accepted(session, [message.id for message in taken], now)
        _count(session, taken, MessageState.ACCEPTED)
        await _restored(session, channels[ChannelKind.WEBHOOK], accepted, now)
        await _kept_elsewhere(session, accepted)
    shut = await note(
        session, channels, [(one.consignment.message, one.outcome) for one in delivered], now
    )
    ended, slow = [], []
    # What left together shares its outcome, and comes back together.
    jitters = {id(one.outcome): jitter() for one in delivered}
    for one in delivered:
        if _waits(one, shut):
            await hold(session, [one.consignment.message.id], one.consignment.lease, now)
        elif one.outcome.verdict is not Verdict.ACCEPTED:
            pauses = channels[one.consignment.message.channel].pauses
            if await _failed(session, one, pauses, now, jitters[id(one.outcome)]):
                ended.append(one)
            elif one.consignment.message.attempts == SLOW_AFTER:
                slow.append(one)
    said = {one.consignment.message.id: one.outcome.detail for one in ended if _at_rcpt(one)}
    await turned_away(session, channels, said, now)
    await _tell_of(session, channels[ChannelKind.WEBHOOK], ended, now)
    await _look_again(session, [one.consignment.message for one in (*ended, *slow)], now)
    await record(session, [_happening(one) for one in ended], now)


async def _tell_of(
    session: AsyncSession, webhooks: Channel, ended: Sequence[Delivered], now: datetime
) -> None:
    event, troubles = EventType.NOTIFICATION_FAILED, list[Trouble]()
    for one in ended:
        troubles += trouble_with(one.consignment.message, event, one.outcome.code)
    await tell_of_trouble(session, webhooks, troubles, now)


def _waits(one: Delivered, shut: Collection[str]) -> bool:
    """What a tool has not taken is kept until it takes something again; a test has had its answer."""
    message = one.consignment.message
    event = message.user_id is None and message.event is not EventType.ENDPOINT_TEST
    return event and one.outcome.verdict is not Verdict.ACCEPTED and message.endpoint_id in shut


def _at_rcpt(one: Delivered) -> bool:
    """The address was refused, and not what was to be said there."""
    return one.outcome.verdict is Verdict.PERMANENT and one.outcome.at == "rcpt"


async def _restored(
    session: AsyncSession, webhooks: Channel, accepted: Sequence[Delivered], now: datetime
) -> None:
    messages = [one.consignment.message for one in accepted]
    readers = {one.user_id for one in messages if one.user_id}
    by_tools = {one.user_id for one in messages if one.channel is not ChannelKind.EMAIL}
    await restored(session, webhooks, readers, now, readers - by_tools)


async def _kept_elsewhere(session: AsyncSession, accepted: Sequence[Delivered]) -> None:
    for one in accepted:
        message, remote_id = one.consignment.message, one.outcome.remote_id
        if remote_id is not None and message.endpoint_id and message.deadline_id:
            record = RemoteRecord(
                endpoint_id=message.endpoint_id,
                subject_id=message.deadline_id,
                remote_id=remote_id,
                sequence=message.occurrence,
            )
            await keep_record(session, record)


async def _failed(
    session: AsyncSession,
    one: Delivered,
    pauses: tuple[timedelta, ...],
    now: datetime,
    jitter: float,
) -> bool:
    """True when the message has come to its end without being accepted."""
    message, lease = one.consignment.message, one.consignment.lease
    decision = after_failure(
        one.outcome, message.attempts, pauses, now, message.useful_until, jitter
    )
    if isinstance(decision, TryAgain):
        await put_back(session, message.id, lease, decision.at)
        return False
    state = MessageState.FAILED if decision is GiveUp.REFUSED else MessageState.EXPIRED
    _count(session, [message], state, decision)
    return await give_up(session, [message.id], lease, state, f"{decision}: {one.outcome.code}")


def _count(
    session: AsyncSession, messages: Sequence[Message], state: MessageState, reason: str = ""
) -> None:
    """One end for each; of drills no figure tells."""
    for message in messages:
        if not message.drill:
            labelled = notifications.labels(message.channel.value, state.value, str(reason))
            tally(session, labelled.inc)


async def _look_again(session: AsyncSession, lost: Sequence[Message], now: datetime) -> None:
    """What will not arrive may leave a step without anyone, or is to be said by another way: the plan must
    see that at once."""
    to_people = [message for message in lost if message.user_id]
    ids = {message.deadline_id or message.alert_id for message in to_people}
    await wake_subjects(session, {one for one in ids if one}, now)


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


def _happening(one: Delivered) -> Happening:
    message = one.consignment.message
    return Happening(
        team_id=message.team_id,
        actor="system",
        action="message.not_delivered",
        subject_id=message.id,
        case_id=message.case_id,
        data={"channel": message.channel, "code": one.outcome.code, "step": message.step},
    )
