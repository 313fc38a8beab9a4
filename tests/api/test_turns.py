"""The team's tools hear how near a deadline has come, and how its ladder begins and ends: each once."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.api.installation import LOOPBACK, Installation, Team, create, read
from tests.api.test_routes import DAY, HOUR, MINUTE, heard, tick, tools
from tests.harness.receiver import Receiver
from tests.harness.world import START

SOON, TODAY = "deadline.due_soon", "deadline.due_today"
STARTED, EXPIRED = "escalation.started", "escalation.ack_expired"
RESOLVED, CANCELLED = "escalation.resolved", "escalation.cancelled"
FAR = [
    {"targets": ["owner"], "before_due": "P9D"},
    {"targets": ["deputy"], "no_response_for": "PT8H"},
]


@pytest.fixture
def own_settings() -> dict[str, Any]:
    return {"webhook_networks": LOOPBACK}


async def entered(team: Team, due_at: datetime, **given: Any) -> dict[str, Any]:
    """With a ladder that has said everything long before."""
    policy = await create(team.admin, "/escalation-policies", {"name": "p", "steps": FAR})
    own = {"due_at": due_at.isoformat(), "escalation_policy_id": policy["id"]}
    return await team.deadline(**own | given)


def types(receiver: Receiver, *wanted: str) -> list[str]:
    told = sorted(heard(receiver, "/tools"), key=lambda one: int(one["sequence"]))
    return [one["type"] for one in told if not wanted or one["type"] in wanted]


async def test_that_it_is_due_soon_and_today_is_told_once_each_at_its_hour(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    await tools(team, receiver)
    # At noon in Almaty, so that the day there begins at 19:00 UTC of the day before.
    due_at = START.replace(hour=7, minute=0) + 10 * DAY
    await entered(team, due_at)
    begin = due_at - timedelta(hours=12) - START
    for after, known in (
        (due_at - START - 3 * DAY - MINUTE, []),
        (due_at - START - 3 * DAY, [SOON]),
        (begin - MINUTE, [SOON]),
        (begin, [SOON, TODAY]),
        (begin + HOUR, [SOON, TODAY]),
        (due_at - START + HOUR, [SOON, TODAY]),
    ):
        await tick(installation, after)
        assert types(receiver, SOON, TODAY) == known, after
    (soon,) = heard(receiver, "/tools", type=SOON)
    assert (soon["data"]["status"], soon["actor"]) == ("provisional", {"kind": "system"})


async def test_a_new_date_is_near_anew_and_what_is_entered_late_is_near_at_once(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    await tools(team, receiver)
    deadline = await entered(team, START + 2 * DAY)
    await tick(installation, MINUTE)
    assert types(receiver, SOON, TODAY) == [SOON]
    other = {"due_at": (START + 60 * HOUR).isoformat(), "reason": "moved", "source": "order"}
    other["user_id"] = team.people["owner"]
    await create(team.admin, f"/deadlines/{deadline['id']}/override", other)
    for after in (2, 3):
        await tick(installation, after * MINUTE)
    told = heard(receiver, "/tools", type=SOON)
    assert [one["data"]["version"] for one in told] == [1, 2]


async def test_a_deadline_that_has_ended_comes_near_no_more(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    await tools(team, receiver)
    deadline = await entered(team, START + 10 * DAY)
    body = {"user_id": team.people["owner"], "proof": "filed"}
    await create(team.admin, f"/deadlines/{deadline['id']}/complete", body)
    await tick(installation, 9 * DAY)
    assert types(receiver, SOON, TODAY) == []


@pytest.mark.parametrize(
    ("verb", "given", "end", "status"),
    [
        ("complete", {"proof": "filed"}, RESOLVED, "completed"),
        ("waive", {"reason": "settled"}, RESOLVED, "waived"),
        ("cancel", {"reason": "a mistake"}, CANCELLED, "cancelled"),
    ],
)
async def test_a_ladder_is_told_of_when_it_begins_and_when_it_ends(
    installation: Installation,
    team: Team,
    receiver: Receiver,
    verb: str,
    given: dict[str, str],
    end: str,
    status: str,
) -> None:
    await tools(team, receiver)
    deadline = await entered(team, START + 10 * DAY)
    for after in (DAY, DAY + HOUR):
        await tick(installation, after)
    assert types(receiver, STARTED, RESOLVED, CANCELLED) == [STARTED]
    path = f"/deadlines/{deadline['id']}/{verb}"
    await create(team.admin, path, given | {"user_id": team.people["owner"]})
    await tick(installation, 2 * DAY)
    assert types(receiver, STARTED, RESOLVED, CANCELLED) == [STARTED, end]
    (ended,) = heard(receiver, "/tools", type=end)
    assert ended["data"]["status"] == status
    assert ended["actor"] == {"kind": "user", "id": team.people["owner"]}


async def test_a_ladder_that_nobody_climbs_does_not_end(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    await tools(team, receiver)
    deadline = await entered(team, START + 30 * DAY)
    body = {"user_id": team.people["owner"], "proof": "filed"}
    await create(team.admin, f"/deadlines/{deadline['id']}/complete", body)
    await tick(installation, DAY)
    assert types(receiver, STARTED, RESOLVED, CANCELLED) == []


async def test_a_date_that_moves_ends_the_ladder_of_the_old_one(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    await tools(team, receiver)
    deadline = await entered(team, START + 10 * DAY)
    await tick(installation, DAY)
    other = {"due_at": (START + 40 * DAY).isoformat(), "reason": "moved", "source": "order"}
    other["user_id"] = team.people["owner"]
    await create(team.admin, f"/deadlines/{deadline['id']}/override", other)
    await tick(installation, DAY + HOUR)
    assert types(receiver, STARTED, RESOLVED, CANCELLED) == [STARTED, CANCELLED]
    (ended,) = heard(receiver, "/tools", type=CANCELLED)
    assert (ended["data"]["version"], ended["data"]["status"]) == (1, "provisional")


async def test_an_answer_that_runs_out_is_told_of_when_people_are_told_again(
    installation: Installation, team: Team, receiver: Receiver
) -> None:
    await tools(team, receiver)
    deadline = await entered(team, START + 10 * DAY)
    await tick(installation, DAY)
    body = {"user_id": team.people["owner"]}
    await create(team.admin, f"/deadlines/{deadline['id']}/acknowledge", body)
    await tick(installation, DAY + 20 * HOUR)
    assert types(receiver, EXPIRED) == []
    for after in (2 * DAY + HOUR, 2 * DAY + 2 * HOUR):
        await tick(installation, after)
    assert types(receiver, EXPIRED) == [EXPIRED]
    assert (await read(team.admin, f"/deadlines/{deadline['id']}"))["state"] == "provisional"
