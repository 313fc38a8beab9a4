"""Under which id another system keeps what it was told of a deadline: the next event changes it there."""

from collections.abc import Collection

from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.store.columns import insert_missing


class RemoteRecord(SQLModel, table=True):
    __tablename__ = "remote_records"

    endpoint_id: str = Field(primary_key=True, foreign_key="endpoints.id")
    subject_id: str = Field(primary_key=True)
    remote_id: str


async def remote_ids(
    session: AsyncSession, endpoint_ids: Collection[str], subject_ids: Collection[str]
) -> dict[tuple[str, str], str]:
    """(endpoint id, subject id) to the other system's own id."""
    query = select(RemoteRecord).where(
        col(RemoteRecord.endpoint_id).in_(endpoint_ids),
        col(RemoteRecord.subject_id).in_(subject_ids),
    )
    found = await session.exec(query)
    return {(row.endpoint_id, row.subject_id): row.remote_id for row in found}


async def keep_remote_id(
    session: AsyncSession, endpoint_id: str, subject_id: str, remote_id: str
) -> None:
    """The newest word stands: somebody may have deleted the record there, and a new one was made."""
    row = RemoteRecord(endpoint_id=endpoint_id, subject_id=subject_id, remote_id=remote_id)
    keys = ("endpoint_id", "subject_id")
    await insert_missing(session, RemoteRecord, [row.model_dump()], *keys)
    kept = await session.get_one(RemoteRecord, (endpoint_id, subject_id))
    kept.remote_id = remote_id
    session.add(kept)
