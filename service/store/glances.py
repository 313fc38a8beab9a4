"""Reads of one statement by the driver alone, for what is asked far more often than all else: no pool, no
transaction, no statement built anew. Never writes.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncEngine

#: More wait their turn: on one event loop more are no faster.
_AT_ONCE = 4


class _Prepared(NamedTuple):
    """`names`: of the values, where the driver takes them by place; `readers`: of the columns that are
    not what the driver gives."""

    text: str
    names: Sequence[str] | None
    readers: Sequence[tuple[int, Callable[[Any], Any]]]


class Glances:
    """A few kept connections of the engine's own making. `reads`: how many there were."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._on_sqlite = engine.dialect.name == "sqlite"
        self._broken: type[Exception] = engine.dialect.loaded_dbapi.Error
        self._free: list[tuple[Any, Any]] = []
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._prepared: dict[Select[Any], _Prepared] = {}
        self.reads = 0

    async def first(self, query: Select[Any], values: Mapping[str, str]) -> Sequence[Any] | None:
        """One row. Where a connection broke, the pool is asked, which makes new ones, or says that the
        database is away."""
        self.reads += 1
        prepared = self._prepared.get(query) or self._prepare(query)
        try:
            async with self._turns:
                row = await self._read(prepared, values)
        except self._broken:
            reading = self._engine.execution_options(reads_only=True)
            async with reading.connect() as connection:
                again: Any = (await connection.execute(query, values)).first()
                return None if again is None else tuple(again)
        if row is None:
            return None
        found = list(row)
        for place, read in prepared.readers:
            found[place] = read(found[place])
        return found

    async def close(self) -> None:
        while self._free:
            await self._free.pop()[0].close()

    async def _read(self, prepared: _Prepared, values: Mapping[str, str]) -> Any:
        connection, asked = self._free.pop() if self._free else await self._connected()
        try:
            if prepared.names is not None:
                given = [values[name] for name in prepared.names]
                found = next(iter(await asked.execute_fetchall(prepared.text, given)), None)
            else:
                await asked.execute(prepared.text, values, prepare=True)
                found = await asked.fetchone()
        except BaseException:
            await connection.close()
            raise
        self._free.append((connection, asked))
        return found

    async def _connected(self) -> tuple[Any, Any]:
        """And what of it is asked: of Postgres a cursor, which has learnt to read each kind of column."""
        made = await self._engine.raw_connection()
        connection: Any = made.driver_connection
        made.detach()
        if self._on_sqlite:
            return connection, connection
        await connection.set_autocommit(True)
        return connection, connection.cursor()

    def _prepare(self, query: Select[Any]) -> _Prepared:
        dialect = self._engine.dialect
        compiled: Any = query.compile(dialect=dialect)
        types = [column.type.dialect_impl(dialect) for column in query.selected_columns]
        readers = [one.result_processor(dialect, None) for one in types]
        made = _Prepared(
            str(compiled),
            compiled.positiontup if self._on_sqlite else None,
            [(place, read) for place, read in enumerate(readers) if read is not None],
        )
        self._prepared[query] = made
        return made
