"""The last watch, in one row for the whole installation, and the look-ups that a watch is made of.

Every look-up is served by an index: `/readyz` and `/metrics` ask them at each call.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Index, func, text, update
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.store.alerts import Alert
from service.store.columns import Json, UtcDateTime, as_rows, insert_missing
from service.store.deadlines import Deadline
from service.store.messages import PENDING, Message, not_behind

_ID = "installation"
_ASLEEP = text("wake_at IS NULL AND lapsed_at IS NULL AND state IN ('provisional', 'open')")

#: Empty while all is well. A suspended deadline sleeps rightly, until its clock runs again.
_FAILING = text("failing_since IS NOT NULL")
for _name, _since in (
    ("deadlines", col(Deadline.failing_since)),
    ("alerts", col(Alert.failing_since)),
):
    Index(
        f"ix_{_name}_failing_since",
        _since,
        postgresql_where=_FAILING,
        sqlite_where=_FAILING,
    )
Index("ix_deadlines_asleep", col(Deadline.id), postgresql_where=_ASLEEP, sqlite_where=_ASLEEP)


class Watch(SQLModel, table=True):
    """`findings`: each with `code`, `seconds` and `sentence`, none where all was well. `ticked_at`:
    the newest tick known to have ended well. Whoever watches last overwrites it."""

    __tablename__ = "watches"

    id: str = Field(default=_ID, primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    well: bool
    findings: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)
    oldest_due_seconds: float
    ticked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


async def last_watch(session: AsyncSession) -> Watch | None:
    """None where nobody has ever watched."""
    return await session.get(Watch, _ID, populate_existing=True)


async def keep_watch(session: AsyncSession, watch: Watch) -> None:
    """Two workers may do it at once: the row stays one, and the later word stands. A row of the
    future is overwritten too: a clock that was wrong for a moment must not silence the watch."""
    (row,) = as_rows([watch])
    await insert_missing(session, Watch, [row], "id")
    await session.exec(
        update(Watch)
        .where(col(Watch.id) == _ID)
        .values(**row)
        .execution_options(synchronize_session=False)
    )


async def longest_unseen(session: AsyncSession, now: datetime) -> datetime | None:
    """`wake_at` of the deadline that has been waiting longest to be looked at, None where none is."""
    # SQLite takes a partial index only where the query itself rules out NULL: the comparison does.
    query = select(func.min(Deadline.wake_at)).where(col(Deadline.wake_at) <= now)
    oldest: datetime | None = (await session.exec(query)).one()
    return oldest


async def longest_failing(session: AsyncSession) -> datetime | None:
    """Since when the deadline or the alert fails that has failed longest, None where none does."""
    columns = (col(Deadline.failing_since), col(Alert.failing_since))
    oldest = [
        (await session.exec(select(func.min(since)).where(since.is_not(None)))).one()
        for since in columns
    ]
    return min((one for one in oldest if one is not None), default=None)


async def longest_untaken(session: AsyncSession, passing: Collection[str]) -> datetime | None:
    """The earliest `next_attempt_at` of a pending message; it may be still to come. `passing`: the
    endpoints whose queue is moving."""
    query = select(Message.next_attempt_at).where(PENDING, not_behind(passing))
    return (await session.exec(query.order_by(col(Message.next_attempt_at)).limit(1))).first()


async def number_asleep(session: AsyncSession) -> int:
    """Live deadlines that have not lapsed and that no tick will ever look at."""
    query = select(func.count()).select_from(Deadline).where(_ASLEEP)
    return int((await session.exec(query)).one())
