"""J3: forty cases come in at once; a lawyer goes on leave; the government moves a working day; one digest
a day for each person."""

import re
from datetime import UTC, datetime
from typing import Any

from tests.api.imports_of_j3 import portfolio
from tests.harness.smtp import Mail
from tests.harness.world import World
from tests.journeys.docket import ZONE, Docket, ask, open_docket

LADDER = [
    {"before_due": "P7D", "targets": ["owner"]},
    {"no_response_for": "P1D", "targets": ["supervisor"]},
    {"before_due": "P1D", "targets": ["owner", "deputy"]},
]
LAWYER = "lawyer@example.org"
#: Of the lawyer's cases, those to which nobody is named as deputy.
ALONE = {"M-16", "M-23"}


def lawyer(docket: Docket) -> str:
    made: str = docket.post(
        "/users",
        name="Lawyer",
        email=LAWYER,
        timezone=ZONE,
        team_ids=[docket.team],
        quiet_hours=None,
        language="ru",
    )["id"]
    return made


def sheet() -> list[dict[str, Any]]:
    """The lawyer owns the first 25; the rest are the owner's."""
    people = {role: f"{role}@example.org" for role in ("owner", "deputy", "supervisor")}
    cases = portfolio(people)
    for case in cases[:25]:
        case["roles"][0]["email"] = LAWYER
        if case["code"] in ALONE:
            case["roles"] = [one for one in case["roles"] if one["role"] != "deputy"]
    return cases


def bring_in(docket: Docket) -> dict[str, str]:
    """Case code to id; the first try has two faults and changes nothing."""
    cases = sheet()
    wrong = [dict(case) for case in cases]
    wrong[3]["timezone"] = "Asia/Nowhere"
    wrong[7]["roles"] = [{"role": "owner", "email": "nobody@example.org"}]
    refused = docket.world.api.post(
        "/imports", json={"team_id": docket.team, "cases": wrong, "dry_run": False}
    )
    assert refused.status_code == 422
    fields = [one["field"] for one in refused.json()["errors"]]
    assert {re.findall(r"cases\.(\d+)", field)[0] for field in fields} == {"3", "7"}
    tried = docket.post("/imports", team_id=docket.team, cases=cases, dry_run=True)
    assert tried["counts"]["cases"] == 40
    assert len(docket.get("/cases", limit=200)["items"]) == 1, "nothing was kept"
    made = docket.post("/imports", team_id=docket.team, cases=cases, dry_run=False)
    return {case["code"]: case["id"] for case in made["cases"]}


def change(docket: Docket, path: str, **body: Any) -> Any:
    etag = docket.world.api.get(path).headers["etag"]
    return ask(docket.world.api, "PATCH", path, json=body, headers={"if-match": etag})


def digests(docket: Docket) -> dict[str, list[Mail]]:
    """By address; a digest has a thread of its own."""
    found: dict[str, list[Mail]] = {}
    for one in docket.world.mails.mails:
        if "<digest." in str(one.message["In-Reply-To"]):
            found.setdefault(one.recipients[0], []).append(one)
    return found


def codes(mail: Mail) -> set[str]:
    return set(re.findall(r"\b[A-Z]-\d+\b", mail.text))


def owned(docket: Docket, person: str) -> set[str]:
    cases = docket.get("/cases", limit=200)["items"]
    return {
        case["code"] for case in cases if any(role["user_id"] == person for role in case["roles"])
    }


def test_a_portfolio_lives_through_a_leave_and_a_moved_working_day(world: World) -> None:
    docket = open_docket(world, LADDER, code="K-17")
    for user in docket.people.values():
        change(docket, f"/users/{user}", digest_at="08:00")
    away = lawyer(docket)
    cases = bring_in(docket)
    assert len(cases) == 40

    # Tuesday, eight o'clock: one digest for each who has something, in the reader's language.
    docket.move(datetime(2026, 3, 3, 3, tzinfo=UTC))
    everyone = {LAWYER, "owner@example.org", "deputy@example.org", "supervisor@example.org"}
    world.eventually(lambda: set(digests(docket)) == everyone)
    people = docket.people | {"lawyer": away}
    for name, user in people.items():
        [mail] = digests(docket)[f"{name}@example.org"]
        assert codes(mail)
        assert codes(mail) <= owned(docket, user), "never a case that the reader cannot read"
    assert digests(docket)[LAWYER][0].message["Content-Language"] == "ru"

    # The lawyer leaves; a step that would reach nobody is known before it matters.
    leave = {"begin": "2026-03-05T00:00:00Z", "end": "2026-06-01T00:00:00Z"}
    change(docket, f"/users/{away}", away=leave)
    gaps = docket.get("/coverage", limit=200)["items"]
    gone = {one["case_code"] for one in gaps if one["code"] == "away"}
    assert gone
    assert gone <= ALONE, "the deputy stands in wherever there is one"

    # What falls into the leave goes to the deputy, and nothing to the lawyer.
    world.mails.clear()
    docket.move(datetime(2026, 3, 6, 3, tzinfo=UTC))
    world.eventually(lambda: "deputy@example.org" in digests(docket))
    docket.move(datetime(2026, 3, 9, 3, tzinfo=UTC))
    world.eventually(lambda: len(digests(docket)["deputy@example.org"]) == 2)
    assert all(one.recipients != [LAWYER] for one in world.mails.mails)
    days = [one.message["Date"][:16] for one in digests(docket)["deputy@example.org"]]
    assert len(set(days)) == len(days), "one digest a day"

    _a_working_day_is_moved(docket)
    assert "BROKEN" not in world.run("verify-journal")


def _a_working_day_is_moved(docket: Docket) -> None:
    """A Saturday on which the courts sit brings dates forward; a day off waits for a person."""
    body = {"kind": "ruling.administrative-court", "occurred_on": "2026-06-01"}
    made = docket.post(
        f"/cases/{docket.case}/trigger-events",
        **body,
        served_on="2026-06-01",
        rules=["kz.appc.168.private-complaint"],
        user_id=docket.people["owner"],
    )
    [deadline] = made["deadlines"]
    path = f"/deadlines/{deadline['id']}"
    saturday = {"on": "2026-06-06", "kind": "court_day", "name": "moved"}
    _amend(docket, saturday)
    docket.world.eventually(lambda: docket.get(path)["due_on"] == "2026-06-12")
    _amend(docket, {"on": "2026-06-10", "kind": "off", "name": "moved"})

    def waiting() -> Any:
        return docket.get("/reviews", status="waiting")["items"]

    [review] = [
        one for one in docket.world.eventually(waiting) if one["deadline_id"] == deadline["id"]
    ]
    assert (review["old_on"], review["new_on"]) == ("2026-06-12", "2026-06-15")
    assert docket.get(path)["due_on"] == "2026-06-12", "never later until a person has confirmed"


def _amend(docket: Docket, *changes: dict[str, str]) -> None:
    docket.post("/calendars/KZ/versions", source="order of the ministry", changes=list(changes))
