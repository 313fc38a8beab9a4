"""The one place where tests wait by looking again: for processes that cannot call us back."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

import httpx

Result = TypeVar("Result")

#: What says "not yet" rather than "wrong": an assert, an empty list's first item, a server away.
_NOT_YET = (AssertionError, LookupError, httpx.TransportError)


def eventually(look: Callable[[], Result], timeout: float = 15, every: float = 0.05) -> Result:
    """What `look` returns as soon as that is true; AssertionError after `timeout` seconds.

    A `look` made of asserts must end with `return True`. Its last complaint is the cause.
    """
    deadline = time.monotonic() + timeout
    while True:
        complaint: Exception | None = None
        try:
            if result := look():
                return result
        except _NOT_YET as error:
            complaint = error
        if time.monotonic() >= deadline:
            reason = f": {complaint!r}" if complaint else ""
            raise AssertionError(f"not within {timeout} seconds{reason}") from complaint
        time.sleep(every)


async def connections_closed() -> None:
    """Until the running loop watches no socket but its own; last thing in a test that spoke TLS.

    A TLS connection that was closed still waits for the other side's goodbye; where the loop
    ends before that comes, a ResourceWarning fails some later test.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(5):
        while len(loop._selector.get_map()) > 1:  # type: ignore[attr-defined]  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    await asyncio.sleep(0)  # the turn in which what has just been let go of is closed
