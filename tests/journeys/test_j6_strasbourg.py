"""J6: six months, then four; a Sunday that does not move; a State that has left."""

from datetime import UTC, datetime
from typing import Any

from tests.harness.world import World
from tests.journeys.docket import Docket, check_nothing_lost, open_docket

LADDER = [{"before_due": "P30D", "targets": ["owner"]}]
RULE = "echr.art-35.application"


def strasbourg(docket: Docket, respondent: str, code: str = "R-09") -> str:
    roles = [{"role": role, "user_id": user} for role, user in docket.people.items()]
    case: str = docket.post(
        "/cases",
        team_id=docket.team,
        code=code,
        timezone="Europe/Paris",
        forum="echr",
        calendar="FR-6AE",
        respondent_state=respondent,
        escalation_policy_id=docket.policy,
        roles=roles,
    )["id"]
    return case


def final_decision(docket: Docket, case: str, given: str, served: str, **more: Any) -> Any:
    return docket.post(
        f"/cases/{case}/trigger-events",
        kind="decision.final-domestic",
        occurred_on=given,
        served_on=served,
        **more,
    )


def test_six_months_then_four_and_no_date_against_a_state_that_left(world: World) -> None:
    world.clock.set(datetime(2022, 2, 14, 6, tzinfo=UTC))
    docket = open_docket(world, LADDER)
    case = strasbourg(docket, "RU")
    dates = {
        served: final_decision(docket, case, given, served)["deadlines"][0]
        for given, served in (
            ("2020-02-03", "2020-02-10"),
            ("2022-01-20", "2022-02-10"),
            ("2022-02-02", "2022-02-11"),
        )
    }
    assert {served: one["due_on"] for served, one in dates.items()} == {
        "2020-02-10": "2020-08-10",
        "2022-02-10": "2022-08-10",
        "2022-02-11": "2022-06-11",
    }
    citations = [source["citation"] for source in dates["2022-02-10"]["sources"]]
    assert any("Orhan" in citation for citation in citations)

    # A last day that is a Sunday does not move; the Friday before it is the day to act by.
    sunday = final_decision(docket, case, "2022-02-09", "2022-02-12")["deadlines"][0]
    assert (sunday["due_on"], sunday["act_by_on"]) == ("2022-06-12", "2022-06-10")

    late = final_decision(docket, case, "2023-02-02", "2023-02-10")
    assert late["deadlines"] == []
    reason = late["not_started"][RULE]
    assert "16 September 2022" in reason
    early_facts = final_decision(docket, case, "2023-02-02", "2023-02-10", facts_on="2021-07-01")
    assert [one["due_on"] for one in early_facts["deadlines"]] == ["2023-06-10"]

    # The same facts against a State that stayed have their date.
    stayed = strasbourg(docket, "TR", "R-10")
    made = final_decision(docket, stayed, "2023-02-02", "2023-02-10")
    assert [one["due_on"] for one in made["deadlines"]] == ["2023-06-10"]
    world.eventually(lambda: check_nothing_lost(docket))
