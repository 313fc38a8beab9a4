"""Inbound sources and what came from them: ids, fingerprints and reasons, never what a payload said."""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, UniqueConstraint, case, delete, func, or_
from sqlalchemy import select as select_columns
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Reach
from service.domain.recipes import KeyBy, Makes, Recipe
from service.store.columns import Choice, Json, UtcDateTime, insert_missing
from service.store.paging import get_within, page, within

#: So long what made nothing can be looked up.
FAILURES_KEPT_FOR = timedelta(days=90)
#: Whoever is still trying out a form sees what is refused in its answers.
A_MOMENT = timedelta(minutes=15)


class ReceiptState(StrEnum):
    """`made` something; `refused`: it made nothing, for a reason; `passed_over`: the source is not about
    such payloads."""

    MADE = "made"
    REFUSED = "refused"
    PASSED_OVER = "passed_over"


class InboundSource(SQLModel, table=True):
    """A form or a system that may report events of its team. `mapping`: field to where its value comes
    from, complete, so that a recipe that changes changes no source. Of its token only the fingerprint is
    kept."""

    __tablename__ = "inbound_sources"

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id", index=True)
    name: str
    recipe: Recipe = Field(sa_type=Choice(Recipe))
    makes: Makes = Field(sa_type=Choice(Makes))
    mapping: dict[str, Any] = Field(sa_type=Json)
    key_by: KeyBy = Field(sa_type=Choice(KeyBy))
    id_pointer: str | None = None
    only_if: dict[str, Any] | None = Field(default=None, sa_type=Json)
    fingerprint: str = Field(unique=True)
    disabled: bool = False
    revision: int = 1
    created_at: datetime = Field(sa_type=UtcDateTime)


class InboundReceipt(SQLModel, table=True):
    """One event of the sender's, however often it came (`tries`, last at `seen_at`). `made_id`: the trigger
    event or the alert, in `case_id`, with so many `deadlines`; `not_started`: the rules that gave no date.
    `facts`: field to fingerprint, as they were when it was made; `changed_fields`: those that differed when
    it came again, `changed_to` the fingerprint of what was told of last, `changes` how often. `code` and
    `field`: why it was refused last."""

    __tablename__ = "inbound_receipts"
    __table_args__ = (
        UniqueConstraint("source_id", "key"),
        Index("ix_inbound_receipts_source_id_id", "source_id", "id"),
    )

    id: str = Field(primary_key=True)
    source_id: str = Field(foreign_key="inbound_sources.id")
    key: str
    body_hash: str
    state: ReceiptState = Field(default=ReceiptState.REFUSED, sa_type=Choice(ReceiptState))
    made_id: str | None = None
    case_id: str | None = None
    deadlines: int = 0
    not_started: list[str] = Field(default_factory=list, sa_type=Json)
    facts: dict[str, str] = Field(default_factory=dict, sa_type=Json)
    changed_fields: list[str] = Field(default_factory=list, sa_type=Json)
    changed_to: str | None = None
    changed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    changes: int = 0
    code: str | None = None
    field: str | None = None
    tries: int = 0
    received_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime, index=True)


async def get_source(
    session: AsyncSession, source_id: str, reach: Reach, lock: bool = False
) -> InboundSource | None:
    return await get_within(session, InboundSource, source_id, reach, lock)


async def list_sources(
    session: AsyncSession, reach: Reach, after: str | None, limit: int
) -> list[InboundSource]:
    query = within(select(InboundSource), InboundSource.team_id, reach)
    return await page(session, query, InboundSource.id, after, limit)


async def source_of_token(session: AsyncSession, fingerprint: str) -> InboundSource | None:
    """None for a token that is unknown, and for one whose source is disabled."""
    query = select(InboundSource).where(
        InboundSource.fingerprint == fingerprint, col(InboundSource.disabled).is_(False)
    )
    return (await session.exec(query)).first()


async def find_receipt(session: AsyncSession, source_id: str, key: str) -> InboundReceipt | None:
    query = select(InboundReceipt).where(
        InboundReceipt.source_id == source_id, InboundReceipt.key == key
    )
    return (await session.exec(query)).first()


async def made_of_record(
    session: AsyncSession, source_id: str, record_id: str
) -> list[InboundReceipt]:
    """What a record of the sender's has made so far, for keys that begin with its id and a dot."""
    query = select(InboundReceipt).where(
        InboundReceipt.source_id == source_id,
        col(InboundReceipt.key).startswith(f"{record_id}.", autoescape=True),
        col(InboundReceipt.made_id).is_not(None),
    )
    rows = await session.exec(query.order_by(col(InboundReceipt.id)))
    return [row for row in rows if row.key.rpartition(".")[0] == record_id]


async def held_receipt(session: AsyncSession, new: InboundReceipt) -> InboundReceipt:
    """The one under the key of `new`, or `new`; held, so that a twin that runs at the same time waits."""
    await insert_missing(session, InboundReceipt, [new.model_dump()], "source_id", "key")
    query = select(InboundReceipt).where(
        InboundReceipt.source_id == new.source_id, InboundReceipt.key == new.key
    )
    return (await session.exec(query.with_for_update())).one()


async def list_receipts(
    session: AsyncSession,
    source_id: str,
    state: ReceiptState | None,
    before: str | None,
    limit: int,
) -> list[InboundReceipt]:
    """Newest first."""
    query = select(InboundReceipt).where(InboundReceipt.source_id == source_id)
    if state is not None:
        query = query.where(InboundReceipt.state == state)
    if before is not None:
        query = query.where(col(InboundReceipt.id) < before)
    return list(await session.exec(query.order_by(col(InboundReceipt.id).desc()).limit(limit)))


async def last_refused(session: AsyncSession, source_id: str) -> InboundReceipt | None:
    """What made nothing, and was seen last."""
    query = select(InboundReceipt).where(
        InboundReceipt.source_id == source_id, InboundReceipt.state == ReceiptState.REFUSED
    )
    return (await session.exec(query.order_by(col(InboundReceipt.seen_at).desc()).limit(1))).first()


async def refusing_sources(
    session: AsyncSession, now: datetime, source_ids: Collection[str] | None = None
) -> dict[str, datetime]:
    """Id of an enabled source to since when it refuses what it is sent, where that is longer than a moment
    and nothing has been made since; of all of them where none are named. What a source passes over says
    nothing about what it would take."""
    # As long as failures are kept, and by the index: what was seen before cannot be newer than one.
    recent = col(InboundReceipt.seen_at) > now - FAILURES_KEPT_FOR
    seen_at, of = col(InboundReceipt.seen_at), col(InboundReceipt.source_id)
    # What made something may be refused when it comes again.
    well_at = case((col(InboundReceipt.code).is_(None), seen_at), else_=InboundReceipt.received_at)
    made = (
        select_columns(of.label("of"), func.max(well_at).label("at"))
        .where(recent, col(InboundReceipt.state) == ReceiptState.MADE)
        .group_by(of)
        .subquery()
    )
    query = (
        select_columns(of, func.min(InboundReceipt.received_at), func.max(made.c.at))
        .join(InboundSource, col(InboundSource.id) == of)
        .outerjoin(made, made.c.of == of)
        .where(recent, col(InboundReceipt.state) == ReceiptState.REFUSED)
        .where(col(InboundSource.disabled).is_(False))
        .where(or_(made.c.at.is_(None), seen_at > made.c.at))
        .group_by(of)
    )
    if source_ids is not None:
        query = query.where(of.in_(source_ids))
    rows = await session.exec(query)  # type: ignore[call-overload]  # aggregates of two tables
    since = {row[0]: max(row[1], row[2] or row[1]) for row in rows}
    return {one: at for one, at in since.items() if now - at > A_MOMENT}


async def forget_failures(session: AsyncSession, instant: datetime) -> None:
    """Of what was last seen before; what has made something stays, or it would make it again."""
    await session.exec(
        delete(InboundReceipt).where(
            col(InboundReceipt.seen_at) < instant, col(InboundReceipt.made_id).is_(None)
        )
    )
