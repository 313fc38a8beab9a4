"""Court calendars as dated rows with their source; a new version never overwrites an old one."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.store.columns import Choice, Json, UtcDateTime, as_rows, insert_rows


class DayKind(StrEnum):
    """`off`: no court day. `court_day`: a moved workday, on which the court sits."""

    OFF = "off"
    COURT_DAY = "court_day"


class Calendar(SQLModel, table=True):
    """`version` names the data: source and release, then a digest of the days."""

    __tablename__ = "calendars"
    __table_args__ = (UniqueConstraint("code", "version"),)

    id: str = Field(primary_key=True)
    code: str
    version: str
    first_year: int
    last_year: int
    weekend: list[int] = Field(sa_type=Json)
    source: str
    created_at: datetime = Field(sa_type=UtcDateTime)


class CalendarDay(SQLModel, table=True):
    __tablename__ = "calendar_days"

    calendar_id: str = Field(primary_key=True, foreign_key="calendars.id")
    on: date = Field(primary_key=True)
    kind: DayKind = Field(sa_type=Choice(DayKind))
    name: str


async def newest_calendar(session: AsyncSession, code: str) -> Calendar | None:
    query = select(Calendar).where(Calendar.code == code).order_by(col(Calendar.id).desc())
    return (await session.exec(query)).first()


async def days_of(session: AsyncSession, calendar_id: str) -> list[CalendarDay]:
    return list(
        await session.exec(select(CalendarDay).where(CalendarDay.calendar_id == calendar_id))
    )


async def add_calendar(
    session: AsyncSession, calendar: Calendar, days: Sequence[CalendarDay]
) -> None:
    session.add(calendar)
    await session.flush()
    await insert_rows(session, CalendarDay, as_rows(days))
