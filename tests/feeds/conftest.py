"""A feed of an installation, read as a calendar client reads it."""

import pytest

from tests.api.installation import Installation, Team
from tests.feeds.subscription import Subscription, subscribe


@pytest.fixture
async def feed(installation: Installation, team: Team) -> Subscription:
    """The owner's, at the level of titles and bases."""
    return await subscribe(installation, team, "owner", 2)
