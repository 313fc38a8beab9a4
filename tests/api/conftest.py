"""An installation on SQLite; where two databases could differ, one on each."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.installation import Installation, Team, installed


@pytest.fixture
async def installation(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Installation]:
    async with installed(sqlite_url, tmp_path) as one:
        yield one


@pytest.fixture
async def either(any_database_url: str, tmp_path: Path) -> AsyncIterator[Installation]:
    """The test runs on SQLite and on Postgres."""
    async with installed(any_database_url, tmp_path) as one:
        yield one


@pytest.fixture
async def team(installation: Installation) -> Team:
    return await installation.team()


@pytest.fixture
async def postgres_installation(postgres_url: str, tmp_path: Path) -> AsyncIterator[Installation]:
    async with installed(postgres_url, tmp_path) as one:
        yield one
