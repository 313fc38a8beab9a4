"""Answers kept for a day, so that a request repeated under the same key has one effect."""

from datetime import datetime, timedelta

from sqlalchemy import UniqueConstraint, delete
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.store.columns import UtcDateTime

KEPT_FOR = timedelta(hours=24)


class KeptAnswer(SQLModel, table=True):
    """Written in the transaction of the effect itself; `status` 0 until the answer is known."""

    __tablename__ = "kept_answers"
    __table_args__ = (UniqueConstraint("caller_id", "route", "key"),)

    id: str = Field(primary_key=True)
    caller_id: str
    route: str
    key: str
    body_hash: str
    status: int = 0
    headers: str = ""
    body: bytes = b""
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)


async def find_answer(
    session: AsyncSession, caller_id: str, route: str, key: str
) -> KeptAnswer | None:
    query = select(KeptAnswer).where(
        KeptAnswer.caller_id == caller_id, KeptAnswer.route == route, KeptAnswer.key == key
    )
    return (await session.exec(query)).first()


async def forget_before(session: AsyncSession, instant: datetime) -> None:
    await session.exec(delete(KeptAnswer).where(col(KeptAnswer.created_at) < instant))
