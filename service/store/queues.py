"""How the first of what waits are read, however much waits. Claims nothing."""

from sqlalchemy import Select, func, select
from sqlmodel.ext.asyncio.session import AsyncSession


async def along_indexes(session: AsyncSession) -> None:
    """From here on in this transaction, or until `as_ever`: Postgres is to take the first of a queue along
    the index in their order, as SQLite does. By its figures, which are of a calmer hour, hardly anything
    waits: it would collect and sort, for each hundred, all that waits by now. It also marks on its way what
    nobody need look at any more, which a collection by bitmap does not."""
    await _plan(session, _ALONG_INDEXES)


async def as_ever(session: AsyncSession) -> None:
    """For whatever else the transaction asks that is not found by its id."""
    await _plan(session, _AS_EVER)


async def _plan(session: AsyncSession, settings: Select[tuple[str, str]]) -> None:
    connection = await session.connection()
    if connection.dialect.name != "sqlite":
        await connection.execute(settings)


def _planner(value: str) -> Select[tuple[str, str]]:
    """For this transaction."""
    return select(
        func.set_config("enable_sort", value, True),
        func.set_config("enable_bitmapscan", value, True),
    )


_ALONG_INDEXES, _AS_EVER = _planner("off"), _planner("on")
