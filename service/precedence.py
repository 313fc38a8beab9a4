"""Who goes first in a process that has everything to do at once: what is short, as writing down that a mail
has left; what takes long stands back meanwhile. Else each of its statements waits for a letter to be
written, and whatever has left and is not written down, a crash sends again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

#: What takes long goes on for so long at a stretch, and stands back for so long at the most: it must come
#: to its end, and where the database is away nobody comes to theirs.
_STRETCH_SECONDS, _PATIENCE_SECONDS = 0.01, 0.1


class Precedence:
    def __init__(self) -> None:
        self._under_way = 0
        self._none_under_way = asyncio.Event()
        self._none_under_way.set()
        self._stretch_until = 0.0

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """By what is short, within its transaction: on SQLite what takes long holds the turn before."""
        self._under_way += 1
        self._none_under_way.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._none_under_way.set()

    async def stand_back(self) -> None:
        """For whoever takes long, between two pieces of the work."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._stretch_until:
            return
        # What has just come in is looked at first: it may be what is to be written down.
        await asyncio.sleep(0)
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._none_under_way.wait()
        self._stretch_until = loop.time() + _STRETCH_SECONDS
