"""Other people's queues: each posts what is due by worker processes of its own, as documented.

They sign nothing and check nothing; each keeps the record that it keeps by itself.
"""

import asyncio
import multiprocessing
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta

import celery
import httpx
import pgqueuer
import procrastinate
import psycopg
import requests

from benchmarks.webhooks import BODY

JOBS, WORKERS = 50_000, 2
_SPAWN = multiprocessing.get_context("spawn")
#: As long as ours wait at the most before they look again.
_POLL_SECONDS = 1.0
_BATCH = 32


class Procrastinate:
    name = "procrastinate, one shared httpx.AsyncClient"
    jobs, lead = JOBS, timedelta(seconds=15)
    target: float | None = 2

    def __init__(self, url: str, port: int, slots: int = 8) -> None:
        self._arguments = (url, port, slots)
        connector = procrastinate.SyncPsycopgConnector(conninfo=url)
        self._app = procrastinate.App(connector=connector)
        self._app.open()
        self._app.schema_manager.apply_schema()
        self._database = psycopg.connect(url, autocommit=True)

    def enter(self, jobs: int, due_at: datetime) -> None:
        self._app.configure_task("post", schedule_at=due_at).batch_defer(*[{}] * jobs)

    def settled(self) -> bool:
        waiting = "SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing') LIMIT 1"
        return self._database.execute(waiting).fetchone() is None

    def working(self) -> AbstractContextManager[None]:
        return _at_work(_procrastinate, *self._arguments)

    def close(self) -> None:
        self._app.close()
        self._database.close()


def _procrastinate(url: str, port: int, slots: int) -> None:
    connector = procrastinate.PsycopgConnector(conninfo=url, max_size=slots + 2)
    app = procrastinate.App(connector=connector)

    async def work() -> None:
        async with _client() as client, app.open_async():

            @app.task(name="post")
            async def post() -> None:
                (await client.post(f"http://127.0.0.1:{port}/", content=BODY)).raise_for_status()

            await app.run_worker_async(concurrency=slots, fetch_job_polling_interval=_POLL_SECONDS)

    asyncio.run(work())


class Celery:
    """No results are kept: what has been answered is all that there is to see of it."""

    name = "Celery, prefork with a requests.Session each, broker Valkey, no results kept"
    jobs, lead = JOBS, timedelta(seconds=60)  # it is handed one job at a time
    target: float | None = 2

    def __init__(self, url: str, port: int, slots: int = 8) -> None:
        self._arguments = (url, port, slots)
        self._app = _celery_app(url)

    def enter(self, jobs: int, due_at: datetime) -> None:
        with self._app.producer_pool.acquire(block=True) as producer:
            for _ in range(jobs):
                self._app.send_task("post", eta=due_at, producer=producer)

    def settled(self) -> bool:
        return True

    def working(self) -> AbstractContextManager[None]:
        return _at_work(_celery, *self._arguments)

    def close(self) -> None:
        self._app.close()


def _celery_app(url: str) -> celery.Celery:
    return celery.Celery("burst", broker=url.replace("unix:", "redis+socket:").partition("?")[0])


def _celery(url: str, port: int, slots: int) -> None:
    app = _celery_app(url)
    own = threading.local()

    @app.task(name="post", ignore_result=True)
    def post() -> None:
        if not hasattr(own, "session"):
            own.session = requests.Session()
        own.session.post(f"http://127.0.0.1:{port}/", data=BODY, timeout=30).raise_for_status()

    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=WARNING"]
    pool = ["--pool=prefork", f"--concurrency={slots}", f"--hostname=burst-{os.getpid()}@%h"]
    app.worker_main(["--quiet", "worker", *quiet, *pool])


class Pgqueuer:
    name = "pgqueuer, one shared httpx.AsyncClient"
    jobs, lead = JOBS // 10, timedelta(seconds=5)  # it does some 120 a second
    target: float | None = None

    def __init__(self, url: str, port: int, slots: int = 8) -> None:
        self._arguments = (url, port, slots)
        self._url = url
        asyncio.run(self._with_queries(lambda queries: queries.install()))
        self._database = psycopg.connect(url, autocommit=True)

    def enter(self, jobs: int, due_at: datetime) -> None:
        after = due_at - datetime.now(UTC)
        each = (["post"] * jobs, [None] * jobs, [0] * jobs, [after] * jobs)
        asyncio.run(self._with_queries(lambda queries: queries.enqueue(*each)))

    def settled(self) -> bool:
        return self._database.execute("SELECT FROM pgqueuer LIMIT 1").fetchone() is None

    def working(self) -> AbstractContextManager[None]:
        return _at_work(_pgqueuer, *self._arguments)

    def close(self) -> None:
        self._database.close()

    async def _with_queries(self, work: Callable[[pgqueuer.Queries], Awaitable[object]]) -> None:
        async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
            await work(pgqueuer.Queries(pgqueuer.PsycopgDriver(connection)))


def _pgqueuer(url: str, port: int, slots: int) -> None:
    async def work() -> None:
        connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
        queue = pgqueuer.PgQueuer.from_psycopg_connection(connection)
        # Its own limit would let it sleep between two batches: `max_concurrent_tasks`.
        free = asyncio.Semaphore(slots)
        async with _client() as client:

            @queue.entrypoint("post")
            async def post(_: pgqueuer.Job) -> None:
                async with free:
                    answer = await client.post(f"http://127.0.0.1:{port}/", content=BODY)
                answer.raise_for_status()

            await queue.run(timedelta(seconds=_POLL_SECONDS), _BATCH)

    asyncio.run(work())


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=30, trust_env=False)


@contextmanager
def _at_work(work: Callable[[str, int, int], None], *arguments: object) -> Iterator[None]:
    processes = [_SPAWN.Process(target=work, args=arguments, daemon=True) for _ in range(WORKERS)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(15)
            process.kill()
            process.join()
