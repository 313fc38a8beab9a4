"""What runs short costs time, never a notice: the log, the memory, the loop that delivers."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel.ext.asyncio.session import AsyncSession

from service.runtime import Runtime, build_runtime
from service.settings import Settings
from service.store.database import make_engine
from tests.harness.processes import ROOT, environment
from tests.harness.smtp import SmtpServer
from tests.soak.entries import Tables, Wanted, enter
from workers import rounds, tasks

_SAYS_MUCH = """
import logging, structlog
from service.commands.logs import configure_logs
from service.settings import Settings
configure_logs(Settings())
for _ in range(1000):
    structlog.get_logger().error("of_ours", words="x" * 100)
    logging.getLogger("of.a.library").error("x" * 100)
print("went on")
"""


def test_a_log_without_room_holds_nothing_up(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", _SAYS_MUCH],
            cwd=ROOT,
            env=environment({"ADQUEM_HOME": str(tmp_path)}),
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.stdout == "went on\n"


@pytest.fixture
def settings(sqlite_url: str, smtp: SmtpServer, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, database_url=sqlite_url, smtp_url=smtp.url, poll_seconds=0.01)


class Poor(Runtime):
    """Has no memory for its next transactions, so many as `lacking` says."""

    lacking = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        if Poor.lacking:
            Poor.lacking -= 1
            raise MemoryError
        async with super().transaction() as session:
            yield session


def _poor(settings: Settings) -> Poor:
    built = build_runtime(settings)
    return Poor(**{one.name: getattr(built, one.name) for one in fields(Runtime)})


async def test_a_verdict_for_which_there_is_no_memory_is_written_down_later(
    settings: Settings, smtp: SmtpServer
) -> None:
    runtime, tables = _poor(settings), Tables(settings)

    def poor_from_now_on(_: object) -> None:
        Poor.lacking = 3

    smtp.on_data = poor_from_now_on
    try:
        await enter(settings, Wanted(1, datetime.now(UTC), 0, teams=1))
        await tasks.tick(runtime)
        await tasks.deliver(runtime)
        (row,) = tables.rows()
        assert (row.state, [one.verdict for one in row.tries]) == ("accepted", ["accepted"])
        assert Poor.lacking == 0
    finally:
        tables.close()
        await runtime.close()


async def test_a_worker_whose_delivering_ends_goes_with_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = build_runtime(settings)

    class Speechless:
        """Has no memory for a last word either."""

        @staticmethod
        def exception(_: str, **of: str) -> None:
            if of["round"] == "deliver":
                raise MemoryError

    async def failing(*_: object) -> int:
        raise MemoryError

    monkeypatch.setattr(tasks, "deliver", failing)
    monkeypatch.setattr(rounds, "_log", Speechless)
    stop = asyncio.Event()
    working = asyncio.create_task(rounds.keep_rounds(rounds.AtWork(runtime), stop))
    try:
        await asyncio.wait_for(stop.wait(), 15)
        with pytest.raises(MemoryError):
            await working
    finally:
        working.cancel()
        await runtime.close()


async def test_an_error_of_the_database_does_not_quote_what_was_to_be_written(
    settings: Settings,
) -> None:
    engine = make_engine(settings.sqlalchemy_url)
    try:
        async with engine.connect() as connection:
            with pytest.raises(DBAPIError) as caught:
                await connection.execute(text("INSERT INTO nowhere VALUES (:a)"), {"a": "Ivanova"})
        assert "nowhere" in str(caught.value)
        assert "Ivanova" not in str(caught.value)
    finally:
        await engine.dispose()
