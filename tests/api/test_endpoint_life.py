"""An endpoint that takes nothing: events are held, its people are told by another route, and what was held
arrives once, the oldest first. And what a team can do about it."""

import os
import resource
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from service.channels.interface import Channel, Parcel
from service.domain.notifications import ChannelKind
from service.domain.retry import WEBHOOK_PAUSES, Outcome
from tests.api.installation import Installation, Relay, Team, change, create, on_both, read
from tests.api.test_refusals import refused
from tests.api.test_routes import DAY, HOUR, MINUTE, SECOND, heard
from tests.harness.receiver import Answer, Receiver
from tests.harness.world import START
from workers import tasks


@pytest.fixture
def own_settings(connected: dict[str, Any]) -> dict[str, Any]:
    return connected


async def tools(team: Team, receiver: Receiver, path: str = "/tools", **given: Any) -> Any:
    body = {"name": "tools", "url": receiver.url(path), "events": ["deadline.*", "endpoint.*"]}
    return await create(team.admin, "/endpoints", body | {"per_second": 1000} | given)


async def rounds(installation: Installation, after: timedelta) -> None:
    """What every process does, so long after the start."""
    installation.clock.set(START + after)
    await tasks.tend_endpoints(installation.runtime)
    await tasks.tick(installation.runtime)
    await tasks.deliver(installation.runtime)


async def fail(installation: Installation, hours: float = 2) -> None:
    """A receiver that is down, tried as often as its retries have it."""
    for minutes in range(0, int(hours * 60) + 1, 10):
        await rounds(installation, minutes * MINUTE)


async def state(team: Team, endpoint: dict[str, Any]) -> tuple[str, int]:
    now = await read(team.admin, f"/endpoints/{endpoint['id']}")
    return now["state"], now["held"]


class Short:
    """A channel of a process that can open nothing while it sends: no file, no connection."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    async def send(self, parcel: Parcel) -> Outcome:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
        try:
            return await self._channel.send(parcel)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def subjects(relay: Relay) -> list[str]:
    """Of the mails about endpoints, without those about deadlines."""
    found = [str(mail.message["subject"]) for mail in relay.mails]
    return [one for one in found if "endpoint" in one]


@on_both
async def test_events_for_a_paused_endpoint_are_held_and_arrive_once_the_oldest_first(
    installation: Installation, team: Team, receiver: Receiver, relay: Relay
) -> None:
    endpoint = await tools(team, receiver, at_once=1)
    receiver.respond = lambda request: Answer(503)
    for number in range(12):
        installation.clock.set(START + number * SECOND)
        await team.deadline(title=f"Number {number}")
    await fail(installation)
    assert await state(team, endpoint) == ("paused", 12)
    await team.deadline(title="While it is down")
    receiver.clear()
    await rounds(installation, 2 * HOUR + MINUTE)
    assert await state(team, endpoint) == ("paused", 13)
    assert len(heard(receiver)) <= 1  # a probe at most
    receiver.respond = lambda request: Answer()
    receiver.clear()
    for minutes in range(150, 420, 10):
        await rounds(installation, minutes * MINUTE)
    assert await state(team, endpoint) == ("active", 0)
    ids = [event["id"] for event in heard(receiver)]
    assert len(ids) == len(set(ids)) == 13
    sequence = [one["data"]["deadline_id"] for one in heard(receiver)]
    assert sequence == sorted(sequence)
    words = ["An endpoint takes nothing", "An endpoint is paused", "An endpoint works again"]
    assert sorted(set(subjects(relay))) == sorted(words)


@on_both
async def test_an_endpoint_switched_off_for_fifty_events_gets_each_of_them_once(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    endpoint = await tools(team, receiver, events=["deadline.created"], at_once=1)
    await create(team.admin, f"/endpoints/{endpoint['id']}/disable", {})
    for number in range(50):
        await team.deadline(title=f"Number {number}")
    await rounds(installation, SECOND)
    assert (await state(team, endpoint), heard(receiver)) == (("disabled", 50), [])
    await create(team.admin, f"/endpoints/{endpoint['id']}/enable", {})
    for second in range(2, 12):
        await rounds(installation, second * SECOND)
    events = heard(receiver)
    assert [one["type"] for one in events] == ["endpoint.test"] + ["deadline.created"] * 50
    assert len({one["id"] for one in events}) == 51
    assert await state(team, endpoint) == ("active", 0)


async def test_a_receiver_that_is_gone_is_left_alone_and_its_people_are_told_by_mail(
    installation: Installation, team: Team, receiver: Receiver, relay: Relay
) -> None:
    gone = await tools(team, receiver, "/gone", owner_id=team.people["owner"])
    other = await tools(team, receiver, "/other")
    receiver.respond = lambda request: Answer(410 if request.path == "/gone" else 204)
    await team.deadline()
    await rounds(installation, SECOND)
    await rounds(installation, 2 * SECOND)
    assert (await state(team, gone), await state(team, other)) == (("disabled", 1), ("active", 0))
    told = [one for one in relay.mails if "disabled" in str(one.message["subject"])]
    assert [list(one.recipients) for one in told] == [[f"owner.{team.id}@example.org"]]
    (event,) = [one for one in heard(receiver, "/other") if one["type"] == "endpoint.disabled"]
    assert event["subject"] == {"kind": "endpoint", "id": gone["id"]}
    assert [one["type"] for one in heard(receiver, "/gone")] == ["deadline.created"]


async def test_retries_keep_to_the_table_and_are_never_early(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    endpoint = await tools(team, receiver, events=["deadline.created"])
    receiver.respond = lambda request: Answer(500)
    await team.deadline()
    await rounds(installation, timedelta())
    (message,) = (await read(team.admin, f"/endpoints/{endpoint['id']}/messages"))["items"]
    planned = START
    for pause in WEBHOOK_PAUSES[:3]:
        (message,) = (await read(team.admin, f"/endpoints/{endpoint['id']}/messages"))["items"]
        due = datetime.fromisoformat(message["next_attempt_at"])
        assert planned + pause <= due <= planned + pause * 1.1 + SECOND
        await rounds(installation, due - START - SECOND)
        assert len((await _message(team, message))["attempts"]) == len(message["attempts"])
        await rounds(installation, due - START + SECOND)
        assert len((await _message(team, message))["attempts"]) == len(message["attempts"]) + 1
        planned = due + SECOND


async def _message(team: Team, message: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = await read(team.admin, f"/messages/{message['id']}")
    return found


async def test_both_secrets_sign_until_the_grace_is_over(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    endpoint = await tools(team, receiver)
    path = f"/endpoints/{endpoint['id']}/rotate-secret"
    second = await create(team.admin, path, {"grace_seconds": 3600})
    third = await create(team.admin, path, {"grace_seconds": 60})
    refused(await team.admin.post(path, json={}), 409, "illegal_state")
    verified = {}
    for after in (SECOND, 2 * MINUTE, 2 * HOUR):
        installation.clock.set(START + after)
        await create(team.admin, f"/endpoints/{endpoint['id']}/test", {})
        await rounds(installation, after)
        request = receiver.requests[-1]
        now = installation.clock.now
        verified[after] = [
            _verifies(receiver, one["secret"], request, now) for one in (endpoint, second, third)
        ]
    assert verified == {
        SECOND: [True, True, True],
        2 * MINUTE: [True, False, True],
        2 * HOUR: [False, False, True],
    }


def _verifies(receiver: Receiver, secret: str, request: Any, now: datetime) -> bool:
    try:
        receiver.verify(secret, request, now)
    except WebhookVerificationError:
        return False
    return True


async def test_a_message_is_sent_once_more_with_the_same_bytes_and_id(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    endpoint = await tools(team, receiver, events=["deadline.created"])
    await team.deadline()
    await rounds(installation, SECOND)
    (message,) = (await read(team.admin, f"/endpoints/{endpoint['id']}/messages"))["items"]
    await create(team.admin, f"/messages/{message['id']}/resend", {})
    answer = await team.admin.post(f"/messages/{message['id']}/resend", json={})
    refused(answer, 409, "illegal_state")
    await rounds(installation, HOUR)
    first, again = receiver.requests
    assert (first.body, first.headers["webhook-id"]) == (again.body, again.headers["webhook-id"])
    assert ("x-replayed" in first.headers, again.headers["x-replayed"]) == (False, "true")


async def test_what_failed_is_recovered_by_its_span_of_time(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    endpoint = await tools(team, receiver, events=["deadline.created"])
    for hour in range(4):
        installation.clock.set(START + hour * HOUR)
        await team.deadline(title=f"Hour {hour}")
        await rounds(installation, hour * HOUR)
    path = f"/endpoints/{endpoint['id']}/recover"
    span = {"since": (START + HOUR).isoformat(), "until": (START + 2 * HOUR).isoformat()}
    assert await create(team.admin, path, span) == {"messages": 0}
    assert await create(team.admin, path, span | {"only": "all"}) == {"messages": 2}
    receiver.clear()
    await rounds(installation, 4 * HOUR)
    assert len(heard(receiver)) == 2
    long_ago = {"since": (START - 40 * DAY).isoformat()}
    refused(await team.admin.post(path, json=long_ago), 422, "invalid_input")


async def test_events_can_be_read_where_they_cannot_be_sent(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    endpoint = await tools(team, receiver, events=["deadline.created"])
    await create(team.admin, f"/endpoints/{endpoint['id']}/disable", {})
    made = [(await team.deadline(title=f"Number {n}"))["id"] for n in range(3)]
    assert (await read(team.admin, "/events"))["items"] == []  # others may still be writing
    installation.clock.set(START + MINUTE)
    first = await read(team.admin, "/events", limit=2)
    rest = await read(team.admin, "/events", after=first["last_id"])
    events = first["items"] + rest["items"]
    assert sorted(one["data"]["deadline_id"] for one in events) == sorted(made)
    assert (await read(team.admin, "/events", after=rest["last_id"]))["items"] == []
    answer = await team.admin.get("/events", params={"after": "evt_never"})
    refused(answer, 400, "bad_cursor")
    stranger = await installation.team("K-18", "Other")
    answer = await stranger.admin.get("/events", params={"endpoint": endpoint["id"]})
    refused(answer, 404, "not_found")


async def test_an_endpoint_hears_of_its_cases_and_of_critical_things_alone(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    case = {"code": "K-99", "timezone": "Asia/Almaty", "roles": []}
    case |= {"roles": [{"role": "owner", "user_id": team.people["owner"]}]}
    other = (await create(team.admin, "/cases", case))["id"]
    await tools(team, receiver, "/case", cases=[other], events=["deadline.created"])
    await tools(team, receiver, "/critical", critical_only=True, events=["deadline.created"])
    plain = await team.deadline()
    critical = await team.deadline(critical=True)
    elsewhere = await team.deadline(case_id=other)
    await rounds(installation, SECOND)
    of = {
        path: {one["data"]["deadline_id"] for one in heard(receiver, path)}
        for path in ("/case", "/critical")
    }
    assert of == {"/case": {elsewhere["id"]}, "/critical": {critical["id"]}}
    assert plain["id"]
    body = {"name": "x", "url": receiver.url(), "cases": ["cas_" + "0" * 26]}
    refused(await team.admin.post("/endpoints", json=body), 422, "unknown_reference")


async def test_titles_leave_only_where_it_was_confirmed_and_never_above_the_case_s_ceiling(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    body = {"name": "x", "url": receiver.url("/full"), "detail": "full", "level": 2}
    refused(await team.admin.post("/endpoints", json=body), 422, "invalid_input")
    await create(team.admin, "/endpoints", body | {"full_confirmed": True})
    await tools(team, receiver, "/dates", level=2)
    await team.deadline(title="Of a person")
    await change(team.admin, f"/cases/{team.case}", {"ceiling": 1, "mail_level": 1})
    await team.deadline(title="Of another")
    await rounds(installation, SECOND)
    titles = [one["data"].get("title") for one in heard(receiver, "/full")]
    assert sorted(titles, key=str) == [None, "Of a person"]
    assert [one["data"].get("title") for one in heard(receiver, "/dates")] == [None, None]


async def test_one_slow_receiver_holds_nobody_else(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    await tools(team, receiver, "/slow", events=["deadline.created"])
    await tools(team, receiver, "/quick", events=["deadline.created"])
    under_way, most = 0, 0

    def paths() -> list[str]:
        return [one.path for one in receiver.requests]

    def respond(request: Any) -> Answer:
        nonlocal under_way, most
        if request.path == "/slow":
            under_way += 1
            most = max(most, under_way)
            # As long as the quick one has not had all: for ever, if it had to wait for this one.
            for _ in range(500):
                if paths().count("/quick") == 6 or receiver.closing.wait(0.01):
                    break
            under_way -= 1
        return Answer()

    receiver.respond = respond
    for number in range(6):
        await team.deadline(title=f"Number {number}")
    await rounds(installation, SECOND)
    order = paths()
    assert (order.count("/slow"), order.count("/quick"), most) == (6, 6, 2)
    assert order[8:] == ["/slow"] * 4, "the quick one had all its own beside the first two"


async def test_a_static_header_is_sent_and_never_shown(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    endpoint = await tools(
        team, receiver, header={"name": "Authorization", "value": "Bearer not-to-be-seen"}
    )
    await create(team.admin, f"/endpoints/{endpoint['id']}/test", {})
    await rounds(installation, SECOND)
    assert receiver.requests[-1].headers["authorization"] == "Bearer not-to-be-seen"
    for path in (f"/endpoints/{endpoint['id']}", "/endpoints"):
        assert "not-to-be-seen" not in (await team.admin.get(path)).text
    for name in ("webhook-signature", "Host", "content-length", "bad name"):
        body = {"name": "x", "url": receiver.url(), "header": {"name": name, "value": "v"}}
        refused(await team.admin.post("/endpoints", json=body), 422, "invalid_input")


async def test_a_queue_that_moves_is_no_standstill_and_one_that_stands_is(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    await tools(team, receiver, events=["deadline.created"], at_once=1, per_second=0.1)
    for number in range(20):
        await team.deadline(title=f"Number {number}")
    for minutes in range(7):
        await rounds(installation, minutes * MINUTE)
    assert 0 < len(heard(receiver)) < 20
    await tasks.watch(installation.runtime, ticked=True)
    assert (await installation.outside.get("/readyz")).status_code == 200
    installation.clock.set(START + 13 * MINUTE)
    await tasks.watch(installation.runtime, ticked=True)
    found = (await installation.outside.get("/readyz")).json().get("findings", [])
    assert "message_waits" in {one["code"] for one in found}


async def test_what_was_held_for_a_month_is_given_up_and_can_still_be_recovered(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    endpoint = await tools(team, receiver, events=["deadline.created"])
    await create(team.admin, f"/endpoints/{endpoint['id']}/disable", {})
    await team.deadline()
    for days, held in ((29, 1), (31, 0)):
        installation.clock.set(START + days * DAY)
        await tasks.prune(installation.runtime)
        assert await state(team, endpoint) == ("disabled", held)
    (message,) = (await read(team.admin, f"/endpoints/{endpoint['id']}/messages"))["items"]
    assert (message["state"], message["reason"]) == ("expired", "held_too_long")
    await create(team.admin, f"/endpoints/{endpoint['id']}/enable", {})
    await create(team.admin, f"/messages/{message['id']}/resend", {})
    await rounds(installation, 31 * DAY)
    assert "deadline.created" in {one["type"] for one in heard(receiver)}


@on_both
async def test_what_we_are_short_of_counts_against_no_receiver_and_makes_no_event_late(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    endpoint = await tools(team, receiver)
    await team.deadline(title="While descriptors are out")
    runtime = installation.runtime
    webhooks: Any = Short(runtime.channels[ChannelKind.WEBHOOK])
    short = replace(runtime, channels={**runtime.channels, ChannelKind.WEBHOOK: webhooks})
    for seconds in (0, 6, 12, 18):
        installation.clock.set(START + seconds * SECOND)
        await tasks.deliver(short)
    await short.glances.close()
    assert heard(receiver) == []
    [event] = (await read(team.admin, f"/endpoints/{endpoint['id']}/messages"))["items"]
    assert [one["code"] for one in event["attempts"]] == ["shortage"] * 4
    now = await read(team.admin, f"/endpoints/{endpoint['id']}")
    assert (now["failures"], now["failing_since"], now["reason"]) == (0, None, None)
    await rounds(installation, 24 * SECOND)
    assert len(heard(receiver)) == 1
