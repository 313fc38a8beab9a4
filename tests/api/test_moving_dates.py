"""Dates that move: by a paper, by a clock that stands still, by more time, by what hangs on another."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.clock import zone_data_version
from service.domain.bundles import Pace
from service.flows.delivery import claim
from service.rules.library import RuleLibrary
from tests.api.installation import Installation, Team, case_body, create, on_both, read
from tests.api.test_refusals import refused
from workers import tasks

REGISTERED = {"kind": "asylum.registered", "occurred_on": "2026-06-02"}


async def decision(team: Team) -> dict[str, Any]:
    """The watch on the authority's decision, three months from 2 June: 2 September 2026."""
    made = await create(
        team.admin,
        f"/cases/{team.case}/trigger-events",
        {**REGISTERED, "rules": ["kz.refugee.11.decision"], "user_id": team.people["owner"]},
    )
    deadline: dict[str, Any] = made["deadlines"][0]
    assert deadline["due_on"] == "2026-09-02"
    return deadline


async def say(team: Team, deadline: dict[str, Any], what: str, **body: Any) -> dict[str, Any]:
    body = {"user_id": team.people["supervisor"]} | body
    return await create(team.admin, f"/deadlines/{deadline['id']}/{what}", body)


async def mails(team: Team, deadline: dict[str, Any], event: str) -> list[dict[str, Any]]:
    sent = (await read(team.admin, f"/deadlines/{deadline['id']}/messages", limit=200))["items"]
    return [one for one in sent if one["event"] == event and one["user_id"]]


async def outbox(installation: Installation) -> str:
    """Everything that went out as mail, the clockwork having run once."""
    await tasks.tick(installation.runtime)
    await tasks.deliver(installation.runtime)
    folder = installation.runtime.settings.home / "outbox"
    return "\n".join(file.read_text() for file in sorted(folder.glob("*.eml")))


async def test_a_date_on_a_paper_stands_over_the_computed_one_and_both_are_kept(
    team: Team,
) -> None:
    deadline = await decision(team)
    moved = await say(
        team,
        deadline,
        "override",
        due_on="2026-08-31",
        reason="the letter counts 90 days",
        source="letter of 2 June 2026",
    )
    assert (moved["due_on"], moved["computed_on"]) == ("2026-08-31", "2026-09-02")
    assert moved["difference_days"] == -2
    assert moved["stated"]["source"] == "letter of 2 June 2026"
    assert (moved["version"], moved["state"]) == (2, "provisional")
    assert [one["due_on"] for one in moved["earlier_dates"]] == ["2026-09-02"]
    derivation = await read(team.admin, f"/deadlines/{deadline['id']}/derivation")
    keys = [step["key"] for step in derivation["derivation"]]
    assert keys == ["trigger", "counted", "ends", "stated", "ends"]
    assert derivation["derivation"][-1]["on"] == "2026-08-31"
    assert derivation["zone_data_version"] == zone_data_version()


async def test_a_stated_date_that_is_taken_back_lets_the_computed_one_hold_again(
    team: Team,
) -> None:
    deadline = await decision(team)
    await say(team, deadline, "override", due_on="2026-08-31", reason="a letter")
    back = await say(team, deadline, "override", withdrawn=True, reason="it was a misprint")
    assert (back["due_on"], back["stated"], back["version"]) == ("2026-09-02", None, 3)
    assert back["difference_days"] is None
    again = await team.admin.post(
        f"/deadlines/{deadline['id']}/override",
        json={"withdrawn": True, "reason": "twice", "user_id": team.people["owner"]},
    )
    refused(again, 409, "illegal_state", "withdrawn")


async def test_whoever_moves_a_date_cannot_verify_it_too(team: Team) -> None:
    deadline = await decision(team)
    await say(team, deadline, "verify")
    moved = await say(team, deadline, "override", due_on="2026-08-31", reason="a letter")
    assert moved["verified_by"] is None
    own = await team.admin.post(
        f"/deadlines/{deadline['id']}/verify", json={"user_id": team.people["supervisor"]}
    )
    refused(own, 422, "second_person_required", "user_id")
    checked = await say(team, deadline, "verify", user_id=team.people["owner"])
    assert checked["state"] == "open"


async def test_everyone_who_was_told_the_old_date_is_told_both(
    installation: Installation, team: Team
) -> None:
    deadline = await team.deadline(due_on="2026-06-10", kind="hearing")
    installation.clock.set(datetime(2026, 6, 8, tzinfo=UTC))
    await outbox(installation)
    told = {one["user_id"] for one in await mails(team, deadline, "reminder.due")}
    assert told, "the owner has been reminded of the old date"
    await say(team, deadline, "override", due_on="2026-06-21", reason="the hearing is adjourned")
    text = await outbox(installation)
    assert "Subject: CHANGED: K-17, due 21 June 2026, was 10 June 2026" in text
    changed = await mails(team, deadline, "deadline.date_changed")
    assert {one["user_id"] for one in changed} >= told
    assert {one["state"] for one in changed} == {"accepted"}
    assert team.people["observer"] not in {one["user_id"] for one in changed}


async def test_what_was_not_yet_sent_of_the_old_date_is_never_sent(
    installation: Installation, team: Team
) -> None:
    deadline = await team.deadline(due_on="2026-06-10")
    installation.clock.set(datetime(2026, 6, 8, tzinfo=UTC))
    await tasks.tick(installation.runtime)
    await say(team, deadline, "override", due_on="2026-07-21", reason="moved")
    await tasks.deliver(installation.runtime)
    old = await mails(team, deadline, "reminder.due")
    assert {(one["state"], one["reason"]) for one in old} == {("superseded", "version_changed")}


@on_both
async def test_whoever_is_being_told_the_old_date_while_it_moves_is_told_both(
    installation: Installation, team: Team
) -> None:
    deadline = await team.deadline(due_on="2026-06-10")
    installation.clock.set(datetime(2026, 6, 8, tzinfo=UTC))
    await tasks.tick(installation.runtime)
    runtime, pace = installation.runtime, Pace(1000, 1000)
    async with runtime.transaction() as session:
        claimed = await claim(session, runtime.seal, pace, "worker", runtime.clock(), 64)
        old = {one.message.user_id for shipment in claimed for one in shipment.consignments}
        assert old - {None}
        moving = asyncio.create_task(
            say(team, deadline, "override", due_on="2026-07-21", reason="moved")
        )
        # The old date is on its way from here on: whoever moves it must wait to see that, or be seen.
        await asyncio.wait({moving}, timeout=0.5)
    await moving
    changed = await mails(team, deadline, "deadline.date_changed")
    assert {one["user_id"] for one in changed} >= old - {None}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reason": "no date"}, None),
        ({"reason": "two", "due_on": "2026-08-31", "withdrawn": True}, None),
        ({"reason": "no such day", "due_on": "2026-02-30"}, "due_on"),
        ({"due_on": "2026-08-31"}, "reason"),
    ],
)
async def test_an_override_that_says_nothing_clear_changes_nothing(
    installation: Installation, team: Team, body: dict[str, Any], field: str | None
) -> None:
    deadline = await decision(team)
    before = await installation.rows()
    answer = await team.admin.post(f"/deadlines/{deadline['id']}/override", json=body)
    assert answer.status_code == 422
    assert answer.json().get("field") == field
    assert await installation.rows() == before


async def test_a_clock_that_stands_still_suspends_and_what_remains_runs_on(
    installation: Installation, team: Team
) -> None:
    made = await create(
        team.admin,
        f"/cases/{team.case}/trigger-events",
        {"kind": "decision.extradition-in-force", "occurred_on": "2026-06-01"},
    )
    [surrender] = [one for one in made["deadlines"] if one["rule_id"] == "kz.cpc.surrender"]
    assert surrender["due_on"] == "2026-07-01"
    installation.clock.set(datetime(2026, 6, 11, 6, tzinfo=UTC))
    tolled = await say(
        team,
        surrender,
        "tolling",
        from_on="2026-06-11",
        reason="a treaty body asked the State to hold the removal",
        source="note verbale",
    )
    assert tolled["deadline"]["state"] == "suspended"
    assert tolled["deadline"]["tolled_since"] == "2026-06-11"
    plan = await read(team.admin, f"/deadlines/{surrender['id']}/plan")
    assert (plan["why"], plan["upcoming"]) == ("clock_stands_still", [])
    installation.clock.set(datetime(2026, 9, 1, 6, tzinfo=UTC))
    derivation = await read(team.admin, f"/deadlines/{surrender['id']}/derivation")
    assert derivation["remaining_days"] == 20, "from the end of 11 June, 20 of the 30 days are left"
    assert derivation["if_lifted_today"] == "2026-09-21"
    lifted = await say(
        team,
        surrender,
        f"tolling/{tolled['tolling']['id']}/lift",
        until_on="2026-09-01",
        reason="the request was withdrawn",
    )
    assert lifted["tolling"]["until_on"] == "2026-09-01"
    assert (lifted["deadline"]["due_on"], lifted["deadline"]["state"]) == (
        "2026-09-21",
        "provisional",
    )
    periods = await read(team.admin, f"/deadlines/{surrender['id']}/tolling")
    assert [(one["from_on"], one["until_on"]) for one in periods] == [("2026-06-11", "2026-09-01")]


async def test_a_suspension_is_told_and_reminds_nobody_until_it_is_lifted(
    installation: Installation, team: Team
) -> None:
    deadline = await team.deadline(due_on="2026-06-10")
    installation.clock.set(datetime(2026, 6, 3, 1, tzinfo=UTC))
    await outbox(installation)
    await say(team, deadline, "tolling", from_on="2026-06-03", reason="interim measure")
    assert "Subject: SUSPENDED: K-17, clock stands still, was due 10 June 2026" in (
        await outbox(installation)
    )
    count = len(await mails(team, deadline, "reminder.due"))
    installation.clock.set(datetime(2026, 6, 20, tzinfo=UTC))
    await outbox(installation)
    assert len(await mails(team, deadline, "reminder.due")) == count
    shown = await read(team.admin, f"/deadlines/{deadline['id']}")
    assert not shown["overdue"], "a clock that stands still passes no date"


async def test_a_stated_date_is_pushed_on_by_the_days_that_stood_still(
    installation: Installation, team: Team
) -> None:
    deadline = await team.deadline(due_at="2026-06-10T18:00:00+05:00")
    installation.clock.set(datetime(2026, 6, 5, 6, tzinfo=UTC))
    tolled = await say(
        team, deadline, "tolling", from_on="2026-06-02", until_on="2026-06-05", reason="strike"
    )
    assert tolled["deadline"]["due_at"] == "2026-06-13T13:00:00Z", "three days, the same hour"
    assert tolled["deadline"]["state"] == "provisional"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"from_on": "2026-06-03", "reason": "tomorrow"}, "from_on"),
        ({"from_on": "2026-06-02", "until_on": "2026-06-01", "reason": "backwards"}, "until_on"),
        ({"from_on": "2026-06-01", "reason": "after the end"}, "from_on"),
    ],
)
async def test_tolling_that_cannot_be_is_refused(
    installation: Installation, team: Team, body: dict[str, Any], field: str
) -> None:
    ended = body["reason"] == "after the end"
    deadline = await team.deadline(due_on="2026-05-31" if ended else "2026-06-10")
    installation.clock.set(datetime(2026, 6, 2, 6, tzinfo=UTC))
    answer = await team.admin.post(
        f"/deadlines/{deadline['id']}/tolling", json=body | {"user_id": team.people["owner"]}
    )
    refused(answer, 422, "invalid_date", field)


async def test_a_clock_cannot_be_stopped_twice_nor_started_twice(
    installation: Installation, team: Team
) -> None:
    installation.clock.set(datetime(2026, 6, 2, 6, tzinfo=UTC))
    deadline = await team.deadline(due_on="2026-06-10")
    person = {"user_id": team.people["owner"], "reason": "order"}
    tolled = await say(team, deadline, "tolling", from_on="2026-06-01", reason="order")
    path = f"/deadlines/{deadline['id']}/tolling"
    again = await team.admin.post(path, json={"from_on": "2026-06-02", **person})
    refused(again, 409, "illegal_state", "from_on")
    lift = f"{path}/{tolled['tolling']['id']}/lift"
    before = await team.admin.post(lift, json={"until_on": "2026-05-30", **person})
    refused(before, 422, "invalid_date", "until_on")
    await create(team.admin, lift, {"until_on": "2026-06-02", **person})
    twice = await team.admin.post(lift, json={"until_on": "2026-06-02", **person})
    refused(twice, 409, "illegal_state")


async def test_asking_for_more_time_moves_nothing_and_granting_it_does(team: Team) -> None:
    deadline = await team.deadline(due_on="2026-06-10")
    asked = await say(team, deadline, "extensions", asked_until_on="2026-07-10", reason="illness")
    assert asked["state"] == "requested"
    assert (await read(team.admin, f"/deadlines/{deadline['id']}"))["due_on"] == "2026-06-10"
    granted = await say(
        team,
        deadline,
        f"extensions/{asked['id']}/grant",
        granted_until_on="2026-06-24",
        source="order of 5 June 2026",
    )
    assert (granted["state"], granted["granted_until_on"]) == ("granted", "2026-06-24")
    assert granted["deadline"]["due_on"] == "2026-06-24"
    other = await say(team, deadline, "extensions", reason="still ill")
    no = await say(team, deadline, f"extensions/{other['id']}/refuse", source="order of 20 June")
    assert (no["state"], no["deadline"]["due_on"]) == ("refused", "2026-06-24")
    path = f"/deadlines/{deadline['id']}/extensions/{other['id']}/grant"
    body = {
        "granted_until_on": "2026-08-01",
        "source": "another",
        "user_id": team.people["owner"],
    }
    refused(await team.admin.post(path, json=body), 409, "illegal_state")
    listed = await read(team.admin, f"/deadlines/{deadline['id']}/extensions")
    assert {one["id"]: one["state"] for one in listed} == {
        asked["id"]: "granted",
        other["id"]: "refused",
    }


async def test_what_is_counted_back_from_an_end_moves_with_it(team: Team) -> None:
    made = await create(
        team.admin,
        f"/cases/{team.case}/trigger-events",
        {
            "kind": "detention.wanted-abroad",
            "occurred_at": "2026-06-02T15:40:00+05:00",
            "user_id": team.people["owner"],
        },
    )
    by_rule = {one["rule_id"]: one for one in made["deadlines"]}
    custody, warning = (
        by_rule["kz.cpc.588.temporary-custody"],
        by_rule["kz.cpc.588.prison-warning"],
    )
    assert (custody["due_on"], warning["due_on"]) == ("2026-07-11", "2026-07-01")
    motion = by_rule["kz.cpc.588.custody-motion"]
    assert motion["due_at"] == "2026-06-04T22:40:00Z", "twelve hours before the 72 hours end"
    await say(team, custody, "override", due_on="2026-07-08", reason="the order says so")
    moved = await read(team.admin, f"/deadlines/{warning['id']}")
    assert (moved["due_on"], moved["version"]) == ("2026-06-28", 2)
    events = (await read(team.admin, f"/cases/{team.case}/trigger-events"))["items"]
    ends = [one for one in events if one["source_deadline_id"] == custody["id"]]
    assert [(one["fate"], one["occurred_on"]) for one in ends] == [("due", "2026-07-08")]
    cancelled = await say(team, custody, "cancel", reason="entered in the wrong case")
    assert cancelled["state"] == "cancelled"
    assert (await read(team.admin, f"/deadlines/{warning['id']}"))["state"] == "cancelled"


async def test_silence_starts_the_complaint_by_itself(
    installation: Installation, team: Team
) -> None:
    deadline = await decision(team)
    installation.clock.set(datetime(2026, 9, 2, 18, 59, 59, tzinfo=UTC))
    await tasks.tick(installation.runtime)
    assert (await read(team.admin, f"/deadlines/{deadline['id']}"))["lapsed_at"] is None
    installation.clock.set(datetime(2026, 9, 2, 19, tzinfo=UTC))
    await tasks.tick(installation.runtime)
    await tasks.tick(installation.runtime)
    live = (await read(team.admin, "/deadlines", case=team.case, limit=200))["items"]
    [complaint] = [one for one in live if one["rule_id"] == "kz.appc.91.complaint-after-silence"]
    assert complaint["due_on"] == "2026-12-02"
    watch = await read(team.admin, f"/deadlines/{deadline['id']}")
    assert watch["lapsed_at"] is not None
    assert watch["state"] == "provisional", "the authority still owes its answer"
    events = (await read(team.admin, f"/cases/{team.case}/trigger-events"))["items"]
    assert [(one["fate"], one["kind"]) for one in events if one["fate"]] == [
        ("lapse", "authority.silent")
    ]


async def test_a_date_that_moves_after_it_lapsed_moves_what_its_silence_started(
    installation: Installation, team: Team
) -> None:
    deadline = await decision(team)
    installation.clock.set(datetime(2026, 9, 3, 6, tzinfo=UTC))
    await tasks.tick(installation.runtime)
    await say(team, deadline, "override", due_on="2026-09-10", reason="the letter says so")
    installation.clock.set(datetime(2026, 9, 10, 19, tzinfo=UTC))
    await tasks.tick(installation.runtime)
    live = (await read(team.admin, "/deadlines", case=team.case, limit=200))["items"]
    complaints = [one for one in live if one["rule_id"] == "kz.appc.91.complaint-after-silence"]
    assert [(one["due_on"], one["version"]) for one in complaints] == [("2026-12-10", 2)]


async def test_a_date_whose_rule_gives_none_any_more_can_still_be_stated(
    installation: Installation, team: Team
) -> None:
    deadline = await decision(team)
    rules = [one for one in installation.runtime.rules.all() if one.id != deadline["rule_id"]]
    without = replace(installation.runtime, rules=RuleLibrary(rules))
    installation.app.state.runtime = without
    moved = await say(team, deadline, "override", due_on="2026-08-31", reason="a letter")
    assert moved["due_on"] == "2026-08-31"


async def test_a_refusal_starts_the_appeal_and_asks_for_the_day_of_service(team: Team) -> None:
    deadline = await decision(team)
    path = f"/deadlines/{deadline['id']}/complete"
    body = {"proof": "decision no 7", "refused": True, "user_id": team.people["owner"]}
    refused(await team.admin.post(path, json=body), 422, "missing_field", "served_on")
    assert (await read(team.admin, f"/deadlines/{deadline['id']}"))["state"] == "provisional"
    done = await create(
        team.admin, path, body | {"done_on": "2026-06-30", "served_on": "2026-07-02"}
    )
    assert done["state"] == "completed"
    appeals = {one["rule_id"]: one["due_on"] for one in done["started"]}
    assert appeals["kz.refugee.refusal-appeal"] == "2026-08-02", "the safe of two readings"


async def test_a_renewed_certificate_starts_its_validity_again(team: Team) -> None:
    made = await create(
        team.admin,
        f"/cases/{team.case}/trigger-events",
        {"kind": "certificate.asylum-seeker-issued", "occurred_on": "2026-06-02"},
    )
    [expiry] = made["deadlines"]
    assert expiry["due_on"] == "2026-09-01"
    done = await say(team, expiry, "complete", proof="certificate no 2", done_on="2026-08-20")
    assert [one["due_on"] for one in done["started"]] == ["2026-11-19"]


async def test_a_rule_does_not_reach_a_state_that_left_and_says_why(team: Team) -> None:
    case = await create(
        team.admin,
        "/cases",
        case_body(
            "R-09",
            {"owner": team.people["owner"]},
            forum="echr",
            respondent_state="RU",
        ),
    )
    event = {
        "kind": "decision.final-domestic",
        "occurred_on": "2023-02-02",
        "served_on": "2023-02-10",
    }
    made = await create(team.admin, f"/cases/{case['id']}/trigger-events", event)
    assert made["deadlines"] == []
    reason = made["not_started"]["echr.art-35.application"]
    assert "16 September 2022" in reason or "2022-09-16" in reason
    before = event | {"facts_on": "2022-03-01"}
    made = await create(team.admin, f"/cases/{case['id']}/trigger-events", before)
    assert [one["due_on"] for one in made["deadlines"]] == ["2023-06-10"]


async def test_another_teams_dates_can_be_neither_moved_nor_seen(
    installation: Installation, team: Team
) -> None:
    deadline = await decision(team)
    stranger = await installation.team("Z-21", "Strangers")
    person = {"user_id": stranger.people["owner"], "reason": "mine now"}
    for path, body in (
        ("override", {"due_on": "2026-12-31"}),
        ("tolling", {"from_on": "2026-06-02"}),
        ("extensions", {}),
    ):
        answer = await stranger.admin.post(
            f"/deadlines/{deadline['id']}/{path}", json=body | person
        )
        refused(answer, 404, "not_found")
    for path in ("tolling", "extensions"):
        answer = await stranger.admin.get(f"/deadlines/{deadline['id']}/{path}")
        refused(answer, 404, "not_found")


async def test_a_moved_date_counts_its_day_from_the_clock_of_the_forum(team: Team) -> None:
    deadline = await decision(team)
    moved = await say(
        team, deadline, "override", due_at="2026-08-31T18:00:00+05:00", reason="office hours"
    )
    assert (moved["due_on"], moved["due_at"]) == ("2026-08-31", "2026-08-31T13:00:00Z")
    assert datetime.fromisoformat(moved["due_at"]) - datetime(2026, 8, 31, tzinfo=UTC) == timedelta(
        hours=13
    )
