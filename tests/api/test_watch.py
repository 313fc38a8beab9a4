"""The watch: what should have moved and has not is seen from every process."""

import asyncio
import re
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import event, text, update
from sqlmodel import select

from service.domain.watch import FindingCode
from service.flows.watching import condition
from service.store.users import User
from service.store.watch import Watch
from tests.api.installation import Installation, Team, create, read
from workers import tasks

MINUTE = timedelta(minutes=1)


async def readiness(installation: Installation) -> tuple[int, dict[str, Any]]:
    response = await installation.outside.get("/readyz")
    body: dict[str, Any] = response.json()
    return response.status_code, body


async def found(installation: Installation) -> list[str]:
    """The codes that /readyz names; it answers 503 exactly where there are some."""
    status, body = await readiness(installation)
    codes = [one["code"] for one in body.get("findings", [])]
    assert status == (503 if codes else 200), body
    return codes


async def gauge(installation: Installation, name: str) -> float:
    lines = (await installation.outside.get("/metrics")).text.splitlines()
    (value,) = [line.split()[1] for line in lines if line.startswith(f"{name} ")]
    return float(value)


async def waiting_message(team: Team) -> str:
    """A message to an endpoint that nobody delivers; its id."""
    url = "https://hooks.example.com/in"
    endpoint = await create(team.admin, "/endpoints", {"name": "e", "url": url})
    made = await create(team.admin, f"/endpoints/{endpoint['id']}/test", {})
    return str(made["id"])


async def run(installation: Installation) -> bool:
    """What a worker does in one round."""
    await tasks.tick(installation.runtime)
    await tasks.digest(installation.runtime)
    await tasks.deliver(installation.runtime)
    return await tasks.watch(installation.runtime, ticked=True)


# --- what degrades /readyz


async def test_a_deadline_that_nobody_ticks_degrades_readiness_and_ticking_mends_it(
    either: Installation,
) -> None:
    team = await either.team()
    await team.deadline()
    either.clock.advance(5 * MINUTE)
    assert await found(either) == []
    either.clock.advance(timedelta(seconds=60))
    assert await found(either) == [FindingCode.DEADLINE_WAITS]
    assert await gauge(either, "adquem_oldest_due_seconds") == 360
    assert not await tasks.watch(either.runtime)
    assert await gauge(either, "adquem_watch_well") == 0
    await run(either)
    assert await found(either) == []
    assert await gauge(either, "adquem_watch_well") == 1
    assert await gauge(either, "adquem_oldest_due_seconds") == 0


async def test_what_fails_each_minute_is_noticed_although_each_round_puts_it_off(
    either: Installation,
) -> None:
    team = await either.team()
    await team.deadline(due_on="2026-03-05")
    async with either.runtime.transaction() as session:
        await session.exec(update(User).values(timezone="Nowhere/Atlantis"))
    for _ in range(6):
        await run(either)
        either.clock.advance(MINUTE)
    assert FindingCode.RELEASE_FAILS in await found(either)
    async with either.runtime.transaction() as session:
        await session.exec(update(User).values(timezone="Asia/Almaty"))
    await run(either)
    assert FindingCode.RELEASE_FAILS not in await found(either)


async def test_a_digest_that_nobody_writes_is_noticed_after_a_quarter_of_an_hour(
    either: Installation,
) -> None:
    team = await either.team()
    people = await read(team.admin, "/users")
    eight = datetime.fromisoformat("2026-03-03T08:00:00+05:00")
    assert {one["digest_at"] for one in people["items"]} == {"08:00"}
    either.clock.set(eight - MINUTE)
    await run(either)
    either.clock.advance(16 * MINUTE)
    assert FindingCode.READER_WAITS not in await found(either)
    either.clock.advance(MINUTE)
    assert FindingCode.READER_WAITS in await found(either)
    await tasks.digest(either.runtime)
    assert FindingCode.READER_WAITS not in await found(either)


async def test_what_the_last_watch_found_stands_until_the_next_one(
    installation: Installation, team: Team
) -> None:
    await team.deadline()
    installation.clock.advance(6 * MINUTE)
    await tasks.watch(installation.runtime)
    await tasks.tick(installation.runtime)
    await tasks.deliver(installation.runtime)
    assert await found(installation) == [FindingCode.DEADLINE_WAITS]
    assert await tasks.watch(installation.runtime)
    assert await found(installation) == []


async def test_a_message_that_no_worker_takes_is_told_apart_from_one_whose_attempts_fail(
    installation: Installation, team: Team
) -> None:
    await waiting_message(team)
    installation.clock.advance(3 * MINUTE)
    assert await found(installation) == [FindingCode.MESSAGE_NOT_TAKEN]
    installation.clock.advance(3 * MINUTE)
    assert await found(installation) == [
        FindingCode.MESSAGE_WAITS,
        FindingCode.MESSAGE_NOT_TAKEN,
    ]
    async with installation.runtime.transaction() as session:
        later = installation.clock.now + timedelta(hours=1)
        statement = text("UPDATE messages SET next_attempt_at = :at").bindparams(at=str(later))
        await (await session.connection()).execute(statement)
    assert await found(installation) == [FindingCode.MESSAGE_WAITS]
    async with installation.runtime.transaction() as session:
        await (await session.connection()).execute(text("UPDATE messages SET attempts = 1"))
    assert await found(installation) == [], "a partner's dead receiver is not our standstill"


async def test_a_live_deadline_that_nothing_will_wake_is_found(either: Installation) -> None:
    team = await either.team()
    deadline = await team.deadline()
    await run(either)
    async with either.runtime.transaction() as session:
        statement = text("UPDATE deadlines SET wake_at = NULL")
        await (await session.connection()).execute(statement)
    assert await found(either) == [FindingCode.DEADLINE_ASLEEP]
    path = f"/deadlines/{deadline['id']}/cancel"
    body = {"reason": "settled", "user_id": team.people["owner"]}
    await create(team.admin, path, body)
    assert await found(either) == []


async def test_a_deadline_that_has_run_its_course_is_not_taken_for_a_forgotten_one(
    installation: Installation, team: Team
) -> None:
    await team.deadline(due_on="2026-03-05")
    for days in (0, 1, 2, 3, 9, 30, 90):
        installation.clock.advance(timedelta(days=days))
        assert await run(installation), days
        assert await found(installation) == []


async def test_a_watch_that_has_fallen_silent_is_noticed_and_one_that_never_was_is_not(
    installation: Installation,
) -> None:
    installation.clock.advance(timedelta(hours=1))
    assert await found(installation) == []
    assert await gauge(installation, "adquem_watch_well") == 0
    assert await gauge(installation, "adquem_last_watch_timestamp") == 0
    await run(installation)
    watched_at = installation.clock.now
    installation.clock.advance(10 * MINUTE)
    assert await found(installation) == []
    assert await gauge(installation, "adquem_watch_well") == 1
    installation.clock.advance(MINUTE)
    assert await found(installation) == [FindingCode.NOT_TICKING, FindingCode.NOT_WATCHED]
    assert await gauge(installation, "adquem_watch_well") == 0
    stamp = await gauge(installation, "adquem_last_watch_timestamp")
    assert stamp == watched_at.timestamp()


async def test_a_worker_that_watches_and_cannot_tick_does_not_call_that_well(
    installation: Installation,
) -> None:
    await run(installation)
    for _ in range(2):
        installation.clock.advance(5 * MINUTE)
        assert await tasks.watch(installation.runtime, ticked=False)
    installation.clock.advance(5 * MINUTE)
    assert not await tasks.watch(installation.runtime, ticked=False)
    assert await found(installation) == [FindingCode.NOT_TICKING]
    assert await tasks.watch(installation.runtime, ticked=True), "another worker's tick counts"


async def test_what_is_said_of_what_is_stuck_holds_no_id_and_no_title(
    installation: Installation, team: Team
) -> None:
    deadline = await team.deadline(title="Hunger strike")
    message = await waiting_message(team)
    installation.clock.advance(timedelta(hours=1))
    with structlog.testing.capture_logs() as logs:
        await tasks.watch(installation.runtime)
    _, body = await readiness(installation)
    metrics = (await installation.outside.get("/metrics")).text
    async with installation.runtime.reading() as session:
        rows = [one.model_dump() for one in await session.exec(select(Watch))]
    said = f"{body}{metrics}{rows}{logs}"
    assert {one["code"] for one in body["findings"]} >= {FindingCode.DEADLINE_WAITS}
    for one in (deadline["id"], message, team.id, team.case, "Hunger", "K-17"):
        assert one not in said


async def test_watching_twice_at_once_does_no_harm(either: Installation) -> None:
    await asyncio.gather(*(tasks.watch(either.runtime) for _ in range(6)))
    async with either.runtime.reading() as session:
        assert len(list(await session.exec(select(Watch)))) == 1


async def test_the_log_tells_a_turn_for_the_worse_and_for_the_better_once(
    installation: Installation, team: Team
) -> None:
    await team.deadline()
    installation.clock.advance(6 * MINUTE)
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            await tasks.watch(installation.runtime)
        for _ in range(3):
            await run(installation)
    told = [line["event"] for line in logs if line["event"] in ("not_well", "well_again")]
    assert told == ["not_well", "well_again"]


async def test_each_look_of_the_watch_is_served_by_an_index(either: Installation) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, values: Any, *___: object) -> None:
        if "FROM deadlines" in statement or "FROM messages" in statement:
            asked.append((statement, values))

    postgres = not either.runtime.settings.embedded
    async with either.runtime.reading() as session:
        connection = await session.connection()
        event.listen(either.runtime.engine.sync_engine, "before_cursor_execute", note)
        await condition(session, either.clock.now)
        event.remove(either.runtime.engine.sync_engine, "before_cursor_execute", note)
        if postgres:
            # A few rows are read faster than an index; what matters is that it could serve.
            await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        assert len(asked) == 5
        for statement, values in asked:
            explain = "EXPLAIN" if postgres else "EXPLAIN QUERY PLAN"
            rows = await connection.exec_driver_sql(f"{explain} {statement}", values)
            plan = "\n".join(str(row) for row in rows)
            assert re.search(r"(Index|INDEX) .*ix_(deadlines|messages)_", plan), plan
            assert "Seq Scan" not in plan
