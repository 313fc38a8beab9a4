"""Workers that can be stopped between any two of their steps, the receiver that they send to, and what they
have written down."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import select

from service.channels.email.sender import EmailChannel
from service.channels.interface import Channel, Draft, Parcel
from service.domain.bundles import Pace
from service.domain.notifications import PENDING_STATES
from service.domain.retry import Outcome, Verdict
from service.flows import delivery
from service.flows.handover import Delivered, Shipment
from service.runtime import Runtime
from service.store.alerts import Alert
from service.store.attempts import Attempt
from service.store.deadlines import Deadline
from service.store.journal import JournalEntry
from service.store.messages import Message
from service.store.subjects import Subject
from service.store.users import User
from tests.harness.world import MovableClock
from workers.recording import record

#: Nobody ever has had enough.
PACE = Pace(per_minute=10**6, per_hour=10**6)
#: Verdicts after which a copy may be out.
TAKEN = frozenset({Verdict.ACCEPTED, Verdict.UNKNOWN})


@dataclass(frozen=True)
class Copy:
    message_id: str
    number: int
    address: str
    marked: bool
    at: datetime


class Receiver(EmailChannel):
    """Takes what it accepts, and what it falls silent over."""

    def __init__(self, real: Channel, clock: MovableClock) -> None:
        self._real = real
        self._clock = clock
        self.answer = Verdict.ACCEPTED
        self.copies: list[Copy] = []
        self.refused: set[str] = set()

    def compose(self, draft: Draft) -> bytes:
        return self._real.compose(draft)

    async def send(self, parcel: Parcel) -> Outcome:
        for one in (parcel, *parcel.along):
            if self.answer in TAKEN:
                copy = (one.message_id, one.attempt, one.address, one.maybe_repeated)
                self.copies.append(Copy(*copy, self._clock.now))
            else:
                self.refused.add(one.message_id)
        return Outcome(self.answer, "said")


@dataclass
class Worker:
    """`held`: claimed, and not sent yet; `told`: sent, and not written down yet."""

    runtime: Runtime
    held: list[Shipment] = field(default_factory=list)
    told: list[Delivered] = field(default_factory=list)

    async def claim(self, now: datetime, limit: int) -> list[Shipment]:
        runtime = self.runtime
        async with runtime.transaction() as session:
            claimed = await delivery.claim(session, runtime.seal, PACE, runtime.worker, now, limit)
        self.held += claimed
        return claimed

    async def send(self, number: int) -> None:
        leaving, self.held = self.held[:number], self.held[number:]
        for shipment in leaving:
            self.told += await delivery.send(self.runtime.channels, shipment)

    async def record(self) -> None:
        await record(self.runtime, self.told)
        self.told = []

    def die(self) -> None:
        self.held, self.told = [], []


@dataclass(frozen=True)
class Tables:
    """What is written down at one moment: messages, and what they are about, by id; tries by message;
    addresses by person."""

    messages: dict[str, Message]
    tries: dict[str, list[Attempt]]
    subjects: dict[str, Subject]
    journal: Sequence[JournalEntry]
    addresses: dict[str, str]

    @property
    def deadlines(self) -> list[Deadline]:
        return [one for one in self.subjects.values() if isinstance(one, Deadline)]

    @property
    def pending(self) -> list[Message]:
        return [one for one in self.messages.values() if one.state in PENDING_STATES]

    def undelivered(self) -> Counter[str]:
        return Counter(
            one.subject_id for one in self.journal if one.action == "message.not_delivered"
        )


async def read_tables(runtime: Runtime) -> Tables:
    async with runtime.reading() as session:
        tries: dict[str, list[Attempt]] = {}
        for one in await session.exec(select(Attempt)):
            tries.setdefault(one.message_id, []).append(one)
        subjects: list[Subject] = [
            *await session.exec(select(Deadline)),
            *await session.exec(select(Alert)),
        ]
        return Tables(
            {one.id: one for one in await session.exec(select(Message))},
            tries,
            {one.id: one for one in subjects},
            list(await session.exec(select(JournalEntry))),
            {one.id: one.email for one in await session.exec(select(User))},
        )


def about(message: Message) -> str:
    """The id of its deadline or alert."""
    return message.deadline_id or message.alert_id or ""
