"""Embedded mode: the same rounds in a loop beside the web server, in one process."""

import asyncio
import contextlib

import structlog

from service.runtime import Runtime
from workers import tasks

_log = structlog.get_logger()

#: Rounds between two prunings.
_PRUNE_EVERY = 3600


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Ticks and delivers until `stop` is set; no fault of one round ends the loop."""
    rounds = 0
    delivering: asyncio.Task[None] | None = None
    while not stop.is_set():
        await guarded(tasks.tick(runtime), "tick")
        if delivering is None or delivering.done():
            # Beside the ticking, so that a slow receiver delays no release.
            delivering = asyncio.create_task(guarded(tasks.deliver(runtime), "deliver"))
        if rounds % _PRUNE_EVERY == 0:
            await guarded(tasks.prune(runtime), "prune")
        rounds += 1
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), runtime.settings.poll_seconds)
    if delivering is not None:
        delivering.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await delivering


async def guarded(work: object, name: str) -> None:
    """Awaits one round; what it raises is logged, and the next round tries again."""
    try:
        await work  # type: ignore[misc]
    except Exception:
        _log.exception("round_failed", round=name)
