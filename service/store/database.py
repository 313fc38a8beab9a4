"""Engines: Postgres as it comes; SQLite in WAL, with writers that take their lock at BEGIN.

The sqlite3 default begins a transaction at the first write, so that two read-then-write
transactions lose an update without an error. BEGIN IMMEDIATE queues the writers instead; those of
one process wait for each other in the order in which they came, before they knock at the file.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel.ext.asyncio.session import AsyncSession

import service.store.touching  # noqa: F401  (every session tells the feeds)

Sessions = async_sessionmaker[AsyncSession]

#: How long a writer waits for another before it gives up (SQLite only).
_PATIENCE_SECONDS = 10
#: Where a connection remembers when it was last used, and after how long it is asked first.
_USED_AT, _RESTED_SECONDS = "used_at", 1.0
#: Bounds that keep one stuck transaction from holding up the rest (Postgres only). And whatever an index
#: finds is found by it: nothing here means to read a whole table, and a connection keeps the plan of what
#: it is asked often, also one made while there was hardly anything to read.
_POSTGRES_OPTIONS = (
    "-c lock_timeout=5s -c statement_timeout=30s "
    "-c idle_in_transaction_session_timeout=60s -c timezone=UTC -c enable_seqscan=off"
)


def make_engine(url: str) -> AsyncEngine:
    """An engine for the URL; connections are made on first use. No error of it quotes what was to be
    written: errors end in logs."""
    if url.startswith("sqlite"):
        engine = create_async_engine(
            url,
            connect_args={"isolation_level": None, "timeout": _PATIENCE_SECONDS},
            hide_parameters=True,
        )
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    engine = create_async_engine(
        url,
        pool_size=10,
        max_overflow=10,
        pool_timeout=5,
        hide_parameters=True,
        connect_args={"options": _POSTGRES_OPTIONS, "connect_timeout": 10},
    )
    _ask_the_rested(engine.sync_engine)
    return engine


def _ask_the_rested(engine: Engine) -> None:
    """Connections are asked whether they still answer, but not those that did a moment ago: the question
    costs as much as most statements."""

    def given_back(_: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        record.info[_USED_AT] = time.monotonic()

    def taken(connection: DBAPIConnection, record: ConnectionPoolEntry, _: object) -> None:
        used_at = record.info.get(_USED_AT)
        if used_at is None or time.monotonic() - used_at < _RESTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    event.listen(engine, "checkin", given_back)
    event.listen(engine, "checkout", taken)


class Turns:
    """One writer at a time. SQLite itself has no queue: whoever finds it taken sleeps and knocks again, and
    of many some never come to their turn."""

    def __init__(self) -> None:
        self._writing = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Raises SQLAlchemy's TimeoutError after ten seconds of waiting."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._writing.acquire()
        except TimeoutError:
            raise PoolTimeoutError("Other changes have not come to their end.") from None
        try:
            yield
        finally:
            self._writing.release()


def writers(engine: AsyncEngine) -> Sessions:
    """Sessions whose transactions may write."""
    return async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)


def readers(engine: AsyncEngine) -> Sessions:
    """Sessions that only read: no write lock on SQLite, READ ONLY on Postgres."""
    reading = engine.execution_options(reads_only=True, postgresql_readonly=True)
    return async_sessionmaker(reading, class_=AsyncSession, expire_on_commit=False)


async def database_now(session: AsyncSession) -> datetime:
    """The clock that every worker of a Postgres installation shares."""
    connection = await session.connection()
    instant: datetime = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return instant


def _prepare_sqlite(connection: DBAPIConnection, _: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reads_only = connection.get_execution_options().get("reads_only")
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")
