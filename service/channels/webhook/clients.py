"""One small pool of connections for each receiver, under the guard; the longest unused are let go of.

A pool for all would be walked from end to end at each request, and one slow receiver would fill it.
"""

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpcore
import httpx

from service.channels.webhook.answers import READ_BYTES, Answer
from service.channels.webhook.guard import GuardedBackend, Network, dialled

_CONNECT_SECONDS = 5
_MOST_POOLS = 64


@dataclass
class _Pool:
    client: httpx.AsyncClient
    users: int = 0


class Clients:
    """`seconds`: for one request; `own`: the name of this service. No more than `most` pools stay open when
    nobody uses them."""

    def __init__(
        self,
        allowed: Sequence[Network],
        user_agent: str,
        seconds: float,
        most: int = _MOST_POOLS,
        context: ssl.SSLContext | None = None,
        own: str = "",
    ) -> None:
        self._allowed = tuple(allowed)
        self._user_agent = user_agent
        self._timeout = httpx.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds))
        self._most = most
        self._own = own
        self._given = context
        self._pools: OrderedDict[tuple[str, str, int | None], _Pool] = OrderedDict()

    @asynccontextmanager
    async def to(self, url: httpx.URL) -> AsyncIterator[httpx.AsyncClient]:
        """The client of that receiver, which no one closes while it is used."""
        origin = (url.scheme, url.host, url.port)
        pool = self._pools.get(origin) or _Pool(self._new())
        self._pools[origin] = pool
        self._pools.move_to_end(origin)
        pool.users += 1
        try:
            yield pool.client
        finally:
            pool.users -= 1
            await self._let_go()

    async def close(self) -> None:
        while self._pools:
            _, pool = self._pools.popitem()
            await pool.client.aclose()

    async def _let_go(self) -> None:
        idle = [origin for origin, pool in self._pools.items() if not pool.users]
        surplus = [self._pools.pop(one) for one in idle[: max(len(self._pools) - self._most, 0)]]
        for pool in surplus:
            await pool.client.aclose()

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """Read once, at the first sending: reading the authorities takes 40 ms."""
        return self._given or ssl.create_default_context()

    def _new(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=guarded_transport(self._allowed, self._context, self._own),
            timeout=self._timeout,
            follow_redirects=False,
            trust_env=False,
            headers={"user-agent": self._user_agent},
            # A receiver's cookies are nobody's: those of a session are kept by who has it.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )


class Line:
    """The requests of one try, which all end at one instant of the loop's clock."""

    def __init__(self, clients: Clients, until: float) -> None:
        self._clients = clients
        self._until = until

    async def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes = b"",
        most: int = READ_BYTES,
    ) -> Answer:
        target = httpx.URL(url)
        async with self._clients.to(target) as client:
            request = client.build_request(method, target, content=content or None, headers=headers)
            async with asyncio.timeout_at(self._until):
                response = await client.send(request, stream=True)
            dialled.set(response.extensions["network_stream"].get_extra_info("server_addr")[0])
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


def guarded_transport(
    allowed: Sequence[Network], context: ssl.SSLContext | None = None, own: str = ""
) -> httpx.AsyncHTTPTransport:
    """httpx offers no public way to set httpcore's network backend; a test watches that this holds."""
    context = context or ssl.create_default_context()
    transport = httpx.AsyncHTTPTransport(verify=context, trust_env=False)
    transport._pool = httpcore.AsyncConnectionPool(
        ssl_context=context,
        max_connections=64,
        max_keepalive_connections=4,
        keepalive_expiry=5,
        network_backend=GuardedBackend(allowed, own),
    )
    return transport
