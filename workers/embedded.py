"""Embedded mode: the rounds in a loop beside the web server, in one process on one SQLite file."""

import asyncio
import fcntl

from service.runtime import Runtime
from workers import tasks


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Until `stop` is set. A second process on the same file would fight over every write: refused.

    Raises RuntimeError that says so.
    """
    with (runtime.settings.home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(f"another process serves {runtime.settings.home} already") from None
        await tasks.keep_rounds(runtime, stop)
