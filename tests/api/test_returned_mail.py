"""A mail that comes back after the relay had taken it: the next way now, or the next person; and the others
are told. What nobody vouches for changes nothing."""

import asyncio
import re
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiosmtplib
import pytest
from sqlmodel import select
from typer.testing import CliRunner

from service.commands.bounces import listening, take
from service.commands.line import build_line
from service.domain.bounces import BounceClass
from service.domain.bundles import Pace
from service.flows.delivery import claim, send
from service.flows.settling import record_all
from service.sealing import return_path
from service.store.messages import Message
from tests.api.digest_mails import mails as overviews
from tests.api.installation import (
    Installation,
    Relay,
    Team,
    change,
    create,
    installed,
    on_both,
    read,
)
from tests.api.test_respond import journal
from tests.api.test_routes import (
    DAY,
    HOUR,
    LADDER,
    MINUTE,
    SECOND,
    heard,
    laddered,
    messages,
    phone,
    told,
    tools,
)
from tests.api.test_routes import tick as _tick
from tests.channels import returned
from tests.harness.receiver import Receiver
from tests.harness.smtp import Mail
from tests.harness.world import START
from workers import tasks

DOMAIN = "bounces.example.org"
HARD, SOFT, BLOCKED = BounceClass.HARD, BounceClass.SOFT, BounceClass.BLOCKED


@pytest.fixture
def own_settings(connected: dict[str, Any]) -> dict[str, Any]:
    return connected | {"bounce_domain": DOMAIN}


async def tick(installation: Installation, *after: Any) -> None:
    for one in after:
        await _tick(installation, one)


async def mailed(
    installation: Installation, team: Team, relay: Relay, left: timedelta = DAY
) -> tuple[dict[str, Any], Mail]:
    """A deadline, due so long after the owner was told by a mail that the relay took."""
    steps = [LADDER[0] | {"before_due": f"P{left.days}D"}, *LADDER[1:]]
    policy = await create(team.admin, "/escalation-policies", {"name": "p", "steps": steps})
    due_at = (START + HOUR + left).isoformat()
    deadline = await team.deadline(due_at=due_at, escalation_policy_id=policy["id"])
    await tick(installation, HOUR)
    mail = next(one for one in relay.mails if one.recipients[0].startswith("owner"))
    return deadline, mail


async def comes_back(installation: Installation, mail: Mail, **given: Any) -> BounceClass | None:
    """As a server reports it, to the return path unless `to` names another."""
    own = {"message_id": mail.message["X-Notification-Id"], "to": mail.sender}
    return await take(installation.runtime, returned.report(**own | given), [])


async def state_of(team: Team, role: str = "owner") -> str:
    state: str = (await read(team.admin, f"/users/{team.people[role]}"))["address_state"]
    return state


@on_both
async def test_a_mailbox_that_is_gone_brings_the_next_way_now_and_the_others_need_not_know(
    installation: Installation, team: Team, relay: Relay, receiver: Receiver
) -> None:
    await phone(team, receiver)
    deadline, mail = await mailed(installation, team, relay)
    assert await comes_back(installation, mail) is HARD
    await tick(installation, HOUR + SECOND, HOUR + 2 * SECOND)
    told_ = [(3600, "owner", "mail", "0"), (3601, "owner", "own", "0")]
    assert await told(team, deadline) == told_
    (first, _) = (one for one in await messages(team, deadline) if one["user_id"])
    assert (first["state"], first["bounce"], first["bounce_status"]) == ("bounced", "hard", "5.1.1")
    assert first["accepted_at"] is not None
    assert await state_of(team) == "undeliverable"
    (entry,) = await journal(team, "message.bounced")
    assert (entry["data"]["class"], entry["data"]["status"]) == ("hard", "5.1.1")
    assert (await read(team.admin, "/alerts"))["items"] == []
    # From now on the mailbox comes last.
    later = await laddered(team, START + DAY + 3 * HOUR)
    await tick(installation, 3 * HOUR)
    assert await told(team, later) == [(3 * 3600, "owner", "own", "0")]


@on_both
async def test_where_nothing_but_mail_leads_to_a_person_the_others_are_told_at_once(
    installation: Installation, team: Team, relay: Relay, receiver: Receiver
) -> None:
    await tools(team, receiver)
    deadline, mail = await mailed(installation, team, relay)
    installation.clock.advance(MINUTE)
    assert await comes_back(installation, mail) is HARD
    (alert,) = (await read(team.admin, "/alerts"))["items"]
    assert (alert["about_user_id"], alert["case_id"]) == (team.people["owner"], team.case)
    await tick(installation, HOUR + 2 * MINUTE, HOUR + 3 * MINUTE)
    assert (await told(team, deadline))[1:] == [(3720, "deputy", "mail", "1")]
    assert len(heard(receiver, "/tools", type="recipient.unreachable")) == 1
    # The relay takes the next mail too; that it has done so restores nobody.
    await laddered(team, START + DAY + 2 * HOUR)
    await tick(installation, 2 * HOUR, 2 * HOUR + SECOND)
    assert heard(receiver, "/tools", type="recipient.restored") == []
    assert len((await read(team.admin, "/alerts"))["items"]) == 1


async def test_the_same_report_twice_is_one(
    installation: Installation, team: Team, relay: Relay
) -> None:
    _, mail = await mailed(installation, team, relay)
    assert await comes_back(installation, mail) is HARD
    before = await installation.rows()
    assert await comes_back(installation, mail) is None
    assert await installation.rows() == before


async def test_a_full_mailbox_is_passed_over_now_and_tried_again_later(
    installation: Installation, team: Team, relay: Relay
) -> None:
    deadline, mail = await mailed(installation, team, relay)
    assert await comes_back(installation, mail, status="5.2.2", said="552 full") is SOFT
    (first,) = await messages(team, deadline, user_id=team.people["owner"])
    assert (first["state"], first["bounce"]) == ("due", "soft")
    await tick(installation, HOUR + SECOND)
    assert (await told(team, deadline))[1:] == [(3601, "deputy", "mail", "1")]
    assert await state_of(team) == "verified"
    assert await tasks.watch(installation.runtime), "a mailbox is no standstill of ours"
    await tick(installation, 3 * HOUR - SECOND)
    assert len([one for one in relay.mails if one.recipients == mail.recipients]) == 1
    await tick(installation, 3 * HOUR)
    (_, again) = (one for one in relay.mails if one.recipients == mail.recipients)
    assert again.message["Message-ID"] == mail.message["Message-ID"]
    (first,) = await messages(team, deadline, user_id=team.people["owner"])
    assert first["state"] == "accepted"


async def test_six_soft_bounces_in_a_row_are_a_hard_one(
    installation: Installation, team: Team, relay: Relay
) -> None:
    at = HOUR
    for number in range(6):
        relay.clear()
        assert await state_of(team) == "verified"
        await laddered(team, START + at + DAY)
        await tick(installation, at)
        mail = next(one for one in relay.mails if one.recipients[0].startswith("owner"))
        bounce = await comes_back(installation, mail, status="4.2.2", said="452 full")
        assert bounce is (HARD if number == 5 else SOFT)
        at += (2 ** (number + 1)) * HOUR
    assert await state_of(team) == "undeliverable"
    assert len((await read(team.admin, "/alerts"))["items"]) == 1


async def test_what_is_blocked_is_nobodys_mailbox_and_goes_the_next_way(
    installation: Installation, team: Team, relay: Relay, receiver: Receiver
) -> None:
    await phone(team, receiver)
    deadline, mail = await mailed(installation, team, relay)
    assert await comes_back(installation, mail, status="5.7.1", said="550 spam") is BLOCKED
    await tick(installation, HOUR + SECOND)
    assert (await told(team, deadline))[1:] == [(3601, "owner", "own", "0")]
    assert await state_of(team) == "verified"


async def test_a_delay_is_no_bounce_and_is_not_waited_for_when_time_is_short(
    installation: Installation, team: Team, relay: Relay, receiver: Receiver
) -> None:
    await phone(team, receiver)
    deadline, mail = await mailed(installation, team, relay)
    for _ in range(2):
        await comes_back(installation, mail, action="delayed", status="4.4.1")
    await tick(installation, HOUR + SECOND, HOUR + 2 * SECOND)
    assert (await told(team, deadline))[1:] == [(3601, "owner", "own", "0")]
    (first, *_) = await messages(team, deadline, user_id=team.people["owner"])
    assert (first["state"], await state_of(team)) == ("accepted", "verified")


@pytest.mark.parametrize("header", ["Auto-Submitted: auto-replied", "X-Autoreply: yes"])
async def test_whoever_is_only_away_has_bounced_nothing(
    installation: Installation, team: Team, relay: Relay, header: str
) -> None:
    _, mail = await mailed(installation, team, relay)
    before = await installation.rows()
    raw = returned.away(header, mail.sender, mail.message["X-Notification-Id"])
    assert await take(installation.runtime, raw, []) is None
    assert await installation.rows() == before


async def test_a_return_path_that_is_forged_or_old_changes_nothing_whatever_it_brings(
    installation: Installation, team: Team, relay: Relay
) -> None:
    _, mail = await mailed(installation, team, relay)
    before = await installation.rows()
    local = mail.sender.partition("@")[0]
    forged = f"{local[:-1]}{'0' if local[-1] != '0' else '1'}@{DOMAIN}"
    assert await comes_back(installation, mail, to=forged) is None
    installation.clock.advance(15 * DAY)
    assert await comes_back(installation, mail) is None
    assert await comes_back(installation, mail, to=f"deadlines@{DOMAIN}") is None
    assert await installation.rows() == before


async def test_without_a_return_path_the_headers_that_came_back_name_the_mail(
    installation: Installation, team: Team, relay: Relay
) -> None:
    _, mail = await mailed(installation, team, relay)
    assert await comes_back(installation, mail, to="deadlines@example.org") is HARD
    assert await state_of(team) == "undeliverable"


async def test_a_path_to_a_message_that_never_left_reports_nothing(
    installation: Installation, team: Team, relay: Relay, receiver: Receiver
) -> None:
    await tools(team, receiver)
    await laddered(team, START + HOUR + DAY)
    installation.clock.set(START + HOUR)
    await tasks.tick(installation.runtime)
    before = await installation.rows()
    async with installation.runtime.reading() as session:
        ids = list(await session.exec(select(Message.id)))
    assert len(ids) > 1
    for message_id in ids:
        path = return_path(installation.runtime.seal, message_id, installation.clock.now)
        raw = returned.report(to=f"{path}@{DOMAIN}", message_id=message_id)
        assert await take(installation.runtime, raw, []) is None
    assert await installation.rows() == before


async def test_a_report_that_overtakes_our_own_record_is_not_lost(
    installation: Installation, team: Team, relay: Relay
) -> None:
    """The relay reports while the worker still waits to write down that it was accepted."""
    deadline = await laddered(team, START + HOUR + DAY)
    installation.clock.set(START + HOUR)
    await tasks.tick(installation.runtime)
    (message,) = await messages(team, deadline, user_id=team.people["owner"])
    runtime = installation.runtime
    async with runtime.transaction() as session:
        shipments = await claim(session, runtime.seal, Pace(1, 20), "w", installation.clock.now, 10)
    delivered = [one for ship in shipments for one in await send(runtime.channels, ship)]
    path = return_path(runtime.seal, message["id"], installation.clock.now)
    await take(runtime, returned.report(to=f"{path}@{DOMAIN}"), [])
    async with runtime.transaction() as session:
        now = installation.clock.now
        await record_all(session, runtime.channels, delivered, now, lambda: 0.0)
    (message,) = await messages(team, deadline, user_id=team.people["owner"])
    assert (message["state"], message["bounce"]) == ("bounced", "hard")


async def test_a_complaint_stops_what_nobody_has_to_have_and_no_notice(
    installation: Installation, team: Team, relay: Relay, receiver: Receiver
) -> None:
    await tools(team, receiver)
    _, mail = await mailed(installation, team, relay)
    raw = returned.complaint(mail.sender, mail.message["X-Notification-Id"])
    assert await take(installation.runtime, raw, []) is BounceClass.COMPLAINT
    assert await take(installation.runtime, raw, []) is None
    owner = await read(team.admin, f"/users/{team.people['owner']}")
    assert (owner["digest_at"], owner["exit_check_at"]) == (None, None)
    assert owner["complained_at"] is not None
    assert owner["address_state"] == "verified"
    relay.clear()
    await laddered(team, START + 2 * HOUR + DAY)
    await tick(installation, 2 * HOUR)
    assert mail.recipients in [one.recipients for one in relay.mails]
    (event,) = heard(receiver, "/tools", type="recipient.complained")
    assert event["data"] == {"user_id": team.people["owner"]}


async def test_optional_mail_waits_for_a_mailbox_that_rests_and_comes_late(
    installation: Installation, team: Team, relay: Relay
) -> None:
    owner = team.people["owner"]
    hour = (START + 2 * HOUR).astimezone(ZoneInfo("Asia/Almaty"))
    await change(team.admin, f"/users/{owner}", {"digest_at": f"{hour:%H:%M}"})
    _, mail = await mailed(installation, team, relay)
    await comes_back(installation, mail, status="4.2.2", said="452 full")
    for after, number in ((3 * HOUR - SECOND, 0), (3 * HOUR, 1)):
        installation.clock.set(START + after)
        await tasks.digest(installation.runtime)
        assert len([one for one in await overviews(installation) if one.user == owner]) == number


async def test_a_program_may_unsubscribe_by_mail_too(
    installation: Installation, team: Team, relay: Relay
) -> None:
    await team.deadline()
    for days in (1, 2):
        installation.clock.set(START + days * DAY)
        await tasks.digest(installation.runtime)
    owner = team.people["owner"]
    digest = next(one for one in await overviews(installation) if one.user == owner)
    header = "".join(str(digest.parsed["List-Unsubscribe"]).split())
    found = re.fullmatch(r"<http\S+/u/\S+>,<mailto:(unsub\+\S+)@bounces.example.org>", header)
    assert found is not None, header
    raw = f"From: a@example.org\nTo: {found[1].upper()}@{DOMAIN}\n\n".encode()
    assert await take(installation.runtime, raw, []) is None
    assert (await read(team.admin, f"/users/{owner}"))["digest_at"] is None


async def test_a_worker_takes_reports_while_it_works_and_stops_when_it_stops(
    sqlite_url: str, tmp_path: Path, relay: Relay
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    own = {"bounce_domain": DOMAIN, "bounce_listen": f"127.0.0.1:{port}", "smtp_url": relay.url}
    async with installed(sqlite_url, tmp_path, **own) as one:
        team = await one.team()
        _, mail = await mailed(one, team, relay)
        async with listening(one.runtime):
            raw = returned.report(mail.sender, message_id=mail.message["X-Notification-Id"])
            await _handed_over(port, mail.sender, raw)
        assert await state_of(team) == "undeliverable"
        with pytest.raises(OSError, match=r"refused|reset|call failed"):
            await asyncio.open_connection("127.0.0.1", port)


async def _handed_over(port: int, to: str, raw: bytes) -> None:
    """As soon as there is somebody who listens."""
    smtp = aiosmtplib.SMTP(hostname="127.0.0.1", port=port)
    async with asyncio.timeout(10):
        while not smtp.is_connected:
            try:
                await smtp.connect()
            except aiosmtplib.SMTPConnectError:
                await asyncio.sleep(0)
    await smtp.sendmail("", to, raw)
    await smtp.quit()


def test_a_mail_server_that_pipes_a_report_is_told_to_keep_it_while_the_database_is_away(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADQUEM_HOME", str(tmp_path / "home"))
    line = build_line()
    for url, code, said in ((sqlite_url, 0, "nothing"), (f"{sqlite_url}.none", 75, "")):
        monkeypatch.setenv("ADQUEM_DATABASE_URL", url)
        result = CliRunner().invoke(line, ["bounce"], input=returned.report())
        assert (result.exit_code, result.stdout.strip().splitlines()[-1:]) == (
            code,
            [said] if said else [],
        ), result.output
