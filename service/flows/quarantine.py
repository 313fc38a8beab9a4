"""Whether the clockwork may move: not on a schema that this code does not know, and not on a database that
was put back from a copy, until a person has seen what it would send.

The quarantine holds back what leaves; what people ask and enter is answered as ever.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.retry import Verdict
from service.flows.digest import write_due
from service.flows.release import release_due
from service.flows.sitting import Sitting
from service.ids import new_id
from service.memory import Memory
from service.store.attempts import Attempt, keep_attempts
from service.store.installation import Because, locked_installation, the_installation
from service.store.journal import Happening, record
from service.store.messages import Message
from service.store.migrations import FIT
from service.store.pulse import Pulse
from service.store.standings import Standing
from service.store.waiting import Waiting, waiting_messages

_BATCH = 100


class Rest(StrEnum):
    """Why the clockwork stands still."""

    SCHEMA_UNFIT = "schema_unfit"
    QUARANTINED = "quarantined"
    WENT_BACK = "went_back"


def why_at_rest(seen: Pulse, memory: Memory) -> Rest | None:
    """None: it may move. WENT_BACK: it looks as if the database was put back, and nobody has noticed yet;
    what was read may be older than what is remembered by now, so `confine_what_went_back` looks again."""
    if seen.schema not in FIT:
        return Rest.SCHEMA_UNFIT
    if seen.quarantined_at is not None:
        return Rest.QUARANTINED
    return Rest.WENT_BACK if seen.watches < memory.seen(seen.life) else None


async def confine_what_went_back(
    session: AsyncSession, memory: Memory, now: datetime
) -> Rest | None:
    """Looks again under the lock that every watch takes to count: nothing can be remembered that is not yet
    in the database then. None: it had only been read too early."""
    one = await locked_installation(session)
    if one.quarantined_at is None and one.watches >= memory.seen(one.life):
        return None
    await confine(session, Because.WENT_BACK, now)
    return Rest.WENT_BACK


async def confine(session: AsyncSession, because: Because, now: datetime) -> datetime:
    """From now on nothing leaves; since when that is so. In another life: whoever remembers the one before
    is not alarmed again."""
    one = await locked_installation(session)
    if one.quarantined_at is None:
        one.life = new_id("lif", now)
        one.quarantined_at, one.because = now, because
        session.add(one)
        await _journal(session, "installation.quarantined", one.life, {"because": because}, now)
    return one.quarantined_at


async def end(session: AsyncSession, now: datetime) -> datetime | None:
    """What was to be said before the quarantine leaves as a possible repeat; answers that instant, None
    where there was no quarantine."""
    one = await locked_installation(session)
    since = one.quarantined_at
    if since is not None:
        one.quarantined_at, one.because, one.repeats_before = None, None, since
        session.add(one)
        data = {"repeats_before": since.isoformat()}
        await _journal(session, "installation.released", one.life or "", data, now)
    return since


async def would_leave(sitting: Sitting) -> list[Waiting]:
    """What leaves once the quarantine ends, found by releasing it: the caller must not keep that."""
    while not (await release_due(sitting, _BATCH)).last:
        pass
    while (await write_due(sitting, _BATCH)).readers == _BATCH:
        pass
    return await waiting_messages(sitting.session)


async def unsure(
    session: AsyncSession,
    messages: Sequence[Message],
    standings: Mapping[str, Standing],
    now: datetime,
) -> set[str]:
    """Those of them that may have left before the database was put back: each is given an attempt of which
    nobody knows the end."""
    lost = [
        _lost(one, before, now)
        for one in messages
        if (before := standings[one.id].repeats_before) is not None
        and max(one.due_at, one.replayed_at or one.due_at) < before
    ]
    if lost:
        await keep_attempts(session, lost)
    return {one.message_id for one in lost}


def _lost(message: Message, before: datetime, now: datetime) -> Attempt:
    """One for each message, however often it is asked for: its id follows from the message's."""
    return Attempt(
        id=message.id.replace("msg_", "att_"),
        message_id=message.id,
        number=0,
        worker="before the restore",
        opened_at=before,
        closed_at=now,
        verdict=Verdict.UNKNOWN,
        code="restored",
    )


async def _journal(
    session: AsyncSession, action: str, subject_id: str, data: dict[str, str], now: datetime
) -> None:
    await record(session, [Happening(None, "operator", action, subject_id, None, data)], now)


@dataclass(frozen=True)
class Quarantine:
    """`since` None: there is none."""

    since: datetime | None
    because: Because | None


async def quarantine_of(session: AsyncSession) -> Quarantine:
    one = await the_installation(session)
    return Quarantine(one.quarantined_at, one.because)
