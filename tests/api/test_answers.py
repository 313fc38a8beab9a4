"""What people answer, when they rest, and who stands in for them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.installation import Installation, Team, change, create, read
from tests.api.test_refusals import refused
from workers import tasks

LADDER = [
    {"targets": ["owner"], "before_due": "P7D"},
    {"targets": ["deputy"], "no_response_for": "P1D"},
    {"targets": ["supervisor"], "no_response_for": "P1D"},
    {"targets": ["owner", "deputy"], "after_due": "PT0H"},
]
#: A week before the end of 10 June in Almaty.
MARK = datetime(2026, 6, 3, 19, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


async def laddered(team: Team, steps: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    policy = await create(
        team.admin, "/escalation-policies", {"name": "p", "steps": steps or LADDER}
    )
    return await team.deadline(due_on="2026-06-10", escalation_policy_id=policy["id"])


async def tick(installation: Installation, at: datetime) -> None:
    installation.clock.set(at)
    await tasks.tick(installation.runtime)
    await tasks.deliver(installation.runtime)


async def told(team: Team, deadline: dict[str, Any]) -> list[str]:
    """The roles of those who were mailed, in order."""
    names = {user: role for role, user in team.people.items()}
    items = (await read(team.admin, f"/deadlines/{deadline['id']}/messages", limit=200))["items"]
    mails = [one for one in items if one["user_id"]]
    mails.sort(key=lambda one: (one["created_at"], one["user_id"]))
    return [names[one["user_id"]] for one in mails]


async def answer(team: Team, deadline: dict[str, Any], verb: str, who: str, **body: Any) -> Any:
    path = f"/deadlines/{deadline['id']}/{verb}"
    return await create(team.admin, path, {"user_id": team.people[who]} | body)


async def test_a_decline_tells_the_next_person_at_once(
    installation: Installation, team: Team
) -> None:
    deadline = await laddered(team)
    await tick(installation, MARK)
    said = await answer(team, deadline, "decline", "owner", reason="not_mine", note="wrong desk")
    assert (said["kind"], said["reason"]) == ("decline", "not_mine")
    await tick(installation, MARK + timedelta(minutes=1))
    assert await told(team, deadline) == ["owner", "deputy"]
    plan = await read(team.admin, f"/deadlines/{deadline['id']}/plan")
    assert plan["upcoming"][0]["why"] == "silence", "one decline moves the ladder by one step"


async def test_an_acknowledgement_runs_out_and_both_are_told(
    installation: Installation, team: Team
) -> None:
    deadline = await laddered(team)
    await tick(installation, MARK)
    await answer(team, deadline, "acknowledge", "owner")
    await tick(installation, MARK + DAY - HOUR)
    assert await told(team, deadline) == ["owner"]
    await tick(installation, MARK + DAY)
    later = await told(team, deadline)
    assert later[0] == "owner"
    assert sorted(later[1:]) == ["deputy", "owner"], "who has it is asked again, with the next"


async def test_a_snooze_holds_for_its_time_and_no_longer(
    installation: Installation, team: Team
) -> None:
    deadline = await laddered(team)
    await tick(installation, MARK)
    until = MARK + 20 * HOUR
    said = await answer(
        team, deadline, "snooze", "owner", until=until.isoformat(), reason="in court today"
    )
    assert said["until"] == "2026-06-04T15:00:00Z"
    plan = await read(team.admin, f"/deadlines/{deadline['id']}/plan")
    assert (plan["state"], plan["wake_at"]) == ("acknowledged", "2026-06-04T19:00:00Z")


@pytest.mark.parametrize(
    ("at", "until", "status", "code"),
    [
        (MARK, MARK + 25 * HOUR, 422, "invalid_instant"),
        (MARK, MARK - HOUR, 422, "invalid_instant"),
        (MARK + 6 * DAY - HOUR, MARK + 6 * DAY + HOUR, 422, "invalid_instant"),
        (MARK + 6 * DAY + HOUR, MARK + 6 * DAY + 2 * HOUR, 409, "illegal_state"),
    ],
)
async def test_a_snooze_is_bounded_by_the_time_that_is_left(
    installation: Installation,
    team: Team,
    at: datetime,
    until: datetime,
    status: int,
    code: str,
) -> None:
    deadline = await laddered(team)
    await tick(installation, at)
    body = {"user_id": team.people["owner"], "until": until.isoformat(), "reason": "busy"}
    answered = await team.admin.post(f"/deadlines/{deadline['id']}/snooze", json=body)
    refused(answered, status, code, "until")


async def test_where_all_must_answer_the_rest_are_still_chased(
    installation: Installation, team: Team
) -> None:
    steps = [
        {"targets": ["owner", "deputy"], "before_due": "P7D", "need": "all"},
        {"targets": ["supervisor"], "no_response_for": "PT4H"},
    ]
    deadline = await laddered(team, steps)
    await tick(installation, MARK)
    await answer(team, deadline, "acknowledge", "owner")
    plan = await read(team.admin, f"/deadlines/{deadline['id']}/plan")
    assert plan["state"] == "active"
    await answer(team, deadline, "acknowledge", "deputy")
    plan = await read(team.admin, f"/deadlines/{deadline['id']}/plan")
    assert plan["state"] == "acknowledged"


async def test_who_is_away_is_not_told_and_the_deputy_is(
    installation: Installation, team: Team
) -> None:
    deadline = await laddered(team)
    leave = {"end": "2026-06-20T00:00:00Z"}
    owner = await change(team.admin, f"/users/{team.people['owner']}", {"away": leave})
    assert owner["away_until"] == "2026-06-20T00:00:00Z"
    plan = await read(team.admin, f"/deadlines/{deadline['id']}/plan")
    assert plan["upcoming"][0]["people"] == [team.people["deputy"]]
    await tick(installation, MARK)
    assert await told(team, deadline) == ["deputy"]


async def test_the_one_who_was_named_stands_in(installation: Installation, team: Team) -> None:
    deadline = await laddered(team)
    leave = {"end": "2026-06-20T00:00:00Z", "deputy_id": team.people["supervisor"]}
    await change(team.admin, f"/users/{team.people['owner']}", {"away": leave})
    await tick(installation, MARK)
    assert await told(team, deadline) == ["supervisor"]


async def test_where_everyone_of_a_step_is_away_the_next_is_told_at_once(
    installation: Installation, team: Team
) -> None:
    deadline = await laddered(team)
    for role in ("owner", "deputy"):
        leave = {"away": {"end": "2026-06-20T00:00:00Z"}}
        await change(team.admin, f"/users/{team.people[role]}", leave)
    await tick(installation, MARK)
    assert await told(team, deadline) == ["supervisor"]


async def test_an_absence_ends_when_it_was_to_end_or_sooner(
    installation: Installation, team: Team
) -> None:
    deadline = await laddered(team)
    path = f"/users/{team.people['owner']}"
    await change(team.admin, path, {"away": {"end": "2026-06-03T00:00:00Z"}})
    await tick(installation, MARK)
    assert await told(team, deadline) == ["owner"]
    back = await change(team.admin, path, {"away": None})
    assert (back["away_from"], back["away_until"]) == (None, None)


@pytest.mark.parametrize(
    ("away", "code", "field"),
    [
        ({"end": "2026-01-01T00:00:00Z"}, "invalid_date", "away.end"),
        ({"end": "2026-06-01T00:00:00Z", "deputy_id": "usr_" + "0" * 26}, "unknown_reference",
         "away.deputy_id"),
    ],
)  # fmt: skip
async def test_an_absence_that_cannot_be_is_refused(
    team: Team, away: dict[str, Any], code: str, field: str
) -> None:
    path = f"/users/{team.people['owner']}"
    etag = (await team.admin.get(path)).headers["etag"]
    answered = await team.admin.patch(path, json={"away": away}, headers={"if-match": etag})
    refused(answered, 422, code, field)


async def test_new_people_rest_at_night_and_are_told_in_the_evening_before(team: Team) -> None:
    body = {"name": "Night", "email": "night@example.org", "timezone": "Asia/Almaty"}
    person = await create(team.admin, "/users", body)
    assert (person["quiet_from"], person["quiet_until"]) == ("21:00", "07:00")
    etag = (await team.admin.get(f"/cases/{team.case}")).headers["etag"]
    roles = [{"role": "owner", "user_id": person["id"]}]
    changed = await team.admin.patch(
        f"/cases/{team.case}", json={"roles": roles}, headers={"if-match": etag}
    )
    assert changed.status_code == 200, changed.text
    deadline = await laddered(team)
    plan = await read(team.admin, f"/deadlines/{deadline['id']}/plan")
    first = plan["upcoming"][0]
    assert (first["at"], first["shifted_from"]) == ("2026-06-03T16:00:00Z", "2026-06-03T19:00:00Z")


async def test_nobody_answers_and_it_goes_on_until_somebody_says_that_it_was_missed(
    installation: Installation, team: Team
) -> None:
    deadline = await laddered(team, [{"targets": ["owner"], "after_due": "PT0H"}])
    due_at = datetime(2026, 6, 10, 19, tzinfo=UTC)
    for hours in range(4):
        await tick(installation, due_at + hours * HOUR)
    mails = await told(team, deadline)
    assert mails[0] == "owner"
    assert len(mails) == 1 + 3 * 3, "every hour, to all who can act; the observer is left alone"
    assert "observer" not in mails
    ended = await answer(team, deadline, "miss", "supervisor", reason="nobody was in the office")
    assert ended["state"] == "missed"
    await tick(installation, due_at + 9 * HOUR)
    assert len(await told(team, deadline)) == len(mails)
