"""What is foreseen is what the workers then do: same steps, same instants, same people."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from service.commands.planner import time_line
from service.errors import Refusal
from tests.api.installation import Installation, Team, change, create, installed, read
from tests.api.test_answers import LADDER, MARK, tick
from tests.api.test_refusals import refused
from workers.line import line

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
#: What is lived through: step, instant, people; and the same as it was foreseen.
Told = tuple[int, str, frozenset[str]]
NIGHT = {"begin": "21:00", "end": "07:00"}


async def policy(team: Team, steps: list[dict[str, Any]] | None = None) -> str:
    body = {"name": "p", "steps": steps or LADDER}
    made: str = (await create(team.admin, "/escalation-policies", body))["id"]
    return made


async def simulated(team: Team, policy_id: str, **given: Any) -> dict[str, Any]:
    return await create(team.admin, f"/escalation-policies/{policy_id}/simulate", given)


def foreseen(answer: dict[str, Any]) -> list[Told]:
    return [(one["step"], one["at"], frozenset(one["people"])) for one in answer["steps"]]


async def lived(installation: Installation, team: Team, policy_id: str, **given: Any) -> list[Told]:
    """A deadline with that policy, looked at by the workers at each instant at which it wakes, until
    the exhausted ladder has begun to repeat itself."""
    deadline = await team.deadline(escalation_policy_id=policy_id, **given)
    path = f"/deadlines/{deadline['id']}"
    told: dict[tuple[str, int], tuple[str, set[str]]] = {}
    await tick(installation, installation.clock.now)
    for _ in range(60):
        items = (await read(team.admin, f"{path}/messages", limit=200))["items"]
        for one in items:
            if one["user_id"]:
                key = (one["step"], one["occurrence"])
                told.setdefault(key, (one["created_at"], set()))[1].add(one["user_id"])
        if any(occurrence for _, occurrence in told):
            break
        wake_at = (await read(team.admin, f"{path}/plan"))["wake_at"]
        await tick(installation, datetime.fromisoformat(wake_at))
    rows = [(int(step), at, frozenset(people)) for (step, _), (at, people) in told.items()]
    return sorted(rows, key=lambda row: (row[1], row[0]))


async def rests(team: Team, role: str) -> None:
    await change(team.admin, f"/users/{team.people[role]}", {"quiet_hours": NIGHT})


async def leaves(team: Team, role: str, **away: Any) -> None:
    await change(team.admin, f"/users/{team.people[role]}", {"away": away})


def reached(answer: dict[str, Any]) -> list[Told]:
    """What of it is told to somebody."""
    rows = [row for row in foreseen(answer) if row[2]]
    return sorted(rows, key=lambda row: (row[1], row[0]))


async def test_a_whole_ladder_is_foreseen_as_it_is_lived(
    installation: Installation, team: Team
) -> None:
    chosen = await policy(team)
    answer = await simulated(team, chosen, case_id=team.case, due_on="2026-06-10")
    assert answer["steps"][0]["at"] == "2026-06-03T19:00:00Z"
    assert answer["steps"][0]["local"] == "2026-06-04 00:00 Asia/Almaty"
    assert answer["steps"][0]["channels"] == ["email"]
    assert [one["why"] for one in answer["steps"]][-1] == "exhausted"
    assert foreseen(answer) == await lived(installation, team, chosen, due_on="2026-06-10")


async def test_a_late_entry_is_foreseen_as_it_is_lived(
    installation: Installation, team: Team
) -> None:
    entered_at = MARK + 5 * DAY + 3 * HOUR
    chosen = await policy(team)
    given = {"case_id": team.case, "due_on": "2026-06-10", "entered_at": entered_at.isoformat()}
    answer = await simulated(team, chosen, **given)
    installation.clock.set(entered_at)
    assert foreseen(answer) == await lived(installation, team, chosen, due_on="2026-06-10")
    assert answer["steps"][0]["at"] == entered_at.isoformat().replace("+00:00", "Z")


async def test_a_deadline_with_an_hour_and_quiet_hours_is_foreseen_as_it_is_lived(
    installation: Installation, team: Team
) -> None:
    for role in ("owner", "deputy", "supervisor"):
        await rests(team, role)
    chosen = await policy(team)
    due = {"due_at": "2026-06-10T20:30:00Z"}
    answer = await simulated(team, chosen, case_id=team.case, **due)
    assert answer["steps"][0]["shifted_from"] == "2026-06-03T20:30:00Z"
    assert answer["steps"][0]["at"] == "2026-06-03T16:00:00Z"
    assert foreseen(answer) == await lived(installation, team, chosen, **due)


async def test_absences_are_foreseen_as_they_are_lived(
    installation: Installation, team: Team
) -> None:
    """Owner and deputy are away at the mark: the step is empty, and the next ones come at once. The
    owner, who rests at night, is back before the end."""
    await rests(team, "owner")
    await leaves(team, "deputy", end="2026-06-05T00:00:00Z")
    await leaves(team, "owner", end="2026-06-08T00:00:00Z")
    chosen = await policy(team)
    answer = await simulated(team, chosen, case_id=team.case, due_on="2026-06-10")
    empty = [one for one in answer["steps"] if not one["people"]]
    assert [one["step"] for one in empty] == [0, 1]
    assert empty[0]["channels"] == []
    assert reached(answer) == await lived(installation, team, chosen, due_on="2026-06-10")


async def test_another_policy_can_be_tried_on_a_deadline_that_is_there(team: Team) -> None:
    deadline = await team.deadline(due_on="2026-06-10")
    chosen = await policy(team, [{"targets": ["supervisor"], "before_due": "P2D"}])
    answer = await simulated(team, chosen, deadline_id=deadline["id"])
    assert answer["deadline_id"] == deadline["id"]
    assert answer["entered_at"] == deadline["created_at"]
    assert foreseen(answer)[0] == (
        0,
        "2026-06-08T19:00:00Z",
        frozenset({team.people["supervisor"]}),
    )


async def test_one_may_look_from_another_instant(team: Team) -> None:
    chosen = await policy(team)
    given = {"case_id": team.case, "due_on": "2026-06-10", "entered_at": "2026-05-01T00:00:00Z"}
    at = (MARK + 2 * HOUR).isoformat()
    answer = await simulated(team, chosen, **given, at=at)
    assert answer["steps"][0]["step"] == 0, "missed by then, and told late"
    assert answer["steps"][1]["at"] == "2026-06-04T21:00:00Z", "silence runs from the real telling"


async def test_the_plan_of_a_deadline_is_the_same_time_line(team: Team) -> None:
    chosen = await policy(team)
    await leaves(team, "deputy", end="2026-07-01T00:00:00Z")
    deadline = await team.deadline(due_on="2026-06-10", escalation_policy_id=chosen)
    plan = await read(team.admin, f"/deadlines/{deadline['id']}/plan")
    answer = await simulated(team, chosen, deadline_id=deadline["id"])
    shown = [{**one} for one in answer["steps"]]
    for one in shown:
        del one["merged"], one["channels"]
    assert plan["upcoming"] == shown


async def test_endpoints_are_a_channel_where_they_asked_for_the_event(team: Team) -> None:
    url = "https://hooks.example.com/in"
    body = {"name": "e", "url": url, "events": ["reminder.*"]}
    await create(team.admin, "/endpoints", body)
    answer = await simulated(team, await policy(team), case_id=team.case, due_on="2026-06-10")
    assert [one["channels"] for one in answer["steps"]][:2] == [["email", "webhook"], ["email"]]


async def test_a_simulation_writes_nothing(installation: Installation, team: Team) -> None:
    deadline = await team.deadline()
    chosen = await policy(team)
    before = await installation.rows()
    await simulated(team, chosen, deadline_id=deadline["id"])
    await simulated(team, chosen, case_id=team.case, due_on="2026-03-03")
    assert await installation.rows() == before


async def test_a_deadline_that_has_ended_has_nothing_to_come(team: Team) -> None:
    deadline = await team.deadline()
    said = {"user_id": team.people["owner"], "reason": "entered twice"}
    await create(team.admin, f"/deadlines/{deadline['id']}/cancel", said)
    answer = await simulated(team, await policy(team), deadline_id=deadline["id"])
    assert (answer["steps"], answer["why"], answer["wake_at"]) == ([], "deadline_ended", None)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "missing_field", None),
        ({"case_id": "cas_" + "0" * 26}, "missing_field", None),
        ({"case_id": "cas_" + "0" * 26, "due_on": "2026-06-10"}, "unknown_reference", "case_id"),
        ({"deadline_id": "dln_" + "0" * 26}, "unknown_reference", "deadline_id"),
        ({"deadline_id": "dln_" + "0" * 26, "due_on": "2026-06-10"}, "invalid_input", None),
    ],
)
async def test_a_simulation_needs_one_deadline(
    team: Team, body: dict[str, Any], code: str, field: str | None
) -> None:
    chosen = await policy(team)
    answered = await team.admin.post(f"/escalation-policies/{chosen}/simulate", json=body)
    refused(answered, 422, code, field)


async def test_the_command_prints_what_is_foreseen_in_a_hundred_columns(
    installation: Installation, team: Team
) -> None:
    for role in ("owner", "deputy"):
        await rests(team, role)
    deadline = await team.deadline(
        due_at="2026-06-10T20:30:00Z", escalation_policy_id=await policy(team)
    )
    rows = await time_line(installation.runtime, deadline["id"], None)
    said = "\n".join(rows)
    assert rows[0] == f"{deadline['id']}, case K-17, version 1"
    assert "2026-06-03 16:00  2026-06-03 21:00  0     owner " + team.people["owner"] in said
    assert "  moved from 2026-06-03 20:30 UTC (nobody is woken)" in rows
    assert "@" not in said
    assert max(map(len, rows)) <= 100
    plan = await read(team.admin, f"/deadlines/{deadline['id']}/plan")
    instants = [row[:16] for row in rows if row.startswith("2026-")]
    assert instants == [one["at"][:16].replace("T", " ") for one in plan["upcoming"]]


async def test_the_command_looks_from_another_instant_and_refuses_what_is_none(
    installation: Installation, team: Team
) -> None:
    runtime = installation.runtime
    deadline = await team.deadline(escalation_policy_id=await policy(team))
    late = await time_line(runtime, deadline["id"], "2026-06-09T00:00:00+05:00")
    assert "Seen from 2026-06-08 19:00 UTC: active" in late
    with pytest.raises(Refusal, match="offset"):
        await time_line(runtime, deadline["id"], "2026-06-09")
    with pytest.raises(Refusal, match="no such deadline"):
        await time_line(runtime, "dln_" + "0" * 26, None)


def test_the_command_line_shows_the_time_line_and_refuses_an_unknown_deadline(
    sqlite_url: str, tmp_path: Path
) -> None:
    async def made() -> str:
        async with installed(sqlite_url, tmp_path) as one:
            return str((await (await one.team()).deadline())["id"])

    deadline_id = asyncio.run(made())
    settings = {
        "ADQUEM_HOME": str(tmp_path / "home"),
        "ADQUEM_DATABASE_URL": sqlite_url,
        "ADQUEM_REHEARSAL_CLOCK": str(tmp_path / "clock"),
    }
    shown = CliRunner().invoke(line, ["plan", deadline_id], env=settings)
    assert shown.exit_code == 0, shown.output
    assert "Due 2026-06-10 19:00 UTC, 2026-06-10 24:00 Asia/Almaty" in shown.output
    unknown = CliRunner().invoke(line, ["plan", "dln_" + "0" * 26], env=settings)
    assert unknown.exit_code == 1
    assert "not_found: There is no such deadline." in unknown.output
