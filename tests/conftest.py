"""Fixtures made of real parts; see `harness/`. A session is one process of pytest-xdist."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

import service.clock  # noqa: F401  (pins zone data before any test builds a zone)
from tests.api.installation import Installation, Populated, Team, installed
from tests.counters import watch_counters
from tests.harness.postgres import PostgresServer
from tests.harness.processes import migrate
from tests.harness.receiver import Receiver
from tests.harness.smtp import Security, SmtpServer
from tests.harness.valkey import ValkeyServer
from tests.harness.world import Mode, World, first_key

# A developer's own settings must not reach the tests.
for _name in [name for name in os.environ if name.upper().startswith("ADQUEM_")]:
    del os.environ[_name]


watch_counters()

# A traceback drawn in colours takes a second, and tests that make things fail have many.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server of this session's own, started when the first test asks for it."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a migrated database, for `postgres.database(template)`."""
    home = tmp_path_factory.mktemp("postgres-template")
    return postgres.make_template("migrated", lambda url: migrate(url, home))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    file = tmp_path_factory.mktemp("sqlite-template") / "adquem.sqlite3"
    migrate(f"sqlite:///{file}", file.parent)
    return file


@pytest.fixture(scope="session")
def _postgres_world(
    postgres: PostgresServer, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str]:
    """Name of a database to copy worlds from, and the administrator's key in it."""
    keys = []
    home = tmp_path_factory.mktemp("postgres-world")
    name = postgres.make_template(
        "world", lambda url: keys.append(first_key(url, home)), postgres_template
    )
    return name, keys[0]


@pytest.fixture(scope="session")
def _sqlite_world(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """A SQLite file to copy worlds from, and the administrator's key in it."""
    home = tmp_path_factory.mktemp("sqlite-world")
    file = Path(shutil.copy(sqlite_template, home))
    return file, first_key(f"sqlite:///{file}", home)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """ADQUEM_DATABASE_URL of a fresh, migrated SQLite file."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'adquem.sqlite3')}"


@pytest.fixture
def postgres_url(postgres: PostgresServer, postgres_template: str) -> Iterator[str]:
    """ADQUEM_DATABASE_URL of a fresh, migrated Postgres database."""
    with postgres.database(postgres_template) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def any_database_url(request: pytest.FixtureRequest) -> str:
    """ADQUEM_DATABASE_URL of a fresh, migrated database: the test runs on each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="session")
def populated(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Populated:
    """Entered once: the requests that it takes are longer than most tests."""
    folder = tmp_path_factory.mktemp("populated")
    file = Path(shutil.copy(sqlite_template, folder / "adquem.sqlite3"))

    async def enter() -> Populated:
        async with installed(f"sqlite:///{file}", folder) as one:
            return Populated(file, one.operator_key, await one.team())

    return asyncio.run(enter())


@pytest.fixture
def beginning(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """The database that an installation begins with, and the operator's key in it: an empty one, unless
    the test wants a `team` and does not want both databases."""
    wanted = request.fixturenames
    if "any_database_url" in wanted:
        return request.getfixturevalue("any_database_url"), ""
    if "team" not in wanted:
        return request.getfixturevalue("sqlite_url"), ""
    populated: Populated = request.getfixturevalue("populated")
    copy = shutil.copy(populated.file, tmp_path / "adquem.sqlite3")
    return f"sqlite:///{copy}", populated.operator_key


@pytest.fixture
def own_settings() -> dict[str, Any]:
    """Settings of the installation beside the usual ones; a file of tests may have its own."""
    return {}


@pytest.fixture
async def installation(
    beginning: tuple[str, str], tmp_path: Path, own_settings: dict[str, Any]
) -> AsyncIterator[Installation]:
    url, key = beginning
    async with installed(url, tmp_path, key, **own_settings) as one:
        yield one


@pytest.fixture
async def team(installation: Installation, populated: Populated) -> Team:
    """In an installation that a test has put up in a way of its own, a new one."""
    if installation.operator_key != populated.operator_key:
        return await installation.team()
    return replace(populated.team, admin=installation.client(populated.team.key))


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    """A relay that takes mail in clear, as one on the same machine does."""
    with SmtpServer() as server:
        yield server
    assert not server.errors, f"a hook failed: {server.errors}"


@pytest.fixture
def secure_smtp(tmp_path: Path) -> Iterator[SmtpServer]:
    """A relay that wants STARTTLS and a login; `secure_smtp.ca_file` is what to trust."""
    with SmtpServer(Security(), tmp_path / "relay-ca.pem") as server:
        yield server
    assert not server.errors, f"a hook failed: {server.errors}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Where webhooks go."""
    with Receiver() as server:
        yield server


@pytest.fixture(scope="session")
def _valkey_server() -> Iterator[ValkeyServer]:
    with ValkeyServer() as server:
        yield server


@pytest.fixture
def valkey(_valkey_server: ValkeyServer) -> ValkeyServer:
    """Running and empty, whatever the test before did to it."""
    _valkey_server.start()
    _valkey_server.flush()
    return _valkey_server


@pytest.fixture(scope="session")
def _worlds() -> dict[Mode, World]:
    """Those that wait for the next test: to put one up takes longer than most journeys."""
    return {}


@pytest.fixture(scope="session")
def _embedded() -> Iterator[contextlib.ExitStack]:
    """What lasts as long as the session, of worlds in one process."""
    with contextlib.ExitStack() as cleanup:
        yield cleanup


@pytest.fixture(scope="session")
def _distributed(postgres: PostgresServer) -> Iterator[contextlib.ExitStack]:
    """Of worlds on Postgres, which must end before it does."""
    with contextlib.ExitStack() as cleanup:
        yield cleanup


@pytest.fixture(params=list(Mode), ids=str)
def world(request: pytest.FixtureRequest, _worlds: dict[Mode, World]) -> Iterator[World]:
    """A whole installation, as new; the test runs in each mode. One in which a test failed, or that it
    has changed for good, serves no other."""
    mode: Mode = request.param
    waiting = _worlds.pop(mode, None)
    world = waiting or _new_world(request, mode)
    try:
        if waiting:
            world.renew()
        else:
            world.remember()
        yield world
        assert not world.mails.errors, f"a hook failed: {world.mails.errors}"
    finally:
        failed = getattr(request.node, "failed", True)
        if failed or world.spoiled or not all(one.running for one in world.processes):
            world.close()
        else:
            world.rest()
            _worlds[mode] = world


def _new_world(request: pytest.FixtureRequest, mode: Mode) -> World:
    """With a relay and a receiver of its own."""
    lasting: contextlib.ExitStack = request.getfixturevalue(f"_{mode}")
    folder: Path = request.getfixturevalue("tmp_path_factory").mktemp(str(mode))
    mails = lasting.enter_context(SmtpServer())
    receiver = lasting.enter_context(Receiver())
    if mode is Mode.EMBEDDED:
        file, key = request.getfixturevalue("_sqlite_world")
        home = folder / "home"
        home.mkdir(mode=0o700)
        shutil.copy(file, home)
        return lasting.enter_context(World(mode, folder, mails, receiver, key=key))
    postgres: PostgresServer = request.getfixturevalue("postgres")
    template, key = request.getfixturevalue("_postgres_world")
    url = lasting.enter_context(postgres.database(template))
    queue = request.getfixturevalue("valkey")
    return lasting.enter_context(World(mode, folder, mails, receiver, url, queue, key))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What the processes said, beside the failure that they may explain."""
    report = yield
    if report.when == "call":
        item.failed = report.failed  # type: ignore[attr-defined]  # read by the fixture `world`
    installation = getattr(item, "funcargs", {}).get("world")
    if report.failed and isinstance(installation, World):
        report.sections.append(("what the service said", installation.logs()))
    return report
