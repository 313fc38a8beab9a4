"""An installation on SQLite; where two databases could differ, one on each."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.api.installation import Installation, Team, installed


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
def beginning(request: pytest.FixtureRequest) -> tuple[Path, str]:
    """The file that an installation begins with, and the operator's key in it: an empty one, unless the
    test wants a `team`."""
    if "team" not in request.fixturenames:
        return request.getfixturevalue("sqlite_template"), ""
    populated: Populated = request.getfixturevalue("populated")
    return populated.file, populated.operator_key


@pytest.fixture
async def installation(beginning: tuple[Path, str], tmp_path: Path) -> AsyncIterator[Installation]:
    file, key = beginning
    url = f"sqlite:///{shutil.copy(file, tmp_path / 'adquem.sqlite3')}"
    async with installed(url, tmp_path, key) as one:
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
