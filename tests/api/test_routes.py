"""A second way to a person, taken because the first one failed: when, what it says, and never twice."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.api.installation import Installation, Relay, Team, change, create, on_both, read
from tests.api.test_refusals import refused
from tests.api.test_respond import Reader, journal
from tests.harness.receiver import Answer, Receiver
from tests.harness.world import START
from workers import tasks

SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86400))
LADDER = [
    {"targets": ["owner"], "before_due": "P1D"},
    {"targets": ["deputy"], "no_response_for": "PT8H"},
    {"targets": ["supervisor"], "after_due": "PT1H"},
]
GONE, AWAY = "550 5.1.1 no such user", "451 4.3.0 later"
#: Two people of one role would look alike in what is told.
Told = tuple[int, str, str, str]


@pytest.fixture
def own_settings(connected: dict[str, Any]) -> dict[str, Any]:
    return connected


async def phone(team: Team, receiver: Receiver, role: str = "owner", **given: Any) -> Any:
    """An endpoint of that person's own."""
    body = {"name": f"phone of {role}", "url": receiver.url(f"/{role}")}
    return await create(team.admin, "/endpoints", body | {"user_id": team.people[role]} | given)


async def tools(team: Team, receiver: Receiver, **given: Any) -> Any:
    body = {"name": "tools", "url": receiver.url("/tools"), "level": 1}
    return await create(team.admin, "/endpoints", body | given)


async def laddered(team: Team, due_at: datetime, **given: Any) -> dict[str, Any]:
    policy = await create(team.admin, "/escalation-policies", {"name": "p", "steps": LADDER})
    return await team.deadline(
        due_at=due_at.isoformat(), escalation_policy_id=policy["id"], **given
    )


async def tick(installation: Installation, after: timedelta) -> None:
    """A round so long after the start."""
    installation.clock.set(START + after)
    await tasks.tick(installation.runtime)
    await tasks.deliver(installation.runtime)


async def messages(team: Team, about: dict[str, Any], **of: Any) -> list[dict[str, Any]]:
    noun = "alerts" if about["id"].startswith("alr_") else "deadlines"
    items = (await read(team.admin, f"/{noun}/{about['id']}/messages", limit=200))["items"]
    return [one for one in items if all(one[name] == value for name, value in of.items())]


async def told(team: Team, about: dict[str, Any]) -> list[Told]:
    """Second after the start, role, way and step of whatever went to people."""
    names = {user: role for role, user in team.people.items()}
    return sorted(
        (
            int((datetime.fromisoformat(one["created_at"]) - START).total_seconds()),
            names[one["user_id"]],
            "own" if one["endpoint_id"] else "mail",
            one["step"],
        )
        for one in await messages(team, about)
        if one["user_id"]
    )


def heard(receiver: Receiver, path: str = "/tools", **of: Any) -> list[Any]:
    """The bodies that came there."""
    bodies = [json.loads(one.body) for one in receiver.requests if one.path == path]
    return [one for one in bodies if all(one[name] == value for name, value in of.items())]


async def test_an_endpoint_of_one_person_carries_that_persons_notices_and_no_events(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    own = await phone(team, receiver)
    assert (own["user_id"], own["events"]) == (team.people["owner"], [])
    assert (await read(team.admin, "/endpoints"))["items"] == [
        {name: value for name, value in own.items() if name != "secret"}
    ]
    for role, url in (("owner", own["url"]), ("deputy", receiver.url(""))):
        key = {"scope": "read", "team_id": team.id, "user_id": team.people[role]}
        person = installation.client(await installation.key(**key))
        assert (await read(person, f"/endpoints/{own['id']}"))["url"] == url
        assert (await read(person, "/endpoints"))["items"][0]["url"] == url
    body = {"name": "n", "url": receiver.url(), "user_id": team.people["owner"]}
    wrong = await team.admin.post("/endpoints", json=body | {"events": ["*"]})
    refused(wrong, 422, "invalid_input")
    path = f"/endpoints/{own['id']}"
    etag = (await team.admin.get(path)).headers["etag"]
    patch = await team.admin.patch(path, json={"events": ["*"]}, headers={"if-match": etag})
    refused(patch, 422, "invalid_input")
    others = await installation.team("K-18", "Others")
    strange = await team.admin.post("/endpoints", json=body | {"user_id": others.people["owner"]})
    refused(strange, 422, "unknown_reference")
    await team.deadline()
    await tick(installation, MINUTE)
    assert receiver.requests == [], "that a deadline was made is for the team's tools"
    await create(team.admin, f"{path}/test", {})
    await tick(installation, 2 * MINUTE)
    (test,) = heard(receiver, "/owner")
    assert (test["type"], test["test"], test["links"]) == ("endpoint.test", True, {})
    await create(team.admin, f"{path}/test", {})
    await change(team.admin, f"/users/{team.people['owner']}", {"disabled": True})
    await tick(installation, 3 * MINUTE)
    last = (await read(team.admin, f"{path}/messages"))["items"][-1]
    assert (last["state"], last["reason"]) == ("superseded", "recipient_disabled")
    assert len(receiver.requests) == 1


@on_both
async def test_a_refused_mail_is_said_again_at_once_by_the_persons_own_way_and_answered_there(
    installation: Installation, team: Team, relay: Relay, receiver: Receiver
) -> None:
    relay.answers["owner"] = GONE
    own = await phone(team, receiver, level=2)
    installation.clock.advance(MINUTE)
    await phone(team, receiver, name="tablet", url=receiver.url("/tablet"))
    deadline = await laddered(team, START + 5 * DAY)
    await tick(installation, 4 * DAY)
    assert heard(receiver, "/owner") == []
    for seconds in (1, 2, 60):
        await tick(installation, 4 * DAY + seconds * SECOND)
    at = 4 * 86400
    assert await told(team, deadline) == [(at, "owner", "mail", "0"), (at + 1, "owner", "own", "0")]
    mail, note = (one for one in await messages(team, deadline) if one["user_id"])
    same = ("step", "occurrence", "event", "due_at", "deadline_version", "user_id")
    assert [note[name] for name in same] == [mail[name] for name in same]
    assert (mail["state"], note["state"], note["endpoint_id"]) == ("failed", "accepted", own["id"])
    assert note["level"] == min(mail["level"], 2)
    (body,) = heard(receiver, "/owner")
    assert body["data"]["next_at"] is not None
    link = body["links"]["respond"]
    assert link.startswith(installation.runtime.settings.base_url + "/r/")
    owner = Reader(installation, installation.client(None, ""), link[link.index("/r/") :])
    installation.clock.advance(MINUTE)
    assert "Answered already by you" in await owner.answer(answer="acknowledge")
    (entry,) = await journal(team, "escalation.next_way")
    assert entry["data"]["way"] == own["id"]
    await tick(installation, 4 * DAY + 20 * MINUTE)
    assert heard(receiver, "/tablet") == [], "one way that brought it is enough"


@on_both
async def test_when_no_way_is_left_the_next_person_is_told_and_the_others_hear_of_it_once(
    installation: Installation, team: Team, relay: Relay, receiver: Receiver
) -> None:
    relay.answers["owner"] = GONE
    receiver.respond = lambda one: Answer(410 if one.path == "/owner" else 204)
    await phone(team, receiver)
    await tools(team, receiver)
    deadline, _ = [await laddered(team, START + 5 * DAY) for _ in range(2)]
    for seconds in (0, 1, 2, 3):
        await tick(installation, 4 * DAY + seconds * SECOND)
    at = 4 * 86400
    assert await told(team, deadline) == [
        (at, "owner", "mail", "0"),
        (at + 1, "owner", "own", "0"),
        (at + 2, "deputy", "mail", "1"),
    ]
    (event,) = heard(receiver, "/tools", type="recipient.unreachable")
    assert event["data"] == {"user_id": team.people["owner"]}
    assert (event["subject"]["kind"], event["test"]) == ("user", False)
    (alert,) = (await read(team.admin, "/alerts"))["items"]
    assert (alert["case_id"], alert["raised_by"]) == (team.case, "system")
    assert alert["about_user_id"] == team.people["owner"]
    assert await told(team, alert) == [(at + 3, "deputy", "mail", "1")], "and not who is lost"
    # Once more they cannot be reached: what is open already is not said again.
    await laddered(team, START + 5 * DAY + HOUR)
    for seconds in (0, 1, 2, 3):
        await tick(installation, 4 * DAY + HOUR + seconds * SECOND)
    assert len((await read(team.admin, "/alerts"))["items"]) == 1
    assert len(heard(receiver, "/tools", type="recipient.unreachable")) == 1
    assert "owner" not in {role for _, role, _, _ in await told(team, alert)}
    relay.answers.clear()
    # That the relay takes a mail again restores nobody whose address was refused: its person does.
    await create(team.admin, f"/users/{team.people['owner']}/verify-address", {})
    await tick(installation, 4 * DAY + 2 * HOUR)
    (mail,) = (one for one in relay.mails if "/v/" in one.text)
    await installation.outside.post(mail.text[mail.text.index("/v/") :].split()[0])
    await tick(installation, 4 * DAY + 2 * HOUR + SECOND)
    (event,) = heard(receiver, "/tools", type="recipient.restored")
    assert event["data"] == {"user_id": team.people["owner"]}


async def test_what_can_be_reached_by_nobody_on_the_case_is_the_teams_affair(
    installation: Installation, team: Team, relay: Relay, receiver: Receiver
) -> None:
    relay.answers["owner"] = GONE
    only = [{"role": "owner", "user_id": team.people["owner"]}]
    await change(team.admin, f"/cases/{team.case}", {"roles": only})
    await laddered(team, START + 5 * DAY, drill=True)
    for seconds in (0, 1, 2):
        await tick(installation, 4 * DAY + seconds * SECOND)
    assert (await read(team.admin, "/alerts"))["items"] == [], "a drill raises nothing"
    await laddered(team, START + 5 * DAY + HOUR)
    for seconds in (0, 1, 2):
        await tick(installation, 4 * DAY + HOUR + seconds * SECOND)
    (alert,) = (await read(team.admin, "/alerts"))["items"]
    assert alert["case_id"] is None
    assert {"0", "1", "2", "repetition"} >= await _gaps(team) >= {"repetition"}
    await phone(team, receiver)
    assert "repetition" not in await _gaps(team), "who has any way can be reached"
    assert {role for _, role, _, _ in await told(team, alert)} == {
        "deputy",
        "supervisor",
        "observer",
    }


async def _gaps(team: Team) -> set[str]:
    """The steps that would reach nobody."""
    items = (await read(team.admin, "/coverage", limit=200))["items"]
    return {one["step"] for one in items}


async def test_near_the_due_instant_two_failures_are_enough_and_mail_goes_on(
    installation: Installation, team: Team, relay: Relay, receiver: Receiver
) -> None:
    relay.answers["owner"] = AWAY
    await phone(team, receiver)
    deadline = await laddered(team, START + 25 * HOUR)
    await tick(installation, HOUR)
    await tick(installation, HOUR + SECOND)
    assert heard(receiver, "/owner") == [], "one failure is an everyday thing"
    await tick(installation, HOUR + 67 * SECOND)
    await tick(installation, HOUR + 68 * SECOND)
    assert (await told(team, deadline))[1:] == [(3600 + 68, "owner", "own", "0")]
    relay.answers.clear()
    await tick(installation, HOUR + 20 * MINUTE)
    assert len(heard(receiver, "/owner")) == 1
    assert [one["state"] for one in await messages(team, deadline) if one["user_id"]] == [
        "accepted",
        "accepted",
    ]


async def test_ten_minutes_without_an_accepted_mail_bring_the_next_way_to_the_second(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    own = await phone(team, receiver)
    deadline = await laddered(team, START + 25 * HOUR)
    far = await laddered(team, START + 25 * HOUR + 25 * HOUR)
    installation.clock.set(START + HOUR)
    await tasks.tick(installation.runtime)
    for after in (10 * MINUTE - SECOND, 10 * MINUTE, 10 * MINUTE + SECOND, 30 * MINUTE):
        installation.clock.set(START + HOUR + after)
        await tasks.tick(installation.runtime)
    (note,) = await messages(team, deadline, endpoint_id=own["id"])
    assert datetime.fromisoformat(note["created_at"]) == START + HOUR + 10 * MINUTE
    assert await messages(team, far, endpoint_id=own["id"]) == []
    await create(
        team.admin,
        f"/deadlines/{deadline['id']}/cancel",
        {"reason": "lifted", "user_id": team.people["owner"]},
    )
    await tasks.deliver(installation.runtime)
    (note,) = await messages(team, deadline, endpoint_id=own["id"])
    assert (note["state"], note["reason"]) == ("superseded", "deadline_ended")
    assert receiver.requests == []


async def test_an_alert_takes_two_ways_at_once_and_spares_the_third_once_somebody_has_it(
    installation: Installation, team: Team, relay: Relay, receiver: Receiver
) -> None:
    relay.answers["owner"] = AWAY
    receiver.respond = lambda one: Answer(503 if one.path == "/owner" else 204)
    for path in ("/owner", "/tablet"):
        await phone(team, receiver, url=receiver.url(path))
        installation.clock.advance(SECOND / 4)
    body = {"title": "Detained", "case_id": team.case, "user_id": team.people["supervisor"]}
    first, second = [await create(team.admin, "/alerts", body) for _ in range(2)]
    await tick(installation, SECOND)
    for alert in (first, second):
        assert await told(team, alert) == [(1, "owner", "mail", "0"), (1, "owner", "own", "0")]
    seen = {"user_id": team.people["supervisor"]}
    await create(team.admin, f"/alerts/{first['id']}/acknowledge", seen)
    for after in (7, 70, 71, 72, 560):
        await tick(installation, after * SECOND)
    assert len(await told(team, first)) == 2, "somebody has it"
    assert (await told(team, second))[2:] == [(71, "owner", "own", "0")]
    assert {one["subject"]["id"] for one in heard(receiver, "/tablet")} == {second["id"]}


async def test_who_has_left_the_team_or_switched_the_way_off_is_told_nothing_that_waited(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    owners, deputys = await phone(team, receiver), await phone(team, receiver, "deputy")
    roles = [{"role": "owner", "user_id": team.people[role]} for role in ("owner", "deputy")]
    await change(team.admin, f"/cases/{team.case}", {"roles": roles})
    body = {"title": "Detained", "case_id": team.case, "user_id": team.people["supervisor"]}
    alert = await create(team.admin, "/alerts", body)
    await tasks.tick(installation.runtime)
    others = await installation.team("K-18", "Others")
    await change(installation.operator, f"/users/{team.people['owner']}", {"team_ids": [others.id]})
    await change(team.admin, f"/endpoints/{deputys['id']}", {"disabled": True})
    await tasks.deliver(installation.runtime)
    reasons = {
        one["endpoint_id"]: one["reason"] for one in await messages(team, alert, channel="webhook")
    }
    assert reasons == {owners["id"]: "recipient_left", deputys["id"]: "endpoint_disabled"}
    assert receiver.requests == []
    await tick(installation, MINUTE)
    assert len(await messages(team, alert, channel="webhook")) == 2, "nor is it said anew"


async def test_the_last_day_of_a_critical_deadline_is_told_on_two_ways_as_foreseen(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    await phone(team, receiver)
    plain = await laddered(team, START + 3 * DAY)
    critical = await laddered(team, START + 3 * DAY, critical=True)
    policy = critical["escalation_policy_id"]
    for deadline, channels in ((plain, ["email"]), (critical, ["email", "webhook"])):
        body = {"deadline_id": deadline["id"]}
        foresight = await create(team.admin, f"/escalation-policies/{policy}/simulate", body)
        assert foresight["steps"][0]["channels"] == channels
        assert foresight["steps"][1]["channels"] == ["email"], "silence goes one way"
    await tick(installation, 2 * DAY)
    at = 2 * 86400
    assert await told(team, plain) == [(at, "owner", "mail", "0")]
    assert await told(team, critical) == [(at, "owner", "mail", "0"), (at, "owner", "own", "0")]
    (note,) = heard(receiver, "/owner")
    assert note["sequence"] > 0


async def test_whom_a_machine_answered_for_is_asked_again_by_another_way_or_once_more_by_mail(
    installation: Installation, team: Team, receiver: Receiver, relay: Relay
) -> None:
    await phone(team, receiver)
    deadline = await laddered(team, START + 5 * DAY)
    await tick(installation, 4 * DAY)
    await _robot(installation, team, relay.mails[0].text)
    for seconds in (6, 7, 60):
        await tick(installation, 4 * DAY + seconds * SECOND)
    at = 4 * 86400
    assert (await told(team, deadline))[1:] == [(at + 6, "owner", "own", "0")]
    await create(
        team.admin,
        f"/deadlines/{deadline['id']}/cancel",
        {"reason": "done with", "user_id": team.people["owner"]},
    )
    (own,) = (await read(team.admin, "/endpoints"))["items"]
    await change(team.admin, f"/endpoints/{own['id']}", {"disabled": True})
    deadline = await laddered(team, START + 5 * DAY + HOUR)
    await tick(installation, 4 * DAY + HOUR)
    await _robot(installation, team, relay.mails[-1].text)
    for seconds in (6, 7):
        await tick(installation, 4 * DAY + HOUR + seconds * SECOND)
    await _robot(installation, team, relay.mails[-1].text)
    for seconds in (20, 60):
        await tick(installation, 4 * DAY + HOUR + seconds * SECOND)
    mails = [(second, way) for second, _, way, _ in await told(team, deadline)]
    assert mails == [(at + 3600, "mail"), (at + 3600 + 6, "mail")], "once more, and not again"


async def _robot(installation: Installation, team: Team, mail: str) -> None:
    """Follows the link in the mail and presses the button five seconds after it came."""
    path = mail[mail.index("/r/") :].split()[0]
    reader = Reader(installation, installation.client(None, ""), path)
    assert "mail filter" in await reader.answer(answer="acknowledge")
