"""Whatever happens to a docket, each calendar program ends up showing what it should, in its own way."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from tests.api.installation import Installation, Team, case_body, change, create, read
from tests.feeds.clients.apple import Apple
from tests.feeds.clients.google import Google
from tests.feeds.clients.icsx5 import ICSx5
from tests.feeds.clients.nextcloud import Nextcloud
from tests.feeds.clients.outlook import Outlook
from tests.feeds.clients.program import Program
from tests.feeds.clients.thunderbird import Thunderbird
from tests.feeds.subscription import subscribe

CLIENTS = [Google, Outlook, Apple, Thunderbird, ICSx5, Nextcloud]
each_client = pytest.mark.parametrize("client", CLIENTS, ids=lambda one: one.__name__)
Step = Callable[["Docket"], Awaitable[object]]


class Docket:
    """Two cases of one person: an appeal and a motion in K-17, a visa in K-18."""

    def __init__(self, installation: Installation, team: Team, feed: str) -> None:
        self.installation, self.team, self.feed = installation, team, feed
        self.person = {"user_id": team.people["owner"]}

    async def one(self, title: str) -> str:
        listed = (await read(self.team.admin, "/deadlines"))["items"]
        [found] = [due["id"] for due in listed if due["title"] == title]
        return str(found)

    async def post(self, title: str, verb: str, **body: Any) -> object:
        path = f"/deadlines/{await self.one(title)}/{verb}"
        return await create(self.team.admin, path, self.person | body)


async def enter(docket: Docket) -> None:
    team = docket.team
    other = await create(team.admin, "/cases", case_body("K-18", team.people))
    await team.deadline(title="Appeal", due_on="2026-06-10")
    await team.deadline(title="Motion", due_at="2026-06-11T13:00:00Z")
    await team.deadline(title="Visa", kind="expiry", due_on="2026-06-12", case_id=other["id"])


async def move(docket: Docket) -> object:
    return await docket.post("Appeal", "override", due_on="2026-06-30", reason="adjourned")


async def redact(docket: Docket) -> object:
    return await change(docket.team.admin, f"/feeds/{docket.feed}", {"level": 1})


async def cancel(docket: Docket) -> object:
    return await docket.post("Motion", "cancel", reason="withdrawn")


async def complete(docket: Docket) -> object:
    return await docket.post("Appeal", "complete", proof="receipt 7/26")


async def leave(docket: Docket) -> object:
    case = (await read(docket.team.admin, f"/deadlines/{await docket.one('Visa')}"))["case_id"]
    roles = [{"role": "owner", "user_id": docket.team.people["deputy"]}]
    return await change(docket.team.admin, f"/cases/{case}", {"roles": roles})


async def revoke(docket: Docket) -> object:
    return await create(docket.team.admin, f"/feeds/{docket.feed}/revoke", {})


MOTION = "11 Jun 17:30-18:00 CANCELLED [K-17] Filing: last day (18:00 Almaty)"
#: What is to be seen after each step, rung for where the program rings; `MOTION` in its own way.
STEPS: list[tuple[Step, list[str]]] = [
    (enter, [
        "10 Jun [K-17] Appeal♪",
        "11 Jun 17:30-18:00 [K-17] Motion (18:00 Almaty)♪♪",
        "12 Jun [K-18] Visa♪",
    ]),
    (move, [
        "11 Jun 17:30-18:00 [K-17] Motion (18:00 Almaty)♪♪",
        "12 Jun [K-18] Visa♪",
        "30 Jun MOVED [K-17] Appeal♪",
    ]),
    (redact, [
        "11 Jun 17:30-18:00 [K-17] Filing: last day (18:00 Almaty)♪♪",
        "12 Jun [K-18] Expires♪",
        "30 Jun MOVED [K-17] Filing: last day♪",
    ]),
    (cancel, [MOTION, "12 Jun [K-18] Expires♪", "30 Jun MOVED [K-17] Filing: last day♪"]),
    (complete, [MOTION, "12 Jun [K-18] Expires♪", "30 Jun ✓ [K-17] Filing: last day"]),
    (leave, [MOTION, "30 Jun ✓ [K-17] Filing: last day"]),
    (revoke, ["2 Mar Feed switched off / Лента отключена / Күнтізбе өшірілді"]),
]  # fmt: skip
RINGING = {Apple, Thunderbird, ICSx5}
#: What becomes of a cancelled one; the others show it like any other, and its title says it.
OWN_WAY = {Google: "", Apple: f"~{MOTION}~"}
#: What a copy must not hold any longer from this step on.
TAKEN_BACK = {redact: ["Appeal", "Motion", "Visa"], leave: ["K-18"], revoke: ["K-17", "Filing"]}


def as_shown(client: type[Program], lines: list[str]) -> list[str]:
    own = [OWN_WAY.get(client, MOTION) if line is MOTION else line for line in lines]
    rung = [line if client in RINGING else line.rstrip("♪") for line in own]
    return sorted(line for line in rung if line)


async def subscribed(
    installation: Installation, team: Team, client: type[Program], **given: Any
) -> Program:
    options = {"alarms": True, "fetchers": "any"} | given
    return client(await subscribe(installation, team, "owner", 2, **options))


@each_client
@pytest.mark.parametrize("pause", [0, 20], ids=["at once", "after minutes"])
async def test_every_program_follows_the_docket_to_its_end(
    installation: Installation, team: Team, client: type[Program], pause: int
) -> None:
    """Though a change falls into the second of the poll before it."""
    program = await subscribed(installation, team, client)
    docket = Docket(installation, team, program.feed.id)
    never: list[str] = []
    for step, lines in STEPS:
        await step(docket)
        assert await program.poll() == 200
        assert program.shown() == as_shown(client, lines), step.__name__
        never += TAKEN_BACK.get(step, [])
        assert not [word for word in never if word in program.copies], step.__name__
        installation.clock.advance(timedelta(minutes=pause))


@each_client
async def test_a_poll_that_finds_nothing_new_leaves_every_program_as_it_was(
    installation: Installation, team: Team, client: type[Program]
) -> None:
    program = await subscribed(installation, team, client)
    await enter(Docket(installation, team, program.feed.id))
    await program.poll()
    # A date given within the second of a change does not yet tell the two sides of it apart.
    installation.clock.advance(timedelta(minutes=1))
    await program.poll()
    before = program.shown(), program.copies
    installation.clock.advance(timedelta(days=1))
    unchanged = client not in (Google, Outlook, Nextcloud)
    assert await program.poll() == (304 if unchanged else 200)
    assert (program.shown(), program.copies) == before


@each_client
async def test_trouble_of_the_service_takes_nothing_from_any_program(
    installation: Installation, team: Team, client: type[Program]
) -> None:
    """Thunderbird alone hides the calendar, until it is answered again."""
    program = await subscribed(installation, team, client)
    await enter(Docket(installation, team, program.feed.id))
    await program.poll()
    before = program.copies
    await rename(installation, "feeds", "away")
    assert await program.poll() == 503
    assert program.copies == before
    await rename(installation, "away", "feeds")
    await program.poll()
    assert program.shown() == as_shown(client, STEPS[0][1])


async def rename(installation: Installation, table: str, name: str) -> None:
    async with installation.runtime.transaction() as session:
        connection = await session.connection()
        await connection.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


@each_client
async def test_a_month_after_the_farewell_no_program_has_more_than_that(
    installation: Installation, team: Team, client: type[Program]
) -> None:
    program = await subscribed(installation, team, client)
    docket = Docket(installation, team, program.feed.id)
    await enter(docket)
    await program.poll()
    await revoke(docket)
    await program.poll()
    installation.clock.advance(timedelta(days=31))
    assert await program.poll() == 410
    assert program.shown() == ([] if client is Thunderbird else STEPS[-1][1])
    assert await program.poll() == (None if client is Thunderbird else 410)


@each_client
async def test_tasks_are_shown_by_one_program_and_harm_no_other(
    installation: Installation, team: Team, client: type[Program]
) -> None:
    """Row 37: why they are a calendar of their own, for whoever asks for it."""
    program = await subscribed(installation, team, client, tasks=True, alarms=False)
    await team.deadline()
    assert await program.poll() == 200
    assert program.shown() == (["10 Jun due [K-17] Appeal"] if client is Thunderbird else [])


async def test_the_first_answer_tells_nextcloud_to_come_back_within_the_hour(
    installation: Installation, team: Team
) -> None:
    """Row 28: what it takes from the first answer, it never reads again."""
    program = Nextcloud(await subscribe(installation, team, "owner", 1))
    await program.poll()
    assert program.pause == timedelta(hours=1)
