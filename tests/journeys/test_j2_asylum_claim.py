"""J2: four dates of one claim; a paper that says another; a silence that starts a clock; a clock that
stands still."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.harness.world import World
from tests.journeys.docket import Docket, ask, check_nothing_lost, open_docket

LADDER = [
    {"before_due": "P30D", "targets": ["owner"]},
    {"no_response_for": "P2D", "targets": ["deputy"]},
    {"before_due": "P7D", "targets": ["owner", "deputy"]},
    {"after_due": "PT0H", "targets": ["owner", "deputy", "supervisor"]},
]
REGISTERED_AT = datetime(2025, 5, 21, 6, tzinfo=UTC)
#: The end of 19 August in Almaty.
SILENT_AT = datetime(2025, 8, 19, 19, tzinfo=UTC)


def started(docket: Docket, case: str, **event: Any) -> dict[str, dict[str, Any]]:
    """Rule id to the deadline that the event started."""
    made = docket.post(f"/cases/{case}/trigger-events", **event)
    return {one["rule_id"]: one for one in made["deadlines"]}


def asylum_case(docket: Docket) -> str:
    roles = [{"role": role, "user_id": user} for role, user in docket.people.items()]
    case: str = docket.post(
        "/cases",
        team_id=docket.team,
        code="K-17A",
        timezone="Asia/Almaty",
        forum="kz.asylum",
        calendar="KZ",
        escalation_policy_id=docket.policy,
        roles=roles,
    )["id"]
    return case


def by_rule(docket: Docket, case: str) -> dict[str, dict[str, Any]]:
    live = docket.get("/deadlines", case=case, limit=200)["items"]
    return {one["rule_id"]: one for one in live}


def mailed(docket: Docket, subject: str) -> list[str]:
    return [m.recipients[0] for m in docket.world.mails.mails if m.subject.startswith(subject)]


def test_the_claim_from_registration_to_silence(world: World) -> None:
    world.clock.set(REGISTERED_AT)
    docket = open_docket(world, LADDER)
    case = asylum_case(docket)
    decision = started(docket, case, kind="asylum.registered", occurred_on="2025-05-21")[
        "kz.refugee.11.decision"
    ]
    assert decision["due_on"] == "2025-08-21"
    assert (decision["kind"], decision["duty_holder"]) == ("watch", "authority")
    certificate = started(
        docket, case, kind="certificate.asylum-seeker-issued", occurred_on="2025-05-21"
    )["kz.refugee.certificate"]
    assert (certificate["kind"], certificate["due_on"]) == ("expiry", "2025-08-20")

    # A month before the computed date the owner is told of it, and acknowledges nothing.
    docket.move(datetime(2025, 7, 22, 19, tzinfo=UTC))
    # It comes in one mail with that of the certificate.
    world.eventually(lambda: [m for m in world.mails.mails if "21 August 2025" in m.text])

    # An official paper counts 90 days: both dates are kept, everyone told of the old one is told.
    moved = docket.post(
        f"/deadlines/{decision['id']}/override",
        user_id=docket.people["supervisor"],
        due_on="2025-08-19",
        reason="the certificate names 90 days",
        source="letter of the local executive body",
    )
    assert (moved["due_on"], moved["computed_on"]) == ("2025-08-19", "2025-08-21")
    assert moved["difference_days"] == -2
    changed = "CHANGED: K-17A, due 19 August 2025, was 21 August 2025"
    assert world.eventually(lambda: mailed(docket, changed)) == ["owner@example.org"]
    [event] = world.eventually(lambda: docket.events("deadline.date_changed"))
    assert (event["data"]["due_on"], event["data"]["previous_due_on"]) == (
        "2025-08-19",
        "2025-08-21",
    )
    plan = docket.get(f"/deadlines/{decision['id']}/plan")
    last_mark = [step for step in plan["upcoming"] if step["why"] == "mark"][-1]
    assert last_mark["at"] == "2025-08-19T19:00:00Z", "reminders go by the paper"

    # The certificate is renewed in time, and its validity starts again.
    docket.move(datetime(2025, 8, 15, 6, tzinfo=UTC))
    renewed = docket.post(
        f"/deadlines/{certificate['id']}/complete",
        user_id=docket.people["owner"],
        proof="certificate no 2",
        done_on="2025-08-15",
    )
    assert [one["due_on"] for one in renewed["started"]] == ["2025-11-14"]

    # Nobody answers: the authority's limit lapses, and that starts the complaint by itself.
    docket.move(SILENT_AT)
    complaint = world.eventually(
        lambda: by_rule(docket, case).get("kz.appc.91.complaint-after-silence")
    )
    assert complaint["due_on"] == "2025-11-19"
    [overdue] = world.eventually(lambda: docket.events("deadline.overdue"))
    assert overdue["subject"]["id"] == decision["id"]
    events = docket.get(f"/cases/{case}/trigger-events")["items"]
    lapses = [one for one in events if one["fate"] == "lapse"]
    assert [(one["kind"], one["occurred_on"]) for one in lapses] == [
        ("authority.silent", "2025-08-19")
    ]
    actions = [one["action"] for one in docket.get(f"/cases/{case}/journal", limit=200)["items"]]
    assert actions.index("deadline.overdue") < len(actions) - 1

    # Refused and served at last: the appeal runs from service, by the safe of two readings.
    docket.move(datetime(2025, 9, 10, 6, tzinfo=UTC))
    ended = docket.post(
        f"/deadlines/{decision['id']}/complete",
        user_id=docket.people["owner"],
        proof="decision no 7",
        refused=True,
        done_on="2025-09-04",
        served_on="2025-09-09",
    )
    [appeal] = ended["started"]
    assert appeal["due_on"] == "2025-10-09"
    assert [one["due_on"] for one in appeal["readings"]] == ["2025-10-09", "2025-12-09"]

    # The complaint is filed: the authority's twenty court days begin; its refusal opens the claim.
    filed = docket.post(
        f"/deadlines/{complaint['id']}/complete",
        user_id=docket.people["owner"],
        proof="registered under 81",
        done_on="2025-09-10",
    )
    [watch] = filed["started"]
    assert (watch["rule_id"], watch["due_on"]) == ("kz.appc.99.complaint-decision", "2025-10-08")
    refused = docket.post(
        f"/deadlines/{watch['id']}/complete",
        user_id=docket.people["owner"],
        proof="letter no 12",
        refused=True,
        done_on="2025-10-01",
        served_on="2025-10-03",
    )
    assert {one["rule_id"]: one["due_on"] for one in refused["started"]} == {
        "kz.appc.136.claim": "2025-11-03"
    }
    world.eventually(lambda: check_nothing_lost(docket))


def test_a_surrender_that_a_treaty_body_asks_to_hold(world: World) -> None:
    world.clock.set(datetime(2026, 2, 20, 6, tzinfo=UTC))
    docket = open_docket(world, [{"before_due": "P30D", "targets": ["owner", "deputy"]}])
    surrender = started(
        docket, docket.case, kind="decision.extradition-in-force", occurred_on="2026-02-18"
    )["kz.cpc.surrender"]
    assert surrender["due_on"] == "2026-03-20"
    told = world.eventually(lambda: all_of(2, mailed(docket, "Reminder: K-17, due 20 March 2026")))
    assert told == ["deputy@example.org", "owner@example.org"]

    # In four silent days the ladder comes to its end: the supervisor knows the date as well.
    docket.move(datetime(2026, 2, 24, 6, tzinfo=UTC))
    everyone = [f"{role}@example.org" for role in ("deputy", "owner", "supervisor")]
    unanswered = "Nobody answers: K-17, due 20 March 2026"
    assert world.eventually(lambda: all_of(3, mailed(docket, unanswered))) == everyone
    tolled = docket.post(
        f"/deadlines/{surrender['id']}/tolling",
        user_id=docket.people["supervisor"],
        from_on="2026-02-24",
        reason="the Committee asked the State not to surrender",
        source="note verbale",
    )
    assert tolled["deadline"]["state"] == "suspended"
    suspended = "SUSPENDED: K-17, clock stands still, was due 20 March 2026"
    assert world.eventually(lambda: all_of(3, mailed(docket, suspended))) == everyone
    assert b"SUSPENDED" in docket.feed()

    docket.move(timedelta(days=90))
    derivation = docket.get(f"/deadlines/{surrender['id']}/derivation")
    assert derivation["tolled_since"] == "2026-02-24"
    remaining = derivation["remaining_days"]
    lifted = docket.post(
        f"/deadlines/{surrender['id']}/tolling/{tolled['tolling']['id']}/lift",
        user_id=docket.people["supervisor"],
        until_on="2026-05-25",
        reason="the request was withdrawn",
    )
    # 19 to 23 February had run: 25 days were left when the clock stopped.
    assert (lifted["deadline"]["due_on"], remaining) == ("2026-06-18", 24)
    changed = "CHANGED: K-17, due 18 June 2026"
    assert world.eventually(lambda: all_of(3, mailed(docket, changed))) == everyone
    assert ask(world.api, "GET", f"/deadlines/{surrender['id']}")["version"] == 3
    world.eventually(lambda: check_nothing_lost(docket))


def all_of(number: int, told: list[str]) -> list[str]:
    return sorted(told) if len(told) >= number else []
