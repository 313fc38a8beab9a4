"""Nobody is flooded: what can wait comes together, a minute later; what is near or has moved never does."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.api.installation import Installation, Relay, Team, create, on_both, read
from tests.api.test_routes import DAY, HOUR, MINUTE, SECOND, messages, tick
from tests.harness.world import START

STEPS = [{"targets": ["owner"], "before_due": "P5D"}]


@pytest.fixture
def own_settings(connected: dict[str, Any]) -> dict[str, Any]:
    return connected | {"mails_per_hour": 3}


async def reminded(team: Team, *after: timedelta, before: str = "P5D") -> list[dict[str, Any]]:
    """Deadlines of which the owner is reminded so long after the start."""
    steps = [STEPS[0] | {"before_due": before}]
    body = {"name": "p", "steps": steps}
    policy = (await create(team.admin, "/escalation-policies", body))["id"]
    days = timedelta(days=int(before[1]))
    return [
        await team.deadline(due_at=(START + one + days).isoformat(), escalation_policy_id=policy)
        for one in after
    ]


async def accepted(team: Team, deadline: dict[str, Any]) -> datetime | None:
    (mail, *_) = await messages(team, deadline) or [{"accepted_at": None}]
    return datetime.fromisoformat(mail["accepted_at"]) if mail["accepted_at"] else None


@on_both
async def test_what_comes_within_the_minute_waits_and_then_comes_as_one(
    installation: Installation, team: Team, relay: Relay
) -> None:
    seconds = (0, 10, 20, 30)
    many = await reminded(team, *(HOUR + one * SECOND for one in seconds))
    for one in (*seconds, 59):
        await tick(installation, HOUR + one * SECOND)
    assert len(relay.mails) == 1
    (waiting,) = await messages(team, many[1])
    assert (waiting["state"], waiting["reason"], waiting["attempts"]) == ("due", "paced", [])
    assert datetime.fromisoformat(waiting["next_attempt_at"]) == START + HOUR + MINUTE
    await tick(installation, HOUR + MINUTE)
    assert len(relay.mails) == 2
    assert str(relay.mails[1].message["Subject"]).startswith("3 ")
    at = [await accepted(team, one) for one in many]
    assert at == [START + HOUR, *[START + HOUR + MINUTE] * 3]
    carried = [(await messages(team, one))[0]["attempts"][0] for one in many[1:]]
    assert sorted(one["along_with"] is None for one in carried) == [False, False, True]


async def test_in_an_hour_nobody_gets_more_than_the_settings_say(
    installation: Installation, team: Team, relay: Relay
) -> None:
    many = await reminded(team, *(HOUR + one * 2 * MINUTE for one in range(6)))
    for one in range(11):
        await tick(installation, HOUR + one * MINUTE)
    assert len(relay.mails) == 3
    well = await installation.outside.get("http://adquem.test/healthz")
    assert well.status_code == 200
    await tick(installation, 2 * HOUR)
    assert len(relay.mails) == 4, "those that waited, together, when the first is an hour ago"
    assert None not in [await accepted(team, one) for one in many]


async def test_what_is_near_or_has_moved_and_what_is_asked_for_goes_at_once(
    installation: Installation, team: Team, relay: Relay
) -> None:
    (first,) = await reminded(team, HOUR)
    near = await reminded(team, *(HOUR + one * SECOND for one in range(1, 6)), before="P1D")
    for one in range(6):
        await tick(installation, HOUR + one * SECOND)
    assert [await accepted(team, one) for one in near] == [
        START + HOUR + one * SECOND for one in range(1, 6)
    ]
    other = {"due_at": (START + 20 * DAY).isoformat(), "reason": "moved", "source": "order"}
    other["user_id"] = team.people["owner"]
    await create(team.admin, f"/deadlines/{first['id']}/override", other)
    await tick(installation, HOUR + 7 * SECOND)
    told = [one for one in await messages(team, first) if one["event"] == "deadline.date_changed"]
    assert {one["state"] for one in told} == {"accepted"}
    await create(team.admin, "/alerts", {"title": "Detained", "case_id": team.case})
    before = len(relay.mails)
    await tick(installation, HOUR + 8 * SECOND)
    assert len(relay.mails) > before, "an alert waits for nothing"
    (mail, *_) = await messages(team, near[0])
    await create(team.admin, f"/messages/{mail['id']}/resend", {})
    await tick(installation, HOUR + 9 * SECOND)
    attempts = (await read(team.admin, f"/messages/{mail['id']}"))["attempts"]
    assert [one["verdict"] for one in attempts] == ["accepted", "accepted"]


async def test_other_people_are_not_held_up_by_whoever_has_had_enough(
    installation: Installation, team: Team, relay: Relay
) -> None:
    await reminded(team, HOUR, HOUR + SECOND)
    steps = [STEPS[0] | {"targets": ["deputy"]}]
    policy = (await create(team.admin, "/escalation-policies", {"name": "d", "steps": steps}))["id"]
    due_at = (START + HOUR + SECOND + 5 * DAY).isoformat()
    other = await team.deadline(due_at=due_at, escalation_policy_id=policy)
    for one in (0, 1):
        await tick(installation, HOUR + one * SECOND)
    assert await accepted(team, other) == START + HOUR + SECOND
    assert len(relay.mails) == 2
