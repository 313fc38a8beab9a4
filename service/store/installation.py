"""The installation's one row about itself: how far the database has come, whether it is in quarantine, and
which code may still work on it."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import or_, update
from sqlmodel import Field, SQLModel, col
from sqlmodel.ext.asyncio.session import AsyncSession

from service.ids import new_id
from service.store.columns import Choice, UtcDateTime, insert_missing

_ID = "installation"
#: The revision that made the table: older code never asks it.
_FIRST = "2026112315"


class Because(StrEnum):
    """Why an installation is in quarantine; published names, never renamed."""

    BY_HAND = "by_hand"
    WENT_BACK = "went_back"


class Installation(SQLModel, table=True):
    """`watches` counts up for as long as `life` stays the same; a quarantine begins another. A count lower
    than one that has been seen in the same life was restored from a copy. What was to be said before
    `repeats_before` may have left already, from the database that the copy took the place of.
    `oldest_code`: the revision that code must know at least to work on this schema; written by the
    migrations that take something away. `forecast_at`: when the forecast of coverage is due again; kept a
    little ahead while somebody is at it."""

    __tablename__ = "installations"

    id: str = Field(default=_ID, primary_key=True)
    life: str | None = None
    watches: int = 0
    quarantined_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    because: Because | None = Field(default=None, sa_type=Choice(Because))
    repeats_before: datetime | None = Field(default=None, sa_type=UtcDateTime)
    oldest_code: str = _FIRST
    forecast_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


async def the_installation(session: AsyncSession) -> Installation:
    """As it stands; of a database that has never been watched, a new one that is not kept."""
    return await session.get(Installation, _ID, populate_existing=True) or Installation()


async def locked_installation(session: AsyncSession) -> Installation:
    """Held against every other writer, and there from now on."""
    await insert_missing(session, Installation, [Installation().model_dump()], "id")
    return await session.get_one(Installation, _ID, with_for_update=True, populate_existing=True)


async def count_watch(session: AsyncSession, now: datetime) -> tuple[str, int]:
    """One more: the life and its count."""
    row = await locked_installation(session)
    row.life, row.watches = row.life or new_id("lif", now), row.watches + 1
    session.add(row)
    return row.life, row.watches


async def take_forecast(session: AsyncSession, now: datetime, until: datetime) -> bool:
    """Whether the forecast is due, or was in the hands of somebody who has gone silent: then it is in those
    of who asked, until that instant."""
    await insert_missing(session, Installation, [Installation().model_dump()], "id")
    at = col(Installation.forecast_at)
    taken = update(Installation).where(or_(at.is_(None), at <= now)).values(forecast_at=until)
    found = await session.exec(taken.returning(col(Installation.id)))
    return found.first() is not None


async def put_forecast(session: AsyncSession, at: datetime) -> None:
    """When it is due again."""
    await session.exec(update(Installation).values(forecast_at=at))
