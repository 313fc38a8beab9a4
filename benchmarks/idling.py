"""What it costs to have nothing to do: a tick that finds nothing due, a start, the memory of a process.

Memory is read where Linux says it; elsewhere its rows are left out.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psycopg

from benchmarks import webhooks
from benchmarks.growth import Docket
from benchmarks.rows import Row, compare
from service.clock import system_clock
from service.runtime import Runtime
from service.settings import Settings
from service.store import migrations
from tests.harness.polling import eventually
from tests.harness.postgres import PostgresServer
from tests.harness.processes import ServiceProcess, free_port
from tests.harness.valkey import ValkeyServer
from workers import tasks

_OPEN, _TICKS = 1_000_000, 200
_STARTS = 5
#: Until every round of an idle process has had its first turn.
_SETTLES_SECONDS = 10
_BURST = 5_000
_ONE_READ = "SELECT id FROM deadlines WHERE wake_at <= now() ORDER BY wake_at LIMIT 1"


def rows() -> list[Row]:
    with PostgresServer() as server, tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        found = [ticked(server.create_database(), home / "docket")]
        found += started(home / "embedded")
        found += burst(server.create_database(), home / "worker")
        return found


def ticked(url: str, home: Path) -> Row:
    with asyncio.Runner() as run:
        docket = Docket(url, home, _OPEN, run)
        docket.tick()  # of the one that all others are copies of, it tells
        connection = run.run(psycopg.AsyncConnection.connect(url, autocommit=True))
        try:
            return compare(
                f"idle tick with {_OPEN:,} open deadlines, Postgres",
                lambda: run.run(_ticks(docket.runtime)),
                "one indexed SELECT ... LIMIT 1 by psycopg, a kept connection",
                lambda: run.run(_reads(connection)),
                target=0.3,
                rounds=11,
            )
        finally:
            run.run(connection.close())
            docket.close()


async def _ticks(runtime: Runtime) -> int:
    for _ in range(_TICKS):
        assert await tasks.tick(runtime) == 0
    return _TICKS


async def _reads(connection: psycopg.AsyncConnection[tuple[str]]) -> int:
    for _ in range(_TICKS):
        assert await (await connection.execute(_ONE_READ)).fetchone() is None
    return _TICKS


def started(home: Path) -> list[Row]:
    """The first start, which makes the database and the bytecode, is not counted."""
    home.mkdir()
    settings = {"ADQUEM_HOME": str(home)} | _bytecode(home)
    with _served(settings, home):
        pass
    seconds = []
    for _ in range(_STARTS):
        with _served(settings, home) as (process, taken):
            seconds.append(taken)
    with _served(settings, home) as (process, _):
        time.sleep(_SETTLES_SECONDS)
        idle = _megabytes(process.pid, "VmRSS")
    start = _row("cold start of `adquem serve`, until /readyz answers", seconds, "seconds", 2.5)
    return [start, *_memory("resident memory, embedded, idle", idle, 120)]


def burst(url: str, home: Path) -> list[Row]:
    """A worker that has sent so many webhooks."""
    home.mkdir()
    settings = Settings(home=home, database_url=url, webhook_networks=("127.0.0.0/8",))
    migrations.upgrade(settings.sqlalchemy_url)
    with webhooks.receiver() as (port, answered), ValkeyServer() as valkey:
        asyncio.run(webhooks.put_up(settings, port))
        asyncio.run(webhooks.enter(settings, _BURST, system_clock()))
        given = {
            "ADQUEM_HOME": str(home),
            "ADQUEM_DATABASE_URL": url,
            "ADQUEM_REDIS_URL": valkey.redis_url,
            "ADQUEM_WEBHOOK_NETWORKS": '["127.0.0.0/8"]',
        }
        worker = ServiceProcess("worker", ["worker"], given, home / "log")
        worker.start()
        try:
            eventually(lambda: answered.value >= _BURST, timeout=120)
            most = _megabytes(worker.pid, "VmHWM")
        finally:
            worker.stop()
    return _memory(
        f"resident memory of a worker, most while it sends {_BURST:,} webhooks", most, 150
    )


@contextmanager
def _served(settings: dict[str, str], home: Path) -> Iterator[tuple[ServiceProcess, float]]:
    """The process and the seconds that it took to be ready."""
    port = free_port()
    process = ServiceProcess("serve", ["serve", "--port", str(port)], settings, home / "log", port)
    begun = time.perf_counter()
    process.start()
    try:
        process.wait_ready()
        yield process, time.perf_counter() - begun
    finally:
        process.stop()


def _bytecode(home: Path) -> dict[str, str]:
    """Kept as an installation keeps it, whatever the surroundings say of it."""
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(home / "bytecode")}


def _megabytes(pid: int, name: str) -> float | None:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    said = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(said[name].split()[0]) * 1024 / 1_000_000


def _memory(name: str, megabytes: float | None, aim: float) -> list[Row]:
    return [] if megabytes is None else [_row(name, [megabytes], "MB", aim)]


def _row(name: str, measured: list[float], unit: str, aim: float) -> Row:
    """Of what had better be small; the aim is no target."""
    value = median(measured)
    spread = round((max(measured) - min(measured)) / value, 2)
    ratio = round(aim / value, 3)
    return Row(name, round(value, 2), unit, f"{aim:g} {unit}, aimed at", ratio, None, spread)
