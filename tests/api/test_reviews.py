"""A change of the law: earlier dates move and are told, later ones wait for a person."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from service.rules.library import Rule, RuleLibrary
from service.runtime import Runtime
from service.store.deadlines import Deadline
from tests.api.installation import Installation, Team, create, read
from tests.api.test_refusals import refused
from workers import tasks

#: Ten court days from Monday 2 March 2026 in Kazakhstan.
PRIVATE_COMPLAINT = "kz.appc.168.private-complaint"


async def complaint(team: Team) -> dict[str, Any]:
    made = await create(
        team.admin,
        f"/cases/{team.case}/trigger-events",
        {
            "kind": "ruling.administrative-court",
            "occurred_on": "2026-06-01",
            "served_on": "2026-06-01",
            "rules": [PRIVATE_COMPLAINT],
            "user_id": team.people["owner"],
        },
    )
    deadline: dict[str, Any] = made["deadlines"][0]
    assert deadline["due_on"] == "2026-06-15"
    return deadline


async def amend(installation: Installation, *changes: tuple[str, str]) -> None:
    """The calendar of Kazakhstan gets a new version, and the clockwork looks at the law."""
    body = {
        "source": "order of the ministry",
        "changes": [{"on": on, "kind": kind, "name": "moved"} for on, kind in changes],
    }
    await create(installation.operator, "/calendars/KZ/versions", body)
    await tasks.check_law(installation.runtime)


async def shown(team: Team, deadline: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = await read(team.admin, f"/deadlines/{deadline['id']}")
    return found


async def reviews(team: Team, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await read(team.admin, "/reviews", **query))["items"]
    return found


async def decide(team: Team, decision: str, *ids: str, **more: Any) -> list[dict[str, Any]]:
    body = {
        "review_ids": list(ids),
        "decision": decision,
        "user_id": team.people["supervisor"],
        **({} if decision == "later" else {"reason": "checked against the order"}),
        **more,
    }
    answer = await team.admin.post("/reviews/decisions", json=body)
    assert answer.status_code == 200, answer.text
    decided: list[dict[str, Any]] = answer.json()
    return decided


async def test_nothing_waits_while_the_law_stays_as_it_is(
    installation: Installation, team: Team
) -> None:
    deadline = await complaint(team)
    assert await tasks.check_law(installation.runtime) == 1
    assert await tasks.check_law(installation.runtime) == 0, "each edition is looked at once"
    assert await reviews(team) == []
    assert (await shown(team, deadline))["version"] == 1


async def test_a_day_on_which_the_court_sits_after_all_brings_the_date_forward_and_is_told(
    installation: Installation, team: Team
) -> None:
    deadline = await complaint(team)
    await tasks.tick(installation.runtime)
    await amend(installation, ("2026-06-06", "court_day"))
    moved = await shown(team, deadline)
    assert (moved["due_on"], moved["version"]) == ("2026-06-12", 2)
    [review] = await reviews(team)
    assert (review["state"], review["decided_by"]) == ("applied", "system")
    assert (review["old_on"], review["new_on"]) == ("2026-06-15", "2026-06-12")
    assert "KZ" in review["reason"]
    sent = (await read(team.admin, f"/deadlines/{deadline['id']}/messages"))["items"]
    changed = {one["user_id"] for one in sent if one["event"] == "deadline.date_changed"}
    assert team.people["owner"] in changed, "the owner is told of every move"


async def test_a_day_off_never_moves_a_date_later_until_a_person_has_confirmed(
    installation: Installation, team: Team
) -> None:
    deadline = await complaint(team)
    await amend(installation, ("2026-06-10", "off"))
    assert (await shown(team, deadline))["due_on"] == "2026-06-15"
    [review] = await reviews(team, status="waiting")
    assert (review["old_on"], review["new_on"]) == ("2026-06-15", "2026-06-16")
    [decided] = await decide(team, "apply", review["id"])
    assert (decided["state"], decided["decided_by"]) == ("applied", team.people["supervisor"])
    moved = await shown(team, deadline)
    assert (moved["due_on"], moved["version"]) == ("2026-06-16", 2)
    assert await reviews(team, status="waiting") == []
    answer = await team.admin.post(
        "/reviews/decisions",
        json={
            "review_ids": [review["id"]],
            "decision": "keep",
            "reason": "too late",
            "user_id": team.people["owner"],
        },
    )
    refused(answer, 409, "illegal_state")


async def test_what_a_person_has_kept_is_not_asked_again(
    installation: Installation, team: Team
) -> None:
    deadline = await complaint(team)
    await amend(installation, ("2026-06-10", "off"))
    [review] = await reviews(team, status="waiting")
    await decide(team, "keep", review["id"])
    await amend(installation, ("2026-12-01", "off"))
    assert [one["state"] for one in await reviews(team)] == ["kept"]
    assert (await shown(team, deadline))["due_on"] == "2026-06-15"
    await amend(installation, ("2026-06-11", "off"))
    [asked] = await reviews(team, status="waiting")
    assert asked["new_on"] == "2026-06-17", "another date is another question"


async def test_a_question_can_be_put_off_to_a_day(installation: Installation, team: Team) -> None:
    await complaint(team)
    await amend(installation, ("2026-06-10", "off"))
    [review] = await reviews(team, status="waiting")
    [later] = await decide(team, "later", review["id"], ask_again_on="2026-05-01")
    assert (later["state"], later["ask_again_on"]) == ("waiting", "2026-05-01")
    assert await reviews(team, status="waiting", asked_by="2026-04-30") == []
    assert len(await reviews(team, status="waiting", asked_by="2026-05-01")) == 1


async def test_a_calendar_that_is_put_right_again_withdraws_the_question(
    installation: Installation, team: Team
) -> None:
    await complaint(team)
    await amend(installation, ("2026-06-10", "off"))
    await amend(installation, ("2026-06-10", "ordinary"))
    assert [one["state"] for one in await reviews(team)] == ["moot"]


async def test_the_end_of_a_deadline_ends_the_question(
    installation: Installation, team: Team
) -> None:
    deadline = await complaint(team)
    await amend(installation, ("2026-06-10", "off"))
    person = {"user_id": team.people["owner"], "proof": "receipt 4471"}
    await create(team.admin, f"/deadlines/{deadline['id']}/complete", person)
    assert [one["state"] for one in await reviews(team)] == ["moot"]


async def test_a_stated_date_stays_and_the_drift_of_the_computed_one_is_asked_about(
    installation: Installation, team: Team
) -> None:
    deadline = await complaint(team)
    override = {
        "due_on": "2026-06-14",
        "reason": "printed on the ruling",
        "user_id": team.people["owner"],
    }
    await create(team.admin, f"/deadlines/{deadline['id']}/override", override)
    await amend(installation, ("2026-06-06", "court_day"))
    assert (await shown(team, deadline))["due_on"] == "2026-06-14"
    [review] = await reviews(team, status="waiting")
    assert review["new_on"] == "2026-06-12"
    await decide(team, "apply", review["id"])
    moved = await shown(team, deadline)
    assert (moved["due_on"], moved["stated"]) == ("2026-06-12", None)


async def test_many_questions_are_decided_at_once_or_none_of_them(
    installation: Installation, team: Team
) -> None:
    deadlines = [await complaint(team) for _ in range(3)]
    await amend(installation, ("2026-06-10", "off"))
    waiting = [one["id"] for one in await reviews(team, status="waiting")]
    assert len(waiting) == 3
    body = {
        "review_ids": [*waiting, "rev_" + "0" * 26],
        "decision": "apply",
        "reason": "seen",
        "user_id": team.people["owner"],
    }
    refused(await team.admin.post("/reviews/decisions", json=body), 404, "not_found")
    assert len(await reviews(team, status="waiting")) == 3
    await decide(team, "apply", *waiting)
    assert {(await shown(team, one))["due_on"] for one in deadlines} == {"2026-06-16"}


async def test_a_case_that_moves_to_another_calendar_is_looked_at_anew(
    installation: Installation, team: Team
) -> None:
    deadline = await complaint(team)
    await tasks.renew_calendars(installation.runtime)
    await tasks.check_law(installation.runtime)
    etag = (await team.admin.get(f"/cases/{team.case}")).headers["etag"]
    answer = await team.admin.patch(
        f"/cases/{team.case}", json={"calendar": "US"}, headers={"if-match": etag}
    )
    assert answer.status_code == 200, answer.text
    await create(installation.operator, "/calendars/US/versions", {
        "source": "a closed court",
        "changes": [{"on": "2026-06-09", "kind": "off", "name": "closed"}],
    })  # fmt: skip
    await tasks.check_law(installation.runtime)
    assert (await shown(team, deadline))["due_on"] == "2026-06-15"
    [review] = await reviews(team, status="waiting")
    assert review["new_on"] == "2026-06-16"


async def test_the_operator_sees_what_a_new_version_would_move_before_it_is_one(
    installation: Installation, team: Team
) -> None:
    deadline = await complaint(team)
    unmoved = await team.deadline(due_on="2026-06-15")
    body = {
        "source": "draft order of the ministry",
        "changes": [{"on": "2026-06-10", "kind": "off", "name": "moved"}],
    }
    before = await installation.rows()
    seen = await create(installation.operator, "/calendars/KZ/preview", body)
    assert await installation.rows() == before
    assert seen["looked_at"] == 2
    [move] = seen["moves"]
    assert move["deadline_id"] == deadline["id"] != unmoved["id"]
    assert (move["old_on"], move["new_on"], move["earlier"]) == ("2026-06-15", "2026-06-16", False)
    refused(await team.admin.post("/calendars/KZ/preview", json=body), 403, "forbidden")


async def test_another_teams_questions_can_be_neither_seen_nor_decided(
    installation: Installation, team: Team
) -> None:
    await complaint(team)
    await amend(installation, ("2026-06-10", "off"))
    [review] = await reviews(team, status="waiting")
    stranger = await installation.team("Z-21", "Strangers")
    assert await reviews(stranger) == []
    body = {
        "review_ids": [review["id"]],
        "decision": "apply",
        "reason": "mine",
        "user_id": stranger.people["owner"],
    }
    refused(await stranger.admin.post("/reviews/decisions", json=body), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"decision": "apply"}, "review_ids"),
        ({"decision": "apply", "review_ids": ["rev_" + "0" * 26]}, None),
        ({"decision": "later", "review_ids": ["rev_" + "0" * 26]}, None),
        ({"decision": "perhaps", "review_ids": ["rev_" + "0" * 26]}, "decision"),
    ],
)
async def test_a_decision_that_is_not_whole_is_refused(
    team: Team, body: dict[str, Any], field: str | None
) -> None:
    answer = await team.admin.post("/reviews/decisions", json=body)
    assert (answer.status_code, answer.json().get("field")) == (422, field)


def with_rules(runtime: Runtime, rules: RuleLibrary) -> Runtime:
    """The same installation run by software that brings other rules."""
    return replace(runtime, rules=rules)


def shorter(library: RuleLibrary) -> RuleLibrary:
    """A library in which the private complaint has nine court days."""
    data = library.get(PRIVATE_COMPLAINT).model_dump()
    data["versions"][0]["time_limit"]["amount"] = 9
    others = [one for one in library.all() if one.id != PRIVATE_COMPLAINT]
    return RuleLibrary([*others, Rule.model_validate(data)])


async def test_a_new_version_of_a_rule_is_held_against_every_open_deadline(
    installation: Installation, team: Team
) -> None:
    deadline = await complaint(team)
    await tasks.check_law(installation.runtime)
    installation.clock.set(datetime(2026, 3, 3, tzinfo=UTC))
    newer = with_rules(installation.runtime, shorter(installation.runtime.rules))
    await tasks.check_law(newer)
    assert (await shown(team, deadline))["due_on"] == "2026-06-12"


async def test_an_older_worker_beside_a_newer_one_moves_nothing_back(
    installation: Installation, team: Team
) -> None:
    deadline = await complaint(team)
    await tasks.check_law(installation.runtime)
    installation.clock.set(datetime(2026, 3, 3, tzinfo=UTC))
    await tasks.check_law(with_rules(installation.runtime, shorter(installation.runtime.rules)))
    assert await tasks.check_law(installation.runtime) == 0
    assert (await shown(team, deadline))["due_on"] == "2026-06-12"
    assert await reviews(team, status="waiting") == []


async def test_a_rule_that_is_gone_leaves_the_date_and_asks(
    installation: Installation, team: Team
) -> None:
    deadline = await complaint(team)
    installation.clock.set(datetime(2026, 3, 3, tzinfo=UTC))
    rules = [one for one in installation.runtime.rules.all() if one.id != PRIVATE_COMPLAINT]
    await tasks.check_law(with_rules(installation.runtime, RuleLibrary(rules)))
    assert (await shown(team, deadline))["due_on"] == "2026-06-15"
    [review] = await reviews(team, status="waiting")
    assert (review["new_on"], PRIVATE_COMPLAINT in review["reason"]) == (None, True)
    [kept] = await decide(team, "keep", review["id"])
    assert kept["state"] == "kept"


async def test_a_stated_day_ends_by_the_zone_data_of_today(either: Installation) -> None:
    """On both databases: a stored end of day that the present zone data would put elsewhere moves."""
    team = await either.team()
    deadline = await team.deadline(due_on="2026-06-10")
    async with either.runtime.transaction() as session:
        row = await session.get_one(Deadline, deadline["id"])
        row.due_at = datetime(2026, 6, 10, 20, tzinfo=UTC)  # as zone data of UTC+4 would have it
        row.shown += 1
    await tasks.check_law(either.runtime)
    moved = await shown(team, deadline)
    assert (moved["due_at"], moved["version"]) == ("2026-06-10T19:00:00Z", 2)
    assert date.fromisoformat(moved["due_on"]) == date(2026, 6, 10)


async def sits_in_kazakhstan(team: Team) -> None:
    etag = (await team.admin.get(f"/cases/{team.case}")).headers["etag"]
    sits = {"calendar": "KZ"}
    await team.admin.patch(f"/cases/{team.case}", json=sits, headers={"if-match": etag})


@pytest.mark.parametrize("what", ["the calendar", "the case"])
async def test_what_would_have_been_said_on_a_day_off_is_said_before_it_also_where_that_comes_late(
    installation: Installation, team: Team, what: str
) -> None:
    """The date itself stays where it is, and there was nothing to say for days: of its marks, one moves."""
    await tasks.renew_calendars(installation.runtime)
    if what == "the calendar":
        await sits_in_kazakhstan(team)
    else:
        await amend(installation, ("2026-06-08", "off"))
    deadline = await team.deadline(due_on="2026-06-15")
    installation.clock.set(datetime(2026, 6, 3, tzinfo=UTC))
    await tasks.tick(installation.runtime)
    await tasks.check_law(installation.runtime)
    if what == "the calendar":
        await amend(installation, ("2026-06-08", "off"))
    else:
        await sits_in_kazakhstan(team)
    await tasks.tick(installation.runtime)
    assert (await shown(team, deadline))["version"] == 1
    plan = await read(team.admin, f"/deadlines/{deadline['id']}/plan")
    assert plan["upcoming"][0]["at"] == "2026-06-05T19:00:00Z"
    installation.clock.set(datetime(2026, 6, 5, 19, tzinfo=UTC))
    await tasks.tick(installation.runtime)
    sent = (await read(team.admin, f"/deadlines/{deadline['id']}/messages"))["items"]
    assert "2026-06-05T19:00:00Z" in [one["due_at"] for one in sent]
