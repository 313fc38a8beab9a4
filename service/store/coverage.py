"""Gaps in the coverage that were found, each in one row for as long as its version of the deadline
lives; and the deadlines that a forecast has to look at."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, or_, text, update
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Reach
from service.domain.coverage import GapCode
from service.store.columns import Choice, Json, UtcDateTime, one_of
from service.store.deadlines import LIVE, Deadline
from service.store.paging import page, within

#: Who cannot be reached in a drill is what the drill is to show.
_REAL = col(Deadline.drill).is_(False)
#: Written out for the planner, as in messages.py.
OPEN_GAP = text("closed_at IS NULL")


class CoverageGap(SQLModel, table=True):
    """`step` as in messages, or `every`. `closed_at` None: it is open. One that opens again keeps its
    row, with a new `found_at`. `told_at`: when a person was told by mail, None where nobody was yet."""

    __tablename__ = "coverage_gaps"
    __table_args__ = (
        UniqueConstraint("deadline_id", "version", "step"),
        Index("ix_coverage_gaps_open", "id", postgresql_where=OPEN_GAP, sqlite_where=OPEN_GAP),
    )

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id", index=True)
    deadline_id: str = Field(foreign_key="deadlines.id")
    version: int
    step: str
    at: datetime = Field(sa_type=UtcDateTime)
    roles: list[str] = Field(sa_type=Json)
    code: GapCode = Field(sa_type=Choice(GapCode))
    sentence: str
    found_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    told_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


async def deadlines_to_forecast(
    session: AsyncSession, after: str | None, limit: int
) -> list[Deadline]:
    """Of all teams, by id: those that live, and those that have ended with a gap still open; no drills."""
    open_gaps = select(CoverageGap.deadline_id).where(col(CoverageGap.closed_at).is_(None))
    query = select(Deadline).where(or_(LIVE, col(Deadline.id).in_(open_gaps)), _REAL)
    return await page(session, query, Deadline.id, after, limit)


async def live_within(
    session: AsyncSession, reach: Reach, after: str | None, limit: int
) -> list[Deadline]:
    query = within(select(Deadline).where(LIVE, _REAL), Deadline.team_id, reach)
    return await page(session, query, Deadline.id, after, limit)


async def gaps_of(
    session: AsyncSession, deadline_ids: Iterable[str]
) -> dict[str, list[CoverageGap]]:
    """Deadline id to all that was ever found of it, as the database holds it at this moment."""
    query = select(CoverageGap).where(one_of(col(CoverageGap.deadline_id), deadline_ids))
    found: dict[str, list[CoverageGap]] = {}
    rows = await session.exec(
        query.order_by(col(CoverageGap.id)).execution_options(populate_existing=True)
    )
    for row in rows:
        found.setdefault(row.deadline_id, []).append(row)
    return found


async def untell(session: AsyncSession, case_ids: Iterable[str]) -> None:
    """The mail about the open gaps of these cases did not go out: the next forecast tells of them."""
    of_cases = select(Deadline.id).where(col(Deadline.case_id).in_(set(case_ids)))
    await session.exec(
        update(CoverageGap)
        .where(col(CoverageGap.deadline_id).in_(of_cases), col(CoverageGap.closed_at).is_(None))
        .values(told_at=None)
        .execution_options(synchronize_session=False)
    )
