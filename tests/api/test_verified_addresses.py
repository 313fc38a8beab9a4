"""An address is asked whether its person reads it; until then the notices go there, and the lead knows."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.api.digest_mails import sections
from tests.api.installation import Installation, Team, change, create, read
from tests.harness.smtp import Mail, SmtpServer
from tests.harness.world import START
from workers import tasks

OTHER = "new.address@example.org"


@pytest.fixture
def own_settings(smtp: SmtpServer) -> dict[str, Any]:
    return {"verify_addresses": True, "smtp_url": smtp.url}


@pytest.fixture
async def team(installation: Installation) -> Team:
    """Its people are entered where addresses are asked."""
    return await installation.team()


async def link_to(installation: Installation, smtp: SmtpServer, address: str) -> str:
    """The path in the newest mail there that asks."""
    await tasks.deliver(installation.runtime)

    def asks(mail: Mail) -> bool:
        return mail.recipients == (address,) and "/v/" in mail.text

    found = re.search(r"http://\S+?(/v/\S+)", [mail for mail in smtp.mails if asks(mail)][-1].text)
    assert found is not None
    return found[1]


async def address(team: Team, role: str = "owner") -> tuple[str, str]:
    user = await read(team.admin, f"/users/{team.people[role]}")
    return user["email"], user["address_state"]


async def test_the_button_confirms_the_address_and_looking_does_not(
    installation: Installation, team: Team, smtp: SmtpServer
) -> None:
    mailbox, state = await address(team)
    assert state == "unverified"
    link = await link_to(installation, smtp, mailbox)
    before = await installation.rows()
    for method in ("GET", "HEAD", "OPTIONS", "PUT"):
        await installation.outside.request(method, link)
    page = await installation.outside.get(link)
    assert (page.status_code, "<form" in page.text) == (200, True)
    assert page.headers["cache-control"] == "no-store"
    assert await installation.rows() == before
    assert (await installation.outside.post(link)).status_code == 200
    assert await address(team) == (mailbox, "verified")
    again = await installation.outside.post(link)
    assert (again.status_code, "Nothing was changed" in again.text) == (404, True)


async def test_a_link_is_worth_nothing_after_a_month_or_with_a_letter_changed(
    installation: Installation, team: Team, smtp: SmtpServer
) -> None:
    mailbox, _ = await address(team)
    link = await link_to(installation, smtp, mailbox)
    wrong = link[:-1] + ("A" if link[-1] != "A" else "B")
    assert (await installation.outside.post(wrong)).status_code == 404
    installation.clock.advance(timedelta(days=31))
    assert (await installation.outside.post(link)).status_code == 404
    assert await address(team) == (mailbox, "unverified")


async def test_the_link_to_the_old_address_says_nothing_of_the_new_one(
    installation: Installation, team: Team, smtp: SmtpServer
) -> None:
    mailbox, _ = await address(team)
    old = await link_to(installation, smtp, mailbox)
    await installation.outside.post(old)
    await change(team.admin, f"/users/{team.people['owner']}", {"email": OTHER})
    assert await address(team) == (OTHER, "unverified")
    assert (await installation.outside.post(old)).status_code == 404
    assert await address(team) == (OTHER, "unverified")
    new = await link_to(installation, smtp, OTHER)
    assert (await installation.outside.post(new)).status_code == 200
    await change(team.admin, f"/users/{team.people['owner']}", {"email": OTHER, "name": "N"})
    assert await address(team) == (OTHER, "verified"), "the same address is not a new one"


async def test_it_can_be_asked_once_more_and_only_the_newest_link_counts(
    installation: Installation, team: Team, smtp: SmtpServer
) -> None:
    mailbox, _ = await address(team)
    first = await link_to(installation, smtp, mailbox)
    installation.clock.advance(timedelta(minutes=1))
    await create(team.admin, f"/users/{team.people['owner']}/verify-address", {})
    second = await link_to(installation, smtp, mailbox)
    assert (await installation.outside.post(first)).status_code == 404
    assert (await installation.outside.post(second)).status_code == 200


async def test_until_then_coverage_and_the_digest_say_so_and_notices_go_out(
    installation: Installation, team: Team, smtp: SmtpServer
) -> None:
    due_at = (START + timedelta(days=20)).isoformat()
    deadline = await team.deadline(due_at=due_at)
    gaps = (await read(team.admin, "/coverage", limit=200))["items"]
    assert {gap["code"] for gap in gaps} == {"unverified"}
    lines = (await sections(team, team.people["owner"]))["unreachable"]
    assert {line["what"] for line in lines} == {"unverified"}
    plan = await read(team.admin, f"/deadlines/{deadline['id']}/plan")
    installation.clock.set(datetime.fromisoformat(plan["upcoming"][0]["at"]))
    await tasks.tick(installation.runtime)
    await tasks.deliver(installation.runtime)
    mailbox, _ = await address(team)
    reminders = [mail for mail in smtp.mails if mail.recipients == (mailbox,)]
    assert any("K-17" in mail.subject for mail in reminders)
    for role in team.people:
        there, _ = await address(team, role)
        await installation.outside.post(await link_to(installation, smtp, there))
    gaps = (await read(team.admin, "/coverage", limit=200))["items"]
    assert "unverified" not in {gap["code"] for gap in gaps}
