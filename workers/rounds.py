"""When each task is done: the loop of every process that works. What is done, says tasks.py; no queue is
known here, and no database.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from service.commands.bounces import listening
from service.runtime import Runtime
from workers import tasks

#: Between two watches by the clock, for rounds are as long as their work; and the rounds before
#: the next watch where all was not well.
_WATCH_EVERY = timedelta(minutes=5)
_WATCH_AGAIN = 10
#: Between two looks whether the forecast of the day is to be made.
_FORECAST_EVERY = timedelta(minutes=1)
#: Between two looks at who fetches the feeds.
_FEEDS_EVERY = timedelta(hours=1)

_log = structlog.get_logger()


class AtWork:
    """What a process does by itself as well as when it is woken, and never twice at once: it would send
    more at a time than it has slots, and its releases would wait for each other's journals. `released`:
    set where more is due."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.released = asyncio.Event()
        self._ticking = asyncio.Lock()

    async def tick(self) -> int:
        """Where one goes on already it is left to that, which looks until nothing is due."""
        if self._ticking.locked():
            return 0
        async with self._ticking:
            written = await tasks.tick(self.runtime)
        if written:
            self.released.set()
        return written

    async def deliver(self, stop: asyncio.Event) -> None:
        """All the while, however long a tick goes on. A worker that comes up before a great backlog sends
        what is due while it releases the rest."""
        while not stop.is_set():
            await guarded(tasks.deliver(self.runtime, self.released), "deliver")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.released.wait(), self.runtime.settings.poll_seconds)


async def keep_rounds(work: AtWork, stop: asyncio.Event) -> None:
    """The loop of every process that works, until `stop` is set; no fault of a round ends it."""
    runtime, rounds, ticked = work.runtime, 0, False
    loop, every_seconds = asyncio.get_running_loop(), runtime.settings.poll_seconds

    async def watched() -> bool:
        """What the tick was worth counts for one watch."""
        nonlocal ticked
        since, ticked = ticked, False
        return await tasks.watch(runtime, since)

    # Beside the ticking, so that a slow receiver and a large docket delay no release.
    beside = [
        Beside(runtime, "digest", lambda: tasks.digest(runtime)),
        Beside(runtime, "watch", watched, _WATCH_EVERY, _WATCH_AGAIN),
        Beside(runtime, "feeds", lambda: tasks.tend_feeds(runtime), _FEEDS_EVERY),
        Beside(runtime, "forecast", lambda: tasks.forecast_of_the_day(runtime), _FORECAST_EVERY),
    ]
    async with listening(runtime), _delivering(work, stop):
        while not stop.is_set():
            began = loop.time()
            well = await guarded(work.tick(), "tick")
            ticked |= well
            for one in beside[:1]:
                one.round_ended()
            for do, name, every in _SELDOM:
                if rounds % every == 0:
                    await guarded(do(runtime), name)
            for one in beside[1:]:
                one.round_ended()
            rounds += 1
            # What the round has taken is not waited for once more, but for a breath.
            rest = max(every_seconds - (loop.time() - began), every_seconds / 10)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), rest)
        for one in beside:
            await one.end()


@contextlib.asynccontextmanager
async def _delivering(work: AtWork, stop: asyncio.Event) -> AsyncIterator[None]:
    under_way = asyncio.create_task(work.deliver(stop))
    # Should it ever end by itself, nothing goes on as if it had not.
    under_way.add_done_callback(lambda _: stop.set())
    try:
        yield
    finally:
        under_way.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await under_way


#: What each process does in its loop, with the rounds between two times.
_SELDOM: tuple[tuple[Callable[[Runtime], Awaitable[object]], str, int], ...] = (
    (tasks.renew_calendars, "calendars", 3600),
    (tasks.check_law, "law", 10),
    (tasks.prune, "prune", 3600),
    (tasks.tend_endpoints, "endpoints", 2),
    (tasks.mirror, "mirrors", 2),
    (tasks.tend_sources, "sources", 30),
)


@dataclass
class Beside:
    """A round that keeps its own time and delays no other: after the first round, then every so often by
    the clock (at once where that has leapt), never twice at once. `again`: where it did not go well, or
    answered False, after so many rounds already."""

    runtime: Runtime
    name: str
    work: Callable[[], Awaitable[object]]
    every: timedelta = timedelta()
    again: int | None = None
    under_way: asyncio.Task[bool] | None = None
    _begun_at: datetime | None = None
    _rounds: int = 0
    _well: bool = False

    def round_ended(self) -> None:
        """Rounds that hang begin nothing: their silence is noticed."""
        self._rounds += 1
        now = self.runtime.clock()
        busy = self.under_way is not None and not self.under_way.done()
        if not busy and self._is_time(now):
            self._begun_at, self._rounds, self._well = now, 0, False
            self.under_way = asyncio.create_task(guarded(self._run(), self.name))

    async def end(self) -> None:
        if self.under_way is not None:
            self.under_way.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.under_way

    def _is_time(self, now: datetime) -> bool:
        if self._begun_at is None or abs(now - self._begun_at) >= self.every:
            return True
        return self.again is not None and not self._well and self._rounds >= self.again

    async def _run(self) -> None:
        self._well = await self.work() is not False


async def guarded(work: Awaitable[object], name: str) -> bool:
    """Awaits one round; what it raises is logged, and the next round tries again. True: it ended well."""
    try:
        await work
    except Exception:
        _log.exception("round_failed", round=name)
        return False
    return True
