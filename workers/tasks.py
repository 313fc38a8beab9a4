"""The rounds of the clockwork, free of any queue: each can be run by anyone, at any time, twice.

Transactions end here: after a batch is released; after a claim, before anything leaves; after the
verdicts are in.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession

from service.channels.webhook.heartbeat import Heartbeat
from service.commands.bounces import listening
from service.domain.retry import Verdict
from service.flows.calendars import refresh_calendars
from service.flows.coverage import forecast_batch
from service.flows.delivery import Delivered, Shipment, claim, record_all, send
from service.flows.digest import write_due
from service.flows.endpoint_care import tend
from service.flows.release import release_due
from service.flows.reviewing import check_batch
from service.flows.sitting import Sitting
from service.flows.watching import look
from service.runtime import Runtime
from service.store.idempotency import KEPT_FOR, forget_before
from service.store.inbound import FAILURES_KEPT_FOR, forget_failures

#: Deadlines and alerts looked at in one transaction.
_BATCH = 100
#: Verdicts that arrive within this time of each other are recorded together.
_LINGER_SECONDS = 0.02
#: How often a verdict is offered again to a database that is away; it is never dropped.
_RECORD_PAUSE_SECONDS = 1.0

#: Deadlines held against the law in one transaction.
_UNCHECKED = 1000
#: Between two watches by the clock, for rounds are as long as their work; and the rounds before
#: the next watch where all was not well.
_WATCH_EVERY = timedelta(minutes=5)
_WATCH_AGAIN = 10
#: People whose mails of the day are written in one transaction.
_READERS = 25
#: Between two forecasts by the clock, and the deadlines looked at in one transaction.
_FORECAST_EVERY = timedelta(days=1)
_FORECAST = 100

_attempts = Counter("adquem_attempts_total", "Attempts by how they went", ["channel", "verdict"])
_lag = Histogram(
    "adquem_lag_seconds",
    "From due to handed over",
    ["channel"],
    buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 1800, 7200),
)
_heartbeats = Counter("adquem_heartbeats_total", "Pings to the dead-man's switch", ["outcome"])
_log = structlog.get_logger()


async def tick(runtime: Runtime) -> int:
    """Releases everything that is due; answers the number of messages written."""
    written = 0
    while True:
        async with runtime.transaction() as session:
            released = await release_due(await _sitting(runtime, session), _BATCH)
        written += released.messages
        if released.looked_at:
            _log.info("released", looked_at=released.looked_at, messages=released.messages)
        if released.last:
            return written


async def deliver(runtime: Runtime) -> int:
    """Sends everything that is due, as many at a time as there are slots; answers how many tries.

    A slow receiver keeps its own slot busy and nobody else's: slots are filled as they come free.
    """
    slots = runtime.settings.delivery_slots
    under_way: set[asyncio.Task[list[Delivered]]] = set()
    started, more = 0, True
    try:
        while more or under_way:
            if more and len(under_way) < slots:
                claimed = await _claim(runtime, slots - len(under_way))
                more = bool(claimed)
                started += sum(len(shipment.consignments) for shipment in claimed)
                under_way |= {
                    asyncio.create_task(send(runtime.channels, shipment)) for shipment in claimed
                }
            if under_way:
                done, under_way = await _some_done(under_way, runtime.settings.poll_seconds)
                if done:
                    await _record(runtime, [one for task in done for one in task.result()])
                # A slot has come free, or time has passed: look for more in either case.
                more = True
    except asyncio.CancelledError:
        # Let what has left be written down: the process is stopping, not the relay.
        if under_way:
            done, _ = await asyncio.wait(under_way, timeout=15)
            await _record(runtime, [one for task in done for one in task.result()])
        raise
    return started


async def check_law(runtime: Runtime) -> int:
    """Holds every open deadline that was last held against another edition of the law against this
    one; answers how many."""
    checked = 0
    while True:
        async with runtime.transaction() as session:
            batch = await check_batch(await _sitting(runtime, session), _UNCHECKED)
        checked += batch
        if batch < _UNCHECKED:
            return checked


async def renew_calendars(runtime: Runtime) -> None:
    """Carries the court calendars on: a new year comes into view, a new release knows more."""
    async with runtime.transaction() as session:
        renewed = await refresh_calendars(session, await runtime.now(session))
    if renewed:
        _log.info("calendars_renewed", codes=renewed)


async def _sitting(runtime: Runtime, session: AsyncSession) -> Sitting:
    return Sitting(session, runtime.channels, runtime.rules, await runtime.now(session))


async def prune(runtime: Runtime) -> None:
    """Forgets what was only kept for a while."""
    async with runtime.transaction() as session:
        now = await runtime.now(session)
        await forget_before(session, now - KEPT_FOR)
        await forget_failures(session, now - FAILURES_KEPT_FOR)


async def tend_endpoints(runtime: Runtime) -> None:
    """Probes what is paused, lets go what was held, and reminds those who look after what is disabled."""
    async with runtime.transaction() as session:
        await tend(await _sitting(runtime, session))


async def digest(runtime: Runtime) -> int:
    """Writes the digests and the exit checks whose hour has come; answers how many."""
    mails = 0
    while True:
        async with runtime.transaction() as session:
            written = await write_due(await _sitting(runtime, session), _READERS)
        mails += written.mails
        if written.readers < _READERS:
            break
    if mails:
        _log.info("digests_written", mails=mails)
    return mails


async def forecast(runtime: Runtime) -> int:
    """Finds the steps of the coming weeks that would reach nobody, and tells of each once; answers how
    many gaps were found or closed."""
    changed, after = 0, None
    while True:
        async with runtime.transaction() as session:
            sitting = await _sitting(runtime, session)
            after, number = await forecast_batch(sitting, after, _FORECAST)
        changed += number
        if after is None:
            break
    if changed:
        _log.info("coverage_changed", gaps=changed)
    return changed


async def watch(runtime: Runtime, ticked: bool = False) -> bool:
    """Proves that what should have moved has moved; True, and the outside is told, where it has.

    `ticked`: a tick of this process has ended well since it last watched.
    """
    async with runtime.transaction() as session:
        verdict = await look(session, await runtime.now(session), ticked)
    if verdict.well and runtime.heartbeat is not None:
        await _ping(runtime.heartbeat)
    return verdict.well


async def keep_rounds(runtime: Runtime, stop: asyncio.Event) -> None:
    """The loop of every process that works, until `stop` is set; no fault of a round ends it."""
    rounds, ticked = 0, False

    async def watched() -> bool:
        """What the tick was worth counts for one watch."""
        nonlocal ticked
        since, ticked = ticked, False
        return await watch(runtime, since)

    # Beside the ticking, so that a slow receiver and a large docket delay no release.
    beside = [
        Beside(runtime, "deliver", lambda: deliver(runtime)),
        Beside(runtime, "digest", lambda: digest(runtime)),
        Beside(runtime, "watch", watched, _WATCH_EVERY, _WATCH_AGAIN),
        Beside(runtime, "forecast", lambda: forecast(runtime), _FORECAST_EVERY),
    ]
    async with listening(runtime):
        while not stop.is_set():
            well = await _guarded(tick(runtime), "tick")
            ticked |= well
            for one in beside[:2]:
                one.round_ended()
            for work, name, every in _SELDOM:
                if rounds % every == 0:
                    await _guarded(work(runtime), name)
            for one in beside[2:]:
                one.round_ended()
            rounds += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), runtime.settings.poll_seconds)
        for one in beside:
            await one.end()


#: What each process does in its loop, with the rounds between two times.
_SELDOM: tuple[tuple[Callable[[Runtime], Awaitable[object]], str, int], ...] = (
    (renew_calendars, "calendars", 3600),
    (check_law, "law", 10),
    (prune, "prune", 3600),
    (tend_endpoints, "endpoints", 2),
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
            self.under_way = asyncio.create_task(_guarded(self._run(), self.name))

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


async def _ping(heartbeat: Heartbeat) -> None:
    fault = await heartbeat.ping()
    _heartbeats.labels("failed" if fault else "heard").inc()
    if fault:
        _log.warning("heartbeat_failed", kind=fault)


async def _guarded(work: Awaitable[object], name: str) -> bool:
    """Awaits one round; what it raises is logged, and the next round tries again. True: it ended well."""
    try:
        await work
    except Exception:
        _log.exception("round_failed", round=name)
        return False
    return True


async def _claim(runtime: Runtime, free: int) -> list[Shipment]:
    async with runtime.transaction() as session:
        now = await runtime.now(session)
        return await claim(session, runtime.seal, runtime.worker, now, free)


async def _some_done(
    tasks: set[asyncio.Task[list[Delivered]]], seconds: float
) -> tuple[set[asyncio.Task[list[Delivered]]], set[asyncio.Task[list[Delivered]]]]:
    """The first to finish, and those that finish within a moment of it; none in time."""
    done, rest = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    if done and rest:
        more, rest = await asyncio.wait(rest, timeout=_LINGER_SECONDS)
        done |= more
    return done, rest


async def _record(runtime: Runtime, delivered: list[Delivered]) -> None:
    """Writes the verdicts down, however long the database is away: what has left must be known."""
    while True:
        with contextlib.suppress(SQLAlchemyError, OSError):
            async with runtime.transaction() as session:
                now = await runtime.now(session)
                await record_all(session, runtime.channels, delivered, now, random.random)
            break
        _log.warning("verdicts_not_recorded_yet", count=len(delivered))
        await asyncio.sleep(_RECORD_PAUSE_SECONDS)
    for one in delivered:
        message, verdict = one.consignment.message, one.outcome.verdict
        _attempts.labels(message.channel, verdict).inc()
        if verdict is Verdict.ACCEPTED and not message.drill:
            lag: timedelta = now - message.due_at
            _lag.labels(message.channel).observe(max(lag.total_seconds(), 0))
