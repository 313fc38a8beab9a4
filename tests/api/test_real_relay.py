"""A real mail server between us and the reader: what the reader's server refuses comes back as a report."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from service.commands.bounces import listening
from tests.api.installation import Team, installed, read
from tests.api.test_refused_mail import DAY, HOUR, SECOND
from tests.api.test_routes import laddered, messages, tick
from tests.harness.exim import PROGRAM, Exim, free_port
from tests.harness.scripted_smtp import Move, ScriptedSmtp
from tests.harness.world import START

DOMAIN = "bounces.example.org"


@pytest.mark.skipif(PROGRAM is None, reason="exim4 is not installed")
async def test_what_exim_could_not_deliver_returns_as_a_hard_bounce_and_the_next_person_is_told(
    sqlite_url: str, tmp_path: Path
) -> None:
    port = free_port()
    with ScriptedSmtp() as theirs, Exim(theirs.port, DOMAIN, port) as relay:
        theirs.play("owner", Move(rcpt="550 5.1.1 no such user"))
        own: dict[str, Any] = {"bounce_domain": DOMAIN, "bounce_listen": f"127.0.0.1:{port}"}
        async with installed(sqlite_url, tmp_path, smtp_url=relay.url, **own) as one:
            team = await one.team()
            deadline = await laddered(team, START + HOUR + DAY)
            async with listening(one.runtime):
                await tick(one, HOUR)
                mail = await came_back(team, deadline, relay)
            assert mail["accepted_at"] is not None, "the relay had taken it"
            assert (mail["bounce"], mail["bounce_status"]) == ("hard", "5.1.1")
            user = await read(team.admin, f"/users/{team.people['owner']}")
            assert user["address_state"] == "undeliverable"
            await tick(one, HOUR + SECOND)
            theirs.wait_for(lambda mail: mail.recipients[0].startswith("deputy"))


async def came_back(team: Team, deadline: dict[str, Any], relay: Exim) -> dict[str, Any]:
    """The owner's mail, once there is a report of it."""
    for _ in range(200):
        (mail,) = await messages(team, deadline, user_id=team.people["owner"])
        if mail["state"] == "bounced":
            return dict(mail)
        await asyncio.sleep(0.05)
    raise AssertionError(relay.log)
