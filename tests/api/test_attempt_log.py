"""Each try leaves a row: what was dialled, how long it took, who asked for it; what the other side said is
for those who look after the endpoint, and only for a while."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.installation import Installation, Relay, Team, create, read
from tests.api.test_refusals import refused
from tests.api.test_routes import HOUR, MINUTE, heard, messages, tick, tools
from tests.harness.receiver import Answer, Receiver
from workers import tasks


@pytest.fixture
def own_settings(connected: dict[str, Any]) -> dict[str, Any]:
    return connected


async def sent(team: Team, endpoint: dict[str, Any]) -> dict[str, Any]:
    """The newest message to that endpoint."""
    items = (await read(team.admin, f"/endpoints/{endpoint['id']}/messages"))["items"]
    newest: dict[str, Any] = items[-1]
    return newest


async def test_a_try_says_what_was_dialled_how_long_it_took_and_who_asked_for_it(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    endpoint = await tools(team, receiver)
    receiver.respond = lambda _: Answer(503)
    await team.deadline()
    await tick(installation, MINUTE)
    receiver.respond = lambda _: Answer(204)
    await tick(installation, 2 * MINUTE)
    first, second = (await sent(team, endpoint))["attempts"]
    assert (first["code"], second["code"]) == ("503", "204")
    for one in (first, second):
        assert (one["address"], one["asked_by"]) == ("127.0.0.1", None)
        assert 0 <= one["took_ms"] < 20_000
    message = await sent(team, endpoint)
    key = {"scope": "write", "team_id": team.id, "user_id": team.people["deputy"]}
    deputy = installation.client(await installation.key(**key))
    await create(deputy, f"/messages/{message['id']}/resend", {})
    await tick(installation, 3 * MINUTE)
    tries = (await sent(team, endpoint))["attempts"]
    assert [one["asked_by"] for one in tries] == [None, None, team.people["deputy"]]


async def test_of_a_receiver_that_is_not_there_it_says_what_was_dialled(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    endpoint = await tools(team, receiver, url="http://127.0.0.1:1/")
    await create(team.admin, f"/endpoints/{endpoint['id']}/test", {})
    await tick(installation, MINUTE)
    (one,) = (await sent(team, endpoint))["attempts"]
    assert (one["code"], one["address"]) == ("connection", "127.0.0.1")
    assert one["asked_by"].startswith("key_")


async def test_of_a_mail_it_names_the_relay(
    installation: Installation, team: Team, relay: Relay
) -> None:
    alert = await create(team.admin, "/alerts", {"title": "Detained", "case_id": team.case})
    await tick(installation, MINUTE)
    mail, *_ = await messages(team, alert, channel="email")
    assert [one["address"] for one in mail["attempts"]] == ["127.0.0.1"]
    assert mail["attempts"][0]["detail"], "what a relay says names no receiver of ours"


async def test_what_a_receiver_says_is_read_by_those_who_look_after_it_alone(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    receiver.respond = lambda _: Answer(500, body=b"stack trace of an inner machine")
    await tools(team, receiver, owner_id=team.people["owner"])
    deadline = await team.deadline()
    await tick(installation, MINUTE)
    seen = {}
    for role in ("owner", "deputy", None):
        user = {"user_id": team.people[role]} if role else {}
        key = await installation.key(scope="write", team_id=team.id, **user)
        path = f"/deadlines/{deadline['id']}/messages"
        (message,) = (await read(installation.client(key), path))["items"]
        (attempt,) = message["attempts"]
        assert attempt["code"] == "500"
        seen[role] = attempt["detail"]
    assert seen == {"owner": "stack trace of an inner machine", "deputy": None, None: None}
    (message,) = await messages(team, deadline)
    assert message["attempts"][0]["detail"] == "stack trace of an inner machine"


async def test_four_thousand_bytes_of_an_answer_are_kept_whatever_they_are(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    receiver.respond = lambda _: Answer(500, body=b"\0\xff\xd8" + b"x" * 9000)
    endpoint = await tools(team, receiver)
    await team.deadline()
    await tick(installation, MINUTE)
    (attempt,) = (await sent(team, endpoint))["attempts"]
    assert attempt["detail"] == "\ufffd" * 3 + "x" * 4093


async def test_words_are_kept_for_thirty_days_what_was_said_to_tools_for_ninety_and_tries_for_two_years(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    receiver.respond = lambda _: Answer(200, body=b"thanks")
    endpoint = await tools(team, receiver)
    await team.deadline()
    await tick(installation, MINUTE)
    message = await sent(team, endpoint)
    preview = f"/messages/{message['id']}/preview"

    async def after(days: int) -> None:
        installation.clock.advance(timedelta(days=days))
        await tasks.prune(installation.runtime)

    await after(29)
    assert (await sent(team, endpoint))["attempts"][0]["detail"] == "thanks"
    await after(2)
    (attempt,) = (await sent(team, endpoint))["attempts"]
    assert (attempt["detail"], attempt["code"], attempt["verdict"]) == (None, "200", "accepted")
    assert "deadline.created" in (await read(team.admin, preview))["text"]
    await after(60)
    refused(await team.admin.get(preview), 409, "illegal_state")
    refused(await team.admin.post(f"/messages/{message['id']}/resend"), 409, "illegal_state")
    assert (await sent(team, endpoint))["state"] == "accepted"
    await after(639)
    assert (await sent(team, endpoint))["attempts"] == [attempt]
    await after(1)
    told = await sent(team, endpoint)
    assert (told["state"], told["attempts"]) == ("accepted", [])


async def test_an_example_of_any_event_goes_the_way_of_events_and_says_that_it_is_a_test(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    endpoint = await tools(team, receiver)
    path = f"/endpoints/{endpoint['id']}/test"
    kinds = ("deadline.date_changed", "alert.raised", "endpoint.failing", "notification.bounced")
    for kind in kinds:
        await create(team.admin, path, {"type": kind})
    await tick(installation, HOUR)
    bodies = {one["type"]: one for one in heard(receiver, "/tools")}
    assert set(bodies) == set(kinds)
    assert all(one["test"] is True for one in bodies.values())
    changed = bodies["deadline.date_changed"]["data"]
    assert changed["previous_due_on"] < changed["due_on"]
    refused(await team.admin.post(path, json={"type": "digest"}), 422, "invalid_input")
    room = await tools(team, receiver, url=receiver.url("/room"), format="slack")
    await create(team.admin, f"/endpoints/{room['id']}/test", {"type": "deadline.overdue"})
    await tick(installation, HOUR + MINUTE)
    (said,) = [one for one in receiver.requests if one.path == "/room"]
    assert "EXAMPLE: " in said.body.decode()
    assert (await read(team.admin, "/deadlines"))["items"] == []
