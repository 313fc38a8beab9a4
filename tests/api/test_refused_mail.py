"""What a relay does to a mail, and what becomes of it: its state, its next try, and what is known of the
address from then on."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from service.channels.email.relay import SmtpTransport
from service.channels.email.sender import EmailChannel
from service.domain.notifications import ChannelKind
from service.domain.retry import MAIL_PAUSES
from service.runtime import Runtime
from tests.api.installation import Installation, Team, case_body, create, read
from tests.api.test_routes import LADDER
from tests.harness.polling import connections_closed
from tests.harness.scripted_smtp import Move, ScriptedSmtp
from tests.harness.smtp import HANG_UP, SILENCE, TAKEN_IN_SILENCE
from tests.harness.world import START
from workers import tasks

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
#: The due instant is four days after the mark at which the owner is told: retries have time.
DUE = START + 2 * DAY
FROM = "Deadlines <deadlines@example.org>"


@dataclass(frozen=True)
class Told:
    """How the first try must end. `pause`: until the next one, None where there is none."""

    move: Move
    state: str
    verdict: str
    code: str
    pause: timedelta | None = None
    address: str = "verified"
    bounce: tuple[str | None, str | None] = (None, None)


FIRST = MAIL_PAUSES[0]
GONE = Told(
    Move(rcpt="550 5.1.1 no such user"),
    "failed", "permanent", "550", None, "undeliverable", ("hard", "5.1.1"),
)  # fmt: skip
MATRIX = {
    "taken": Told(Move(), "accepted", "accepted", "250"),
    "greylisted": Told(Move(rcpt="451 4.7.1 greylisted"), "due", "temporary", "451", FIRST),
    "busy": Told(Move(data="452 4.3.1 no room"), "due", "temporary", "452", FIRST),
    "cut-early": Told(Move(rcpt=HANG_UP), "due", "temporary", "connection", FIRST),
    "cut-late": Told(Move(data=HANG_UP), "due", "unknown", "no_reply", FIRST),
    "hangs": Told(Move(data=SILENCE), "due", "unknown", "no_reply", FIRST),
    "swallows": Told(Move(data=TAKEN_IN_SILENCE), "due", "unknown", "no_reply", FIRST),
    "spam": Told(Move(data="554 5.7.1 looks like spam"), "failed", "permanent", "554"),
    "gone": GONE,
    "mute": replace(GONE, move=Move(rcpt="550 no"), bounce=("hard", "5.0.0")),
    "policy": replace(
        GONE,
        move=Move(rcpt="550 5.7.1 relaying denied"),
        address="verified",
        bounce=("blocked", "5.7.1"),
    ),
    "full": replace(
        GONE,
        move=Move(rcpt="552 5.2.2 mailbox full"),
        code="552",
        address="verified",
        bounce=("soft", "5.2.2"),
    ),
}


@pytest.fixture
def relay() -> Iterator[ScriptedSmtp]:
    with ScriptedSmtp() as one:
        yield one


@pytest.fixture
def own_settings(relay: ScriptedSmtp) -> dict[str, Any]:
    return {"smtp_url": relay.url}


@pytest.fixture
async def hasty(installation: Installation, relay: ScriptedSmtp) -> AsyncIterator[Runtime]:
    """The installation, by a transport that has no patience with a relay that says nothing."""
    runtime = installation.runtime
    mails = runtime.channels[ChannelKind.EMAIL]
    assert isinstance(mails, EmailChannel)
    transport = SmtpTransport(relay.url, FROM, len(MATRIX), None, patience=0.4)
    own = EmailChannel(mails._content, transport, mails._return_path)
    yield replace(runtime, channels={**runtime.channels, ChannelKind.EMAIL: own})
    await own.close()
    await connections_closed()


async def about(team: Team, owner: str, policy: str, number: int) -> dict[str, Any]:
    """A deadline of which the first to be told is this owner, in a case of their own."""
    roles = {"owner": owner, "deputy": team.people["deputy"]}
    case = await create(team.admin, "/cases", case_body(f"K-{100 + number}", roles))
    body = {
        "case_id": case["id"],
        "title": "Appeal",
        "kind": "filing",
        "due_at": DUE.isoformat(),
        "user_id": owner,
        "escalation_policy_id": policy,
    }
    return await create(team.admin, "/deadlines", body)


async def person(team: Team, name: str) -> str:
    body = {"name": name, "email": f"{name}@example.org", "timezone": "Asia/Almaty"}
    return str((await create(team.admin, "/users", body | {"quiet_hours": None}))["id"])


async def mail_of(team: Team, deadline: dict[str, Any], user: str) -> dict[str, Any]:
    items = (await read(team.admin, f"/deadlines/{deadline['id']}/messages"))["items"]
    (one,) = (item for item in items if item["user_id"] == user)
    return dict(one)


async def test_each_thing_that_a_relay_can_do_has_its_state_and_its_next_try(
    installation: Installation, team: Team, relay: ScriptedSmtp, hasty: Runtime
) -> None:
    policy = (await create(team.admin, "/escalation-policies", {"name": "p", "steps": LADDER}))[
        "id"
    ]
    told: dict[str, tuple[str, dict[str, Any]]] = {}
    for number, (name, expected) in enumerate(MATRIX.items()):
        relay.play(name, expected.move, Move())
        user = await person(team, name)
        told[name] = user, await about(team, user, policy, number)
    now = START + DAY
    installation.clock.set(now)
    await tasks.tick(hasty)
    await tasks.deliver(hasty)
    for name, expected in MATRIX.items():
        user, deadline = told[name]
        mail = await mail_of(team, deadline, user)
        (attempt,) = mail["attempts"]
        seen = (mail["state"], attempt["verdict"], attempt["code"])
        assert seen == (expected.state, expected.verdict, expected.code), name
        assert (mail["bounce"], mail["bounce_status"]) == expected.bounce, name
        assert (await read(team.admin, f"/users/{user}"))["address_state"] == expected.address, name
        if expected.pause is None:
            assert mail["next_attempt_at"] is None, name
        else:
            waits = datetime.fromisoformat(mail["next_attempt_at"]) - now
            assert expected.pause <= waits <= expected.pause * 1.1, name
    # All who wait are tried again, with the same id, and told where it may be the second copy.
    installation.clock.set(now + FIRST * 1.1)
    await tasks.deliver(hasty)
    waiting = [name for name, expected in MATRIX.items() if expected.pause]
    for name in waiting:
        mail = await mail_of(team, told[name][1], told[name][0])
        unknown = MATRIX[name].verdict == "unknown"
        assert (mail["state"], mail["maybe_repeated"]) == ("accepted", unknown), name
        copies = [one.message for one in relay.mails if one.recipients == (f"{name}@example.org",)]
        assert len(copies) == (2 if name == "swallows" else 1), name
        assert {one["Message-ID"] for one in copies} == {copies[0]["Message-ID"]}, name
        assert copies[-1]["X-Possible-Duplicate"] == ("yes" if unknown else None), name


async def test_a_refused_recipient_is_somebodys_problem_at_once_and_until_the_address_is_verified_again(
    installation: Installation, team: Team, relay: ScriptedSmtp
) -> None:
    """Also where the mail was one that climbs no ladder."""
    owner = team.people["owner"]
    await team.deadline(due_at=(START + 9 * DAY).isoformat())
    relay.play("owner", GONE.move)
    await create(team.admin, f"/users/{owner}/verify-address", {})
    await tasks.deliver(installation.runtime)
    assert (await read(team.admin, f"/users/{owner}"))["address_state"] == "undeliverable"
    (alert,) = (await read(team.admin, "/alerts"))["items"]
    assert (alert["about_user_id"], alert["case_id"]) == (owner, team.case)
    # The same once more is no news.
    await create(team.admin, f"/users/{owner}/verify-address", {})
    await tasks.deliver(installation.runtime)
    assert len((await read(team.admin, "/alerts"))["items"]) == 1
    relay.play("owner", Move())
    installation.clock.advance(HOUR)
    await create(team.admin, f"/users/{owner}/verify-address", {})
    await tasks.deliver(installation.runtime)
    assert (await read(team.admin, f"/users/{owner}"))["address_state"] == "undeliverable"
    (mail,) = (one for one in relay.mails if "/v/" in one.text)
    link = re.search(r"/v/\S+", mail.text)
    assert link is not None
    await installation.outside.post(link[0])
    assert (await read(team.admin, f"/users/{owner}"))["address_state"] == "verified"


async def test_a_relay_that_refuses_our_sender_is_the_operators_fault_and_everything_waits(
    installation: Installation, team: Team, relay: ScriptedSmtp
) -> None:
    owner = team.people["owner"]
    relay.on_sender = lambda _: "553 5.1.8 sender not known here"
    await create(team.admin, f"/users/{owner}/verify-address", {})
    await tasks.deliver(installation.runtime)
    assert (await read(team.admin, f"/users/{owner}"))["address_state"] == "unverified"
    relay.on_sender = None
    installation.clock.advance(timedelta(minutes=2))
    await tasks.deliver(installation.runtime)
    assert [mail.recipients[0].split(".")[0] for mail in relay.mails] == ["owner"]
