"""What the clockwork does, free of any queue: each task can be run by anyone, at any time, twice.

Transactions end here: after a batch is released; after a claim, before anything leaves. The verdicts are
written down by recording.py.
"""

import asyncio
from datetime import timedelta

import structlog
from prometheus_client import Counter, Gauge
from sqlmodel.ext.asyncio.session import AsyncSession

from service.channels.webhook.heartbeat import Heartbeat
from service.domain.bundles import Pace
from service.faults import fault
from service.flows.calendars import refresh_calendars
from service.flows.coverage import forecast_batch
from service.flows.delivery import claim, send
from service.flows.digest import write_due
from service.flows.endpoint_care import tend
from service.flows.feed_care import warn_of_stale
from service.flows.handover import Shipment
from service.flows.mirroring import mirror_batch
from service.flows.quarantine import Rest
from service.flows.release import release_due
from service.flows.replaying import READABLE
from service.flows.reviewing import check_batch
from service.flows.sitting import Sitting
from service.flows.source_care import warn_of_refusing
from service.flows.watching import look
from service.runtime import Runtime
from service.store.attempts import forget_attempts, forget_words
from service.store.idempotency import KEPT_FOR, forget_before
from service.store.inbound import FAILURES_KEPT_FOR, forget_failures
from service.store.installation import count_watch, put_forecast, take_forecast
from service.store.outbox import forget_payloads, give_up_held
from service.store.pulse import is_due
from workers.gate import rests, while_working
from workers.recording import Minutes

#: Deadlines and alerts looked at in one transaction.
_BATCH = 100
#: Slots that come free within this time of each other are filled together.
_LINGER_SECONDS = 0.02
#: Deadlines held against the law in one transaction.
_UNCHECKED = 1000
#: People whose mails of the day are written in one transaction.
_READERS = 25
#: How long the words of receivers and relays stay beside the tries that they answered.
_WORDS_KEPT_FOR = timedelta(days=30)
#: Feeds looked at in one transaction.
_FEEDS = 100
#: Deadlines forecast in one transaction; between two forecasts; how long whoever is at one may be silent.
_FORECAST = 100
_FORECAST_EVERY, _FORECAST_HELD = timedelta(days=1), timedelta(minutes=10)
#: Entries of each calendar that are written in one transaction.
_ENTRIES = 100

_ticked = Gauge("adquem_worker_last_tick_timestamp", "When this process last ended a tick well")
_heartbeats = Counter("adquem_heartbeats_total", "Pings to the dead-man's switch", ["outcome"])
_log = structlog.get_logger()


@while_working(0)
async def tick(runtime: Runtime) -> int:
    """Releases everything that is due; answers the number of messages written. Most ticks find nothing, by
    a glance."""
    written, last = 0, not await is_due(runtime.glances, runtime.own_now)
    while not last:
        async with runtime.transaction() as session:
            sitting = await _sitting(runtime, session)
            released = await release_due(sitting, _BATCH, runtime.precedence.stand_back)
            if released.looked_at:
                fault("release.before_commit")
        written += released.messages
        if released.looked_at:
            fault("release.after_commit")
            _log.info("released", looked_at=released.looked_at, messages=released.messages)
        last = released.last
    _ticked.set(runtime.clock().timestamp())
    return written


async def deliver(runtime: Runtime, released: asyncio.Event | None = None) -> int:
    """Sends everything that is due, as many at a time as there are slots; answers how many tries.
    `released` is set by whoever knows that more is due, and unset by looking for it.

    A slow receiver keeps its own slot busy and nobody else's: slots are filled as they come free, which is
    when it is written down how the try went.
    """
    released = released or asyncio.Event()
    slots, minutes = runtime.settings.delivery_slots, Minutes(runtime)
    under_way: set[asyncio.Task[None]] = set()
    started, more = 0, True
    try:
        while more or under_way:
            if more and len(under_way) < slots:
                released.clear()
                claimed = await _claimed(runtime, slots - len(under_way), busy=bool(under_way))
                more = bool(claimed)
                started += sum(len(shipment.consignments) for shipment in claimed)
                under_way |= {asyncio.create_task(_sent(runtime, one, minutes)) for one in claimed}
            if under_way:
                done, under_way = await _some_done(
                    under_way, runtime.settings.poll_seconds, released
                )
                for task in done:
                    task.result()
                # A slot has come free, more is due, or time has passed: look in either case.
                more = True
    except (asyncio.CancelledError, Exception):
        # Let what has left be written down: this process is stopping or at a loss, not the relay.
        if under_way:
            await asyncio.wait(under_way, timeout=15)
        raise
    return started


async def _sent(runtime: Runtime, shipment: Shipment, minutes: Minutes) -> None:
    await minutes.take_down(await send(runtime.channels, shipment))


@while_working(0)
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


@while_working(None)
async def renew_calendars(runtime: Runtime) -> None:
    """Carries the court calendars on: a new year comes into view, a new release knows more."""
    async with runtime.transaction() as session:
        renewed = await refresh_calendars(session, await runtime.now(session))
    if renewed:
        _log.info("calendars_renewed", codes=renewed)


async def _sitting(runtime: Runtime, session: AsyncSession) -> Sitting:
    return Sitting(session, runtime.channels, runtime.rules, await runtime.now(session))


@while_working(None)
async def prune(runtime: Runtime) -> None:
    """Forgets what was only kept for a while."""
    async with runtime.transaction() as session:
        now = await runtime.now(session)
        await forget_before(session, now - KEPT_FOR)
        await forget_failures(session, now - FAILURES_KEPT_FOR)
        await give_up_held(session, now)
        await forget_words(session, now - _WORDS_KEPT_FOR)
        await forget_attempts(session, now - timedelta(days=runtime.settings.attempts_kept_days))
        await forget_payloads(session, now - READABLE)


@while_working(None)
async def tend_endpoints(runtime: Runtime) -> None:
    """Probes what is paused, lets go what was held, and reminds those who look after what is disabled."""
    async with runtime.transaction() as session:
        await tend(await _sitting(runtime, session))


@while_working(0)
async def mirror(runtime: Runtime) -> int:
    """Brings the calendars on CalDAV servers to where they should be; answers how many messages that
    takes."""
    written = 0
    while True:
        async with runtime.transaction() as session:
            sitting = await _sitting(runtime, session)
            number = await mirror_batch(sitting, runtime.settings.base_url, _ENTRIES)
        written += number
        if not number:
            return written


@while_working(None)
async def tend_feeds(runtime: Runtime) -> None:
    """Tells owners of calendars that nothing fetches, while a date is near."""
    after: str | None = ""
    while after is not None:
        async with runtime.transaction() as session:
            after = await warn_of_stale(await _sitting(runtime, session), after, _FEEDS)


@while_working(None)
async def tend_sources(runtime: Runtime) -> None:
    """Tells whoever looks after inbound sources that refuse what they are sent."""
    async with runtime.transaction() as session:
        await warn_of_refusing(await _sitting(runtime, session))


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


@while_working(0)
async def forecast(runtime: Runtime) -> int:
    """Finds the steps of the coming weeks that would reach nobody, and tells of each once; answers how
    many gaps were found or closed. While it goes on no other worker begins it; where this one dies, another
    does after ten minutes."""
    changed, after = 0, None
    while True:
        async with runtime.transaction() as session:
            sitting = await _sitting(runtime, session)
            after, number = await forecast_batch(sitting, after, _FORECAST)
            again = _FORECAST_HELD if after else _FORECAST_EVERY
            await put_forecast(session, sitting.now + again)
        changed += number
        if after is None:
            break
    if changed:
        _log.info("coverage_changed", gaps=changed)
    return changed


@while_working(None)
async def forecast_of_the_day(runtime: Runtime) -> None:
    """Once a day for all workers together."""
    async with runtime.transaction() as session:
        now = await runtime.now(session)
        due = await take_forecast(session, now, now + _FORECAST_HELD)
    if due:
        await forecast(runtime)


async def watch(runtime: Runtime, ticked: bool = False) -> bool:
    """Proves that what should have moved has moved; True, and the outside is told, where it has.

    `ticked`: a tick of this process has ended well since it last watched.
    """
    if await rests(runtime) is Rest.SCHEMA_UNFIT:
        return False
    async with runtime.transaction() as session:
        now = await runtime.now(session)
        verdict = await look(session, now, ticked)
        counted = await count_watch(session, now)
    runtime.memory.keep(*counted)
    if verdict.well and runtime.heartbeat is not None:
        await _ping(runtime.heartbeat)
    return verdict.well


async def _ping(heartbeat: Heartbeat) -> None:
    fault = await heartbeat.ping()
    _heartbeats.labels("failed" if fault else "heard").inc()
    if fault:
        _log.warning("heartbeat_failed", kind=fault)


async def _claimed(runtime: Runtime, free: int, busy: bool) -> list[Shipment]:
    """None where the database is away and others are on their way: their verdicts must not go with it."""
    try:
        return await _claim(runtime, free)
    except Exception:
        if not busy:
            raise
        _log.exception("claim_failed")
        return []


async def _claim(runtime: Runtime, free: int) -> list[Shipment]:
    if await rests(runtime):
        return []
    async with runtime.transaction() as session:
        now = await runtime.now(session)
        settings = runtime.settings
        resting = frozenset(kind for kind, one in runtime.channels.items() if one.resting())
        pace = Pace(settings.mails_per_minute, settings.mails_per_hour, resting)
        first = runtime.precedence.taken
        claimed = await claim(session, runtime.seal, pace, runtime.worker, now, free, first)
        if claimed:
            fault("claim.before_commit")
    if claimed:
        fault("claim.after_commit")
    return claimed


async def _some_done(
    tasks: set[asyncio.Task[None]], seconds: float, released: asyncio.Event
) -> tuple[set[asyncio.Task[None]], set[asyncio.Task[None]]]:
    """The first to finish, and those that finish within a moment of it; none in time, or where more is
    due."""
    knock = asyncio.create_task(_knocked(released))
    try:
        first = asyncio.FIRST_COMPLETED
        done, rest = await asyncio.wait({*tasks, knock}, timeout=seconds, return_when=first)
    finally:
        knock.cancel()
    done, rest = done - {knock}, rest - {knock}
    if done and rest:
        more, rest = await asyncio.wait(rest, timeout=_LINGER_SECONDS)
        done |= more
    return done, rest


async def _knocked(released: asyncio.Event) -> None:
    await released.wait()
