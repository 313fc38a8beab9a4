"""Court calendars as dated rows with their source; a new version never overwrites an old one.

They belong to the installation, not to a team: a holiday is the same for all.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import UniqueConstraint, bindparam, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from service.domain.court_calendars import CourtCalendar
from service.ids import new_id
from service.store.columns import Choice, Json, UtcDateTime, as_rows, core_table, insert_rows

#: The release of a calendar that no library seeded, and the mark of days that a person entered.
OWN = "own"


class DayKind(StrEnum):
    """`off`: no court day. `court_day`: a moved workday, on which the court sits. `closure`: court
    recess, counts for nothing. `ordinary`: as the weekday says, whatever the library holds."""

    OFF = "off"
    COURT_DAY = "court_day"
    CLOSURE = "closure"
    ORDINARY = "ordinary"


class Calendar(SQLModel, table=True):
    """One version of a calendar; never changed once it is written.

    `number` counts the versions of a code from 1; `version` names the data. `based_on` is the
    library code whose days are carried on, None for a calendar that is wholly a person's.
    `source` says where this version came from, `verified_on` when a person checked it, and
    `entered_by` who wrote it (None: seeded or refreshed from the library).
    """

    __tablename__ = "calendars"
    __table_args__ = (UniqueConstraint("code", "version"), UniqueConstraint("code", "number"))

    id: str = Field(primary_key=True)
    code: str
    number: int
    version: str
    based_on: str | None = None
    first_year: int
    last_year: int
    weekend: list[int] = Field(sa_type=Json)
    source: str
    verified_on: date | None = None
    note: str | None = None
    entered_by: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)


class CalendarDay(SQLModel, table=True):
    """`source`: release of the library, or the citation that a person gave. `entered_by`: id of that
    person or key, None for what the library says."""

    __tablename__ = "calendar_days"

    calendar_id: str = Field(primary_key=True, foreign_key="calendars.id")
    on: date = Field(primary_key=True)
    kind: DayKind = Field(sa_type=Choice(DayKind))
    name: str
    source: str
    entered_by: str | None = None


Rows = tuple[Calendar, list[CalendarDay]]


class Day(NamedTuple):
    """A `CalendarDay` that belongs to no version yet."""

    kind: DayKind
    name: str
    source: str
    entered_by: str | None


@dataclass(frozen=True)
class Draft:
    """A version before it is written. `release`: what seeded it, as in `holidays-0.109`, or `own`."""

    code: str
    based_on: str | None
    release: str
    first_year: int
    last_year: int
    weekend: tuple[int, ...]
    days: Mapping[date, Day]
    source: str
    number: int = 1
    verified_on: date | None = None
    note: str | None = None
    entered_by: str | None = None

    @property
    def digest(self) -> str:
        """Equal where each day is equal and rests on the same; who entered it is left out, and so is
        the release of what the library says."""
        days = [
            [str(on), day.kind, day.name, day.source if day.entered_by else None]
            for on, day in sorted(self.days.items())
        ]
        return _digest([self.first_year, self.last_year, self.weekend, days])

    @property
    def version(self) -> str:
        """Equal versions mean equal data. With a person's days the number goes in as well: what was
        changed there and back again is the old data, yet a version of its own."""
        if self.release == OWN:
            return f"{OWN}+{_digest([self.number, self.digest])}"
        if any(day.entered_by for day in self.days.values()):
            return f"{self.release}+{OWN}.{_digest([self.number, self.digest])}"
        return f"{self.release}+{self.digest}"

    def court_calendar(self, version: str | None = None) -> CourtCalendar:
        """For computations, which quote `version`: that of the row where there is one."""
        by_kind: dict[DayKind, list[date]] = {kind: [] for kind in DayKind}
        for on, day in sorted(self.days.items()):
            by_kind[day.kind].append(on)
        return CourtCalendar(
            code=self.code,
            version=version or self.version,
            first_year=self.first_year,
            last_year=self.last_year,
            weekend=frozenset(self.weekend),
            days_off={on: self.days[on].name for on in by_kind[DayKind.OFF]},
            court_days=frozenset(by_kind[DayKind.COURT_DAY]),
            closures=tuple(_ranges(by_kind[DayKind.CLOSURE])),
        )


def draft_of(row: Calendar, days: Sequence[CalendarDay]) -> Draft:
    """What a written version holds, for the next one to begin with."""
    return Draft(
        code=row.code,
        based_on=row.based_on,
        release=release_of(row),
        first_year=row.first_year,
        last_year=row.last_year,
        weekend=tuple(row.weekend),
        days={day.on: Day(day.kind, day.name, day.source, day.entered_by) for day in days},
        source=row.source,
        number=row.number,
        verified_on=row.verified_on,
        note=row.note,
        entered_by=row.entered_by,
    )


def release_of(row: Calendar) -> str:
    """What seeded it, as in `holidays-0.109`, or `own`."""
    return row.version.partition("+")[0]


def rows_of(draft: Draft, now: datetime) -> Rows:
    """New rows, not yet written."""
    calendar = Calendar(
        id=new_id("cal", now),
        code=draft.code,
        number=draft.number,
        version=draft.version,
        based_on=draft.based_on,
        first_year=draft.first_year,
        last_year=draft.last_year,
        weekend=list(draft.weekend),
        source=draft.source,
        verified_on=draft.verified_on,
        note=draft.note,
        entered_by=draft.entered_by,
        created_at=now,
    )
    days = sorted(draft.days.items())
    return calendar, [
        CalendarDay(calendar_id=calendar.id, on=on, **day._asdict()) for on, day in days
    ]


def _ranges(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """Days in order, as inclusive ranges: within one, the ordinal less the place stays the same."""
    for _, run in groupby(enumerate(days), lambda one: one[1].toordinal() - one[0]):
        together = [on for _, on in run]
        yield together[0], together[-1]


def _digest(content: list[Any]) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]


async def newest_calendar(session: AsyncSession, code: str) -> Calendar | None:
    return (await session.exec(_newest(), params={"code": code})).first()


@cache
def _newest() -> SelectOfScalar[Calendar]:
    query = select(Calendar).where(col(Calendar.code) == bindparam("code"))
    return query.order_by(col(Calendar.number).desc()).limit(1)


async def get_calendar(session: AsyncSession, code: str, version: str) -> Calendar | None:
    query = select(Calendar).where(Calendar.code == code, Calendar.version == version)
    return (await session.exec(query)).first()


async def list_calendars(session: AsyncSession, after: str | None, limit: int) -> list[Calendar]:
    """The newest version of each code, by code; `after` is the last code seen."""
    other = aliased(Calendar)
    newest = select(func.max(other.number)).where(other.code == Calendar.code).scalar_subquery()
    query = select(Calendar).where(Calendar.number == newest)
    if after is not None:
        query = query.where(col(Calendar.code) > after)
    return list(await session.exec(query.order_by(col(Calendar.code)).limit(limit)))


async def list_versions(
    session: AsyncSession, code: str, before: int | None, limit: int
) -> list[Calendar]:
    """Newest first; `before` is the number of the last version seen."""
    query = select(Calendar).where(Calendar.code == code)
    if before is not None:
        query = query.where(col(Calendar.number) < before)
    return list(await session.exec(query.order_by(col(Calendar.number).desc()).limit(limit)))


async def library_based_codes(session: AsyncSession) -> set[str]:
    """The codes of all calendars that carry on days of the library."""
    query = select(Calendar.code).where(col(Calendar.based_on).is_not(None)).distinct()
    return set(await session.exec(query))


async def days_of(
    session: AsyncSession, calendar_id: str, year: int | None = None
) -> list[CalendarDay]:
    """By date; those of one year alone where `year` is given."""
    query = select(CalendarDay).where(CalendarDay.calendar_id == calendar_id)
    if year is not None:
        query = query.where(col(CalendarDay.on).between(date(year, 1, 1), date(year, 12, 31)))
    return list(await session.exec(query.order_by(col(CalendarDay.on))))


async def lock_calendar(session: AsyncSession, code: str) -> None:
    """Holds back every other writer of this code until the transaction ends; read the newest version
    after it, not before."""
    query = select(Calendar.id).where(Calendar.code == code).order_by(col(Calendar.id))
    (await session.exec(query.with_for_update())).all()


async def add_calendar(
    session: AsyncSession, calendar: Calendar, days: Sequence[CalendarDay]
) -> bool:
    """False, with nothing written, where another transaction has put this version there before."""
    connection = await session.connection()
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(core_table(Calendar)).on_conflict_do_nothing()
    added = await connection.execute(statement.returning(col(Calendar.id)), [calendar.model_dump()])
    if added.first() is None:
        return False
    await insert_rows(session, CalendarDay, as_rows(days))
    return True
