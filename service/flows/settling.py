"""Writes down how tries went: success is final, failure becomes a later try or an end with a reason.

Whoever calls decides where the transaction ends; nothing is sent here.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from service.channels.interface import Channel
from service.domain.notifications import ChannelKind, EventType, MessageState
from service.domain.retry import HERE, GiveUp, TryAgain, Verdict, after_failure
from service.domain.routes import SLOW_AFTER
from service.flows.bouncing import turned_away
from service.flows.endpoint_care import note
from service.flows.handover import Delivered
from service.flows.mishaps import Trouble, tell_of_trouble, trouble_with
from service.flows.recipients import restored
from service.store.attempts import close_attempts, lost_tries
from service.store.journal import Happening, record
from service.store.messages import Message
from service.store.outbox import give_up, hold, mark_accepted, put_back
from service.store.remote_records import RemoteRecord, keep_record
from service.store.subjects import wake_subjects
from service.store.tallies import notifications, tally

#: A channel raised against its promise.
INTERNAL = "internal"

Recording = Callable[
    [
        AsyncSession,
        Mapping[ChannelKind, Channel],
        Sequence[Delivered],
        datetime,
        Callable[[], float],
    ],
    Awaitable[None],
]


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
        count_ends(session, taken, MessageState.ACCEPTED)
        await _restored(session, channels[ChannelKind.WEBHOOK], accepted, now)
        await _kept_elsewhere(session, accepted)
    # A fault of ours says nothing of the receiver.
    theirs = [one for one in delivered if one.outcome.code != INTERNAL and one.outcome.at != HERE]
    answers = [(one.consignment.message, one.outcome) for one in theirs]
    shut = await note(session, channels, answers, now)
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
            elif one.consignment.message.attempts == SLOW_AFTER and not one.outcome.unreached:
                slow.append(one)
    said = {one.consignment.message.id: one.outcome.detail for one in ended if _at_rcpt(one)}
    await turned_away(session, channels, said, now)
    await _tell_of(session, channels[ChannelKind.WEBHOOK], ended, now)
    await look_again(session, [one.consignment.message for one in (*ended, *slow)], now)
    await record(session, [_happening(one) for one in ended], now)


async def record_alone(
    session: AsyncSession,
    channels: Mapping[ChannelKind, Channel],
    delivered: Sequence[Delivered],
    now: datetime,
    jitter: Callable[[], float],
) -> None:
    """That it left, or when it is tried again, and nothing of what follows from it: for a verdict that
    `record_all` stumbles over, which would else be sent again for ever."""
    said = [(one.consignment.attempt_id, replace(one.outcome, detail="")) for one in delivered]
    await close_attempts(session, said, now)
    for one in delivered:
        message = one.consignment.message
        if one.outcome.verdict is Verdict.ACCEPTED:
            await mark_accepted(session, [message.id], now)
        else:
            await _failed(session, one, channels[message.channel].pauses, now, jitter())


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
    # That a worker died in the midst of it makes nobody wait longer for the next try.
    lost = await lost_tries(session, message.id) if message.attempts > 1 else 0
    decision = after_failure(
        one.outcome, message.attempts - lost, pauses, now, message.useful_until, jitter
    )
    if isinstance(decision, TryAgain):
        await put_back(session, message.id, lease, decision.at, not one.outcome.unreached)
        return False
    state = MessageState.FAILED if decision is GiveUp.REFUSED else MessageState.EXPIRED
    ended = await give_up(session, [message.id], lease, state, f"{decision}: {one.outcome.code}")
    if ended:
        count_ends(session, [message], state, decision)
    return ended


def count_ends(
    session: AsyncSession, messages: Sequence[Message], state: MessageState, reason: str = ""
) -> None:
    """One end for each; of drills no figure tells."""
    for message in messages:
        if not message.drill:
            labelled = notifications.labels(message.channel.value, state.value, str(reason))
            tally(session, labelled.inc)


async def look_again(session: AsyncSession, lost: Sequence[Message], now: datetime) -> None:
    """What will not arrive may leave a step without anyone, or is to be said by another way: the plan must
    see that at once."""
    to_people = [message for message in lost if message.user_id]
    ids = {message.deadline_id or message.alert_id for message in to_people}
    await wake_subjects(session, {one for one in ids if one}, now)


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
