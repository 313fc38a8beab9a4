"""J5: a hearing adjourned on its first day, two counsel, an observer; mass prosecution told in bundles."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from icalendar import Calendar

from tests.api.imports_of_j3 import mass_prosecution
from tests.harness.smtp import Mail
from tests.harness.world import World
from tests.journeys.docket import Docket, check_nothing_lost, open_docket

LADDER = [
    {"before_due": "P14D", "targets": ["owner"]},
    {"before_due": "P3D", "targets": ["owner"]},
    {"before_due": "PT2H", "targets": ["owner", "deputy", "supervisor"]},
]
#: The trial opens at nine in a remote town (UTC+6); adjourned to the same hour of 21 January.
OPENS, MOVED = "2020-01-06T09:00:00+06:00", "2020-01-21T09:00:00+06:00"


def person(docket: Docket, name: str) -> str:
    made: str = docket.post(
        "/users",
        name=name,
        email=f"{name}@example.org",
        timezone="Asia/Almaty",
        team_ids=[docket.team],
        quiet_hours=None,
        digest_at=None,
        exit_check_at=None,
    )["id"]
    return made


def two_defendants(docket: Docket) -> str:
    """One case with an owner for each of them, and somebody who may look on."""
    roles = [{"role": role, "user_id": user} for role, user in docket.people.items()]
    roles.append({"role": "owner", "user_id": person(docket, "second.counsel")})
    roles.append({"role": "observer", "user_id": person(docket, "partner")})
    made: str = docket.post(
        "/cases",
        team_id=docket.team,
        code="Z-21",
        timezone="Asia/Almaty",
        escalation_policy_id=docket.policy,
        mail_level=2,
        ceiling=2,
        roles=roles,
    )["id"]
    return made


def mails(docket: Docket, start: str) -> dict[str, Mail]:
    """The mails whose subject begins so, by address."""
    found = [one for one in docket.world.mails.mails if one.subject.startswith(start)]
    assert len({one.recipients[0] for one in found}) == len(found), "nobody is told twice"
    return {one.recipients[0]: one for one in found}


def hearing_shown(docket: Docket) -> Any:
    [event] = Calendar.from_ical(docket.feed()).walk("VEVENT")
    return event


def test_a_hearing_is_adjourned_and_everyone_told_of_it_is_told_again(world: World) -> None:
    world.clock.set(datetime(2019, 12, 23, 6, tzinfo=UTC))
    docket = open_docket(world, LADDER)
    case = two_defendants(docket)
    hearing = docket.post(
        "/deadlines",
        case_id=case,
        title="Opening of the trial",
        kind="hearing",
        due_at=OPENS,
        user_id=docket.people["owner"],
    )
    both = {"owner@example.org", "second.counsel@example.org"}
    world.eventually(lambda: set(mails(docket, "Reminder: Z-21")) == both)
    first = hearing_shown(docket)

    # The same day in the court room: adjourned. The mark of three days has passed, two hours have not.
    docket.move(datetime(2020, 1, 3, 4, tzinfo=UTC))
    world.eventually(lambda: len(docket.messages(hearing["id"])) >= 4)
    docket.move(datetime(2020, 1, 5, 23, tzinfo=UTC))
    moved = docket.post(
        f"/deadlines/{hearing['id']}/override",
        user_id=docket.people["owner"],
        due_at=MOVED,
        reason="adjourned in court",
        source="record of the hearing",
    )
    assert (moved["version"], moved["due_at"]) == (2, "2020-01-21T03:00:00Z")

    # Whoever had been told the old date gets both, at once; nobody else does.
    world.eventually(lambda: set(mails(docket, "CHANGED: Z-21")) >= both)
    for mail in mails(docket, "CHANGED: Z-21").values():
        assert "Tuesday, 21 January 2020" in mail.text
        assert "Monday, 6 January 2020" in mail.text
    [event] = world.eventually(lambda: docket.events("deadline.date_changed"))
    assert event["data"]["due_at"] == "2020-01-21T03:00:00Z"
    assert event["data"]["previous_due_at"] == "2020-01-06T03:00:00Z"

    # The feed keeps the event and says that it has changed.
    again = hearing_shown(docket)
    assert again["UID"] == first["UID"]
    assert int(again["SEQUENCE"]) > int(first["SEQUENCE"])
    assert again["LAST-MODIFIED"].dt > first["LAST-MODIFIED"].dt
    assert again["DTSTART"].dt == datetime.fromisoformat(MOVED)

    # At what would have been the hour of version 1 nobody hears of it any more.
    docket.move(datetime(2020, 1, 6, 4, tzinfo=UTC))
    plan = docket.get(f"/deadlines/{hearing['id']}/plan")
    assert plan["version"] == 2
    assert {one["due_at"] for one in docket.messages(hearing["id"])}.isdisjoint(
        {"2020-01-06T01:00:00Z", "2020-01-06T03:00:00Z"}
    )

    # Three days ahead of the new date both are reminded of it; the observer only ever sees level 1.
    docket.move(datetime(2020, 1, 18, 3, tzinfo=UTC))
    world.eventually(lambda: set(mails(docket, "Reminder: Z-21, due 21 January")) >= both)
    assert "Opening of the trial" in mails(docket, "CHANGED: Z-21")["owner@example.org"].text
    assert "partner@example.org" not in mails(docket, "CHANGED: Z-21"), (
        "an observer had been told nothing"
    )
    docket.move(datetime(2020, 1, 21, 5, tzinfo=UTC))
    docket.post(
        f"/deadlines/{hearing['id']}/complete", user_id=docket.people["owner"], proof="record"
    )
    world.eventually(lambda: check_nothing_lost(docket))


def test_a_mass_prosecution_is_told_in_bundles_and_each_case_is_in_one(world: World) -> None:
    docket = open_docket(world, LADDER)
    people = {role: f"{role}@example.org" for role in docket.people}
    report = docket.post(
        "/imports", team_id=docket.team, cases=mass_prosecution(people), dry_run=False
    )
    assert len(report["cases"]) == 313
    first = docket.get("/deadlines", limit=1)["items"][0]
    docket.move(datetime.fromisoformat(first["due_at"]) - timedelta(days=13))
    told = world.eventually(lambda: _all_told(docket), timeout=60)
    to_owner = [one for one in told if one.recipients[0] == "owner@example.org"]
    assert len(to_owner) <= 15, "bundled notices, not 313 mails"
    assert _codes(to_owner) == {f"Z-{number:03}" for number in range(1, 314)}
    assert "BROKEN" not in world.run("verify-journal")


def _all_told(docket: Docket) -> list[Mail]:
    """All mails, once the owner has been told of every case."""
    mails = list(docket.world.mails.mails)
    to_owner = [one for one in mails if one.recipients[0] == "owner@example.org"]
    assert len(_codes(to_owner)) == 313
    return mails


def _codes(mails: list[Mail]) -> set[str]:
    return set(re.findall(r"\bZ-\d{3}\b", "\n".join(one.text for one in mails)))
