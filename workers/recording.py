"""Writes down how each try went, and counts it; a transaction ends here after the verdicts are in. Sends
nothing, and drops no verdict.
"""

import asyncio
import random
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError, SQLAlchemyError

from service.domain.notifications import ChannelKind
from service.domain.retry import Outcome, Verdict
from service.faults import fault
from service.flows.handover import Delivered
from service.flows.settling import Recording, record_all, record_alone
from service.runtime import Runtime

#: Verdicts that come within this time of each other are written together, up to so many.
_GATHERING_SECONDS, _MOST_GATHERED = 0.005, 32
#: What no waiting mends.
_OUR_FAULT = (DataError, IntegrityError, ProgrammingError)
#: How often a verdict is offered again to a database that is away; it is never dropped.
_RECORD_PAUSE_SECONDS = 1.0

_attempts = Counter("adquem_attempts_total", "Attempts by how they went", ["channel", "verdict"])
_lag = Histogram(
    "adquem_lag_seconds",
    "From due to handed over",
    ["channel"],
    buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 1800, 7200),
)
_answers = Counter("adquem_webhook_attempts_total", "Tries of webhooks by their end", ["class"])
_log = structlog.get_logger()


class Minutes:
    """Takes verdicts down at once, and together those that come while others are being written: whatever
    is known and not written yet, the death of this process would have said again."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._heard: list[Delivered] = []
        self._writing = asyncio.Lock()

    async def take_down(self, delivered: list[Delivered]) -> None:
        """Ends when these are written."""
        self._heard += delivered
        async with self._writing:
            known = 0
            while known < len(self._heard) < _MOST_GATHERED:
                known = len(self._heard)
                await asyncio.sleep(_GATHERING_SECONDS)
            batch, self._heard = self._heard, []
            if batch:
                await record(self._runtime, batch)


async def record(runtime: Runtime, delivered: list[Delivered]) -> None:
    """Writes the verdicts down, however long the database is away: what has left must be known. One that
    cannot be written takes none of the others with it."""
    try:
        now = await _written(runtime, delivered, record_all)
    except Exception:
        _log.exception("verdicts_refused", count=len(delivered))
        if len(delivered) > 1:
            for one in delivered:
                await record(runtime, [one])
            return
        now = await _written(runtime, delivered, record_alone)
    _count(delivered, now)


async def _written(runtime: Runtime, delivered: list[Delivered], how: Recording) -> datetime:
    while True:
        try:
            async with runtime.transaction() as session, runtime.precedence.taken():
                now = await runtime.now(session)
                await how(session, runtime.channels, delivered, now, random.random)
                fault("record.before_commit")
            fault("record.after_commit")
            return now
        except _OUR_FAULT:
            raise
        except (SQLAlchemyError, OSError, MemoryError):
            _log.warning("verdicts_not_recorded_yet", count=len(delivered))
        await asyncio.sleep(_RECORD_PAUSE_SECONDS)


def _count(delivered: list[Delivered], now: datetime) -> None:
    for one in delivered:
        message, verdict = one.consignment.message, one.outcome.verdict
        _attempts.labels(message.channel, verdict).inc()
        if message.channel is ChannelKind.WEBHOOK:
            _answers.labels(_class(one.outcome)).inc()
        if verdict is Verdict.ACCEPTED and not message.drill:
            lag: timedelta = now - message.due_at
            _lag.labels(message.channel).observe(max(lag.total_seconds(), 0))


def _class(outcome: Outcome) -> str:
    """2xx, 4xx, 5xx ... where there was an answer, else what kind of failure it was."""
    code = outcome.code
    return f"{code[0]}xx" if code.isdigit() and len(code) == 3 else str(outcome.verdict)
