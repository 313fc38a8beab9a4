"""How a deadline comes into being, explains itself, is answered, and ends."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.installation import Installation, Team, case_body, change, create, read
from tests.api.test_refusals import refused

DETAINED = {"kind": "detention.wanted-abroad", "occurred_on": "2025-05-13"}


async def trigger(team: Team, **body: Any) -> dict[str, Any]:
    return await create(team.admin, f"/cases/{team.case}/trigger-events", body)


def last_day(deadline: dict[str, Any]) -> str:
    """The day on which the last line of the reckoning ends."""
    on: str = deadline["derivation"][-1]["on"]
    return on


async def test_forty_days_of_custody_from_13_may_2025_end_on_21_june_2025(team: Team) -> None:
    made = await trigger(team, **DETAINED, rules=["kz.cpc.588.temporary-custody"])
    deadline = made["deadlines"][0]
    assert (deadline["due_on"], last_day(deadline)) == ("2025-06-21", "2025-06-21")
    assert deadline["due_at"] == "2025-06-21T19:00:00Z"
    assert made["not_started"] == {}


async def test_an_appeal_served_on_29_january_2026_is_due_on_6_february_2026(team: Team) -> None:
    """Ten days end on Sunday the 8th; what is safe is the court day before it."""
    made = await trigger(
        team,
        kind="decision.extradition",
        occurred_on="2026-01-20",
        served_on="2026-01-29",
        rules=["kz.cpc.592.extradition-appeal"],
    )
    [deadline] = made["deadlines"]
    assert (deadline["due_on"], last_day(deadline)) == ("2026-02-08", "2026-02-08")
    assert deadline["act_by_on"] == "2026-02-06", "the Friday before a Sunday that may not move"
    readings = [(reading["due_on"], reading["reason"]) for reading in deadline["readings"]]
    assert [on for on, _ in readings] == ["2026-02-08", "2026-02-09"]
    assert all(reason for _, reason in readings)
    assert [step["key"] for step in deadline["derivation"]] == ["trigger", "counted", "ends"]
    assert deadline["calendar_version"].startswith("holidays-")


async def test_a_disputed_custody_term_shows_every_arguable_end_and_goes_by_the_earliest(
    team: Team,
) -> None:
    made = await trigger(
        team,
        kind="detention.wanted-abroad",
        occurred_at="2025-05-13T15:40:00+05:00",
        ruled_on="2025-05-17",
        rules=["kz.cpc.588.temporary-custody"],
    )
    deadline = made["deadlines"][0]
    assert deadline["due_at"] == "2025-06-21T19:00:00Z"
    assert deadline["act_by_on"] is None, "custody ends when it ends"
    assert [reading["due_on"] for reading in deadline["readings"]] == [
        "2025-06-21",
        "2025-06-22",
        "2025-06-25",
        "2025-06-26",
    ]


async def test_a_trigger_event_starts_every_clock_that_its_kind_starts(team: Team) -> None:
    made = await trigger(
        team, kind="detention.wanted-abroad", occurred_at="2025-05-13T15:40:00+05:00"
    )
    due = {one["rule_id"]: one["due_at"] for one in made["deadlines"]}
    assert due == {
        "kz.cpc.587.identity-check": "2025-05-16T10:40:00Z",
        "kz.cpc.588.temporary-custody": "2025-06-21T19:00:00Z",
        # Counted back from the ends of the two above.
        "kz.cpc.588.custody-motion": "2025-05-15T22:40:00Z",
        "kz.cpc.588.prison-warning": "2025-06-11T19:00:00Z",
    }
    started = {one["rule_id"] for one in made["deadlines"] if one["trigger_event_id"] == made["id"]}
    assert started == {"kz.cpc.587.identity-check", "kz.cpc.588.temporary-custody"}
    for deadline in made["deadlines"]:
        assert last_day(deadline) == deadline["due_on"]
        assert deadline["sources"][0]["citation"]
        assert any(step["source"] for step in deadline["derivation"])


async def test_a_rule_that_gives_no_date_says_why_and_the_others_go_on(team: Team) -> None:
    made = await trigger(team, **DETAINED)
    started = [one["rule_id"] for one in made["deadlines"]]
    assert started == ["kz.cpc.588.temporary-custody", "kz.cpc.588.prison-warning"]
    assert "instant" in made["not_started"]["kz.cpc.587.identity-check"]


async def test_the_rule_that_was_in_force_on_the_day_is_applied(team: Team) -> None:
    due = {}
    for day in ("2022-01-31", "2022-02-02"):
        made = await trigger(
            team,
            kind="decision.final-domestic",
            occurred_on=day,
            served_on=day,
            rules=["echr.art-35.application"],
        )
        due[day] = made["deadlines"][0]["due_on"]
    assert due == {"2022-01-31": "2022-07-31", "2022-02-02": "2022-06-02"}


async def test_the_derivation_can_be_read_again_with_what_it_rests_on(team: Team) -> None:
    rules = ["kz.cpc.588.temporary-custody"]
    made = (await trigger(team, **DETAINED, rules=rules))["deadlines"][0]
    derivation = await read(team.admin, f"/deadlines/{made['id']}/derivation")
    assert derivation["derivation"] == made["derivation"]
    assert derivation["sources"][0]["citation"].endswith("art. 588(1)")
    assert derivation["warnings"] == [
        "This rule is secondary: confirm before relying on the date."
    ], "how custody is counted was read in a newspaper only"
    assert derivation["zone_data_version"]


async def test_a_stated_date_says_where_it_stands(team: Team) -> None:
    made = await team.deadline(due_on="2026-06-10", source="Ruling of 1 March 2026, p. 2")
    assert made["derivation"][0]["key"] == "stated"
    assert made["derivation"][0]["source"] == "Ruling of 1 March 2026, p. 2"
    assert made["due_at"] == "2026-06-10T19:00:00Z"


async def test_a_stated_hour_is_kept_and_its_day_is_the_forums(team: Team) -> None:
    made = await team.deadline(due_at="2026-06-10T21:30:00Z")
    assert (made["due_on"], made["due_at"]) == ("2026-06-11", "2026-06-10T21:30:00Z")


async def test_deadlines_are_found_by_instant_case_state_and_kind(team: Team) -> None:
    other = await create(team.admin, "/cases", case_body("K-18", team.people))
    june = await team.deadline(due_on="2026-06-10")
    july = await team.deadline(due_at="2026-07-10T13:00:00Z", kind="hearing")
    elsewhere = await team.deadline(case_id=other["id"], due_on="2026-08-10")
    person = {"user_id": team.people["owner"], "proof": "receipt 7/26"}
    await create(team.admin, f"/deadlines/{june['id']}/complete", person)

    async def found(**query: Any) -> list[str]:
        items = (await read(team.admin, "/deadlines", **query))["items"]
        return [item["id"] for item in items]

    everything = [june["id"], july["id"], elsewhere["id"]]
    assert await found() == everything
    assert await found(due_before="2026-07-10T13:00:00Z") == everything[:1]
    assert await found(due_after="2026-07-10T13:00:00Z") == everything[1:]
    assert await found(due_after="2026-07-10T18:00:00+05:00") == everything[1:]
    assert await found(case=other["id"]) == everything[2:]
    assert await found(kind="hearing") == [july["id"]]
    assert await found(status="completed") == [june["id"]]
    assert await found(status=["completed", "provisional"], kind="filing") == [
        june["id"],
        elsewhere["id"],
    ]


async def test_a_deadline_is_overdue_from_its_instant_on(
    installation: Installation, team: Team
) -> None:
    made = await team.deadline(due_at="2026-03-02T05:00:00Z")
    path = f"/deadlines/{made['id']}"
    assert made["overdue"] is False
    installation.clock.advance(timedelta(minutes=59, seconds=59))
    assert (await read(team.admin, path))["overdue"] is False
    installation.clock.advance(timedelta(seconds=1))
    assert (await read(team.admin, path))["overdue"] is True


async def test_the_plan_shows_who_is_told_what_and_when(team: Team) -> None:
    made = await team.deadline(due_on="2026-06-10")
    plan = await read(team.admin, f"/deadlines/{made['id']}/plan")
    assert (plan["state"], plan["due"], plan["fired"]) == ("active", None, {})
    first = plan["upcoming"][0]
    assert (first["at"], first["roles"]) == ("2026-05-11T19:00:00Z", ["owner"])
    assert first["people"] == [team.people["owner"]]
    assert first["local"] == "2026-05-12 00:00 Asia/Almaty"
    assert plan["wake_at"] == first["at"]
    instants = [step["at"] for step in plan["upcoming"]]
    assert instants == sorted(instants)
    told = {person for step in plan["upcoming"] for person in step["people"]}
    assert told == {team.people[role] for role in ("owner", "deputy", "supervisor")}


async def test_a_policy_of_the_team_decides_the_plan(team: Team) -> None:
    steps = [
        {"targets": ["supervisor"], "before_due": "P3D"},
        {"targets": ["deputy"], "no_response_for": "PT4H"},
    ]
    policy = await create(team.admin, "/escalation-policies", {"name": "p", "steps": steps})
    made = await team.deadline(due_on="2026-06-10", escalation_policy_id=policy["id"])
    plan = await read(team.admin, f"/deadlines/{made['id']}/plan")
    assert [(step["at"], step["roles"]) for step in plan["upcoming"]] == [
        ("2026-06-07T19:00:00Z", ["supervisor"]),
        ("2026-06-07T23:00:00Z", ["deputy"]),
        # And on every four hours, to all who can act, until somebody decides.
        ("2026-06-08T03:00:00Z", ["lead", "owner", "deputy", "supervisor"]),
    ]
    assert plan["upcoming"][-1]["why"] == "exhausted"


@pytest.mark.parametrize("roles", [["owner"], ["owner", "supervisor"]])
async def test_a_critical_deadline_needs_a_deputy(
    installation: Installation, team: Team, roles: list[str]
) -> None:
    people = {role: team.people[role] for role in roles}
    case = await create(team.admin, "/cases", case_body("K-30", people))
    before = await installation.rows()
    body = {"case_id": case["id"], "title": "x", "kind": "filing", "due_on": "2026-06-10"}
    response = await team.admin.post("/deadlines", json=body | {"critical": True})
    refused(response, 422, "deputy_required", "critical")
    assert await installation.rows() == before


async def test_the_owner_is_not_their_own_deputy(installation: Installation, team: Team) -> None:
    owner = team.people["owner"]
    people = {"owner": owner, "deputy": owner}
    case = await create(team.admin, "/cases", case_body("K-30", people))
    body = {"case_id": case["id"], "title": "x", "kind": "filing", "due_on": "2026-06-10"}
    response = await team.admin.post("/deadlines", json=body | {"critical": True})
    refused(response, 422, "deputy_required", "critical")


async def test_a_deadline_becomes_critical_only_with_a_deputy(
    installation: Installation, team: Team
) -> None:
    case = await create(team.admin, "/cases", case_body("K-30", {"owner": team.people["owner"]}))
    due = await team.deadline(case_id=case["id"])
    etag = (await team.admin.get(f"/deadlines/{due['id']}")).headers["etag"]
    before = await installation.rows()
    response = await team.admin.patch(
        f"/deadlines/{due['id']}", json={"critical": True}, headers={"if-match": etag}
    )
    refused(response, 422, "deputy_required", "critical")
    assert await installation.rows() == before


async def test_the_last_deputy_cannot_leave_a_case_with_a_critical_deadline(
    installation: Installation, team: Team
) -> None:
    await team.deadline(critical=True)
    path = f"/cases/{team.case}"
    etag = (await team.admin.get(path)).headers["etag"]
    roles = [{"role": "owner", "user_id": team.people["owner"]}]
    before = await installation.rows()
    response = await team.admin.patch(path, json={"roles": roles}, headers={"if-match": etag})
    refused(response, 422, "deputy_required")
    assert await installation.rows() == before


async def entered(installation: Installation, team: Team) -> tuple[dict[str, Any], Any]:
    """A deadline that the owner entered with a key of their own, and that key's client."""
    key = await installation.key(scope="write", team_id=team.id, user_id=team.people["owner"])
    client = installation.client(key)
    body = {"case_id": team.case, "title": "Appeal", "kind": "filing", "due_on": "2026-06-10"}
    return await create(client, "/deadlines", body), client


async def test_a_deadline_is_verified_by_a_second_person(
    installation: Installation, team: Team
) -> None:
    due, owner = await entered(installation, team)
    path = f"/deadlines/{due['id']}/verify"
    before = await installation.rows()
    refused(await owner.post(path, json={}), 422, "second_person_required", "user_id")
    assert await installation.rows() == before
    deputy = team.people["deputy"]
    verified = await create(team.admin, path, {"user_id": deputy})
    assert (verified["state"], verified["verified_by"]) == ("open", deputy)


async def test_a_team_key_does_not_turn_the_one_who_entered_into_a_second_person(
    installation: Installation, team: Team
) -> None:
    due, _ = await entered(installation, team)
    response = await team.admin.post(
        f"/deadlines/{due['id']}/verify", json={"user_id": team.people["owner"]}
    )
    refused(response, 422, "second_person_required", "user_id")


async def test_completion_needs_proof(installation: Installation, team: Team) -> None:
    path = f"/deadlines/{(await team.deadline())['id']}/complete"
    before = await installation.rows()
    for proof in ({}, {"proof": ""}, {"proof": "x"}, {"proof": "  "}):
        body = proof | {"user_id": team.people["owner"]}
        response = await team.admin.post(path, json=body)
        refused(response, 422, response.json()["code"], "proof")
    assert await installation.rows() == before


async def test_whatever_is_answered_is_answered_by_a_person(
    installation: Installation, team: Team
) -> None:
    path = f"/deadlines/{(await team.deadline())['id']}"
    before = await installation.rows()
    answers: dict[str, dict[str, str]] = {
        "acknowledge": {},
        "verify": {},
        "complete": {"proof": "receipt 7/26"},
        "waive": {"reason": "not needed"},
        "cancel": {"reason": "entered twice"},
    }
    for verb, body in answers.items():
        response = await team.admin.post(f"{path}/{verb}", json=body)
        refused(response, 422, "person_required", "user_id")
    assert await installation.rows() == before


async def test_an_acknowledged_deadline_is_not_done(installation: Installation, team: Team) -> None:
    due = await team.deadline()
    path = f"/deadlines/{due['id']}"
    answer = await create(
        team.admin, f"{path}/acknowledge", {"user_id": team.people["owner"], "note": "on it"}
    )
    assert (answer["kind"], answer["version"]) == ("acknowledge", 1)
    found = await read(team.admin, path)
    assert (found["state"], found["ended_at"]) == ("provisional", None)


ENDS = {
    "complete": ("proof", "completed"),
    "waive": ("reason", "waived"),
    "cancel": ("reason", "cancelled"),
}


@pytest.mark.parametrize("verb", ENDS)
async def test_an_ended_deadline_stays_visible_and_cannot_end_twice(
    installation: Installation, team: Team, verb: str
) -> None:
    field, state = ENDS[verb]
    due = await team.deadline()
    path = f"/deadlines/{due['id']}"
    owner = team.people["owner"]
    body = {"user_id": owner, field: "receipt 7/26"}
    ended = await create(team.admin, f"{path}/{verb}", body)
    assert (ended["state"], ended["ended_by"], ended["ended_because"]) == (
        state,
        owner,
        "receipt 7/26",
    )
    items = (await read(team.admin, "/deadlines"))["items"]
    assert [item["id"] for item in items] == [due["id"]]
    assert (await read(team.admin, f"{path}/plan"))["upcoming"] == []
    before = await installation.rows()
    for other, (wants, _) in ENDS.items():
        again = {"user_id": owner, wants: "receipt 8/26"}
        refused(await team.admin.post(f"{path}/{other}", json=again), 409, "illegal_state")
    for other in ("verify", "acknowledge"):
        response = await team.admin.post(f"{path}/{other}", json={"user_id": owner})
        refused(response, 409, "illegal_state")
    assert await installation.rows() == before


async def test_the_journal_of_a_case_tells_what_happened_without_free_text(
    installation: Installation, team: Team
) -> None:
    due = await team.deadline(title="Secret appeal", notes="Secret notes")
    installation.clock.advance(timedelta(minutes=1))
    await change(team.admin, f"/deadlines/{due['id']}", {"title": "Secret title"})
    installation.clock.advance(timedelta(minutes=1))
    proof = {"user_id": team.people["owner"], "proof": "Secret receipt"}
    await create(team.admin, f"/deadlines/{due['id']}/complete", proof)
    response = await team.admin.get(f"/cases/{team.case}/journal")
    assert {"case.opened", "deadline.created", "deadline.changed", "deadline.completed"} == {
        entry["action"] for entry in response.json()["items"]
    }
    assert "Secret" not in response.text


async def test_an_endpoints_test_goes_the_way_of_every_event(team: Team) -> None:
    url = "https://hooks.example.com/in"
    endpoint = await create(team.admin, "/endpoints", {"name": "e", "url": url})
    message = await create(team.admin, f"/endpoints/{endpoint['id']}/test", {})
    assert (message["event"], message["state"]) == ("endpoint.test", "due")
    assert await read(team.admin, f"/messages/{message['id']}") == message
    listed = await read(team.admin, f"/endpoints/{endpoint['id']}/messages")
    assert [one["id"] for one in listed["items"]] == [message["id"]]
