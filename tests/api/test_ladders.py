"""Which ladder a deadline climbs: its own, its case's, its team's default, or the built-in one."""

from typing import Any

from tests.api.installation import Installation, Team, case_body, change, create, read

OWNER = ["owner"]


def policy(name: str, *days: int, **given: Any) -> dict[str, Any]:
    steps = [{"targets": OWNER, "before_due": f"P{day}D"} for day in days]
    return {"name": name, "steps": steps} | given


async def marks(team: Team, deadline: dict[str, Any]) -> list[str]:
    steps = (await read(team.admin, f"/deadlines/{deadline['id']}/plan"))["upcoming"]
    return [one["local"][:10] for one in steps if one["why"] in ("mark", "merged")]


async def test_a_default_of_the_team_holds_for_the_deadlines_that_it_names(team: Team) -> None:
    await create(team.admin, "/escalation-policies", policy("all", 5, default_for={}))
    hearings = {"kinds": ["hearing"]}
    await create(team.admin, "/escalation-policies", policy("h", 2, default_for=hearings))
    filing, hearing = await team.deadline(), await team.deadline(kind="hearing")
    assert (await marks(team, filing))[0] == "2026-06-06"
    assert (await marks(team, hearing))[0] == "2026-06-09"


async def test_what_a_case_or_a_deadline_names_goes_before_the_default(team: Team) -> None:
    await create(team.admin, "/escalation-policies", policy("all", 5, default_for={}))
    own = await create(team.admin, "/escalation-policies", policy("own", 4))
    cases = await create(team.admin, "/escalation-policies", policy("case", 3))
    body = case_body("B-1", team.people, escalation_policy_id=cases["id"])
    case = await create(team.admin, "/cases", body)
    by_case = await team.deadline(case_id=case["id"])
    by_deadline = await team.deadline(case_id=case["id"], escalation_policy_id=own["id"])
    assert (await marks(team, by_case))[0] == "2026-06-08"
    assert (await marks(team, by_deadline))[0] == "2026-06-07"


async def test_a_default_that_is_taken_away_or_changed_is_planned_anew_at_once(
    team: Team, installation: Installation
) -> None:
    made = await create(team.admin, "/escalation-policies", policy("all", 5, default_for={}))
    deadline = await team.deadline()
    path = f"/escalation-policies/{made['id']}"
    changed = await change(team.admin, path, {"steps": policy("x", 6)["steps"]})
    assert changed["default_for"] == {"kinds": [], "forces": [], "critical": None}
    assert (await marks(team, deadline))[0] == "2026-06-05"
    assert (await change(team.admin, path, {"default_for": None}))["default_for"] is None
    assert (await marks(team, deadline))[0] != "2026-06-05"


async def test_another_teams_default_means_nothing_here(
    team: Team, installation: Installation
) -> None:
    other = await installation.team("X-1", "Other")
    await create(other.admin, "/escalation-policies", policy("all", 5, default_for={}))
    assert (await marks(team, await team.deadline()))[0] != "2026-06-06"


async def test_a_mark_in_court_days_is_read_back_as_it_was_given(team: Team) -> None:
    step = {"targets": ["owner", "deputy"], "court_days_before_due": 5, "need": "all"}
    made = await create(team.admin, "/escalation-policies", {"name": "five", "steps": [step]})
    shown = made["steps"][0]
    assert {name: shown[name] for name in step} == step
    assert shown["before_due"] is None
    deadline = await team.deadline(escalation_policy_id=made["id"])
    # Wednesday 10 June, at its end; Saturday and Sunday do not count.
    assert (await marks(team, deadline))[0] == "2026-06-04"


async def test_two_court_days_after_the_due_day_leave_out_the_weekend(team: Team) -> None:
    body = {"name": "after", "steps": [{"targets": OWNER, "court_days_after_due": 2}]}
    made = await create(team.admin, "/escalation-policies", body)
    assert made["steps"][0]["court_days_after_due"] == 2
    friday = await team.deadline(due_on="2026-06-12", escalation_policy_id=made["id"])
    assert (await marks(team, friday))[0] == "2026-06-17", "at the end of Tuesday"


async def test_a_span_given_twice_is_refused(team: Team) -> None:
    step = {"targets": OWNER, "court_days_before_due": 5, "before_due": "P5D"}
    body = {"name": "twice", "steps": [step]}
    answer = await team.admin.post("/escalation-policies", json=body)
    assert answer.status_code == 422
    assert answer.json()["field"] == "steps.0"
