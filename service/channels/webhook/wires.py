"""HTTP/1.1 to receivers over connections that the guard has let through; h11 speaks, httpx asks.

httpx's own pool walks every connection at every request: with 64 under way that was most of the time. Here
a connection is taken from the idle ones of its receiver, or dialled. Nothing but the dialling is bounded in
time: whoever asks does that.
"""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator
from functools import cache
from typing import cast

import h11
import httpx

from service.channels.webhook.guard import Guard

#: Of status line and headers.
_MOST_HEAD = 65_536
#: Kept of one receiver; it closes them in its own time.
_MOST_IDLE = 64
#: Many servers let go of what was idle for five seconds; who asks at that moment is not heard.
_IDLE_SECONDS = 4.0

_Origin = tuple[str, bytes, int | None]


class Wires(httpx.AsyncBaseTransport):
    """`context`: whom to trust, if not the system's authorities. What is dialled, or found open, stands in
    `extensions["dialled"]` of the request from then on."""

    def __init__(self, guard: Guard, context: ssl.SSLContext | None = None) -> None:
        self._guard = guard
        self._context = context
        self._idle: defaultdict[_Origin, list[_Wire]] = defaultdict(list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        origin = (request.url.scheme, request.url.raw_host, request.url.port)
        wire = self._kept(origin) or await self._dialled(request)
        request.extensions["dialled"] = wire.address
        try:
            head = await wire.ask(request)
        except BaseException:
            wire.close()
            raise
        return httpx.Response(
            head.status_code,
            headers=head.headers.raw_items(),
            stream=_Body(self, origin, wire),
        )

    async def aclose(self) -> None:
        for wire in (one for idle in self._idle.values() for one in idle):
            wire.close()
        self._idle.clear()

    def put_back(self, origin: _Origin, wire: "_Wire") -> None:
        """Kept for the next request, or closed where it cannot be used again."""
        idle = self._idle[origin]
        if len(idle) < _MOST_IDLE and wire.rest():
            idle.append(wire)
        else:
            wire.close()

    def _kept(self, origin: _Origin) -> "_Wire | None":
        """The last used; those that rested longer have been let go of too."""
        idle = self._idle.pop(origin, [])
        while idle:
            if (wire := idle.pop()).usable:
                self._idle[origin] = idle
                return wire
            wire.close()
        return None

    async def _dialled(self, request: httpx.Request) -> "_Wire":
        url = request.url
        if url.scheme not in ("http", "https"):
            raise httpx.UnsupportedProtocol(f"{url.scheme} is not spoken here", request=request)
        host, secure = url.raw_host.decode("ascii"), url.scheme == "https"
        port = url.port or (443 if secure else 80)
        try:
            async with asyncio.timeout(request.extensions["timeout"]["connect"]):
                address = await self._guard.address_of(host, port)
                request.extensions["dialled"] = address
                return await dial(
                    address, port, (self._context or authorities()) if secure else None, host
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout("no connection within the time", request=request) from error
        except OSError as error:
            raise httpx.ConnectError(str(error), request=request) from error


@cache
def authorities() -> ssl.SSLContext:
    """The system's; reading them takes 40 ms."""
    return ssl.create_default_context()


async def dial(address: str, port: int, context: ssl.SSLContext | None, host: str) -> "_Wire":
    """A connection to this very address; the name is what the certificate has to be of. Raises OSError."""
    loop = asyncio.get_running_loop()
    _, wire = await loop.create_connection(
        lambda: _Wire(address),
        address,
        port,
        ssl=context,
        server_hostname=host if context else None,
    )
    return wire


class _Wire(asyncio.Protocol):
    """One connection, used by one request at a time."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._rested_at = 0.0
        self._speech = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEAD)
        self._news = asyncio.Event()
        self._lost: Exception | None = None
        self._transport: asyncio.Transport | None = None

    @property
    def usable(self) -> bool:
        """It is still there, and has not rested for so long that it may be about to go."""
        rested = asyncio.get_running_loop().time() - self._rested_at
        return self._open and rested < _IDLE_SECONDS

    @property
    def _open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: httpx.Request) -> h11.Response:
        """The head of the answer. Raises what httpx raises."""
        content = await request.aread()
        asked = h11.Request(
            method=request.method, target=request.url.raw_path, headers=request.headers.raw
        )
        self._write(asked, *([h11.Data(data=content)] if content else []), h11.EndOfMessage())
        while not isinstance(event := await self._next(), h11.Response):
            if not isinstance(event, h11.InformationalResponse):
                raise httpx.RemoteProtocolError("hung up without an answer")
        return event

    async def chunks(self) -> AsyncIterator[bytes]:
        while isinstance(event := await self._next(), h11.Data):
            yield bytes(event.data)

    def rest(self) -> bool:
        """Whether the answer came to its end and another may be asked for."""
        speech = self._speech
        if not self._open or not speech.our_state is speech.their_state is h11.DONE:
            return False
        speech.start_next_cycle()
        self._rested_at = asyncio.get_running_loop().time()
        return speech.trailing_data[0] == b""

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _write(self, *events: h11.Event) -> None:
        try:
            said = [self._speech.send(event) or b"" for event in events]
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from error
        if self._transport is None or self._lost is not None:
            raise httpx.WriteError("the connection was lost") from self._lost
        self._transport.write(b"".join(said))

    async def _next(self) -> object:
        try:
            while (event := self._speech.next_event()) is h11.NEED_DATA:
                if self._lost is not None:
                    raise httpx.ReadError(str(self._lost)) from self._lost
                self._news.clear()
                await self._news.wait()
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error
        return event

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._speech.our_state is h11.IDLE:
            # Nobody has asked: what comes now would be taken for the answer to the next request.
            self.close()
            return
        self._speech.receive_data(data)
        self._news.set()

    def eof_received(self) -> None:
        if self._speech.our_state is not h11.IDLE:
            self._speech.receive_data(b"")
            self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = exc or ConnectionError("closed")
        self._transport = None
        self._news.set()


class _Body(httpx.AsyncByteStream):
    def __init__(self, wires: Wires, origin: _Origin, wire: _Wire) -> None:
        self._wires, self._origin, self._wire = wires, origin, wire

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._wire.chunks():
            yield chunk

    async def aclose(self) -> None:
        self._wires.put_back(self._origin, self._wire)
