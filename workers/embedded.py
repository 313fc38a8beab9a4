"""Embedded mode: the rounds in a loop beside the web server, in one process on one SQLite file."""

import asyncio
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from service.runtime import Runtime
from service.settings import Settings
from workers import rounds


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Two processes on one SQLite file would fight over every write: the second is refused.

    Raises RuntimeError that says so. The lock goes with the process, however that ends.
    """
    with (settings.home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(f"Another process serves {settings.home} already.") from None
        yield


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Until `stop` is set."""
    await rounds.keep_rounds(rounds.AtWork(runtime), stop)
