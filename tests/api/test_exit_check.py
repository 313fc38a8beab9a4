"""At six in the evening whoever can act sees once more what was ticked off, and what is still open."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from service.domain.notifications import EventType
from tests.api.digest_mails import Mail, answer, at, mails, sections
from tests.api.installation import Installation, Team, change, create, read
from tests.api.test_refusals import refused

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
#: Six in the evening in Almaty, on the day on which the team was made.
SIX = datetime(2026, 3, 2, 13, 0, tzinfo=UTC)
PROOF = {"proof": "filed, no. 4711"}


async def evening(installation: Installation, when: datetime) -> list[Mail]:
    return await at(installation, when, EventType.EXIT_CHECK)


async def ticked(team: Team, role: str = "owner", **query: str) -> list[tuple[str, list[str]]]:
    """How, and by whom, in the order of the lines."""
    found = await sections(team, team.people[role], "exit-check", **query)
    return [(one["what"], one["who"]) for one in found.get("ticked_off", [])]


async def test_a_day_on_which_nothing_happened_has_no_exit_check(
    installation: Installation, team: Team
) -> None:
    await team.deadline()
    assert await evening(installation, SIX) == []


async def test_who_can_act_is_told_at_six_and_an_observer_is_not(
    installation: Installation, team: Team
) -> None:
    deadline = await team.deadline()
    await answer(team, deadline["id"], "complete", "owner", **PROOF)
    assert await evening(installation, SIX - timedelta(seconds=1)) == []
    written = await evening(installation, SIX)
    roles = {user: role for role, user in team.people.items()}
    assert sorted(roles[one.user] for one in written) == ["deputy", "owner", "supervisor"]
    assert {(one.on, one.due_at) for one in written} == {("2026-03-02", SIX)}
    assert {one.subject for one in written} == {"Exit check: 1 ticked off"}
    assert await evening(installation, SIX + HOUR) == []
    assert await evening(installation, SIX + DAY) == []


async def test_everything_that_was_ticked_off_is_shown_with_who_did_it(
    installation: Installation, team: Team
) -> None:
    ends = {
        "complete": PROOF,
        "waive": {"reason": "moot"},
        "cancel": {"reason": "twice"},
        "miss": {"reason": "late"},
    }
    for number, (verb, body) in enumerate(ends.items()):
        made = (await team.deadline(due_on=f"2026-06-0{number + 1}"))["id"]
        await answer(team, made, verb, "deputy", **body)
    later, earlier, seen = [
        (await team.deadline(due_on=f"2026-06-0{number}"))["id"] for number in (5, 6, 7)
    ]
    moved = {"reason": "an order"}
    await answer(team, later, "override", "supervisor", due_on="2026-07-01", **moved)
    await answer(team, earlier, "override", "supervisor", due_on="2026-06-05", **moved)
    await answer(team, seen, "acknowledge", "owner")
    installation.clock.set(SIX)
    assert sorted(await ticked(team)) == [
        ("acknowledged", ["owner"]),
        ("cancelled", ["deputy"]),
        ("completed", ["deputy"]),
        ("missed", ["deputy"]),
        ("moved_later", ["supervisor"]),
        ("waived", ["deputy"]),
    ]
    found = await sections(team, team.people["owner"], "exit-check")
    (line,) = [one for one in found["ticked_off"] if one["what"] == "moved_later"]
    assert (line["deadline_id"], line["other_on"], line["due_on"]) == (
        later,
        "2026-06-05",
        "2026-07-01",
    )


async def test_what_was_declined_or_taken_back_is_not_ticked_off(
    installation: Installation, team: Team
) -> None:
    deadline = await team.deadline(due_on="2026-04-20")
    await answer(team, deadline["id"], "decline", "owner", reason="not_mine")
    await answer(team, deadline["id"], "acknowledge", "deputy")
    assert await ticked(team) == [("acknowledged", ["deputy"])]
    async with installation.runtime.transaction() as session:
        await (await session.connection()).execute(text("UPDATE responses SET withdrawn_at = at"))
    assert await ticked(team) == []


async def test_the_proof_is_shown_at_the_level_of_titles_and_not_below(
    installation: Installation, team: Team
) -> None:
    deadline = await team.deadline()
    await answer(team, deadline["id"], "complete", "owner", **PROOF)
    (mail,) = [one for one in await evening(installation, SIX) if one.user == team.people["deputy"]]
    assert "4711" not in mail.text
    assert "completed on 2 March 2026, 09:00 (Asia/Almaty) by: owner" in mail.text
    await change(team.admin, f"/cases/{team.case}", {"mail_level": 2})
    found = await sections(team, team.people["deputy"], "exit-check")
    assert found["ticked_off"][0]["because"] == "filed, no. 4711"


@pytest.mark.parametrize(
    ("due_on", "shown"),
    [
        ("2026-03-01", False),
        ("2026-03-02", True),
        ("2026-03-03", True),
        ("2026-03-04", False),
    ],
)
async def test_what_is_due_today_or_tomorrow_and_open_is_shown(
    installation: Installation, team: Team, due_on: str, shown: bool
) -> None:
    await team.deadline(due_on=due_on)
    written = await evening(installation, SIX)
    assert bool(written) is shown
    assert all(one.subject == "Exit check: 1 due by tomorrow" for one in written)


async def test_what_was_due_this_afternoon_and_is_still_open_is_shown(
    installation: Installation, team: Team
) -> None:
    await team.deadline(due_at="2026-03-02T10:00:00Z")
    assert len(await evening(installation, SIX)) == 3


async def test_what_is_ticked_off_in_the_evening_is_shown_the_next_day(
    installation: Installation, team: Team
) -> None:
    deadline = await team.deadline()
    await evening(installation, SIX)
    installation.clock.set(SIX + 2 * HOUR)
    await answer(team, deadline["id"], "complete", "owner", **PROOF)
    assert await ticked(team, on="2026-03-02") == [("completed", ["owner"])]
    assert len(await evening(installation, SIX + DAY)) == 3
    assert await evening(installation, SIX + 2 * DAY) == []


async def test_a_machine_that_was_down_for_days_shows_all_of_them_in_one(
    installation: Installation, team: Team
) -> None:
    first, second = [(await team.deadline())["id"] for _ in range(2)]
    await answer(team, first, "complete", "owner", **PROOF)
    installation.clock.set(SIX + DAY)
    await answer(team, second, "complete", "deputy", **PROOF)
    written = await evening(installation, SIX + 3 * DAY)
    assert {(one.on, one.subject) for one in written} == {
        ("2026-03-05", "Exit check: 2 ticked off")
    }


async def test_a_day_is_the_readers_own(installation: Installation, team: Team) -> None:
    deadline = await team.deadline()
    path = f"/users/{team.people['owner']}"
    await change(team.admin, path, {"timezone": "America/Santiago"})
    await evening(installation, SIX + DAY)
    # One in the morning of the 4th in Almaty, five in the afternoon of the 3rd in Santiago.
    installation.clock.set(datetime(2026, 3, 3, 20, 0, tzinfo=UTC))
    await answer(team, deadline["id"], "complete", "owner", **PROOF)
    written = await evening(installation, datetime(2026, 3, 3, 21, 0, tzinfo=UTC))
    assert [(one.user, one.on) for one in written] == [(team.people["owner"], "2026-03-03")]
    assert await ticked(team, on="2026-03-03") == [("completed", ["owner"])]
    assert await ticked(team, "deputy", on="2026-03-04") == [("completed", ["owner"])]
    assert await ticked(team, "deputy", on="2026-03-03") == []


async def test_whoever_wants_none_gets_none(installation: Installation, team: Team) -> None:
    deadline = await team.deadline()
    await answer(team, deadline["id"], "complete", "owner", **PROOF)
    await change(team.admin, f"/users/{team.people['owner']}", {"exit_check_at": None})
    written = await evening(installation, SIX)
    assert {one.user for one in written} == {team.people["deputy"], team.people["supervisor"]}
    assert await mails(installation) == [], "the digest has its own hour"


async def test_the_api_answers_for_any_day_and_refuses_what_is_none(
    installation: Installation, team: Team
) -> None:
    deadline = await team.deadline()
    await answer(team, deadline["id"], "complete", "owner", **PROOF)
    path = f"/users/{team.people['owner']}/exit-check"
    body = await read(team.admin, path)
    assert (body["on"], body["mailed"]) == ("2026-03-02", True)
    assert (await read(team.admin, path, on="2026-03-01"))["sections"] == []
    refused(await team.admin.get(path, params={"on": "soon"}), 422, "invalid_date", "query.on")
    hour = {"exit_check_at": "25:00", "name": "P", "email": "p@example.org", "timezone": "UTC"}
    refused(await team.admin.post("/users", json=hour), 422, "invalid_input", "exit_check_at")
    made = await create(team.admin, "/users", hour | {"exit_check_at": "17:45"})
    assert (made["digest_at"], made["exit_check_at"]) == ("08:00", "17:45")
