"""Alerts and drills: who is told at which instant, what stops it, and that nobody else sees it."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from service.domain.bundles import Pace
from service.domain.watch import FindingCode
from service.flows.delivery import claim
from service.flows.release import release_due
from service.flows.sitting import Sitting
from service.sealing import answer_token
from service.store.alerts import Alert
from service.store.messages import Message
from tests.api.installation import Installation, Team, change, create, read
from tests.api.test_refusals import refused
from tests.api.test_respond import Reader, journal
from tests.api.test_watch import found
from tests.harness.world import START
from workers import tasks

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
URL = "https://hooks.example.com/in"


async def raised(team: Team, **given: Any) -> dict[str, Any]:
    """By the supervisor, on the team's case, unless `given` says otherwise."""
    body = {"title": "Detained at the door", "case_id": team.case}
    return await create(
        team.admin, "/alerts", body | {"user_id": team.people["supervisor"]} | given
    )


async def tick(installation: Installation, minutes: float) -> None:
    """A round so many minutes after the start."""
    installation.clock.set(START + minutes * MINUTE)
    await tasks.tick(installation.runtime)
    await tasks.deliver(installation.runtime)


async def mails(team: Team, alert: dict[str, Any]) -> list[dict[str, Any]]:
    items = (await read(team.admin, f"/alerts/{alert['id']}/messages", limit=200))["items"]
    return [one for one in items if one["user_id"]]


async def told(team: Team, alert: dict[str, Any]) -> list[tuple[str, set[str]]]:
    """Who was mailed at which time of the day, in order."""
    names = {user: role for role, user in team.people.items()}
    by_time: dict[str, set[str]] = {}
    for one in sorted(await mails(team, alert), key=lambda one: one["created_at"]):
        by_time.setdefault(one["created_at"], set()).add(names[one["user_id"]])
    return list(by_time.items())


def times(*said: tuple[float, set[str]]) -> list[tuple[str, set[str]]]:
    """Minutes after the start, as the API writes the instants."""
    return [(f"{START + at * MINUTE:%Y-%m-%dT%H:%M:%SZ}", roles) for at, roles in said]


async def events(installation: Installation, **of: Any) -> list[dict[str, Any]]:
    """What endpoints are told, of each subject in its order."""
    async with installation.runtime.reading() as session:
        query = select(Message).where(col(Message.endpoint_id).is_not(None))
        rows = [json.loads(row.content) for row in await session.exec(query)]
    rows.sort(key=lambda one: int(one["sequence"]))
    return [one for one in rows if all(one[name] == value for name, value in of.items())]


async def reader(
    installation: Installation, team: Team, alert: dict[str, Any], role: str
) -> Reader:
    """The one who was mailed last in that role, a minute later."""
    mine = [one for one in await mails(team, alert) if one["user_id"] == team.people[role]]
    token = answer_token(installation.runtime.seal, mine[-1]["id"])
    installation.clock.advance(MINUTE)
    return Reader(installation, installation.client(None, ""), f"/r/{token}")


async def plan_of(team: Team, alert: dict[str, Any]) -> Any:
    return await read(team.admin, f"/alerts/{alert['id']}/plan")


async def answer(team: Team, alert: dict[str, Any], verb: str, who: str, **body: Any) -> Any:
    path = f"/alerts/{alert['id']}/{verb}"
    return await create(team.admin, path, {"user_id": team.people[who]} | body)


# --- the ladder


async def test_people_are_told_at_once_after_ten_minutes_and_after_twenty(
    either: Installation,
) -> None:
    team = await either.team()
    alert = await raised(team)
    for minutes in (0, 9, 10, 19, 20, 34, 35):
        await tick(either, minutes)
    everybody = {"owner", "deputy", "supervisor"}
    assert await told(team, alert) == times(
        (0, {"owner"}), (10, {"deputy"}), (20, everybody), (35, everybody)
    )


async def test_who_leads_is_told_together_with_the_owner_and_by_mail_and_webhook_in_parallel(
    installation: Installation, team: Team
) -> None:
    await create(team.admin, "/endpoints", {"name": "e", "url": URL})
    roles = [
        {"role": role, "user_id": team.people[name]}
        for role, name in (("owner", "owner"), ("lead", "supervisor"), ("deputy", "deputy"))
    ]
    await change(team.admin, f"/cases/{team.case}", {"roles": roles})
    alert = await raised(team)
    await tick(installation, 0)
    assert await told(team, alert) == times((0, {"owner", "supervisor"}))
    fired = await events(installation, type="escalation.step_fired")
    assert [one["subject"] for one in fired] == [{"kind": "alert", "id": alert["id"]}]


async def test_nobodys_rest_and_no_closed_day_puts_an_alert_off(
    installation: Installation, team: Team
) -> None:
    rest = {"quiet_hours": {"begin": "00:00", "end": "23:59"}}
    for role in ("owner", "deputy", "supervisor"):
        await change(team.admin, f"/users/{team.people[role]}", rest)
    alert = await raised(team)
    ahead = await plan_of(team, alert)
    turns = [ahead["due"], *ahead["upcoming"]]
    assert [one["at"] for one in turns] == [
        f"{START + at * MINUTE:%Y-%m-%dT%H:%M:%SZ}" for at in (0, 10, 20, 35)
    ]
    for minutes in (0, 10, 20):
        await tick(installation, minutes)
    assert [at for at, _ in await told(team, alert)] == [one["at"] for one in turns[:3]]


async def test_the_plan_foretells_the_very_steps_that_are_taken(
    installation: Installation, team: Team
) -> None:
    alert = await raised(team)
    ahead = await plan_of(team, alert)
    foretold = [(one["at"], set(one["people"])) for one in (ahead["due"], *ahead["upcoming"])]
    for minutes in (0, 10, 20, 35):
        await tick(installation, minutes)
    people = team.people
    assert foretold == [
        (at, {people[role] for role in roles}) for at, roles in await told(team, alert)
    ]


async def test_two_rounds_at_one_instant_say_it_once(
    installation: Installation, team: Team
) -> None:
    alert = await raised(team)
    await tick(installation, 0)
    before = await mails(team, alert)
    async with installation.runtime.transaction() as session:
        await session.exec(_woken(alert["id"]))
    await tick(installation, 0)
    assert await mails(team, alert) == before


def _woken(alert_id: str) -> Any:
    """As after a crash that lost nothing but the note of when to look again."""
    return update(Alert).where(col(Alert.id) == alert_id).values(wake_at=START)


async def test_whoever_is_away_is_replaced(installation: Installation, team: Team) -> None:
    leave = {"away": {"end": "2099-01-01T00:00:00Z"}}
    await change(team.admin, f"/users/{team.people['owner']}", leave)
    alert = await raised(team)
    await tick(installation, 0)
    assert await told(team, alert) == times((0, {"deputy"}))


async def test_a_step_with_nobody_lets_the_next_be_told_at_once_and_says_so(
    installation: Installation, team: Team
) -> None:
    await create(team.admin, "/endpoints", {"name": "e", "url": URL})
    people = [{"role": "deputy", "user_id": team.people["deputy"]}]
    await change(team.admin, f"/cases/{team.case}", {"roles": people})
    alert = await raised(team, user_id=team.people["deputy"])
    await tick(installation, 0)
    assert await told(team, alert) == times((0, {"deputy"}))
    (empty,) = await events(installation, type="escalation.step_empty")
    assert empty["subject"]["kind"] == "alert"


async def test_an_alert_that_concerns_nobody_known_yet_goes_to_the_whole_team_at_once(
    either: Installation,
) -> None:
    team = await either.team()
    alert = await raised(team, case_id=None)
    await tick(either, 0)
    assert await told(team, alert) == times((0, set(team.people)))
    reader_ = await reader(either, team, alert, "observer")
    await reader_.answer(answer="acknowledge")
    assert (await read(team.admin, f"/alerts/{alert['id']}"))["acknowledged"]


async def test_once_the_case_is_known_its_people_are_told_and_others_see_no_more_of_it(
    installation: Installation, team: Team
) -> None:
    alert = await raised(team, case_id=None)
    await tick(installation, 0)
    outsider = await reader(installation, team, alert, "observer")
    people = {role: user for role, user in team.people.items() if role != "observer"}
    roles = [{"role": role, "user_id": user} for role, user in people.items()]
    await change(team.admin, f"/cases/{team.case}", {"roles": roles})
    changed = await change(team.admin, f"/alerts/{alert['id']}", {"case_id": team.case})
    assert (changed["case_id"], changed["version"]) == (team.case, 2)
    for minutes in (5, 15, 25):
        await tick(installation, minutes)
    assert (await told(team, alert))[1:] == times(
        (5, {"owner"}), (15, {"deputy"}), (25, {"owner", "deputy", "supervisor"})
    )
    assert (await outsider.browser.get(outsider.path)).status_code == 403


async def test_a_policy_of_the_team_takes_the_place_of_the_ladder(
    installation: Installation, team: Team
) -> None:
    steps = [
        {"targets": ["supervisor"], "after_due": "PT0H"},
        {"targets": ["deputy"], "no_response_for": "PT30M"},
    ]
    policy = await create(team.admin, "/escalation-policies", {"name": "p", "steps": steps})
    alert = await raised(team, escalation_policy_id=policy["id"])
    later = [{"targets": ["owner"], "after_due": "PT0H"}]
    await change(team.admin, f"/escalation-policies/{policy['id']}", {"steps": later})
    for minutes in (0, 30):
        await tick(installation, minutes)
    assert await told(team, alert) == times((0, {"supervisor"}), (30, {"deputy"}))


# --- answers


async def test_one_answer_from_the_mail_stops_it_and_a_scanner_that_came_first_does_not(
    installation: Installation, team: Team
) -> None:
    alert = await raised(team)
    await tick(installation, 0)
    await tick(installation, 10)
    deputy = await reader(installation, team, alert, "deputy")
    scanner = Reader(installation, installation.client(None, ""), deputy.path)
    page = await scanner.open()
    scanner.browser.cookies.clear()
    refused_ = await scanner.send(page, answer="acknowledge")
    assert refused_.status_code == 403
    assert not (await read(team.admin, f"/alerts/{alert['id']}"))["acknowledged"]
    page = await deputy.answer(answer="acknowledge")
    assert "Answered already by you" in page
    await tick(installation, 60)
    assert [roles for _, roles in await told(team, alert)] == [{"owner"}, {"deputy"}]
    (entry,) = await journal(team, "alert.acknowledged")
    assert (entry["actor"], entry["data"]["method"]) == (team.people["deputy"], "link")


async def test_the_page_of_an_alert_preselects_nothing_runs_nothing_and_shows_the_level(
    installation: Installation, team: Team
) -> None:
    alert = await raised(team, notes="Sister's telephone")
    await tick(installation, 0)
    owner = await reader(installation, team, alert, "owner")
    page = await owner.browser.get(owner.path)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "Alert: K-17" in page.text
    for word in (" checked", "<script", "snooze", "Detained", "Sister", "Team owner"):
        assert word not in page.text, word


async def test_an_acknowledgement_can_be_taken_back_and_the_ladder_goes_on(
    installation: Installation, team: Team
) -> None:
    alert = await raised(team)
    await tick(installation, 0)
    owner = await reader(installation, team, alert, "owner")
    await owner.answer(answer="acknowledge")
    assert (await plan_of(team, alert))["state"] == "acknowledged"
    await owner.answer(answer="undo")
    assert (await plan_of(team, alert))["state"] == "active"
    assert not (await read(team.admin, f"/alerts/{alert['id']}"))["answers"]


async def test_an_acknowledgement_holds_for_an_hour_and_then_both_are_told(
    installation: Installation, team: Team
) -> None:
    alert = await raised(team)
    await tick(installation, 0)
    said = await answer(team, alert, "acknowledge", "owner", note="on my way")
    assert (said["alert_id"], said["deadline_id"]) == (alert["id"], None)
    seen = await read(team.admin, f"/alerts/{alert['id']}")
    assert (seen["state"], seen["acknowledged"]) == ("open", True)
    for minutes in (59, 60):
        await tick(installation, minutes)
    assert await told(team, alert) == times((0, {"owner"}), (60, {"owner", "deputy"}))
    assert not (await read(team.admin, f"/alerts/{alert['id']}"))["acknowledged"]


async def test_a_decline_tells_the_deputy_at_once(installation: Installation, team: Team) -> None:
    alert = await raised(team)
    await tick(installation, 0)
    await answer(team, alert, "decline", "owner", reason="cannot")
    await tick(installation, 1)
    assert await told(team, alert) == times((0, {"owner"}), (1, {"deputy"}))


async def test_answers_for_two_people_from_one_place_are_taken_for_a_machines(
    installation: Installation, team: Team
) -> None:
    roles = [
        {"role": role, "user_id": team.people[name]}
        for role, name in (("owner", "owner"), ("lead", "supervisor"), ("deputy", "deputy"))
    ]
    await change(team.admin, f"/cases/{team.case}", {"roles": roles})
    alert = await raised(team)
    await tick(installation, 0)
    for role in ("owner", "supervisor"):
        one = await reader(installation, team, alert, role)
        installation.clock.advance(-MINUTE)
        await one.send(await one.open(), after=30 * (MINUTE / 60), answer="acknowledge")
    await tick(installation, 10)
    # Silence has brought the deputy, and those for whom a machine answered are asked once more.
    everybody = {"owner", "supervisor", "deputy"}
    assert await told(team, alert) == times((0, {"owner", "supervisor"}), (10, everybody))
    (entry,) = await journal(team, "alert.answer_suspected")
    assert entry["subject_id"] == alert["id"]


async def test_a_mail_that_cannot_arrive_lets_the_next_be_told_at_once(
    installation: Installation, team: Team
) -> None:
    alert = await raised(team)
    await tasks.tick(installation.runtime)
    roles = [{"role": "deputy", "user_id": team.people["deputy"]}]
    await change(team.admin, f"/cases/{team.case}", {"roles": roles})
    await tick(installation, 1)
    assert [one["reason"] for one in await mails(team, alert)] == ["recipient_left"]
    await tick(installation, 2)
    assert await told(team, alert) == times((0, {"owner"}), (2, {"deputy"}))


async def test_what_is_resolved_says_nothing_more_and_takes_back_what_is_under_way(
    installation: Installation, team: Team
) -> None:
    alert = await raised(team)
    await tasks.tick(installation.runtime)
    done = await answer(team, alert, "resolve", "deputy", reason="released at the gate")
    assert (done["state"], done["resolved_by"]) == ("resolved", team.people["deputy"])
    await tick(installation, 60)
    assert [(one["state"], one["reason"]) for one in await mails(team, alert)] == [
        ("superseded", "alert_resolved")
    ]
    assert (await plan_of(team, alert))["why"] == "alert_resolved"
    for verb, more in (("acknowledge", {}), ("resolve", {"reason": "once more"})):
        body = {"user_id": team.people["deputy"]} | more
        refused(
            await team.admin.post(f"/alerts/{alert['id']}/{verb}", json=body), 409, "illegal_state"
        )


async def test_endpoints_hear_of_every_turn_in_sequence(
    installation: Installation, team: Team
) -> None:
    await create(
        team.admin,
        "/endpoints",
        {"name": "e", "url": URL, "level": 2, "detail": "full", "full_confirmed": True},
    )
    alert = await raised(team)
    await tick(installation, 0)
    await answer(team, alert, "decline", "owner", reason="away")
    await answer(team, alert, "acknowledge", "deputy")
    await answer(team, alert, "resolve", "deputy", reason="released")
    told = await events(installation, subject={"kind": "alert", "id": alert["id"]})
    assert [(one["sequence"], one["type"]) for one in told] == [
        (1, "alert.raised"),
        (2, "escalation.started"),
        (3, "escalation.step_fired"),
        (4, "alert.declined"),
        (5, "alert.acknowledged"),
        (6, "alert.resolved"),
        (7, "escalation.resolved"),
    ]
    first = told[0]
    assert first["drill"] is False
    assert first["links"]["self"].endswith(f"/api/v1/alerts/{alert['id']}")
    assert first["data"]["alert_id"] == alert["id"]
    assert first["data"]["title"] == "Detained at the door"
    assert not {"deadline_id", "due_on", "due_at", "kind"} & set(first["data"])


@pytest.mark.parametrize(("level", "shown"), [(0, ()), (1, ("K-17",)), (2, ("K-17", "Detained"))])
async def test_a_mail_says_what_its_level_allows(
    installation: Installation, team: Team, level: int, shown: tuple[str, ...]
) -> None:
    await change(team.admin, f"/cases/{team.case}", {"mail_level": level})
    await raised(team, notes="Sister's telephone")
    await tick(installation, 0)
    (file,) = (installation.runtime.settings.home / "outbox").glob("*.eml")
    mail = file.read_text().replace("=\n", "")
    for word in ("K-17", "Detained", "Sister"):
        assert (word in mail) == (word in shown), word
    assert "raised 2 March 2026" in mail
    assert "Importance: high" in mail


# --- lists, walls, refusals


async def test_alerts_are_listed_by_case_and_state(installation: Installation, team: Team) -> None:
    first = await raised(team)
    installation.clock.advance(MINUTE)
    second = await raised(team, case_id=None)
    await answer(team, first, "resolve", "owner", reason="released")
    assert [one["id"] for one in (await read(team.admin, "/alerts"))["items"]] == [
        first["id"],
        second["id"],
    ]
    of_case = await read(team.admin, "/alerts", case=team.case)
    assert [one["id"] for one in of_case["items"]] == [first["id"]]
    open_ = await read(team.admin, "/alerts", state="open")
    assert [one["id"] for one in open_["items"]] == [second["id"]]


async def test_the_same_emergency_is_raised_once(team: Team) -> None:
    body = {"title": "Detained", "case_id": team.case, "external_id": "kobo:17"}
    headers = {"idempotency-key": "one"}
    first = await team.admin.post("/alerts", json=body, headers=headers)
    again = await team.admin.post("/alerts", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    refused(await team.admin.post("/alerts", json=body), 409, "duplicate", "external_id")


async def test_what_nobody_could_be_told_of_is_refused(team: Team) -> None:
    await change(team.admin, f"/cases/{team.case}", {"roles": []})
    body = {"title": "Detained", "case_id": team.case}
    refused(await team.admin.post("/alerts", json=body), 422, "owner_required", "case_id")
    assert (await read(team.admin, "/alerts"))["items"] == []


async def test_a_policy_that_looks_ahead_is_refused(team: Team) -> None:
    steps = [{"targets": ["owner"], "before_due": "P1D"}]
    policy = await create(team.admin, "/escalation-policies", {"name": "p", "steps": steps})
    body = {"title": "Detained", "case_id": team.case, "escalation_policy_id": policy["id"]}
    answered = await team.admin.post("/alerts", json=body)
    refused(answered, 422, "invalid_input", "escalation_policy_id")


async def test_an_alert_cannot_be_put_off(installation: Installation, team: Team) -> None:
    alert = await raised(team)
    body = {"user_id": team.people["owner"], "until": "2099-01-01T00:00:00Z", "reason": "busy"}
    answered = await team.admin.post(f"/alerts/{alert['id']}/snooze", json=body)
    refused(answered, 404, "not_found")
    await tick(installation, 0)
    owner = await reader(installation, team, alert, "owner")
    until = f"{installation.clock.now + HOUR:%Y-%m-%dT%H:%M:%SZ}"
    page = await owner.send(
        await owner.open(), answer="snooze", until=until, snooze_reason="in court"
    )
    assert "An alert cannot be put off." in page.text
    assert (await plan_of(team, alert))["state"] == "active"


@pytest.mark.parametrize("body", [{"title": None}, {"case_id": None}])
async def test_the_title_and_the_case_are_not_taken_away(team: Team, body: dict[str, Any]) -> None:
    alert = await raised(team)
    path = f"/alerts/{alert['id']}"
    etag = (await team.admin.get(path)).headers["etag"]
    refused(
        await team.admin.patch(path, json=body, headers={"if-match": etag}), 422, "invalid_input"
    )


async def test_a_change_that_was_not_read_first_is_refused(team: Team) -> None:
    path = f"/alerts/{(await raised(team))['id']}"
    stale = (await team.admin.get(path)).headers["etag"]
    await change(team.admin, path, {"title": "Detained and searched"})
    answered = await team.admin.patch(path, json={"notes": "x"}, headers={"if-match": stale})
    refused(answered, 412, "precondition_failed")


async def test_another_team_hears_nothing_of_it(installation: Installation, team: Team) -> None:
    other = await installation.team("A-03", "Other")
    await create(other.admin, "/endpoints", {"name": "e", "url": URL})
    alert = await raised(team, case_id=None)
    await tick(installation, 0)
    assert {one["user_id"] for one in await mails(team, alert)} == set(team.people.values())
    assert await events(installation) == []
    refused(await other.admin.get(f"/alerts/{alert['id']}"), 404, "not_found")
    patch = {"case_id": other.case}
    etag = (await team.admin.get(f"/alerts/{alert['id']}")).headers["etag"]
    answered = await installation.operator.patch(
        f"/alerts/{alert['id']}", json=patch, headers={"if-match": etag}
    )
    refused(answered, 422, "unknown_reference", "case_id")


# --- before all others, and watched


async def test_an_alert_waits_behind_no_deadline_and_its_mails_behind_no_others(
    installation: Installation, team: Team
) -> None:
    await create(team.admin, "/endpoints", {"name": "e", "url": URL})
    for day in range(10, 15):
        await team.deadline(due_at=f"{START + timedelta(hours=day):%Y-%m-%dT%H:%M:%SZ}")
    installation.clock.advance(MINUTE)
    alert = await raised(team)
    runtime = installation.runtime
    async with runtime.transaction() as session:
        now = installation.clock.now
        sitting = Sitting(session, runtime.channels, runtime.rules, now)
        released = await release_due(sitting, 100)
    assert (released.looked_at, released.last) == (1, False)
    assert len(await mails(team, alert)) == 1
    async with runtime.transaction() as session:
        [shipment] = await claim(session, runtime.seal, Pace(1, 20), "worker", now, 1)
    assert [one.message.alert_id for one in shipment.consignments] == [alert["id"]]


async def test_an_alert_that_does_not_move_degrades_readiness(
    either: Installation,
) -> None:
    team = await either.team()
    await raised(team)
    either.clock.advance(2 * MINUTE)
    assert await found(either) == []
    either.clock.advance(timedelta(seconds=1))
    assert await found(either) == [FindingCode.ALERT_WAITS]
    await tasks.tick(either.runtime)
    assert FindingCode.ALERT_WAITS not in await found(either)


# --- drills


async def test_a_drill_is_marked_wherever_it_is_told(
    installation: Installation, team: Team
) -> None:
    await create(team.admin, "/endpoints", {"name": "e", "url": URL})
    alert = await raised(team, drill=True)
    deadline = await team.deadline(due_at=f"{START + HOUR:%Y-%m-%dT%H:%M:%SZ}", drill=True)
    await tick(installation, 0)
    assert (alert["drill"], deadline["drill"]) == (True, True)
    assert {one["drill"] for one in await events(installation)} == {True}
    outbox = [one.read_text() for one in (installation.runtime.settings.home / "outbox").glob("*")]
    assert len(outbox) >= 2
    for mail in outbox:
        assert "\nSubject: DRILL " in mail
        assert "This is a drill" in mail.replace("=\n", "")
    owner = await reader(installation, team, alert, "owner")
    assert "This is a drill" in await owner.open()


async def test_a_drill_leaves_no_trace_in_lateness_coverage_and_feeds(
    installation: Installation, team: Team
) -> None:
    lag = "adquem_lag_seconds_count"
    feed = await create(team.admin, "/feeds", {"name": "f", "user_id": team.people["owner"]})
    before = await _metric(installation, lag)
    await raised(team, drill=True)
    await change(
        team.admin,
        f"/cases/{team.case}",
        {"roles": [{"role": "owner", "user_id": team.people["owner"]}]},
    )
    await team.deadline(due_on="2026-03-20", title="Practice", drill=True)
    await tick(installation, 0)
    assert await _metric(installation, lag) == before
    assert (await read(team.admin, "/coverage"))["items"] == []
    seen = await installation.outside.get(feed["url"].split("8000", 1)[-1])
    assert seen.status_code == 200
    assert "BEGIN:VEVENT" not in seen.text


async def _metric(installation: Installation, name: str) -> list[str]:
    text = (await installation.outside.get("/metrics")).text
    return [line for line in text.splitlines() if line.startswith(name)]


async def test_nothing_becomes_a_drill_later(team: Team) -> None:
    for path in (
        f"/alerts/{(await raised(team))['id']}",
        f"/deadlines/{(await team.deadline())['id']}",
    ):
        etag = (await team.admin.get(path)).headers["etag"]
        answered = await team.admin.patch(path, json={"drill": True}, headers={"if-match": etag})
        refused(answered, 422, "unknown_field", "drill")
