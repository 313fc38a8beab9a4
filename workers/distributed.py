"""Distributed mode: any number of these processes; the only file that knows arq and Redis.

Redis carries wake-ups and nothing else. Each worker also looks by itself at short intervals, so a
flushed, restarted or lost Redis costs seconds, never a notice.
"""

import asyncio
import contextlib
import json
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import Any, cast

import structlog
from arq import cron
from arq.connections import RedisSettings, create_pool
from arq.typing import WorkerCoroutine
from arq.worker import Worker, func
from prometheus_client import start_http_server
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from service.commands.doctor import Finding
from service.runtime import Runtime
from workers import rounds, tasks

#: Workers woken for one release; more than this share the backlog by their own polling.
_MOST_WOKEN = 8
_RECONNECT_SECONDS = 2

_log = structlog.get_logger()


async def run(runtime: Runtime, place: int = 0, lifeline: int | None = None) -> None:
    """One worker: its own loop, and beside it arq's, until SIGTERM or SIGINT. `place`: among those of one
    foreman, each with its own port of metrics; `lifeline`: can be read once the foreman is gone."""
    settings, stop, loop = runtime.settings, asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if lifeline is not None:

        def left_alone() -> None:
            loop.remove_reader(lifeline)
            stop.set()

        loop.add_reader(lifeline, left_alone)
    if settings.metrics_port:
        start_http_server(settings.metrics_port + place, addr=settings.metrics_host)
    _log.info("worker_started", worker=runtime.worker)
    work = rounds.AtWork(runtime)
    queue = asyncio.create_task(_listen(work, stop))
    try:
        await rounds.keep_rounds(work, stop)
    finally:
        queue.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await queue
        await runtime.close()
    _log.info("worker_stopped", worker=runtime.worker)


async def check_redis(runtime: Runtime) -> Finding:
    """For `adquem doctor`."""
    url = runtime.settings.redis_url.get_secret_value()
    if not url:
        mend = "" if runtime.settings.embedded else "set ADQUEM_REDIS_URL for prompt wake-ups"
        return Finding("redis", "not configured", mend, grave=False)
    try:
        pool = await create_pool(_redis_settings(url, retries=1))
        await pool.ping()
        await pool.aclose()
    except (RedisError, OSError) as error:
        mend = "start Redis or mend ADQUEM_REDIS_URL; until then workers poll"
        return Finding("redis", type(error).__name__, mend, grave=False)
    return Finding("redis", "answers")


async def _listen(work: rounds.AtWork, stop: asyncio.Event) -> None:
    """arq's worker, made anew whenever Redis takes it down with it."""
    url = work.runtime.settings.redis_url.get_secret_value()
    if not url:
        _log.warning("redis_not_configured", effect="this worker polls")
        return
    while not stop.is_set():
        worker: Worker | None = None
        try:
            worker = _arq_worker(work, url)
            await worker.async_run()
        except Exception as error:
            _log.warning("redis_lost", kind=type(error).__name__, effect="this worker polls")
            await asyncio.sleep(_RECONNECT_SECONDS)
        finally:
            if worker is not None:
                with contextlib.suppress(Exception):
                    await worker.close()


def _arq_worker(work: rounds.AtWork, url: str) -> Worker:
    """Cron jobs run once in the whole cluster, by UTC: arq would keep to the host's offset at the start.

    The read limit holds for the whole cluster, and counts what runs already. A wake-up that nobody took
    for a minute says nothing any more.
    """
    return Worker(
        functions=[func(_job(work, _deliver), name="deliver")],
        cron_jobs=[
            cron(_job(work, _tick), name="tick", second=set(range(60)), keep_result=0),
            cron(_job(work, _watch), name="watch", minute=set(range(0, 60, 5)), keep_result=0),
            cron(_job(work, _prune), name="prune", minute={7}, keep_result=0),
        ],
        redis_settings=_redis_settings(url),
        handle_signals=False,
        max_jobs=4,
        keep_result=0,
        poll_delay=0.1,
        job_timeout=300,
        queue_read_limit=1000,
        expires_extra_ms=60_000,
        timezone=UTC,
        job_serializer=_serialize,
        job_deserializer=json.loads,
    )


def _job(
    work: rounds.AtWork, do: Callable[[rounds.AtWork, dict[str, Any]], Awaitable[None]]
) -> WorkerCoroutine:
    """arq would write the words of a fault into its log, and they may quote a case."""

    async def job(context: dict[str, Any]) -> None:
        await rounds.guarded(do(work, context), do.__name__.strip("_"))

    return cast(WorkerCoroutine, job)


async def _tick(work: rounds.AtWork, context: dict[str, Any]) -> None:
    """Releases, and wakes as many workers as there are slots' worth of messages."""
    written = await work.tick()
    for _ in range(min(-(-written // work.runtime.settings.delivery_slots), _MOST_WOKEN)):
        await context["redis"].enqueue_job("deliver")


async def _deliver(work: rounds.AtWork, _: dict[str, Any]) -> None:
    work.released.set()


async def _watch(work: rounds.AtWork, _: dict[str, Any]) -> None:
    await tasks.watch(work.runtime)


async def _prune(work: rounds.AtWork, _: dict[str, Any]) -> None:
    await tasks.prune(work.runtime)


def _redis_settings(url: str, retries: int = 30) -> RedisSettings:
    """With arq's defaults a restart of Redis ends the worker."""
    settings = RedisSettings.from_dsn(url)
    settings.conn_retries = retries
    settings.retry = Retry(ExponentialBackoff(cap=2, base=0.1), 12)
    settings.retry_on_error = [RedisConnectionError, RedisTimeoutError, OSError]
    settings.retry_on_timeout = True
    return settings


def _serialize(job: dict[str, Any]) -> bytes:
    """JSON in place of arq's pickle: whoever can write to Redis must not be able to run code here."""
    return json.dumps(job, default=str).encode()
