"""The same promises on SQLite and on Postgres."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.store.factories import Docket, put_docket
from tests.store.opened import Opened, driver_url


@pytest.fixture
async def database(any_database_url: str, tmp_path: Path) -> AsyncIterator[Opened]:
    opened = Opened(driver_url(any_database_url, tmp_path))
    yield opened
    await opened.engine.dispose()


@pytest.fixture
async def sqlite(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Opened]:
    opened = Opened(driver_url(sqlite_url, tmp_path))
    yield opened
    await opened.engine.dispose()


@pytest.fixture
async def postgresql(postgres_url: str, tmp_path: Path) -> AsyncIterator[Opened]:
    opened = Opened(driver_url(postgres_url, tmp_path))
    yield opened
    await opened.engine.dispose()


@pytest.fixture
async def docket(database: Opened) -> Docket:
    async with database.transaction() as session:
        return await put_docket(session)
