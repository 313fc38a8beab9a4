"""A relay that is away costs seconds beyond its absence, and a worker that dies no more than its lease."""

from datetime import timedelta
from typing import Any

import pytest

from service.domain.bundles import Pace
from service.flows.delivery import claim
from tests.api.installation import Installation, Relay, Team
from tests.api.test_routes import DAY, SECOND, START, laddered, messages, tick
from workers import tasks


@pytest.fixture
def own_settings(connected: dict[str, Any]) -> dict[str, Any]:
    return connected


async def test_a_mail_leaves_within_seconds_of_its_relays_return_and_waits_as_if_never_tried(
    installation: Installation, team: Team, relay: Relay
) -> None:
    deadline = await laddered(team, START + DAY)
    relay.stop()
    await tick(installation, timedelta())
    await tick(installation, 6 * SECOND)
    relay.start()
    relay.answers["owner"] = "451 4.7.1 come back in a minute"
    await tick(installation, 12 * SECOND)
    del relay.answers["owner"]
    await tick(installation, 71 * SECOND)
    assert relay.mails == []
    await tick(installation, 79 * SECOND)
    (mail,) = relay.mails
    assert mail.message["X-Possible-Duplicate"] is None
    (message,) = await messages(team, deadline)
    assert message["state"] == "accepted"
    tries = [(one["number"], one["code"]) for one in message["attempts"]]
    assert tries == [(1, "connection"), (1, "connection"), (1, "451"), (2, "250")]


async def test_after_a_worker_that_died_a_refusal_means_the_pause_of_a_first_one(
    installation: Installation, team: Team, relay: Relay
) -> None:
    deadline, runtime = await laddered(team, START + DAY), installation.runtime
    await tasks.tick(runtime)
    async with runtime.transaction() as session:
        pace = Pace(1, 20)
        assert await claim(session, runtime.seal, pace, "dies", installation.clock.now, 1)
    relay.answers["owner"] = "451 4.7.1 come back in a minute"
    await tick(installation, 61 * SECOND)
    del relay.answers["owner"]
    await tick(installation, 61 * SECOND + 67 * SECOND)
    (message,) = await messages(team, deadline)
    tries = [(one["number"], one["code"]) for one in message["attempts"]]
    assert tries == [(1, "worker_lost"), (2, "451"), (3, "250")]
    (mail,) = relay.mails
    assert mail.message["X-Possible-Duplicate"] == "yes"
