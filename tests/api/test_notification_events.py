"""The team's tools hear that a notice to a person did not get through, or that an answer is not believed:
once each, by ids alone, and never of what was for a tool."""

from typing import Any

import pytest

from service.domain.bounces import BounceClass
from tests.api.installation import Installation, Relay, Team, create, on_both, read
from tests.api.test_respond import reader
from tests.api.test_returned_mail import DOMAIN, comes_back, mailed
from tests.api.test_routes import (
    AWAY,
    DAY,
    GONE,
    HOUR,
    MINUTE,
    SECOND,
    heard,
    laddered,
    messages,
    phone,
    tick,
    tools,
)
from tests.harness.receiver import Answer, Receiver
from tests.harness.world import START

FAILED, BOUNCED = "notification.failed", "notification.bounced"
DELAYED, SUSPECT = "notification.delayed", "notification.ack_suspect"


@pytest.fixture
def own_settings(connected: dict[str, Any]) -> dict[str, Any]:
    return connected | {"bounce_domain": DOMAIN}


def troubles(receiver: Receiver, path: str = "/tools") -> list[Any]:
    """All that was told of notices there, in order."""
    told = [one for one in heard(receiver, path) if one["type"].startswith("notification.")]
    return sorted(told, key=lambda one: int(one["sequence"]))


@on_both
async def test_a_mail_that_is_refused_is_told_of_once_by_ids_about_its_deadline(
    installation: Installation, team: Team, relay: Relay, receiver: Receiver
) -> None:
    await tools(team, receiver)
    bare = {"name": "bare", "url": receiver.url("/bare"), "level": 0, "detail": "dates"}
    await create(team.admin, "/endpoints", bare)
    relay.answers["owner"] = GONE
    deadline = await laddered(team, START + HOUR + DAY)
    await tick(installation, HOUR)
    await tick(installation, HOUR + SECOND)
    (mail,) = await messages(team, deadline, user_id=team.people["owner"])
    (event,) = troubles(receiver)
    assert (event["type"], event["drill"], event["actor"]) == (FAILED, False, {"kind": "system"})
    assert event["subject"] == {"kind": "deadline", "id": deadline["id"]}
    data = event["data"]
    assert (data["message_id"], data["channel"], data["reason"]) == (mail["id"], "email", "550")
    assert (data["user_id"], data["case_code"]) == (team.people["owner"], "K-17")
    (bare_one,) = troubles(receiver, "/bare")
    assert bare_one["id"] == event["id"]
    assert "user_id" not in bare_one["data"]
    numbers = [one["sequence"] for one in heard(receiver, "/tools", subject=event["subject"])]
    assert sorted(numbers) == list(range(1, len(numbers) + 1)), "no number twice, none left out"


@on_both
async def test_a_mail_that_nobody_took_for_as_long_as_it_was_useful_is_told_of_when_it_ends(
    installation: Installation, team: Team, relay: Relay, receiver: Receiver
) -> None:
    await tools(team, receiver)
    relay.answers["owner"] = AWAY
    await laddered(team, START + HOUR + DAY)
    for after in (HOUR, HOUR + 6 * MINUTE):
        await tick(installation, after)
    assert troubles(receiver) == [], "what is tried again has not failed"
    for after in (2 * DAY + 2 * HOUR, 2 * DAY + 3 * HOUR):
        await tick(installation, after)
    assert FAILED in [one["type"] for one in troubles(receiver)]
    assert {one["data"]["reason"] for one in troubles(receiver)} == {"451"}


async def test_an_endpoint_of_ones_own_that_refuses_is_told_of_and_a_tool_that_refuses_is_not(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    await tools(team, receiver)
    own = await phone(team, receiver)
    deaf = {"name": "deaf", "url": receiver.url("/deaf"), "level": 1}
    await create(team.admin, "/endpoints", deaf)
    gone = {"/owner", "/deaf"}
    receiver.respond = lambda asked: Answer(410 if asked.path in gone else 204)
    relayed = await create(team.admin, "/alerts", {"title": "Detained", "case_id": team.case})
    await tick(installation, SECOND)
    await tick(installation, 2 * SECOND)
    told = troubles(receiver)
    mine = await messages(team, relayed, endpoint_id=own["id"])
    assert [one["data"]["message_id"] for one in told] == [one["id"] for one in mine]
    (event,) = told
    assert event["subject"] == {"kind": "alert", "id": relayed["id"]}
    assert (event["data"]["channel"], event["data"]["reason"]) == ("webhook", "410")


@pytest.mark.parametrize(
    ("given", "event", "reason"),
    [
        ({}, BOUNCED, "5.1.1"),
        ({"status": "5.7.1", "said": "550 5.7.1 policy"}, BOUNCED, "5.7.1"),
        ({"status": "5.2.2", "said": "552 full"}, None, ""),
    ],
)
async def test_a_mail_that_comes_back_is_told_of_once_unless_it_is_tried_again(
    installation: Installation,
    team: Team,
    relay: Relay,
    receiver: Receiver,
    given: dict[str, str],
    event: str | None,
    reason: str,
) -> None:
    await tools(team, receiver)
    deadline, mail = await mailed(installation, team, relay)
    for _ in range(2):
        await comes_back(installation, mail, **given)
    await tick(installation, HOUR + SECOND)
    told = [(one["type"], one["data"]["reason"]) for one in troubles(receiver)]
    assert told == ([(event, reason)] if event else [])
    assert all(one["subject"]["id"] == deadline["id"] for one in troubles(receiver))


async def test_a_mail_that_is_delayed_is_told_of_once_however_often_its_server_says_so(
    installation: Installation, team: Team, relay: Relay, receiver: Receiver
) -> None:
    await tools(team, receiver)
    _, mail = await mailed(installation, team, relay, 4 * DAY)
    for _ in range(2):
        assert await comes_back(installation, mail, action="delayed") is BounceClass.DELAYED
    await tick(installation, HOUR + SECOND)
    (event,) = troubles(receiver)
    assert (event["type"], event["data"]["user_id"]) == (DELAYED, team.people["owner"])


async def test_of_a_deadline_that_has_ended_no_notice_is_missed(
    installation: Installation, team: Team, relay: Relay, receiver: Receiver
) -> None:
    await tools(team, receiver)
    deadline, mail = await mailed(installation, team, relay)
    body = {"user_id": team.people["owner"], "proof": "filed"}
    await create(team.admin, f"/deadlines/{deadline['id']}/complete", body)
    assert await comes_back(installation, mail) is BounceClass.HARD
    await tick(installation, HOUR + SECOND)
    assert heard(receiver, "/tools", type="deadline.completed") != []
    assert troubles(receiver) == []


async def test_what_goes_wrong_in_a_drill_is_told_as_a_drill(
    installation: Installation, team: Team, relay: Relay, receiver: Receiver
) -> None:
    await tools(team, receiver)
    relay.answers["owner"] = GONE
    await laddered(team, START + HOUR + DAY, drill=True)
    await tick(installation, HOUR)
    await tick(installation, HOUR + SECOND)
    assert [(one["type"], one["drill"]) for one in troubles(receiver)] == [(FAILED, True)]


@on_both
async def test_an_answer_that_is_not_believed_is_told_of_and_so_is_the_one_that_was(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    await tools(team, receiver)
    steps = [{"targets": ["owner", "deputy"], "before_due": "P1D"}]
    policy = await create(team.admin, "/escalation-policies", {"name": "p", "steps": steps})
    due_at = (START + HOUR + DAY).isoformat()
    deadline = await team.deadline(due_at=due_at, escalation_policy_id=policy["id"])
    await tick(installation, HOUR)
    installation.clock.advance(MINUTE)
    for role in ("owner", "deputy"):
        one = await reader(installation, team, deadline, role)
        await one.answer(answer="acknowledge")
    await tick(installation, HOUR + 2 * MINUTE)
    told = troubles(receiver)
    assert [one["type"] for one in told] == [SUSPECT, SUSPECT]
    assert {one["data"]["reason"] for one in told} == {"one_client"}
    asked = await messages(team, deadline, user_id=team.people["deputy"])
    known = {one["data"]["user_id"]: one["data"].get("message_id") for one in told}
    assert known == {team.people["deputy"]: asked[0]["id"], team.people["owner"]: None}
    acknowledged = heard(receiver, "/tools", type="escalation.acknowledged")
    assert len(acknowledged) == 1, "before there was a doubt"


async def test_an_answer_that_comes_too_soon_is_told_of(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    await tools(team, receiver)
    deadline = await laddered(team, START + HOUR + DAY)
    await tick(installation, HOUR)
    owner = await reader(installation, team, deadline, "owner")
    await owner.answer(answer="acknowledge")
    await tick(installation, HOUR + MINUTE)
    (event,) = troubles(receiver)
    assert (event["type"], event["data"]["reason"]) == (SUSPECT, "too_soon")
    (mail, *_) = await messages(team, deadline, user_id=team.people["owner"])
    assert event["data"]["message_id"] == mail["id"]
    assert (await read(team.admin, f"/deadlines/{deadline['id']}/plan"))["state"] == "active"


async def test_a_mail_about_no_deadline_is_told_of_to_no_tool(
    installation: Installation, team: Team, relay: Relay, receiver: Receiver
) -> None:
    await tools(team, receiver)
    relay.answers["owner"] = GONE
    await create(team.admin, f"/users/{team.people['owner']}/verify-address", {})
    await tick(installation, SECOND)
    await tick(installation, 2 * SECOND)
    user = await read(team.admin, f"/users/{team.people['owner']}")
    assert user["address_state"] == "undeliverable"
    assert troubles(receiver) == []
