"""The requests of one try: nothing is followed, no cookie kept, no variable of the environment heard."""

import asyncio
from collections.abc import Mapping
from functools import lru_cache

import httpx

from service.channels.webhook.answers import READ_BYTES, Answer
from service.channels.webhook.wires import Wires

_CONNECT_SECONDS = 5


class Line:
    """All of them end at one instant of the loop's clock; `dialled`: the address of the last. The transport
    is asked itself: what a client of httpx does beyond that is not wanted, and takes most of the time."""

    def __init__(self, wires: Wires, user_agent: str, until: float) -> None:
        self._wires = wires
        self._user_agent = user_agent
        self._until = until
        self.dialled: str | None = None

    async def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes = b"",
        most: int = READ_BYTES,
    ) -> Answer:
        request = httpx.Request(
            method,
            _parsed(url),
            headers={"user-agent": self._user_agent} | dict(headers),
            content=content or None,
            extensions={"timeout": {"connect": _CONNECT_SECONDS}},
        )
        try:
            async with asyncio.timeout_at(self._until):
                response = await self._wires.handle_async_request(request)
        finally:
            self.dialled = request.extensions.get("dialled")
        try:
            return await self._read(response, most)
        finally:
            await response.aclose()

    async def _read(self, response: httpx.Response, most: int) -> Answer:
        """The first kilobytes as they come, undecoded: a compressed bomb stays packed. What only drips, or
        breaks off, is left: the status has been said."""
        body, cut = b"", False
        try:
            async with asyncio.timeout_at(self._until):
                async for chunk in response.aiter_raw():
                    body += chunk
                    if cut := len(body) > most:
                        break
        except (httpx.HTTPError, TimeoutError):
            cut = True
        return Answer(response.status_code, response.headers, body[:most], cut)


@lru_cache(maxsize=1024)
def _parsed(url: str) -> httpx.URL:
    return httpx.URL(url)
