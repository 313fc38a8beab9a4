"""What is wrong with an import: every fault with its path, nothing kept, no other team touched."""

from typing import Any

import pytest

from service.ids import new_id
from tests.api.installation import Installation, Team, case_body, create
from tests.api.test_imports import DETAINED, SERVED, STATED, Body, addresses, faults, one_case, sent
from tests.api.test_refusals import ECHO, refused
from tests.harness.world import START

_WRONG: dict[str, tuple[Body, dict[str, str]]] = {
    "30 February": (
        {"deadlines": [STATED, STATED | {"due_on": "2026-02-30"}]},
        {"deadlines.1.due_on": "invalid_date"},
    ),
    "unknown rule": (
        {"trigger_events": [SERVED | {"rules": ["xx.one", *SERVED["rules"], "xx.two"]}]},
        {"trigger_events.0.rules.0": "unknown_rule", "trigger_events.0.rules.2": "unknown_rule"},
    ),
    "nobody of that address": (
        {"roles": [{"role": "owner", "email": f"{ECHO}@example.org"}], "deadlines": [STATED]},
        {"roles.0.email": "unknown_reference"},
    ),
    "nobody of that id": (
        {"roles": [{"role": "owner", "user_id": new_id("usr", START)}]},
        {"roles.0.user_id": "unknown_reference"},
    ),
    "a person by id and by address": (
        {"roles": [{"role": "owner", "user_id": new_id("usr", START), "email": "a@example.org"}]},
        {"roles.0": "missing_field"},
    ),
    "deadlines without an owner": (
        {"roles": [], "trigger_events": [DETAINED], "deadlines": [STATED, STATED]},
        {"roles": "owner_required"},
    ),
    "a critical deadline and two moments, with no deputy": (
        {
            "roles": [{"role": "owner", "email": "OWNER"}],
            "deadlines": [
                STATED | {"critical": True},
                STATED | {"due_at": "2026-06-10T13:00:00Z"},
            ],
        },
        {"deadlines.0.critical": "deputy_required", "deadlines.1": "missing_field"},
    ),
    "served before it happened": (
        {"trigger_events": [DETAINED, SERVED | {"served_on": "2026-02-19"}]},
        {"trigger_events.1": "invalid_date"},
    ),
    "no day of service for a rule that runs from it": (
        {"trigger_events": [{k: v for k, v in SERVED.items() if k != "served_on"}]},
        {"trigger_events.0.served_on": "missing_field"},
    ),
    "what an import says elsewhere": (
        {
            "team_id": new_id("team", START),
            "trigger_events": [DETAINED | {"user_id": new_id("usr", START)}],
            "deadlines": [STATED | {"case_id": new_id("cas", START)}],
        },
        {
            "team_id": "unknown_field",
            "trigger_events.0.user_id": "unknown_field",
            "deadlines.0.case_id": "unknown_field",
        },
    ),
    "everything of the case, and what hangs on it": (
        {
            "code": f"{ECHO} 1",
            "timezone": "EST",
            "calendar": "XX",
            "escalation_policy_id": new_id("pol", START),
            "colour": ECHO,
            "deadlines": [STATED | {"escalation_policy_id": new_id("pol", START)}],
            "trigger_events": [SERVED | {"rules": ["xx"]}],
        },
        {
            "code": "invalid_input",
            "timezone": "invalid_timezone",
            "calendar": "unknown_calendar",
            "escalation_policy_id": "unknown_reference",
            "colour": "unknown_field",
            "deadlines.0.escalation_policy_id": "unknown_reference",
            "trigger_events.0.rules.0": "unknown_rule",
        },
    ),
    "parts that are no list": ({"deadlines": {}}, {"deadlines": "invalid_input"}),
    "too many parts": ({"deadlines": [STATED] * 101}, {"deadlines": "invalid_input"}),
}


@pytest.mark.parametrize("name", _WRONG)
async def test_each_fault_is_said_with_its_path_and_nothing_is_kept(
    installation: Installation, team: Team, name: str
) -> None:
    given, wrong = _WRONG[name]
    for role in given.get("roles", ()):
        if role.get("email") == "OWNER":
            given = given | {"roles": [role | {"email": addresses(team)["owner"]}]}
    good = one_case(team, deadlines=[STATED])
    before = await installation.rows()
    for dry_run in (True, False):
        bad = one_case(team, "N-2") | given
        response = await sent(team, good, bad, dry_run=dry_run)
        assert faults(response) == {f"cases.1.{path}": code for path, code in wrong.items()}
        assert await installation.rows() == before


async def test_what_is_no_case_at_all_is_a_fault_of_its_own_and_hides_no_other(team: Team) -> None:
    wrong = [17, None, "K-1", {}, one_case(team) | {"code": "k"}]
    found = faults(await sent(team, *wrong))
    assert {path.split(".")[1] for path in found} == {"0", "1", "2", "3", "4"}
    assert found["cases.3.timezone"] == "missing_field"


async def test_the_name_of_an_unknown_field_of_a_case_may_be_anything(
    installation: Installation, team: Team
) -> None:
    before = await installation.rows()
    body = '{"cases": [{"code": "N-1", "timezone": "Asia/Almaty", "\\ud800": 1, "a.b": 2}]}'
    response = await team.admin.post(
        "/imports", content=body, headers={"content-type": "application/json"}
    )
    refused(response, 422, "import_refused")
    assert await installation.rows() == before


async def test_what_stands_twice_in_the_import_or_once_in_the_team_is_a_fault(team: Team) -> None:
    await create(team.admin, "/cases", case_body("OLD-1", {}, external_id="sheet/1"))
    await team.deadline(external_id="court/1")
    known = STATED | {"external_id": "court/1"}
    twin = STATED | {"external_id": "court/2"}
    response = await sent(
        team,
        one_case(team, "N-1", external_id="sheet/2", deadlines=[twin]),
        one_case(team, "N-1", external_id="sheet/2", deadlines=[twin, known]),
        one_case(team, "OLD-1", external_id="sheet/1"),
    )
    assert faults(response) == {
        "cases.1.code": "duplicate",
        "cases.1.external_id": "duplicate",
        "cases.1.deadlines.0.external_id": "duplicate",
        "cases.1.deadlines.1.external_id": "duplicate",
        "cases.2.code": "duplicate",
        "cases.2.external_id": "duplicate",
    }
    said = {one["field"]: one["message"] for one in response.json()["errors"]}
    assert "cases.0.code" in said["cases.1.code"]


async def test_two_hundred_faults_are_listed_and_all_are_counted(team: Team) -> None:
    wrong = STATED | {"due_on": "2026-02-30"}
    cases = [one_case(team, f"N-{number}", deadlines=[wrong] * 50) for number in range(5)]
    response = await sent(team, *cases)
    assert len(faults(response)) == 200
    assert "250 faults" in response.json()["detail"]


@pytest.mark.parametrize("number", [0, 1001])
async def test_an_import_holds_one_case_at_least_and_a_thousand_at_most(
    installation: Installation, team: Team, number: int
) -> None:
    before = await installation.rows()
    refused(await sent(team, *[{}] * number), 422, "invalid_input", "cases")
    assert await installation.rows() == before


@pytest.mark.parametrize("value", [0, "no", None])
async def test_only_a_plain_no_ends_the_dry_run(team: Team, value: Any) -> None:
    refused(await sent(team, one_case(team), dry_run=value), 422, "invalid_input", "dry_run")


# --- walls


async def test_people_and_policies_of_another_team_are_not_there(
    installation: Installation, team: Team
) -> None:
    theirs = await installation.team("T-1", "Theirs")
    steps = [{"targets": ["owner"], "before_due": "P1D"}]
    policy = await create(theirs.admin, "/escalation-policies", {"name": "p", "steps": steps})
    before = await installation.rows()
    roles = [
        {"role": "owner", "email": addresses(theirs)["owner"]},
        {"role": "deputy", "user_id": theirs.people["deputy"]},
    ]
    deadline = STATED | {"escalation_policy_id": policy["id"]}
    case = one_case(team, deadlines=[deadline]) | {"escalation_policy_id": policy["id"]}
    response = await sent(team, case | {"roles": roles}, one_case(team, "T-1"), dry_run=False)
    assert faults(response) == {
        "cases.0.roles.0.email": "unknown_reference",
        "cases.0.roles.1.user_id": "unknown_reference",
        "cases.0.escalation_policy_id": "unknown_reference",
        "cases.0.deadlines.0.escalation_policy_id": "unknown_reference",
    }, "that another team has a case T-1 is no fault, and nobody's business"
    refused(await sent(team, one_case(team), team_id=theirs.id), 404, "not_found")
    stranger = await sent(team, one_case(team), user_id=theirs.people["owner"])
    refused(stranger, 422, "unknown_reference", "user_id")
    assert await installation.rows() == before


async def test_somebody_who_has_been_disabled_is_not_put_on_a_case(
    installation: Installation, team: Team
) -> None:
    async with installation.runtime.transaction() as session:
        connection = await session.connection()
        await connection.exec_driver_sql(
            "UPDATE users SET disabled_at = '2026-03-01 00:00:00' WHERE id = ?",
            (team.people["deputy"],),
        )
    assert faults(await sent(team, one_case(team))) == {
        "cases.0.roles.1.email": "unknown_reference"
    }


async def test_a_key_that_only_reads_tries_no_import(
    installation: Installation, team: Team
) -> None:
    reader = installation.client(await installation.key(scope="read", team_id=team.id))
    body = {"cases": [one_case(team)]}
    refused(await reader.post("/imports", json=body), 403, "forbidden")
    refused(await installation.operator.post("/imports", json=body), 422, "missing_field")
