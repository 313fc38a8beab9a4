"""A feed of an installation, read as a calendar client reads it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.installation import Installation, Team, installed
from tests.feeds.subscription import Subscription, subscribe


@pytest.fixture
async def installation(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Installation]:
    async with installed(sqlite_url, tmp_path) as one:
        yield one


@pytest.fixture
async def team(installation: Installation) -> Team:
    return await installation.team()


@pytest.fixture
async def feed(installation: Installation, team: Team) -> Subscription:
    """The owner's, at the level of titles and bases."""
    return await subscribe(installation, team, "owner", 2)
