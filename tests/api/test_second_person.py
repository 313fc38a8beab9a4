"""What is critical is ended or put off by two people, never by one."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from tests.api.installation import Installation, Team, change, create, read
from workers import tasks


async def critical(team: Team) -> dict[str, Any]:
    return await team.deadline(due_on="2026-06-10", critical=True)


async def say(team: Team, deadline: dict[str, Any], what: str, who: str, **body: Any) -> Any:
    path = f"/deadlines/{deadline['id']}/{what}"
    return await create(team.admin, path, {"user_id": team.people[who]} | body)


ENDINGS = [
    ("complete", {"proof": "receipt 4471"}, "completed"),
    ("waive", {"reason": "no appeal"}, "waived"),
    ("cancel", {"reason": "entered twice"}, "cancelled"),
    ("miss", {"reason": "nobody came"}, "missed"),
]


@pytest.mark.parametrize(("verb", "body", "state"), ENDINGS)
async def test_one_person_proposes_and_another_ends_it(
    team: Team, verb: str, body: dict[str, Any], state: str
) -> None:
    deadline = await critical(team)
    asked = await say(team, deadline, verb, "owner", **body)
    assert (asked["state"], asked["proposal"]["verb"]) == ("provisional", verb)
    again = await say(team, deadline, verb, "owner", **body)
    assert again["state"] == "provisional", "the same person twice is still one person"
    done = await say(team, deadline, verb, "deputy", **body)
    assert (done["state"], done["proposal"]) == (state, None)


async def test_another_proposal_takes_the_place_of_the_first(team: Team) -> None:
    deadline = await critical(team)
    await say(team, deadline, "waive", "owner", reason="no appeal")
    other = await say(team, deadline, "cancel", "deputy", reason="entered twice")
    assert (other["state"], other["proposal"]["verb"]) == ("provisional", "cancel")
    done = await say(team, deadline, "cancel", "owner", reason="yes, twice")
    assert done["state"] == "cancelled"


async def test_everyone_else_is_asked_and_the_ladder_goes_on(
    installation: Installation, team: Team
) -> None:
    deadline = await critical(team)
    await say(team, deadline, "complete", "owner", proof="receipt 4471")
    installation.clock.set(datetime(2026, 6, 9, tzinfo=UTC))
    await tasks.tick(installation.runtime)
    await tasks.deliver(installation.runtime)
    sent = (await read(team.admin, f"/deadlines/{deadline['id']}/messages", limit=200))["items"]
    asked = {m["user_id"] for m in sent if m["event"] == "deadline.second_person_wanted"}
    assert asked == {team.people["deputy"], team.people["supervisor"]}
    assert any(m["event"] == "reminder.due" for m in sent)
    folder = installation.runtime.settings.home / "outbox"
    parsed = [
        message_from_bytes(file.read_bytes(), policy=default) for file in folder.glob("*.eml")
    ]
    subjects = [str(mail["Subject"]) for mail in parsed]
    assert any(one.startswith("A second person is wanted: K-17") for one in subjects)


async def test_a_later_date_wants_a_second_person_and_an_earlier_one_does_not(team: Team) -> None:
    deadline = await critical(team)
    earlier = await say(team, deadline, "override", "owner", due_on="2026-06-08", reason="a letter")
    assert earlier["due_on"] == "2026-06-08"
    asked = await say(team, deadline, "override", "owner", due_on="2026-06-20", reason="moved")
    assert (asked["due_on"], asked["proposal"]["verb"]) == ("2026-06-08", "override")
    other = await say(team, deadline, "override", "deputy", due_on="2026-06-21", reason="moved")
    assert other["due_on"] == "2026-06-08", "two people who say two dates are not agreed"
    agreed = await say(team, deadline, "override", "owner", due_on="2026-06-21", reason="so it is")
    assert (agreed["due_on"], agreed["proposal"]) == ("2026-06-21", None)


async def test_a_clock_is_stopped_and_an_extension_granted_by_two(
    installation: Installation, team: Team
) -> None:
    deadline = await critical(team)
    installation.clock.set(datetime(2026, 6, 1, 6, tzinfo=UTC))
    toll = {"from_on": "2026-06-01", "reason": "interim measure"}
    first = await say(team, deadline, "tolling", "owner", **toll)
    assert (first["tolling"], first["deadline"]["state"]) == (None, "provisional")
    second = await say(team, deadline, "tolling", "deputy", **toll)
    assert second["deadline"]["state"] == "suspended"
    other = await critical(team)
    asked = await say(team, other, "extensions", "owner", reason="illness")
    grant = {"granted_until_on": "2026-07-01", "source": "order"}
    path = f"extensions/{asked['id']}/grant"
    once = await say(team, other, path, "owner", **grant)
    assert (once["state"], once["deadline"]["due_on"]) == ("requested", "2026-06-10")
    twice = await say(team, other, path, "supervisor", **grant)
    assert (twice["state"], twice["deadline"]["due_on"]) == ("granted", "2026-07-01")


async def test_nobody_calls_it_uncritical_alone(team: Team) -> None:
    deadline = await critical(team)
    patched = await change(team.admin, f"/deadlines/{deadline['id']}", {"critical": False})
    assert (patched["critical"], patched["proposal"]["verb"]) == (True, "call not critical")


async def test_what_is_not_critical_needs_one_person(team: Team) -> None:
    deadline = await team.deadline(due_on="2026-06-10")
    done = await say(team, deadline, "complete", "owner", proof="receipt 4471")
    assert (done["state"], done["proposal"]) == ("completed", None)
