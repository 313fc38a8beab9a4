"""Webhooks that fall due at one instant, from due to recorded, beside queues that post as many."""

import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from ctypes import c_longlong
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import psycopg

from benchmarks.queues import JOBS, WORKERS, Celery, Pgqueuer, Procrastinate
from benchmarks.rows import Row, paired
from benchmarks.webhooks import enter, put_up, receiver
from service.settings import Settings
from service.store import migrations
from tests.harness.polling import eventually
from tests.harness.postgres import PostgresServer
from tests.harness.processes import ServiceProcess
from tests.harness.valkey import ValkeyServer

_ROUNDS = 3
#: Done by fresh workers before they are measured.
_WARMING = 50
#: No round of anybody's takes so long.
_MOST_SECONDS = 600
_NAME = f"burst: {JOBS:,} webhooks due at one instant, {WORKERS} arq workers, due to recorded"


class Side(Protocol):
    """`enter`: jobs that are due then. `settled`: nothing waits, and nothing remains to be recorded.
    `jobs`: of a round; `lead`: by when they are entered, and every worker has found that there is nothing
    to do."""

    jobs: int
    lead: timedelta

    def enter(self, jobs: int, due_at: datetime) -> None: ...
    def settled(self) -> bool: ...
    def working(self) -> AbstractContextManager[None]: ...
    def close(self) -> None: ...


class Peer(Side, Protocol):
    name: str
    target: float | None


def rows() -> list[Row]:
    with (
        tempfile.TemporaryDirectory() as folder,
        PostgresServer() as server,
        ValkeyServer() as valkey,
        receiver() as (port, answered),
        ExitStack() as opened,
    ):
        ours = _Ours(Path(folder), server.create_database(), valkey.redis_url, port)
        peers: list[Peer] = [
            Procrastinate(server.create_database(), port),
            Celery(valkey.redis_url, port),
            Pgqueuer(server.create_database(), port),
        ]
        sides: list[Side] = [ours, *peers]
        for side in sides:
            opened.callback(side.close)
        rounds = [_round(sides[:: -1 if turn % 2 else 1], answered) for turn in range(_ROUNDS)]
        return [
            paired(
                f"{_NAME}, beside {type(peer).__name__}",
                f"{peer.name}, {WORKERS} workers, {peer.jobs:,} jobs",
                [(rates[ours], rates[peer]) for rates in rounds],
                peer.target,
            )
            for peer in peers
        ]


def _round(sides: Sequence[Side], answered: c_longlong) -> dict[Side, float]:
    return {side: _rate(side, answered) for side in sides}


def _rate(side: Side, answered: c_longlong) -> float:
    """Of fresh workers that are warm. Nothing is posted before it is due, and nothing twice."""
    before = answered.value
    with side.working():
        side.enter(_WARMING, datetime.now(UTC))
        eventually(lambda: _done(side, answered, before + _WARMING), _MOST_SECONDS)
        due_at = datetime.now(UTC) + side.lead
        side.enter(side.jobs, due_at)
        assert datetime.now(UTC) < due_at, "entering took longer than it had"
        time.sleep((due_at - datetime.now(UTC)).total_seconds())
        assert answered.value == before + _WARMING
        whole = before + _WARMING + side.jobs
        eventually(lambda: _done(side, answered, whole), _MOST_SECONDS, every=0.02)
        took = datetime.now(UTC) - due_at
        assert answered.value == whole
    return side.jobs / took.total_seconds()


def _done(side: Side, answered: c_longlong, whole: int) -> bool:
    name, posted = type(side).__name__, answered.value
    assert posted >= whole, f"{name} has {whole - posted:,} to post"
    assert side.settled(), f"{name} has posted all and recorded less"
    return True


class _Ours:
    """Worker processes as an operator starts them, but that receivers on this machine are allowed."""

    jobs, lead = JOBS, timedelta(seconds=25)

    def __init__(self, home: Path, database_url: str, redis_url: str, port: int) -> None:
        networks = '["127.0.0.0/8"]'
        self._variables = {
            "ADQUEM_HOME": str(home),
            "ADQUEM_DATABASE_URL": database_url,
            "ADQUEM_REDIS_URL": redis_url,
            "ADQUEM_WEBHOOK_NETWORKS": networks,
        }
        self._settings = Settings(
            home=home, database_url=database_url, webhook_networks=("127.0.0.0/8",)
        )
        migrations.upgrade(self._settings.sqlalchemy_url)
        asyncio.run(put_up(self._settings, port))
        self._database = psycopg.connect(database_url, autocommit=True)

    def enter(self, jobs: int, due_at: datetime) -> None:
        asyncio.run(enter(self._settings, jobs, due_at))

    def settled(self) -> bool:
        waiting = "SELECT FROM messages WHERE state IN ('due', 'sending') LIMIT 1"
        return self._database.execute(waiting).fetchone() is None

    @contextmanager
    def working(self) -> Iterator[None]:
        workers = [
            ServiceProcess(f"{n}", ["worker"], self._variables, self._settings.home / f"{n}.log")
            for n in range(WORKERS)
        ]
        for worker in workers:
            worker.start()
        try:
            yield
        finally:
            for worker in workers:
                worker.stop()

    def close(self) -> None:
        self._database.close()
