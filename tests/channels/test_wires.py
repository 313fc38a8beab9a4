"""Connections to receivers: kept while they are good for another request, and never one too long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

import httpx
import pytest

from service.channels.webhook.guard import Guard
from service.channels.webhook.wires import Wires

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


class Server:
    """Answers each request with the next of `replies`; counts connections and requests."""

    def __init__(self, *replies: bytes) -> None:
        self.replies = list(replies)
        self.connections = self.requests = 0
        self.port = 0
        self.talks: list[asyncio.Task[None]] = []
        self.writers: list[asyncio.StreamWriter] = []

    def begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        self.talks.append(asyncio.create_task(self.talk(reader, writer)))

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.requests += 1
                reply = self.replies.pop(0) if self.replies else NO_CONTENT
                writer.write(reply)
                await writer.drain()
                if reply.endswith(b"bye"):
                    writer.close()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@asynccontextmanager
async def serving(*replies: bytes) -> AsyncIterator[Server]:
    server = Server(*replies)
    listening = await asyncio.start_server(server.begin, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    yield server
    listening.close()
    for writer in server.writers:
        writer.close()
    await asyncio.wait(server.talks, timeout=5)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = Wires(Guard([ip_network("127.0.0.0/8")]))
    async with httpx.AsyncClient(transport=transport, timeout=5) as one:
        yield one


async def test_a_connection_that_was_answered_on_is_used_again(client: httpx.AsyncClient) -> None:
    async with serving() as server:
        for _ in range(3):
            answer = await client.get(f"http://127.0.0.1:{server.port}/")
            assert answer.status_code == 204
        assert (server.connections, server.requests) == (1, 3)


async def test_the_answer_names_the_address_that_was_dialled(client: httpx.AsyncClient) -> None:
    async with serving() as server:
        answer = await client.get(f"http://127.0.0.1:{server.port}/")
        assert answer.request.extensions["dialled"] == "127.0.0.1"


async def test_those_under_way_at_once_have_a_connection_each(client: httpx.AsyncClient) -> None:
    async with serving() as server:
        url = f"http://127.0.0.1:{server.port}/"
        await asyncio.gather(*(client.get(url) for _ in range(20)))
        assert (server.connections, server.requests) == (20, 20)
        await asyncio.gather(*(client.get(url) for _ in range(20)))
        assert (server.connections, server.requests) == (20, 40)


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\n\r\nbye",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 Later\r\n\r\n",
    ],
    ids=["asked to close", "ends with the connection", "says more than it was asked"],
)
async def test_a_connection_that_is_spent_or_doubtful_is_not_used_again(
    client: httpx.AsyncClient, reply: bytes
) -> None:
    async with serving(reply) as server:
        first = await client.get(f"http://127.0.0.1:{server.port}/")
        second = await client.get(f"http://127.0.0.1:{server.port}/")
        assert (first.status_code, second.status_code) == (200, 204)
        assert server.connections == 2


async def test_what_comes_unasked_is_not_taken_for_the_next_answer(
    client: httpx.AsyncClient,
) -> None:
    """A server that lets go of an idle connection may say 408 first."""
    async with serving() as server:
        url = f"http://127.0.0.1:{server.port}/"
        await client.get(url)
        server.writers[0].write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        await server.writers[0].drain()
        await asyncio.sleep(0.05)
        assert (await client.get(url)).status_code == 204
        assert server.connections == 2


async def test_a_body_left_unread_does_not_reach_the_next_request(
    client: httpx.AsyncClient,
) -> None:
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 100_000
    async with serving(long) as server:
        url = f"http://127.0.0.1:{server.port}/"
        async with client.stream("GET", url) as answer:
            async for _ in answer.aiter_raw():
                break
        assert (await client.get(url)).status_code == 204
        assert server.connections == 2


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"nonsense\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\n" + b"x-a: b\r\n" * 20_000 + b"\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 bye", httpx.RemoteProtocolError),
    ],
    ids=["no HTTP", "endless headers", "hangs up in the middle"],
)
async def test_what_is_no_answer_is_an_error(
    client: httpx.AsyncClient, reply: bytes, error: type[Exception]
) -> None:
    async with serving(reply) as server:
        with pytest.raises(error):
            await client.get(f"http://127.0.0.1:{server.port}/")


async def test_an_interim_answer_is_passed_over(client: httpx.AsyncClient) -> None:
    async with serving(b"HTTP/1.1 103 Early Hints\r\n\r\n" + NO_CONTENT) as server:
        answer = await client.get(f"http://127.0.0.1:{server.port}/")
        assert answer.status_code == 204


async def test_a_chunked_answer_is_put_together(client: httpx.AsyncClient) -> None:
    reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n"
    async with serving(reply) as server:
        answer = await client.get(f"http://127.0.0.1:{server.port}/")
        assert answer.content == b"ok!"
