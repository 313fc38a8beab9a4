"""Editions of the law that this installation's software has brought: rules and zone data.

Workers of two versions run side by side during an update; only the newest edition may move dates.
"""

from datetime import datetime

from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.store.columns import UtcDateTime, as_rows, insert_missing


class Edition(SQLModel, table=True):
    """`name`: a digest of rules and zone data."""

    __tablename__ = "editions"

    name: str = Field(primary_key=True)
    first_seen_at: datetime = Field(sa_type=UtcDateTime)


async def is_newest_edition(session: AsyncSession, name: str, now: datetime) -> bool:
    """Whether no edition has appeared since this one did; an unknown one appears now."""
    query = select(Edition).order_by(col(Edition.first_seen_at).desc(), col(Edition.name)).limit(1)
    newest = (await session.exec(query)).first()
    if newest is not None and newest.name == name:
        return True
    if newest is not None and await session.get(Edition, name) is not None:
        return False
    row = Edition(name=name, first_seen_at=now)
    await insert_missing(session, Edition, as_rows([row]), "name")
    return True
