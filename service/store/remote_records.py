"""What another system keeps of a deadline: under which id, so that the next event changes it there, and
which event it was told of last."""

from collections.abc import Collection

from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.store.columns import insert_missing, one_of


class RemoteRecord(SQLModel, table=True):
    """`sequence`: of the message that was accepted last."""

    __tablename__ = "remote_records"

    endpoint_id: str = Field(primary_key=True, foreign_key="endpoints.id")
    subject_id: str = Field(primary_key=True)
    remote_id: str
    sequence: int | None = None


async def remote_records(
    session: AsyncSession, endpoint_ids: Collection[str], subject_ids: Collection[str]
) -> dict[tuple[str, str], RemoteRecord]:
    """By endpoint id and subject id."""
    query = select(RemoteRecord).where(
        one_of(col(RemoteRecord.endpoint_id), endpoint_ids),
        one_of(col(RemoteRecord.subject_id), subject_ids),
    )
    found = await session.exec(query)
    return {(row.endpoint_id, row.subject_id): row for row in found}


async def keep_record(session: AsyncSession, record: RemoteRecord) -> None:
    """The newest word stands: somebody may have deleted the record there, and a new one was made. Without
    an id there: nothing is kept any more."""
    keys = ("endpoint_id", "subject_id")
    await insert_missing(session, RemoteRecord, [record.model_dump()], *keys)
    kept = await session.get_one(RemoteRecord, (record.endpoint_id, record.subject_id))
    if record.remote_id:
        kept.remote_id, kept.sequence = record.remote_id, record.sequence
        session.add(kept)
    else:
        await session.delete(kept)
