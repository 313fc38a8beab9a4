"""A database that was put back from a copy: nothing leaves until a person has seen what would; then nothing
is lost, and what may be a repeat says so."""

import email
from collections.abc import Iterator
from datetime import timedelta
from email.message import Message as Mail
from typing import Any

import pytest
import structlog
from sqlalchemy import text

from service.commands import quarantine as command
from service.flows import quarantine
from service.store.installation import Because
from service.store.migrations import head
from service.store.pulse import pulse
from tests.api.installation import Installation, Team, create, read
from tests.harness.contents import Contents, put_back, whole
from workers import tasks
from workers.gate import rests

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
#: Told one a day for some days on, so that there is always one in the gap and one after it.
LADDER = [{"before_due": f"P{days}D", "targets": ["owner"]} for days in (6, 5, 4, 3)]


def url_of(installation: Installation) -> str:
    return installation.runtime.settings.sqlalchemy_url.replace("+aiosqlite", "")


def dump(installation: Installation) -> Contents:
    return whole(url_of(installation))


def restore(installation: Installation, contents: Contents) -> None:
    assert put_back(url_of(installation), contents)


async def run(installation: Installation) -> None:
    """One round of everything that a worker does."""
    runtime = installation.runtime
    for task in (tasks.tick, tasks.digest, tasks.deliver, tasks.tend_endpoints, tasks.forecast):
        await task(runtime)
    await tasks.watch(runtime, ticked=True)


def left(installation: Installation) -> list[Mail]:
    """Every mail that has left, whatever the database knows of it."""
    folder = installation.runtime.settings.home / "outbox"
    return [email.message_from_bytes(one.read_bytes()) for one in sorted(folder.glob("*.eml"))]


def of(mails: list[Mail], deadline: str) -> list[Mail]:
    return [one for one in mails if deadline in (one["In-Reply-To"] or "")]


async def told(team: Team, deadline: str) -> list[dict[str, Any]]:
    found = await read(team.admin, f"/deadlines/{deadline}/messages")
    return [one for one in found["items"] if one["user_id"]]


@pytest.fixture
async def docket(either: Installation) -> tuple[Team, list[str]]:
    """Deadlines that fall due on the days of one week, each told of every day."""
    team = await either.team()
    policy = await create(team.admin, "/escalation-policies", {"name": "l", "steps": LADDER})
    given = {"escalation_policy_id": policy["id"]}
    days = [f"2026-03-{day:02}" for day in (6, 7, 8, 9, 10)]
    made = [await team.deadline(title=one, due_on=one, **given) for one in days]
    return team, [one["id"] for one in made]


async def test_a_restored_database_sends_nothing_until_it_is_released_and_then_loses_nothing(
    either: Installation, docket: tuple[Team, list[str]]
) -> None:
    team, deadlines = docket
    await run(either)
    copy = dump(either)
    for _ in range(6):
        either.clock.advance(6 * HOUR)
        await run(either)
    gap = {one["Message-ID"] for one in left(either)}
    told_before = {one: len(of(left(either), one)) for one in deadlines}
    assert len(gap) > len(deadlines)

    restore(either, copy)
    for _ in range(3):
        await run(either)
    assert {one["Message-ID"] for one in left(either)} == gap, "it left before anybody looked"
    ready = await either.outside.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["quarantine"]["because"] == "went_back"
    assert ready.headers["adquem-quarantine"]
    assert "quarantined" in [one["code"] for one in ready.json()["findings"]]

    either.clock.advance(HOUR)
    fresh = await team.deadline(title="fresh", due_on="2026-03-06")
    held = dump(either)
    shown = await command.show(either.runtime)
    assert dump(either) == held, "a look must change nothing"
    assert "went_back" in shown[0]
    announced = int(shown[1].split()[0])

    assert "possible repeat" in (await command.turn_off(either.runtime))[0]
    await run(either)
    again = [one for one in left(either) if one["Message-ID"] not in gap]
    assert len(again) <= announced
    assert {one for one in deadlines if told_before[one]} <= {
        one for one in deadlines if of(again, one)
    }
    for one in deadlines:
        marks = {mail["X-Possible-Duplicate"] for mail in of(again, one)}
        assert marks <= {"yes"}, "what may be a repeat does not say so"
    (new,) = await told(team, fresh["id"])
    assert (new["state"], new["maybe_repeated"]) == ("accepted", False), "it never left before"
    for one in deadlines:
        late = [m for m in await told(team, one) if m["attempts"] and m["maybe_repeated"]]
        assert all(m["attempts"][0]["code"] == "restored" for m in late)
        assert all(m["state"] == "accepted" for m in late)

    either.clock.advance(DAY)
    before = {one["Message-ID"] for one in left(either)}
    await run(either)
    later = [one for one in left(either) if one["Message-ID"] not in before]
    assert later
    assert {one["X-Possible-Duplicate"] for one in later} == {None}, "what is new is no repeat"
    await run(either)
    assert (await either.outside.get("/readyz")).status_code == 200


async def test_the_same_copy_put_back_twice_is_noticed_twice(
    installation: Installation, team: Team
) -> None:
    await run(installation)
    copy = dump(installation)
    await run(installation)
    for _ in range(2):
        restore(installation, copy)
        await run(installation)
        assert (await state(installation)).because is Because.WENT_BACK
        await command.turn_off(installation.runtime)
        await run(installation)
        assert (await state(installation)).since is None, "released is released"


async def test_a_new_database_beside_an_old_memory_is_no_restored_one(
    installation: Installation,
) -> None:
    empty = dump(installation)
    for _ in range(3):
        await run(installation)
    restore(installation, empty)
    await run(installation)
    assert (await state(installation)).since is None


async def test_what_the_host_remembers_outlives_the_process_and_a_ruined_file_harms_nobody(
    installation: Installation,
) -> None:
    await run(installation)
    await run(installation)
    file = installation.runtime.settings.home / "memory.json"
    memory = type(installation.runtime.memory)
    (row,) = dump(installation)["installations"]
    assert memory(file).seen(row["life"]) == row["watches"] == 2
    file.write_text("{")
    seen = await pulse(installation.runtime.glances)
    assert quarantine.why_at_rest(seen, memory(file)) is None


async def test_a_quarantine_by_hand_holds_until_it_is_ended_and_both_are_journalled(
    installation: Installation, team: Team
) -> None:
    assert "nothing leaves" in (await command.turn_on(installation.runtime))[0]
    await team.deadline(due_on="2026-03-05")
    assert await command.turn_on(installation.runtime), "asked twice it stays one"
    await run(installation)
    assert left(installation) == []
    shown = await command.show(installation.runtime)
    assert any("K-17" in line and "Team owner" in line for line in shown)
    await command.turn_off(installation.runtime)
    await run(installation)
    assert left(installation)
    assert await command.turn_off(installation.runtime) == ["There was no quarantine."]
    entries = [one for one in dump(installation)["journal_entries"] if one["actor"] == "operator"]
    actions = [one["action"] for one in entries if one["action"].startswith("installation.")]
    assert actions == ["installation.quarantined", "installation.released"]


async def state(installation: Installation) -> quarantine.Quarantine:
    async with installation.runtime.reading() as session:
        return await quarantine.quarantine_of(session)


# --- old and new workers beside one another


@pytest.fixture
async def waiting(either: Installation) -> Installation:
    team = await either.team()
    await team.deadline(due_on="2026-03-05")
    return either


async def schema(installation: Installation, revision: str, oldest_code: str) -> None:
    async with installation.runtime.transaction() as session:
        connection = await session.connection()
        for statement in (
            f"UPDATE alembic_version SET version_num = '{revision}'",
            f"UPDATE installations SET oldest_code = '{oldest_code}'",
        ):
            await connection.execute(text(statement))


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


async def test_a_worker_refuses_a_schema_that_newer_code_has_taken_something_from_and_says_so(
    waiting: Installation, logs: list[Any]
) -> None:
    await schema(waiting, "9999010100", "9999010100")
    for _ in range(3):
        await run(waiting)
    assert left(waiting) == []
    said = [one["reason"] for one in logs if one["event"] == "at_rest"]
    assert said == ["schema_unfit"], "said once, not each second"
    assert (await waiting.outside.get("/readyz")).json()["schema"] == "unknown"
    await schema(waiting, head(), head())
    await run(waiting)
    assert left(waiting)
    assert [one["reason"] for one in logs if one["event"] == "at_work"] == ["schema_unfit"]


async def test_a_worker_works_on_a_schema_to_which_newer_code_has_only_added(
    waiting: Installation,
) -> None:
    await schema(waiting, "9999010100", head())
    await run(waiting)
    assert left(waiting)
    assert (await waiting.outside.get("/readyz")).json()["schema"] == "newer"


async def test_a_worker_waits_for_a_migration_that_has_not_run(waiting: Installation) -> None:
    await schema(waiting, "2026112201", head())
    await run(waiting)
    assert left(waiting) == []
    assert (await waiting.outside.get("/readyz")).json()["schema"] == "outdated"


async def test_a_watch_that_ends_while_another_looks_is_no_restore(
    installation: Installation,
) -> None:
    """What was read of the database may be older than what is remembered of it by then: what looks like a
    copy that was put back is looked at again."""
    runtime = installation.runtime
    await tasks.watch(runtime)
    async with runtime.transaction() as session:
        now = installation.clock.now
        assert await quarantine.confine_what_went_back(session, runtime.memory, now) is None
    assert await rests(runtime) is None
