"""The parts of an installation that is made to be broken: its time, the process in which notices arrive,
and the processes that work.
"""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.harness.polling import eventually
from tests.harness.postgres import PostgresServer
from tests.harness.processes import ROOT, ServiceProcess, environment, migrate
from tests.harness.tether import tethered
from tests.harness.world import MovableClock
from tests.soak.oracle import Copy
from tests.soak.sinks import Orders

#: What a worker says once it works.
_UP = b"worker_started"
_DURABLE = {"synchronous_commit": "on", "fsync": "on", "full_page_writes": "on"}
#: By itself its log alone would take more than a small disk has.
_LITTLE_LOG = {"min_wal_size": "32MB", "max_wal_size": "64MB"}


@contextlib.contextmanager
def migrated(home: Path, disk: int = 0) -> Iterator[tuple[PostgresServer, str]]:
    """A server that keeps what was committed, and the name of a migrated database in it."""
    with PostgresServer(disk, **_DURABLE, **(_LITTLE_LOG if disk else {})) as postgres:
        yield postgres, postgres.make_template("migrated", lambda url: migrate(url, home))


def in_flight(number: int) -> dict[str, str]:
    """What a worker is told that has so many on their way at once."""
    return {"ADQUEM_DELIVERY_SLOTS": str(number), "ADQUEM_SMTP_CONNECTIONS": str(min(number, 32))}


class RunningClock:
    """A drill's own time: runs with the system's, and can leap over a pause in which nothing happens.
    `begins`: None for the system's own."""

    def __init__(self, file: Path, begins: datetime | None = None) -> None:
        now = datetime.now(UTC)
        self._ahead = (begins or now) - now
        self._kept = MovableClock(file, self.now)
        self.file = file

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def beat(self) -> None:
        """To be called many times a second."""
        self._kept.set(self.now)

    def leap_to(self, then: datetime) -> None:
        self.jump(max(then - self.now, timedelta()))

    def jump(self, by: timedelta) -> None:
        """As a clock does that somebody sets: back as well."""
        self._ahead += by
        self.beat()


class Sinks:
    """The process in which notices arrive."""

    def __init__(self, orders: Orders, folder: Path) -> None:
        self.orders = orders
        self._said = folder / "sinks.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._said.open("ab") as said:
            self._process = subprocess.Popen(
                tethered(
                    [sys.executable, "-m", "tests.soak.sinks", json.dumps(asdict(self.orders))]
                ),
                cwd=ROOT,
                env=environment({}),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        eventually(self._listens)

    def stop(self) -> None:
        """As an outage does: connections are cut."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def log(self) -> list[dict[str, Any]]:
        file = Path(self.orders.log)
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def copies(self) -> list[Copy]:
        return [
            Copy(
                one["at"],
                one["key"],
                one["address"],
                one["said"],
                one["marked"],
                frozenset(one["marks"]),
                one["late"],
            )
            for one in self.log()
            if "key" in one
        ]

    def refusals(self) -> int:
        return sum("refused" in one for one in self.log())

    def _listens(self) -> bool:
        for port in (self.orders.smtp_port, self.orders.http_port):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                return False
        return True


def _age(pid: int) -> float:
    """Seconds since it was started."""
    ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


class Worker:
    """A process that ticks and delivers, or a foreman of `forked` that do; `up` once all do."""

    def __init__(self, process: ServiceProcess, forked: int = 0) -> None:
        self.process = process
        self.frozen = False
        self._forked = forked
        self._started = 0.0
        self._from = 0

    @property
    def pids(self) -> list[int]:
        """Of those that work."""
        if not self._forked:
            return [self.process.pid]
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    @property
    def names(self) -> set[str]:
        """As attempts know them."""
        return {f"{socket.gethostname()}-{pid}" for pid in self.pids}

    def kill_one(self, chance: random.Random, least_life: float) -> bool:
        """SIGKILL for one that works, and its successor; False where none works yet."""
        if self._forked:
            old = [pid for pid in self.pids if _age(pid) >= least_life]
            if old:
                os.kill(chance.choice(old), signal.SIGKILL)
            return bool(old)
        if self.age < least_life or not self.up:
            return False
        self.process.kill()
        self.start()
        return True

    @property
    def up(self) -> bool:
        if not self.process.running or self.frozen:
            return False
        if self.process.port is not None:
            with contextlib.suppress(httpx.TransportError):
                url = f"http://127.0.0.1:{self.process.port}/healthz"
                return httpx.get(url, timeout=2, trust_env=False).is_success
            return False
        return self.said(_UP)

    def said(self, word: bytes) -> bool:
        """Since it was last started."""
        with self.process.log.open("rb") as log:
            log.seek(self._from)
            return log.read().count(word) >= max(self._forked, 1)

    @property
    def age(self) -> float:
        return time.monotonic() - self._started

    def start(self) -> None:
        self._started = time.monotonic()
        log = self.process.log
        self._from = log.stat().st_size if log.exists() else 0
        self.process.start()
