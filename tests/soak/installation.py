"""An installation made to be broken: workers, sinks, Postgres and Valkey are processes that can be killed,
frozen, or taken away and brought back. It decides nothing about when.
"""

import base64
import contextlib
import os
import random
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx
import psycopg
from psycopg import sql

from service.settings import Settings
from tests.harness.polling import eventually
from tests.harness.postgres import PostgresServer
from tests.harness.processes import ServiceProcess, free_port, run_command
from tests.harness.valkey import ValkeyServer
from tests.harness.world import new_key
from tests.soak.oracle import Edit, Planned, Row
from tests.soak.parts import RunningClock, Sinks, Worker
from tests.soak.sinks import Orders

#: Seconds that a process of a long drill may live at least, by whether it is forked: killed in its first
#: round each, none would ever work.
_LEAST_LIFE = {False: 8, True: 1}


@dataclass
class Minutes:
    """What acts write down for the judge. `entered`: what was planned before anything was broken, `planned`
    what has been since; `hostile`: endpoints by id, with their addresses, from which nothing is awaited."""

    entered: list[Planned] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    forgotten: list[Row] = field(default_factory=list)
    hostile: dict[str, str] = field(default_factory=dict)


class Installation:
    """`with Installation(...) as one:`; its parts are started by `open`, its workers by `start`.

    `database_url` empty: embedded, one process on SQLite in `folder`. `own_time`: a clock that can leap,
    and shows `begins` first. `forked`: by one foreman, who follows whoever is killed. `seed` decides whom
    the faults hit.
    """

    def __init__(
        self,
        folder: Path,
        orders: Mapping[str, Any],
        *,
        postgres: PostgresServer | None = None,
        database_url: str = "",
        workers: int = 4,
        forked: bool = False,
        own_time: bool = False,
        begins: datetime | None = None,
        seed: int = 0,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.random = random.Random(seed)
        self.had: Counter[str] = Counter()
        self.minutes = Minutes()
        self.postgres = postgres
        self.clock = RunningClock(folder / "clock", begins) if own_time else None
        self.cleanup = contextlib.ExitStack()
        self.valkey = None if not database_url else self.cleanup.enter_context(ValkeyServer())
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
        self._forked = forked
        if forked:
            self.workers = [self.worker(0, forked=workers)]
        else:
            self.workers = [self.worker(n) for n in range(workers if database_url else 1)]
        self.retired: list[Worker] = []

    def __enter__(self) -> Self:
        self.sinks.start()
        return self

    def __exit__(self, *_: object) -> None:
        for worker in (*self.workers, *self.retired):
            worker.process.kill()
        self.sinks.stop()
        self.cleanup.close()

    def adquem(self, *arguments: str, code: Path | None = None) -> str:
        """As its operator runs it, on a host of their own. `code`: the folder of another release."""
        return run_command(self._at("operator"), *arguments, code=code)

    def api(self, **variables: str) -> httpx.Client:
        """A process of the API that is told these besides, and an administrator who asks it."""
        port = free_port()
        key = new_key(self._at("api") | variables, "drill", "--scope", "admin")
        process = self.process("api", "api", "--port", str(port), port=port, told=variables)
        process.start()
        self.cleanup.callback(process.kill)
        eventually(lambda: httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False), 60)
        return httpx.Client(
            base_url=f"http://127.0.0.1:{port}/api/v1",
            headers={"authorization": f"Bearer {key}"},
            trust_env=False,
            timeout=30,
        )

    def process(
        self,
        host: str,
        *arguments: str,
        port: int | None = None,
        code: Path | None = None,
        told: Mapping[str, str] | None = None,
    ) -> ServiceProcess:
        """`adquem ARGUMENTS` on the host of that name, told these besides, to be started and ended by who
        asks for it."""
        settings = self._at(host) | dict(told or {})
        log = Path(settings["ADQUEM_HOME"]) / "log"
        return ServiceProcess(host, list(arguments), settings, log, port, code)

    def worker(
        self,
        number: int,
        code: Path | None = None,
        forked: int = 0,
        told: Mapping[str, str] | None = None,
    ) -> Worker:
        if "ADQUEM_DATABASE_URL" not in self._variables:
            port = free_port()
            serve = ["serve", "--port", str(port)]
            return Worker(self.process("home", *serve, port=port, code=code, told=told))
        work = ["worker", *(["--processes", str(forked)] if forked else [])]
        return Worker(self.process(f"worker-{number}", *work, code=code, told=told), forked)

    def retire(self, worker: Worker) -> None:
        """It ends what it sends, goes by itself, and nobody raises it."""
        self.workers.remove(worker)
        self.retired.append(worker)
        worker.process.dismiss()

    def renew_database(self) -> None:
        """The old one is lost; the new one is empty."""
        assert self.postgres is not None
        name = psycopg.conninfo.conninfo_to_dict(self.database_url)["dbname"]
        self.postgres.drop_database(self.database_url)
        self.postgres.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(str(name))))

    def rest(self, every: float = 0.02) -> None:
        """A moment in which time goes on."""
        self.beat()
        time.sleep(every)

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
    def database_url(self) -> str:
        return self._variables["ADQUEM_DATABASE_URL"]

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

    def renew(self, number: int, **variables: str) -> None:
        """As an upgrade does it: the successor of one worker, which is told these besides, starts beside
        it; then it goes in peace."""
        old = self.workers[number]
        self.workers[number] = new = self.worker(number, told=variables)
        if old.process.running:
            new.start()
            eventually(lambda: self.beat() or new.up, 60)
            old.process.stop()

    def beat(self) -> None:
        if self.clock is not None:
            self.clock.beat()

    def equip(self, number: int, variables: Mapping[str, str]) -> None:
        """Before it is started: what this worker alone is told."""
        self.workers[number] = self.worker(number, told=variables)

    def raise_the_dead(self) -> None:
        """As a supervisor does: whoever has ended by itself is started again."""
        for worker in self.workers:
            if not worker.process.running:
                worker.start()

    def living(self) -> set[str]:
        return set().union(*(one.names for one in self.workers if one.process.running))

    def kill_one(self) -> bool:
        """SIGKILL for one that works, and its successor; False where none works yet."""
        least = 0 if self.clock else _LEAST_LIFE[self._forked]
        in_turn = self.random.sample(self.workers, len(self.workers))
        killed = any(worker.kill_one(self.random, least) for worker in in_turn)
        self.had["kill"] += killed
        return killed

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

    @property
    def fired_log(self) -> Path:
        """One line for each fault that a process had by itself, or brought upon others."""
        return self.folder / "fired"

    def fired(self) -> Counter[str]:
        """Firings of the fault points, by point and action."""
        log = self.fired_log
        return Counter(log.read_text().splitlines()) if log.exists() else Counter()

    def resident_bytes(self) -> int:
        """Of the largest worker."""
        return max((_resident(pid) for worker in self.workers for pid in worker.pids), default=0)

    def logs(self) -> Iterator[str]:
        for worker in self.workers:
            yield f"--- {worker.process.name}\n{worker.process.tail(15)}"

    def _environment(self, database_url: str) -> dict[str, str]:
        variables = {
            "ADQUEM_SMTP_URL": f"smtp://127.0.0.1:{self.sinks.orders.smtp_port}",
            "ADQUEM_WEBHOOK_NETWORKS": '["127.0.0.0/8"]',
            "ADQUEM_SECRET_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "ADQUEM_VERIFY_ADDRESSES": "false",
            "ADQUEM_FAULTS_LOG": str(self.fired_log),
        }
        if database_url:
            assert self.valkey is not None
            variables["ADQUEM_DATABASE_URL"] = database_url
            variables["ADQUEM_REDIS_URL"] = self.valkey.redis_url
        if self.clock is not None:
            variables["ADQUEM_REHEARSAL_CLOCK"] = str(self.clock.file)
            variables["ADQUEM_POLL_SECONDS"] = "0.1"
        return variables

    def _at(self, name: str) -> dict[str, str]:
        """What a process on the host of that name is told."""
        home = self.folder / name
        home.mkdir(exist_ok=True, mode=0o700)
        return self._variables | {"ADQUEM_HOME": str(home)}


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
