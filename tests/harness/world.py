"""A whole installation for journeys: its processes, its clock, its post, and a client.

The same journey runs in both modes: one process on SQLite, or an API process and two workers on
Postgres and Valkey. Only real processes; whatever a journey sees, an operator would see.
"""

import base64
import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Self, TypeVar

import httpx

from service.settings import Settings
from tests.harness import polling
from tests.harness.contents import Contents, put_back, whole
from tests.harness.processes import ServiceProcess, free_port, run_command
from tests.harness.receiver import Receiver
from tests.harness.smtp import SmtpServer
from tests.harness.valkey import ValkeyServer

Result = TypeVar("Result")

#: Monday morning in Almaty, three weeks before Nauryz.
START = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


class Mode(StrEnum):
    EMBEDDED = "embedded"
    DISTRIBUTED = "distributed"


class MovableClock:
    """The file that every process of a world takes as the time of day."""

    def __init__(self, file: Path, now: datetime) -> None:
        self.file = file
        self.set(now)

    @property
    def now(self) -> datetime:
        return self._now

    def set(self, now: datetime) -> None:
        """Replaced in one step: a reader sees the old instant or the new one, never half of it."""
        if now.tzinfo is None:
            raise ValueError("an instant needs an offset")
        unfinished = self.file.with_suffix(".part")
        unfinished.write_text(now.isoformat())
        unfinished.replace(self.file)
        self._now = now

    def advance(self, by: timedelta) -> datetime:
        self.set(self._now + by)
        return self._now


def new_key(settings: Mapping[str, str], name: str, *options: str) -> str:
    """An API key, as `adquem keys create` prints it on its last line."""
    return run_command(settings, "keys", "create", name, *options).strip().splitlines()[-1]


def first_key(database_url: str, folder: Path) -> str:
    """An administrator's key in a database that worlds will be copied from, made at START."""
    clock = MovableClock(folder / "clock", START)
    settings = {
        "ADQUEM_HOME": str(folder),
        "ADQUEM_DATABASE_URL": database_url,
        "ADQUEM_REHEARSAL_CLOCK": str(clock.file),
    }
    return new_key(settings, "tests", "--scope", "admin")


class World:
    """`with World(...) as world:`; see `conftest.py` for the fixture that builds it. `spoiled`: to be
    set by a test that leaves behind what `renew` does not put right.

    `api`: client of /api/v1 with an administrator's key. `web`: client of everything, without.
    `server`: the process that answers HTTP. `workers`: those that deliver (embedded: the same).
    """

    api: httpx.Client
    web: httpx.Client
    _beginning: Contents

    def __init__(
        self,
        mode: Mode,
        folder: Path,
        mails: SmtpServer,
        receiver: Receiver,
        database_url: str = "",
        valkey: ValkeyServer | None = None,
        key: str = "",
    ) -> None:
        """The database must be migrated; without a URL it is SQLite in `folder`/home.

        `key`: an administrator's key that the database holds already; else one is made.
        """
        self.mode = mode
        self.spoiled = False
        self.mails = mails
        self.receiver = receiver
        self.valkey = valkey
        self.port = free_port()
        self.clock = MovableClock(folder / "clock", START)
        self._folder = folder
        self._key = key
        self._cleanup = contextlib.ExitStack()
        self.settings = self._common_settings(database_url)
        if mode is Mode.EMBEDDED:
            self.server = self._process("serve", ["serve", "--port", str(self.port)], self.port)
            self.workers = [self.server]
        else:
            self.server = self._process("api", ["api", "--port", str(self.port)], self.port)
            self.workers = [self._process(f"worker-{n}", ["worker"]) for n in (1, 2)]

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def processes(self) -> list[ServiceProcess]:
        return list(dict.fromkeys([self.server, *self.workers]))

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, *arguments: str) -> str:
        """What `adquem ARGUMENTS` prints in this installation."""
        return run_command(self.settings, *arguments)

    def new_key(self, name: str, *options: str) -> str:
        """An API key made on the command line; `options` such as "--scope", "admin"."""
        return new_key(self.settings, name, *options)

    def client(self, key: str | None = None, path: str = "") -> httpx.Client:
        """Another client of this world, closed with it."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        client = httpx.Client(
            base_url=self.base_url + path, headers=headers, timeout=20, trust_env=False
        )
        return self._cleanup.enter_context(client)

    def kill_workers(self) -> None:
        """SIGKILL all that deliver (embedded: this takes the API with it)."""
        for worker in self.workers:
            worker.kill()

    def restart_workers(self) -> None:
        """Start again whatever delivers: after `kill_workers`, or in an orderly way."""
        for worker in self.workers:
            worker.restart()

    @staticmethod
    def eventually(look: Callable[[], Result], timeout: float = 15) -> Result:
        """See `polling.eventually`."""
        return polling.eventually(look, timeout)

    @contextlib.contextmanager
    def without_queue(self) -> Iterator[None]:
        """Valkey is down inside; nothing happens in the embedded mode, which has none."""
        if self.valkey is not None:
            self.valkey.stop()
        try:
            yield
        finally:
            if self.valkey is not None:
                self.valkey.start()

    def logs(self) -> str:
        """The end of what each process said."""
        return "\n".join(f"--- {p.name}\n{p.tail()}" for p in self.processes)

    def close(self) -> None:
        """End every process, and the clients."""
        for process in self.processes:
            process.kill()
        self._cleanup.close()

    def remember(self) -> None:
        """What the database holds now is what `renew` puts back."""
        self._beginning = whole(self.sync_url)

    def rest(self) -> None:
        """Stands still until `renew`."""
        for process in self.processes:
            process.rest()

    def renew(self) -> None:
        """As it was when it had just been opened: for another test, in a quarter of the time."""
        for process in self.processes:
            if process.running:
                process.wake()
        self._cleanup.close()
        if self.valkey is not None:
            self.valkey.start()
        for process in self.processes:
            if not process.running:
                process.start()
        # Whoever still works on what was is let finish, and finds nothing any more.
        self.mails.renew()
        self.receiver.renew()
        self.clock.set(START)
        # What counts on: a database that went back in time is put in quarantine.
        polling.eventually(lambda: put_back(self.sync_url, self._beginning, "installations"))
        self.server.wait_ready()
        self.mails.clear()
        self.receiver.clear()
        self._clients()

    @property
    def sync_url(self) -> str:
        """Where to read and write what the processes read and write."""
        settings = Settings(
            home=Path(self.settings["ADQUEM_HOME"]),
            database_url=self.settings.get("ADQUEM_DATABASE_URL", ""),
        )
        return settings.sqlalchemy_url.replace("+aiosqlite", "")

    def _clients(self) -> None:
        self.api = self.client(self._key, "/api/v1")
        self.web = self.client()

    def _open(self) -> None:
        for home in {process.log.parent for process in self.processes}:
            home.mkdir(parents=True, exist_ok=True)
        self._key = self._key or self.new_key("tests", "--scope", "admin")
        for process in self.processes:
            process.start()
        self.server.wait_ready()
        self._clients()

    def _common_settings(self, database_url: str) -> dict[str, str]:
        settings = {
            "ADQUEM_HOME": str(self._folder / "home"),
            "ADQUEM_PORT": str(self.port),
            "ADQUEM_SMTP_URL": self.mails.url,
            "ADQUEM_WEBHOOK_NETWORKS": '["127.0.0.0/8"]',
            "ADQUEM_REHEARSAL_CLOCK": str(self.clock.file),
            "ADQUEM_POLL_SECONDS": "0.1",
            "ADQUEM_VERIFY_ADDRESSES": "false",
            # Who is told what and when is what journeys ask; that mails wait for each other has tests.
            "ADQUEM_MAILS_PER_MINUTE": "1000",
            "ADQUEM_MAILS_PER_HOUR": "100000",
        }
        if self.mails.ca_file is not None:
            settings["ADQUEM_SMTP_CA_FILE"] = str(self.mails.ca_file)
        if self.mode is Mode.DISTRIBUTED:
            assert self.valkey is not None
            key = base64.b64encode(secrets.token_bytes(32)).decode()
            settings["ADQUEM_SECRET_KEY"] = key
            settings["ADQUEM_DATABASE_URL"] = database_url
            settings["ADQUEM_REDIS_URL"] = self.valkey.redis_url
        return settings

    def _process(self, name: str, arguments: list[str], port: int | None = None) -> ServiceProcess:
        """Distributed processes have a home of their own each, as on machines of their own."""
        settings, home = self.settings, self._folder / "home"
        if self.mode is Mode.DISTRIBUTED:
            home = self._folder / name
            settings = settings | {"ADQUEM_HOME": str(home)}
        return ServiceProcess(name, arguments, settings, home / f"{name}.log", port)
