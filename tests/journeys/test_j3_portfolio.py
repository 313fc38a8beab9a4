"""J3: forty cases come in at once; a lawyer goes on leave; the government moves a working day; one digest
a day for each person."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
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
LAWYER, DEPUTY = "lawyer@example.org", "deputy@example.org"
#: When the lawyer's leave begins.
LEAVE = datetime(2026, 3, 5, tzinfo=UTC)
#: Deadline and step to the instant, the version and the people.
Told = dict[tuple[str, int], tuple[datetime, int, frozenset[str]]]
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


def sent_at(docket: Docket, address: str) -> list[datetime]:
    """When the digests to that address left."""
    return [parsedate_to_datetime(one.message["Date"]) for one in digests(docket).get(address, [])]


def foretold(docket: Docket, until: datetime) -> Told:
    """What the plans of all deadlines show that people will be told by then."""
    found = {}
    for deadline in docket.get("/deadlines", limit=200)["items"]:
        plan = docket.get(f"/deadlines/{deadline['id']}/plan")
        wake_at = plan["wake_at"]
        now = docket.world.clock.now
        assert wake_at is None or datetime.fromisoformat(wake_at) > now, "still to be told"
        for step in plan["upcoming"]:
            at = datetime.fromisoformat(step["at"])
            if step["people"] and at <= until:
                who = frozenset(step["people"])
                found[deadline["id"], step["step"]] = (at, deadline["version"], who)
    return found


def told(docket: Docket, deadlines: Iterable[str]) -> Told:
    """What people have been told of these, with the instant at which it was to be said."""
    found: Told = {}
    for deadline in deadlines:
        for one in docket.messages(deadline):
            if one["user_id"] and one["step"].isdigit():
                key = (deadline, int(one["step"]))
                _, _, who = found.get(key, (None, None, frozenset()))
                at = datetime.fromisoformat(one["due_at"])
                found[key] = (at, one["deadline_version"], who | {one["user_id"]})
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
    eight = datetime(2026, 3, 3, 3, tzinfo=UTC)
    assert {one for address in everyone for one in sent_at(docket, address)} == {eight}
    assert all(len(mails) == 1 for mails in digests(docket).values())
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

    # What falls into the leave goes to the deputy, and nothing to the lawyer: at the instants and to the
    # people that each plan had shown.
    mornings = [datetime(2026, 3, day, 3, tzinfo=UTC) for day in (4, 5, 6, 9)]
    _until_told(docket, mornings[0])
    docket.move(LEAVE)
    world.mails.clear()
    promised = world.eventually(lambda: foretold(docket, datetime(2026, 3, 5, 20, tzinfo=UTC)))
    assert away not in {user for _, _, people in promised.values() for user in people}
    _until_told(docket, mornings[1])
    for at in sorted({at for at, _, _ in promised.values() if at > mornings[1]}):
        docket.move(at)
        newest = {key: one for key, one in promised.items() if one[0] == at}
        world.eventually(lambda at=at, newest=newest: _kept(docket, newest, at))
    for morning in mornings[2:]:
        _until_told(docket, morning)
    assert sent_at(docket, DEPUTY) == mornings[1:], "one digest a day, at eight"
    assert promised
    assert _kept(docket, promised, mornings[-1])

    _a_working_day_is_moved(docket)
    assert "BROKEN" not in world.run("verify-journal")


def _kept(docket: Docket, promised: Told, at: datetime) -> bool:
    """Whether what was to be said by then has been said, to the instant and to nobody else."""
    due = {key: one for key, one in promised.items() if one[0] <= at}
    said = told(docket, {deadline for deadline, _ in due})
    assert {key: said.get(key) for key in due} == due
    return True


def _until_told(docket: Docket, morning: datetime) -> None:
    """Until the deputy's digest of that morning has left."""
    docket.move(morning)
    docket.world.eventually(lambda: sent_at(docket, DEPUTY)[-1:] == [morning])


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
