"""An installation made to be broken: workers, sinks, Postgres and Valkey are processes that can be killed,
frozen, or taken away and brought back. It decides nothing about when.
"""

import base64
import contextlib
import json
import os
import random
import secrets
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx

from service.settings import Settings
from tests.harness.polling import eventually
from tests.harness.postgres import PostgresServer
from tests.harness.processes import ROOT, ServiceProcess, environment, free_port
from tests.harness.tether import tethered
from tests.harness.valkey import ValkeyServer
from tests.harness.world import MovableClock
from tests.soak.oracle import Copy
from tests.soak.sinks import Orders

#: Seconds that a process of a long drill may live: killed in its first round each, none would ever work.
_LEAST_LIFE = 8
#: What a worker says once it works.
_UP = b"worker_started"


class RunningClock:
    """A drill's own time: runs with the system's, and can leap over a pause in which nothing happens."""

    def __init__(self, file: Path) -> None:
        self._ahead = timedelta()
        self._kept = MovableClock(file, datetime.now(UTC))
        self.file = file

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def beat(self) -> None:
        """To be called many times a second."""
        self._kept.set(self.now)

    def leap_to(self, then: datetime) -> None:
        self._ahead += max(then - self.now, timedelta())
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


class Worker:
    """A process that ticks and delivers; `up` once it does."""

    def __init__(self, process: ServiceProcess) -> None:
        self.process = process
        self.frozen = False
        self._started = 0.0
        self._from = 0

    @property
    def name(self) -> str:
        """As attempts know it."""
        return f"{socket.gethostname()}-{self.process.pid}"

    @property
    def up(self) -> bool:
        if not self.process.running or self.frozen:
            return False
        if self.process.port is not None:
            with contextlib.suppress(httpx.TransportError):
                url = f"http://127.0.0.1:{self.process.port}/healthz"
                return httpx.get(url, timeout=2, trust_env=False).is_success
            return False
        with self.process.log.open("rb") as log:
            log.seek(self._from)
            return _UP in log.read()

    @property
    def age(self) -> float:
        return time.monotonic() - self._started

    def start(self) -> None:
        self._started = time.monotonic()
        log = self.process.log
        self._from = log.stat().st_size if log.exists() else 0
        self.process.start()


class Installation:
    """`with Installation(...) as one:`; its parts are started by `open`, its workers by `start`.

    `database_url` empty: embedded, one process on SQLite in `folder`. `own_time`: a clock that can leap.
    `seed` decides whom the faults hit.
    """

    def __init__(
        self,
        folder: Path,
        orders: Mapping[str, Any],
        *,
        postgres: PostgresServer | None = None,
        database_url: str = "",
        workers: int = 4,
        own_time: bool = False,
        seed: int = 0,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.random = random.Random(seed)
        self.had: Counter[str] = Counter()
        self.postgres = postgres
        self.clock = RunningClock(folder / "clock") if own_time else None
        self._cleanup = contextlib.ExitStack()
        self.valkey = None if not database_url else self._cleanup.enter_context(ValkeyServer())
        self.sinks = Sinks(
            replace(
                Orders(free_port(), free_port(), str(folder / "taken.jsonl")),
                seed=seed,
                clock=str(self.clock.file) if self.clock else "",
                **orders,
            ),
            folder,
        )
        self._variables = self._environment(database_url) | dict(settings or {})
        self.workers = [self._worker(n) for n in range(workers if database_url else 1)]

    def __enter__(self) -> Self:
        self.sinks.start()
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.process.kill()
        self.sinks.stop()
        self._cleanup.close()

    @property
    def now(self) -> datetime:
        return self.clock.now if self.clock else datetime.now(UTC)

    @property
    def settings(self) -> Settings:
        """As the processes read them."""
        return Settings(
            home=self.folder / "home",
            database_url=self._variables.get("ADQUEM_DATABASE_URL", ""),
            secret_key=self._variables.get("ADQUEM_SECRET_KEY", ""),
        )

    @property
    def sink_url(self) -> str:
        return f"http://127.0.0.1:{self.sinks.orders.http_port}"

    def start(self) -> None:
        for worker in self.workers:
            worker.start()

    def wait_up(self, timeout: float = 60) -> None:
        def all_up() -> bool:
            self.beat()
            self.raise_the_dead()
            return all(worker.up for worker in self.workers)

        eventually(all_up, timeout)

    def beat(self) -> None:
        if self.clock is not None:
            self.clock.beat()

    def raise_the_dead(self) -> None:
        """As a supervisor does: whoever has ended by itself is started again."""
        for worker in self.workers:
            if not worker.process.running:
                worker.start()

    def living(self) -> set[str]:
        return {worker.name for worker in self.workers if worker.process.running}

    def kill_one(self) -> bool:
        """SIGKILL for one that works, and its successor; False where none works yet."""
        least = 0 if self.clock else _LEAST_LIFE
        up = [worker for worker in self.workers if worker.age >= least and worker.up]
        if not up:
            return False
        victim = self.random.choice(up)
        victim.process.kill()
        victim.start()
        self.had["kill"] += 1
        return True

    def freeze(self, number: int) -> None:
        for worker in self.workers[:number]:
            worker.process.rest()
            worker.frozen = True
            self.had["freeze"] += 1

    def thaw(self) -> None:
        for worker in self.workers:
            if worker.frozen:
                worker.process.wake()
                worker.frozen = False

    def fired(self) -> Counter[str]:
        """Firings of the fault points, by point and action."""
        log = self.folder / "fired"
        return Counter(log.read_text().splitlines()) if log.exists() else Counter()

    def resident_bytes(self) -> int:
        """Of the largest worker."""
        return max((_resident(worker.process.pid) for worker in self.workers), default=0)

    def logs(self) -> Iterator[str]:
        for worker in self.workers:
            yield f"--- {worker.process.name}\n{worker.process.tail(15)}"

    def _environment(self, database_url: str) -> dict[str, str]:
        variables = {
            "ADQUEM_SMTP_URL": f"smtp://127.0.0.1:{self.sinks.orders.smtp_port}",
            "ADQUEM_WEBHOOK_NETWORKS": '["127.0.0.0/8"]',
            "ADQUEM_SECRET_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "ADQUEM_VERIFY_ADDRESSES": "false",
            "ADQUEM_FAULTS_LOG": str(self.folder / "fired"),
        }
        if database_url:
            assert self.valkey is not None
            variables["ADQUEM_DATABASE_URL"] = database_url
            variables["ADQUEM_REDIS_URL"] = self.valkey.redis_url
        if self.clock is not None:
            variables["ADQUEM_REHEARSAL_CLOCK"] = str(self.clock.file)
            variables["ADQUEM_POLL_SECONDS"] = "0.1"
        return variables

    def _worker(self, number: int) -> Worker:
        distributed = "ADQUEM_DATABASE_URL" in self._variables
        kind = "worker" if distributed else "serve"
        home = self.folder / (f"worker-{number}" if distributed else "home")
        home.mkdir(exist_ok=True, mode=0o700)
        port = None if distributed else free_port()
        arguments = ["worker"] if distributed else ["serve", "--port", str(port)]
        variables = self._variables | {"ADQUEM_HOME": str(home)}
        process = ServiceProcess(f"{kind}-{number}", arguments, variables, home / "log", port)
        return Worker(process)


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
