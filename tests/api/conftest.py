"""Where the databases could differ, one installation on each; where mails and webhooks leave, a relay."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.installation import LOOPBACK, Installation, Relay, installed


@pytest.fixture
def relay() -> Iterator[Relay]:
    with Relay() as one:
        yield one


@pytest.fixture
def connected(relay: Relay) -> dict[str, Any]:
    """Settings by which mails go to a relay, and webhooks may go to this machine."""
    return {"smtp_url": relay.url, "webhook_networks": LOOPBACK}


@pytest.fixture
async def either(any_database_url: str, tmp_path: Path) -> AsyncIterator[Installation]:
    """The test runs on SQLite and on Postgres."""
    async with installed(any_database_url, tmp_path) as one:
        yield one


@pytest.fixture
async def postgres_installation(postgres_url: str, tmp_path: Path) -> AsyncIterator[Installation]:
    async with installed(postgres_url, tmp_path) as one:
        yield one
