"""Promises of planning that others broke, each named after what it keeps (see the peers' bugs in E5)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.api.installation import Installation, Team, change, create, read
from tests.api.test_answers import DAY, HOUR, LADDER, MARK, answer, laddered, tick, told
from workers import tasks

NIGHT = {"begin": "21:00", "end": "07:00"}


async def messages(team: Team, deadline: dict[str, Any]) -> list[dict[str, Any]]:
    items = (await read(team.admin, f"/deadlines/{deadline['id']}/messages", limit=200))["items"]
    return [one for one in items if one["user_id"]]


async def moved(team: Team, deadline: dict[str, Any], due_on: str) -> dict[str, Any]:
    body = {"due_on": due_on, "reason": "adjourned", "user_id": team.people["owner"]}
    return await create(team.admin, f"/deadlines/{deadline['id']}/override", body)


async def test_two_planners_at_one_moment_write_one_message(either: Installation) -> None:
    team = await either.team()
    deadline = await laddered(team)
    either.clock.set(MARK)
    await asyncio.gather(*(tasks.tick(either.runtime) for _ in range(4)))
    await asyncio.gather(*(tasks.deliver(either.runtime) for _ in range(4)))
    assert await told(team, deadline) == ["owner"]


async def test_a_date_moved_with_a_reminder_queued_keeps_it_back_and_plans_the_new_one(
    installation: Installation, team: Team
) -> None:
    deadline = await laddered(team)
    installation.clock.set(MARK)
    await tasks.tick(installation.runtime)
    await moved(team, deadline, "2026-07-10")
    await tasks.deliver(installation.runtime)
    told = {one["event"]: (one["state"], one["reason"]) for one in await messages(team, deadline)}
    assert told == {
        "reminder.due": ("superseded", "version_changed"),
        "deadline.date_changed": ("accepted", None),
    }
    plan = await read(team.admin, f"/deadlines/{deadline['id']}/plan")
    assert plan["upcoming"][0]["at"] == "2026-07-03T19:00:00Z"


async def test_a_date_moved_after_a_reminder_was_sent_is_told_with_both_dates(
    installation: Installation, team: Team
) -> None:
    deadline = await laddered(team)
    await tick(installation, MARK)
    await moved(team, deadline, "2026-07-10")
    await tasks.deliver(installation.runtime)
    changed = [one for one in await messages(team, deadline) if one["deadline_version"] == 2]
    assert [(one["event"], one["state"]) for one in changed] == [
        ("deadline.date_changed", "accepted")
    ]
    mail = (installation.runtime.settings.home / "outbox" / f"{changed[0]['id']}.eml").read_text()
    assert "10 July 2026" in mail
    assert "10 June 2026" in mail


async def test_a_date_moved_while_a_digest_that_lists_it_waits_is_not_told_twice_over(
    installation: Installation, team: Team
) -> None:
    """The digest is written again with the new date; the old one never leaves."""
    deadline = await laddered(team)
    installation.clock.set(datetime(2026, 6, 5, 3, tzinfo=UTC))
    await tasks.tick(installation.runtime)
    await tasks.digest(installation.runtime)
    await moved(team, deadline, "2026-06-11")
    for _ in range(2):
        await tasks.deliver(installation.runtime)
        await tasks.digest(installation.runtime)
    await tasks.deliver(installation.runtime)
    outbox = installation.runtime.settings.home / "outbox"
    digests = [text for one in outbox.iterdir() if "digest." in (text := one.read_text())]
    assert digests
    for text in digests:
        assert "11 June 2026" in text
        assert "10 June 2026" not in text


async def test_an_answer_while_the_next_step_waits_keeps_it_from_firing(
    installation: Installation, team: Team
) -> None:
    deadline = await laddered(team)
    await tick(installation, MARK)
    installation.clock.set(MARK + DAY - timedelta(minutes=1))
    await answer(team, deadline, "acknowledge", "owner")
    await tick(installation, MARK + DAY)
    assert await told(team, deadline) == ["owner"]


async def test_what_falls_due_inside_somebodys_night_is_said_before_it(
    installation: Installation, team: Team
) -> None:
    """Due at 03:00: the mark of a week is said at 21:00 the evening before, the last at its hour."""
    await change(team.admin, f"/users/{team.people['owner']}", {"quiet_hours": NIGHT})
    steps = [LADDER[0], {"targets": ["owner"], "before_due": "PT2H"}]
    policy = await create(team.admin, "/escalation-policies", {"name": "p", "steps": steps})
    deadline = await team.deadline(
        due_at="2026-06-10T03:00:00+05:00", escalation_policy_id=policy["id"]
    )
    plan = await read(team.admin, f"/deadlines/{deadline['id']}/plan")
    marks = [one["local"] for one in plan["upcoming"] if one["why"] == "mark"]
    assert marks == ["2026-06-02 21:00 Asia/Almaty", "2026-06-10 01:00 Asia/Almaty"]


async def test_when_the_night_ends_what_silence_held_back_is_told_once(
    installation: Installation, team: Team
) -> None:
    await change(team.admin, f"/users/{team.people['deputy']}", {"quiet_hours": NIGHT})
    deadline = await laddered(team)
    await tick(installation, MARK)
    for hours in (24, 26, 30, 31, 33):
        await tick(installation, MARK + hours * HOUR)
    assert (await told(team, deadline)).count("deputy") == 1
    [mail] = [one for one in await messages(team, deadline) if one["step"] == "1"]
    assert mail["created_at"] == "2026-06-05T02:00:00Z", "seven in the morning"


async def test_a_step_without_anybody_goes_on_at_once_and_says_so(
    installation: Installation, team: Team
) -> None:
    roles = [{"role": role, "user_id": team.people[role]} for role in ("owner", "supervisor")]
    await change(team.admin, f"/cases/{team.case}", {"roles": roles})
    body = {"name": "e", "url": "https://hooks.example.com/in", "events": ["escalation.*"]}
    endpoint = await create(team.admin, "/endpoints", body)
    deadline = await laddered(team)
    await tick(installation, MARK)
    await tick(installation, MARK + DAY)
    assert await told(team, deadline) == ["owner", "supervisor"]
    heard = await read(team.admin, f"/endpoints/{endpoint['id']}/messages", limit=200)
    assert "escalation.step_empty" in {one["event"] for one in heard["items"]}


async def test_a_zone_that_does_not_exist_is_refused_and_changes_nothing(team: Team) -> None:
    body = {"name": "n", "email": "n@example.org", "timezone": "Mars/Olympus"}
    refused = await team.admin.post("/users", json=body)
    assert (refused.status_code, refused.json()["field"]) == (422, "timezone")
    etag = (await team.admin.get(f"/users/{team.people['owner']}")).headers["etag"]
    changed = await team.admin.patch(
        f"/users/{team.people['owner']}", json={"timezone": "GMT+25"}, headers={"if-match": etag}
    )
    assert changed.status_code == 422
    assert (await read(team.admin, f"/users/{team.people['owner']}"))["timezone"] == "Asia/Almaty"


async def test_after_twenty_six_hours_of_standstill_every_reminder_is_accounted_for(
    either: Installation,
) -> None:
    """Nothing ticked and nothing was queued; what was missed becomes one notice that says so."""
    team = await either.team()
    policy = {
        "name": "p",
        "steps": [{"targets": ["owner"], "before_due": f"PT{hours}H"} for hours in (160, 150, 140)],
    }
    made = await create(team.admin, "/escalation-policies", policy)
    deadline = await team.deadline(due_on="2026-06-10", escalation_policy_id=made["id"])
    due_at = datetime.fromisoformat(deadline["due_at"])
    await tick(either, due_at - 160 * HOUR)
    await tick(either, due_at - 134 * HOUR)
    mails = await messages(team, deadline)
    assert [one["step"] for one in mails] == ["0", "2"]
    assert mails[1]["due_at"] == (due_at - 140 * HOUR).isoformat().replace("+00:00", "Z")
    late = either.runtime.settings.home / "outbox" / f"{mails[1]['id']}.eml"
    assert "This notice is late" in late.read_text()
    journal = (await read(team.admin, f"/cases/{team.case}/journal", limit=200))["items"]
    fired = [one["data"] for one in journal if one["action"] == "escalation.step_fired"]
    assert [(one["step"], one["merged"]) for one in fired] == [(0, []), (2, [1])]
