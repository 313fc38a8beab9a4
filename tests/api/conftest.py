"""An installation on SQLite; where the databases could differ, one on each."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.api.installation import LOOPBACK, Installation, Relay, Team, installed


@dataclass(frozen=True)
class Populated:
    """A SQLite file to copy installations from, in which the operator has entered a team."""

    file: Path
    operator_key: str
    team: Team


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
def relay() -> Iterator[Relay]:
    with Relay() as one:
        yield one


@pytest.fixture
def connected(relay: Relay) -> dict[str, Any]:
    """Settings by which mails go to a relay, and webhooks may go to this machine."""
    return {"smtp_url": relay.url, "webhook_networks": LOOPBACK}


@pytest.fixture
async def installation(
    beginning: tuple[str, str], tmp_path: Path, own_settings: dict[str, Any]
) -> AsyncIterator[Installation]:
    url, key = beginning
    async with installed(url, tmp_path, key, **own_settings) as one:
        yield one


@pytest.fixture
async def either(any_database_url: str, tmp_path: Path) -> AsyncIterator[Installation]:
    """The test runs on SQLite and on Postgres."""
    async with installed(any_database_url, tmp_path) as one:
        yield one


@pytest.fixture
async def team(installation: Installation, populated: Populated) -> Team:
    """In an installation that a test has put up in a way of its own, a new one."""
    if installation.operator_key != populated.operator_key:
        return await installation.team()
    return replace(populated.team, admin=installation.client(populated.team.key))


@pytest.fixture
async def postgres_installation(postgres_url: str, tmp_path: Path) -> AsyncIterator[Installation]:
    async with installed(postgres_url, tmp_path) as one:
        yield one
