"""Whatever wakes a process, it does one thing once at a time, and sends no more than it has slots for."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from arq.connections import RedisSettings, create_pool
from arq.jobs import ResultNotFound

from tests.api.installation import LOOPBACK, Installation, Team, installed
from tests.api.test_routes import DAY, laddered, tools
from tests.harness.processes import ServiceProcess
from tests.harness.receiver import Answer, ReceivedRequest, Receiver
from tests.harness.valkey import ValkeyServer
from tests.harness.world import START
from workers.rounds import AtWork


@pytest.fixture
def own_settings() -> dict[str, Any]:
    return {"webhook_networks": LOOPBACK, "poll_seconds": 60}


@pytest.fixture
def answering(receiver: Receiver) -> Iterator[threading.Event]:
    """The receiver takes what comes, and answers none of it before this is set."""
    answers = threading.Event()

    def hold(_: ReceivedRequest) -> Answer:
        answers.wait(30)
        return Answer()

    receiver.respond = hold
    yield answers
    answers.set()


@asynccontextmanager
async def delivering(work: AtWork) -> AsyncIterator[None]:
    under_way = asyncio.create_task(work.deliver(asyncio.Event()))
    try:
        yield
    finally:
        under_way.cancel()
        await asyncio.gather(under_way, return_exceptions=True)


async def test_who_comes_while_a_tick_goes_on_leaves_it_to_that(
    installation: Installation, team: Team
) -> None:
    await laddered(team, START + DAY)
    work = AtWork(installation.runtime)
    under_way = asyncio.create_task(work.tick())
    await asyncio.sleep(0)
    assert await work.tick() == 0
    assert not under_way.done()
    assert await under_way == 1


async def test_what_falls_due_beside_a_slow_receiver_leaves_at_once(
    installation: Installation, team: Team, receiver: Receiver, answering: threading.Event
) -> None:
    await tools(team, receiver)
    await team.deadline()
    work = AtWork(installation.runtime)
    async with delivering(work):
        await asyncio.to_thread(receiver.wait_for, 1)
        await team.deadline()
        work.released.set()
        await asyncio.to_thread(receiver.wait_for, 2)
        answering.set()


async def test_wake_ups_give_a_worker_no_more_slots(
    postgres_url: str,
    tmp_path: Path,
    valkey: ValkeyServer,
    receiver: Receiver,
    answering: threading.Event,
) -> None:
    async with installed(postgres_url, tmp_path, webhook_networks=LOOPBACK) as one:
        team = await one.team()
        await tools(team, receiver)
        for _ in range(3):
            await team.deadline()
        settings = one.runtime.settings
        variables = {
            "ADQUEM_HOME": str(settings.home),
            "ADQUEM_DATABASE_URL": postgres_url,
            "ADQUEM_REDIS_URL": valkey.redis_url,
            "ADQUEM_SECRET_KEY": settings.secret_key.get_secret_value(),
            "ADQUEM_REHEARSAL_CLOCK": str(one.clock.file),
            "ADQUEM_WEBHOOK_NETWORKS": '["127.0.0.0/8"]',
            "ADQUEM_DELIVERY_SLOTS": "1",
        }
        worker = ServiceProcess("worker", ["worker"], variables, tmp_path / "worker.log")
        queue = await create_pool(
            RedisSettings.from_dsn(valkey.redis_url),
            job_serializer=lambda job: json.dumps(job).encode(),
        )
        worker.start()
        try:
            await asyncio.to_thread(receiver.wait_for, 1)
            for _ in range(3):
                woken = await queue.enqueue_job("deliver")
                assert woken
                # It has come to its end, of which nothing is kept.
                with pytest.raises(ResultNotFound):
                    await woken.result(timeout=15, poll_delay=0.05)
            assert len(receiver.requests) == 1
            answering.set()
            await asyncio.to_thread(receiver.wait_for, 3)
        finally:
            worker.kill()
            await queue.aclose()
