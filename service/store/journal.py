"""The journal: what happened, for ever, each entry chained to the one before it by its hash.

One chain for each team (and one, `operator`, for what concerns no team). Entries are added in the
transaction of the change that they record, under a lock on the chain's head.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Index, bindparam
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from service.ids import new_id
from service.store.columns import Json, UtcDateTime, insert_missing, insert_rows

OPERATOR_CHAIN = "operator"
_FIRST = "0" * 64


class JournalEntry(SQLModel, table=True):
    """`actor`: id of the key or user, or `system`. `data` holds ids, states and dates, no free text."""

    __tablename__ = "journal_entries"
    __table_args__ = (Index("uq_journal_entries_chain_number", "chain", "number", unique=True),)

    id: str = Field(primary_key=True)
    chain: str
    number: int
    at: datetime = Field(sa_type=UtcDateTime)
    actor: str
    action: str
    subject_id: str
    case_id: str | None = Field(default=None, index=True)
    data: dict[str, Any] = Field(sa_type=Json)
    previous_hash: str
    hash: str


class JournalHead(SQLModel, table=True):
    """The newest entry of a chain; the row that writers queue for."""

    __tablename__ = "journal_heads"

    chain: str = Field(primary_key=True)
    number: int = 0
    hash: str = _FIRST


@dataclass(frozen=True)
class Happening:
    """Something to be journalled; the chain is the team's."""

    team_id: str | None
    actor: str
    action: str
    subject_id: str
    case_id: str | None
    data: dict[str, Any]


async def record(session: AsyncSession, happenings: Sequence[Happening], now: datetime) -> None:
    """Adds the entries, chain by chain in a fixed order so that two writers cannot block each other."""
    by_chain: dict[str, list[Happening]] = {}
    for happening in happenings:
        by_chain.setdefault(happening.team_id or OPERATOR_CHAIN, []).append(happening)
    for chain in sorted(by_chain):
        head = await _lock_head(session, chain)
        entries, newest = [], head.hash
        for number, happening in enumerate(by_chain[chain], head.number + 1):
            entry = _entry(chain, number, newest, happening, now)
            newest = entry["hash"] = _digest(entry)
            entries.append(entry)
        head.number, head.hash = head.number + len(entries), newest
        session.add(head)
        await session.flush()
        await insert_rows(session, JournalEntry, entries)


async def case_journal(
    session: AsyncSession, case_id: str, after: int | None, limit: int
) -> list[JournalEntry]:
    """Oldest first; `after` is the number of the last entry seen."""
    query = select(JournalEntry).where(JournalEntry.case_id == case_id)
    if after is not None:
        query = query.where(col(JournalEntry.number) > after)
    return list(await session.exec(query.order_by(col(JournalEntry.number)).limit(limit)))


async def actor_of(session: AsyncSession, chain: str, action: str, subject_id: str) -> str | None:
    """Who did that to it first; reads the whole chain, so not for every request."""
    query = select(JournalEntry.actor).where(
        JournalEntry.chain == chain,
        JournalEntry.action == action,
        JournalEntry.subject_id == subject_id,
    )
    return (await session.exec(query.order_by(col(JournalEntry.number)).limit(1))).first()


async def chains(session: AsyncSession) -> list[JournalHead]:
    return list(await session.exec(select(JournalHead).order_by(col(JournalHead.chain))))


async def first_broken(session: AsyncSession, head: JournalHead) -> int | None:
    """The number of the first entry that does not follow from the one before it; None: all is whole.

    A missing tail shows as the entry after the last one present.
    """
    number, previous = 0, _FIRST
    async for entry in _entries(session, head.chain):
        intact = entry.previous_hash == previous and entry.hash == _digest(entry.model_dump())
        if entry.number != number + 1 or not intact:
            return number + 1
        number, previous = entry.number, entry.hash
    return None if (number, previous) == (head.number, head.hash) else number + 1


async def _entries(session: AsyncSession, chain: str) -> AsyncIterator[JournalEntry]:
    query = select(JournalEntry).where(JournalEntry.chain == chain)
    stream = await session.stream_scalars(query.order_by(col(JournalEntry.number)))
    async for entry in stream:
        yield entry


async def _lock_head(session: AsyncSession, chain: str) -> JournalHead:
    head = (await session.exec(_holding_head(), params={"chain": chain})).first()
    if head is None:
        await insert_missing(session, JournalHead, [JournalHead(chain=chain).model_dump()], "chain")
        head = (await session.exec(_holding_head(), params={"chain": chain})).one()
    return head


@cache
def _holding_head() -> SelectOfScalar[JournalHead]:
    query = select(JournalHead).where(col(JournalHead.chain) == bindparam("chain"))
    return query.with_for_update()


def _entry(
    chain: str, number: int, previous: str, happening: Happening, now: datetime
) -> dict[str, Any]:
    return {
        "id": new_id("jrn", now),
        "chain": chain,
        "number": number,
        "at": now,
        "actor": happening.actor,
        "action": happening.action,
        "subject_id": happening.subject_id,
        "case_id": happening.case_id,
        "data": happening.data,
        "previous_hash": previous,
    }


#: One for all: `json.dumps` makes a new one for each call that asks for anything.
_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _digest(entry: dict[str, Any]) -> str:
    """SHA-256 over a canonical JSON of everything but the hash itself."""
    content = {name: value for name, value in entry.items() if name != "hash"}
    text = _CANONICAL.encode(content | {"at": entry["at"].isoformat()})
    return hashlib.sha256(text.encode()).hexdigest()
