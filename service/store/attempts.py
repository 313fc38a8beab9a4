"""Attempts: each try of a message, opened before anything leaves and closed after."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Index, Update, bindparam, delete, func, text, update
from sqlmodel import Field, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.retry import Outcome, Verdict
from service.store.columns import (
    Choice,
    Row,
    UtcDateTime,
    as_rows,
    core_table,
    insert_missing,
    insert_rows,
    one_of,
)

_WORKER_LOST = "worker_lost"


class Attempt(Row, table=True):
    """One try, opened before anything leaves and closed after. Open or `unknown`: the process died
    in between, and the message may have arrived. `number`: counted where the other side was reached; a try
    at a relay that was away has that of the next. `address`: what was dialled, of a mail the relay;
    `took_ms`: how long the other side was talked to. `asked_by`: who asked for this message to be sent,
    once more or as a test, None for the clockwork. `along_with`: the attempt whose mail carried this one.
    `detail`: the other side's words, for a while."""

    __tablename__ = "attempts"
    __table_args__ = (
        Index(
            "ix_attempts_open",
            "message_id",
            postgresql_where=text("closed_at IS NULL"),
            sqlite_where=text("closed_at IS NULL"),
        ),
        Index("ix_attempts_opened_at", "opened_at"),
    )

    id: str = Field(primary_key=True)
    message_id: str = Field(foreign_key="messages.id", index=True)
    number: int
    worker: str
    opened_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    verdict: Verdict | None = Field(default=None, sa_type=Choice(Verdict))
    code: str | None = None
    detail: str | None = None
    address: str | None = None
    took_ms: int | None = None
    asked_by: str | None = None
    along_with: str | None = None


async def close_abandoned(
    session: AsyncSession, message_ids: Iterable[str], now: datetime
) -> set[str]:
    """Attempts left open by a dead worker become `unknown`; answers the messages that have one."""
    ids = list(message_ids)
    await session.exec(
        update(Attempt)
        .where(one_of(col(Attempt.message_id), ids), col(Attempt.closed_at).is_(None))
        .values(closed_at=now, verdict=Verdict.UNKNOWN, code=_WORKER_LOST)
        .execution_options(synchronize_session=False)
    )
    return await maybe_repeated(session, ids)


async def maybe_repeated(session: AsyncSession, message_ids: Iterable[str]) -> set[str]:
    """Those that may have arrived once already: an attempt of theirs has no known end."""
    query = select(Attempt.message_id).where(
        one_of(col(Attempt.message_id), message_ids), Attempt.verdict == Verdict.UNKNOWN
    )
    return set(await session.exec(query.distinct()))


async def lost_tries(session: AsyncSession, message_id: str) -> int:
    """How many of its tries ended with the process that made them."""
    lost = select(func.count()).where(
        Attempt.message_id == message_id, Attempt.code == _WORKER_LOST
    )
    return int((await session.exec(lost)).one())


async def keep_attempts(session: AsyncSession, attempts: Sequence[Attempt]) -> None:
    """Those that are not there yet."""
    await insert_missing(session, Attempt, as_rows(attempts), "id")


async def open_attempts(session: AsyncSession, attempts: Sequence[Attempt]) -> None:
    await insert_rows(session, Attempt, as_rows(attempts))


async def close_attempts(
    session: AsyncSession, outcomes: Sequence[tuple[str, Outcome]], now: datetime
) -> None:
    """Attempt id and how it went. Overwrites an `unknown`: a verdict that comes late is still true."""
    rows = [
        {
            "attempt_id": one,
            "now": now,
            "verdict": outcome.verdict,
            "code": outcome.code,
            "detail": outcome.detail,
            "address": outcome.address,
            "took_ms": round(outcome.took.total_seconds() * 1000),
        }
        for one, outcome in outcomes
    ]
    await (await session.connection()).execute(_closing(), rows)


@cache
def _closing() -> Update:
    attempts, given = core_table(Attempt), ("verdict", "code", "detail", "address", "took_ms")
    values: dict[str, Any] = {name: bindparam(name) for name in given}
    values["closed_at"] = bindparam("now")
    return update(attempts).where(attempts.c.id == bindparam("attempt_id")).values(values)


async def attempts_of(
    session: AsyncSession, message_ids: Iterable[str]
) -> dict[str, list[Attempt]]:
    """Message id to its attempts, in their order."""
    query = select(Attempt).where(one_of(col(Attempt.message_id), message_ids))
    in_order = (col(Attempt.message_id), col(Attempt.number), col(Attempt.id))
    found: dict[str, list[Attempt]] = {}
    for attempt in await session.exec(query.order_by(*in_order)):
        found.setdefault(attempt.message_id, []).append(attempt)
    return found


async def forget_words(session: AsyncSession, instant: datetime) -> None:
    """What the other side said before then; how each try went stays."""
    await session.exec(
        update(Attempt)
        .where(col(Attempt.opened_at) < instant, col(Attempt.detail).is_not(None))
        .values(detail=None)
        .execution_options(synchronize_session=False)
    )


async def forget_attempts(session: AsyncSession, instant: datetime) -> None:
    """Those opened before then. That a message arrived, and when, its own row says."""
    await session.exec(delete(Attempt).where(col(Attempt.opened_at) < instant))
