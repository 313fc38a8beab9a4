"""J4: a congress is cancelled; the organiser is detained on its eve; 72 hours begin to run. Almaty, before
its change of zone (UTC+6)."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from icalendar import Calendar

from tests.harness.smtp import Mail
from tests.harness.world import World
from tests.journeys.docket import Docket, ask, check_nothing_lost, open_docket

CONGRESS = [
    {"before_due": "P3D", "targets": ["owner", "deputy"]},
    {"before_due": "P1D", "targets": ["owner"]},
]
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
#: Four in the afternoon outside a court house.
DETAINED = datetime(2020, 2, 21, 10, 0, tzinfo=UTC)
OWNER, DEPUTY, SUPERVISOR = "owner@example.org", "deputy@example.org", "supervisor@example.org"


def mailed(docket: Docket, start: str) -> list[str]:
    mails = [one for one in docket.world.mails.mails if one.subject.startswith(start)]
    return sorted(one.recipients[0] for one in mails)


def newest(docket: Docket, address: str) -> Mail:
    return [one for one in docket.world.mails.mails if one.recipients == (address,)][-1]


def link_in(mail: Mail) -> str:
    found = re.search(r"http\S+/r/\S+", mail.text)
    assert found, mail.text
    return found.group()


def scan(world: World, link: str) -> None:
    """What a mail gateway does: it looks in every way it knows, and presses what it finds."""
    with httpx.Client(trust_env=False) as robot:
        for method in ("HEAD", "GET", "OPTIONS"):
            assert robot.request(method, link).status_code in (200, 204)
        page = robot.get(link).text
        nonce = re.findall(r'name="nonce" value="([^"]*)"', page)[0]
        robot.cookies.clear()
        assert robot.post(link, data={"nonce": nonce, "answer": "acknowledge"}).status_code == 403


def answer(docket: Docket, link: str, **fields: str) -> None:
    """A person opens the page, thinks, and sends the form."""
    with httpx.Client(trust_env=False, follow_redirects=True) as browser:
        page = browser.get(link).text
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
        docket.move(timedelta(seconds=30))
        answered = browser.post(link, data=hidden | fields)
        assert answered.status_code == 200, answered.text


def case_of(docket: Docket, code: str) -> str:
    """On the ladder that such deadlines climb by themselves."""
    roles = [{"role": role, "user_id": user} for role, user in docket.people.items()]
    body = {"team_id": docket.team, "code": code, "timezone": "Asia/Almaty", "forum": "kz.criminal"}
    made: str = docket.post("/cases", calendar="KZ", roles=roles, **body)["id"]
    return made


def test_from_the_congress_that_is_called_off_to_the_end_of_police_custody(world: World) -> None:
    world.clock.set(datetime(2020, 2, 17, 4, tzinfo=UTC))
    docket = open_docket(world, CONGRESS, code="A-03")
    _the_congress_is_called_off_and_everyone_told_of_it_is_told_again(docket)
    _an_organiser_is_detained_and_the_ladder_climbs_by_minutes(docket)
    _seventy_two_hours_of_police_custody_are_told_by_the_hour(docket)
    assert mailed(docket, "Reminder: A-03") == [DEPUTY, OWNER], "reminders of the congress stopped"
    world.eventually(lambda: check_nothing_lost(docket))


def _the_congress_is_called_off_and_everyone_told_of_it_is_told_again(docket: Docket) -> None:
    world = docket.world
    congress = docket.post(
        "/deadlines",
        case_id=docket.case,
        title="Founding congress",
        kind="hearing",
        due_at="2020-02-22T10:00:00+06:00",
        user_id=docket.people["owner"],
    )
    docket.move(datetime(2020, 2, 19, 4, tzinfo=UTC))
    world.eventually(lambda: mailed(docket, "Reminder: A-03") == [DEPUTY, OWNER])
    docket.post(
        f"/deadlines/{congress['id']}/cancel",
        user_id=docket.people["supervisor"],
        reason="the hall was closed by the owners",
    )
    world.eventually(lambda: mailed(docket, "CANCELLED: A-03") == [DEPUTY, OWNER])
    [event] = Calendar.from_ical(docket.feed()).walk("VEVENT")
    assert event["STATUS"] == "CANCELLED"
    assert event["SUMMARY"].startswith("CANCELLED")


def _an_organiser_is_detained_and_the_ladder_climbs_by_minutes(docket: Docket) -> None:
    docket.move(DETAINED)
    world = docket.world
    alert = docket.post(
        "/alerts",
        case_id=docket.case,
        title="Detained outside the court house",
        user_id=docket.people["supervisor"],
        external_id="phone/1",
    )
    repeated = world.api.post("/alerts", json={"title": "x", "external_id": "phone/1"})
    assert repeated.status_code in (409, 422)

    # At once, by mail and to the partner's endpoint.
    world.eventually(lambda: mailed(docket, "ALERT: A-03") == [OWNER])
    [first] = world.eventually(lambda: docket.events("alert.raised"))
    assert first["subject"] == {"kind": "alert", "id": alert["id"]}
    assert "Detained" not in first["data"].values()

    # The owner does not answer: he is the one detained.
    docket.move(DETAINED + 10 * MINUTE)
    world.eventually(lambda: mailed(docket, "ALERT: A-03") == [DEPUTY, OWNER])
    scan(world, link_in(newest(docket, DEPUTY)))
    docket.move(DETAINED + 20 * MINUTE)
    everybody = sorted([DEPUTY, OWNER, DEPUTY, OWNER, SUPERVISOR])
    world.eventually(lambda: mailed(docket, "ALERT: A-03") == everybody)
    assert ask(world.api, "GET", f"/alerts/{alert['id']}")["acknowledged"] is False

    # One answer from the page in a mail stops it.
    docket.move(DETAINED + 22 * MINUTE)
    answer(docket, link_in(newest(docket, DEPUTY)), answer="acknowledge")
    assert ask(world.api, "GET", f"/alerts/{alert['id']}")["acknowledged"] is True
    docket.move(DETAINED + 40 * MINUTE)
    world.eventually(lambda: docket.events("alert.acknowledged"))
    assert mailed(docket, "ALERT: A-03") == everybody
    done = docket.post(
        f"/alerts/{alert['id']}/resolve",
        user_id=docket.people["deputy"],
        reason="counsel is with him",
    )
    assert done["state"] == "resolved"
    docket.move(DETAINED + 2 * HOUR)
    world.eventually(lambda: docket.events("alert.resolved"))
    assert mailed(docket, "ALERT: A-03") == everybody


def _seventy_two_hours_of_police_custody_are_told_by_the_hour(docket: Docket) -> None:
    world = docket.world
    case = case_of(docket, "A-04")
    made = docket.post(
        f"/cases/{case}/trigger-events",
        kind="detention.suspect-exceptional",
        occurred_at=DETAINED.isoformat(),
        user_id=docket.people["owner"],
    )
    custody = {one["rule_id"]: one for one in made["deadlines"]}["kz.cpc.detention-72h"]
    ends_at = DETAINED + 72 * HOUR
    assert datetime.fromisoformat(custody["due_at"]) == ends_at
    plan = docket.get(f"/deadlines/{custody['id']}/plan")
    told = _at_marks(plan, ends_at)
    for hours in (48, 24, 12, 6):
        assert hours in told, plan["upcoming"]
        docket.move(ends_at - hours * HOUR)
        world.eventually(lambda at=hours: at in _reminded(docket, custody["id"], ends_at))
    docket.post(
        f"/deadlines/{custody['id']}/complete",
        user_id=docket.people["owner"],
        proof="released, record of 23 February",
    )


def _at_marks(plan: dict[str, Any], ends_at: datetime) -> list[float]:
    """Hours before the end at which something is said for its own sake."""
    marks = [one for one in plan["upcoming"] if one["why"] == "mark"]
    return [(ends_at - datetime.fromisoformat(one["at"])) / HOUR for one in marks]


def _reminded(docket: Docket, deadline: str, ends_at: datetime) -> set[float]:
    """Hours before the end at which a reminder was due that has gone out."""
    return {
        (ends_at - datetime.fromisoformat(one["due_at"])) / HOUR
        for one in docket.messages(deadline)
        if one["event"] == "reminder.due" and one["user_id"] and one["state"] == "accepted"
    }
