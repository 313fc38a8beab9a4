"""How the first of what waits are read, however much waits. Claims nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import Select, func, select
from sqlmodel.ext.asyncio.session import AsyncSession


@asynccontextmanager
async def along_indexes(session: AsyncSession) -> AsyncIterator[None]:
    """For the first of a queue: Postgres is to take them along the index in their order, as SQLite does. By
    its figures, which are of a calmer hour, hardly anything waits: it would collect and sort, for each
    hundred, all that waits by now. It also marks on its way what nobody need look at any more, which a
    collection by bitmap does not."""
    connection = await session.connection()
    if connection.dialect.name == "sqlite":
        yield
        return
    await connection.execute(_ALONG_INDEXES)
    yield
    # Where anything was raised, the end of the transaction does that.
    await connection.execute(_AS_EVER)


def _planner(value: str) -> Select[tuple[str, str]]:
    """For this transaction."""
    return select(
        func.set_config("enable_sort", value, True),
        func.set_config("enable_bitmapscan", value, True),
    )


_ALONG_INDEXES, _AS_EVER = _planner("off"), _planner("on")
