"""The whole way of a webhook, from waiting row to recorded attempt, against bare HTTP clients."""

import asyncio
import json
import multiprocessing
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import c_longlong
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp
import httpx
import uvloop
from sqlmodel.ext.asyncio.session import AsyncSession

from benchmarks.rows import Row, compare
from service.clock import system_clock
from service.domain.access import Caller, Reach, Scope
from service.domain.notifications import ChannelKind, EventType
from service.flows import enrolment, integration
from service.flows.sitting import Sitting
from service.flows.tools import test_message
from service.runtime import Runtime, build_runtime
from service.schemas.endpoints import EndpointIn
from service.schemas.teams import TeamIn
from service.settings import Settings
from service.store import migrations
from service.store.endpoints import list_endpoints
from service.store.messages import Message, add_messages
from workers import tasks
from workers.line import keep_tidy

_EVENTS, _ENDPOINTS, _AT_ONCE = 640, 8, 64
#: What a receiver in another house takes to answer.
_ANSWERS_AFTER = 0.02
BODY = json.dumps({"type": "endpoint.test", "data": {"message": "ping"}}).encode()
_REPLY = b"HTTP/1.1 204 No Content\r\n\r\n"
#: Every connection is kept, and walked past for each request; as it comes, a client keeps twenty.
_NO_LIMITS = httpx.Limits(max_connections=None)
_SPAWN = multiprocessing.get_context("spawn")


def rows() -> list[Row]:
    """Ours by a worker that is at work already; the shared client as it comes, and once more with room for
    every connection that it opens; the bare session on the same fast loop as ours, for it stands for what
    the machine can do. The process tidies up as a worker does, for all of them."""
    keep_tidy()
    with (
        tempfile.TemporaryDirectory() as folder,
        receiver() as (port, _),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as fast,
        asyncio.Runner() as stock,
    ):
        settings = Settings(
            home=Path(folder), webhook_networks=("127.0.0.0/8",), delivery_slots=_AT_ONCE
        )
        migrations.upgrade(settings.sqlalchemy_url)
        fast.run(put_up(settings, port))
        runtime = build_runtime(settings)
        others: list[tuple[str, str, Callable[[], int], float]] = [
            (
                "httpx",
                "the same POSTs by one shared AsyncClient as it comes, no database",
                lambda: stock.run(_by_httpx(port, httpx.AsyncClient())),
                12,
            ),
            (
                "httpx that keeps all connections",
                "the same POSTs by one shared AsyncClient without limits, no database",
                lambda: stock.run(
                    _by_httpx(port, httpx.AsyncClient(limits=_NO_LIMITS, timeout=30))
                ),
                12,
            ),
            (
                "aiohttp",
                "the same POSTs by a bare ClientSession, no database",
                lambda: fast.run(_by_aiohttp(port)),
                0.4,
            ),
        ]
        compared = [
            compare(
                f"webhooks, waiting to recorded, SQLite, {_AT_ONCE} at a time, 20 ms, beside {name}",
                lambda: fast.run(tasks.deliver(runtime)),
                against,
                other,
                target=target,
                prepare=lambda: fast.run(enter(settings, _EVENTS, system_clock())),
            )
            for name, against, other, target in others
        ]
        fast.run(runtime.close())
        return compared


def _serve(port_to: Connection, answered: c_longlong) -> None:
    """A receiver in a process of its own: neither side is to pay for it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    int(line.partition(b":")[2])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length:")
                )
                await reader.readexactly(length)
                await asyncio.sleep(_ANSWERS_AFTER)
                writer.write(_REPLY)
                answered.value += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=256)
        port_to.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def receiver() -> Iterator[tuple[int, c_longlong]]:
    """Its port, and how many requests it has answered."""
    ours, theirs = _SPAWN.Pipe()
    answered = _SPAWN.Value(c_longlong, lock=False)
    process = _SPAWN.Process(target=_serve, args=(theirs, answered))
    process.start()
    try:
        yield ours.recv(), answered
    finally:
        process.terminate()
        process.join()


async def put_up(settings: Settings, port: int) -> None:
    runtime = build_runtime(settings)
    async with runtime.transaction() as session:
        now = runtime.clock()
        operator = Caller("benchmark", Scope.ADMIN, Reach(None))
        team = await enrolment.create_team(session, TeamIn(name="Benchmark"), operator, now)
        caller = Caller("benchmark", Scope.ADMIN, Reach(frozenset({team.id})))
        sitting = Sitting(session, runtime.channels, runtime.rules, now)
        for number in range(_ENDPOINTS):
            url = f"http://127.0.0.1:{port}/{number}"
            body = EndpointIn(name=f"{number}", url=url, at_once=64, per_second=1000)
            await integration.create_endpoint(sitting, runtime.seal, body, caller)
    await runtime.close()


async def enter(settings: Settings, number: int, due_at: datetime) -> None:
    runtime = build_runtime(settings)
    async with runtime.transaction() as session:
        await add_messages(session, await _messages(runtime, session, number, due_at))
    await runtime.close()


async def _messages(
    runtime: Runtime, session: AsyncSession, number: int, due_at: datetime
) -> list[Message]:
    endpoints = await list_endpoints(session, Reach(None), None, _ENDPOINTS)
    webhooks, event = runtime.channels[ChannelKind.WEBHOOK], EventType.ENDPOINT_TEST
    return [
        test_message(endpoints[n % _ENDPOINTS], webhooks, None, due_at, timedelta(hours=1), event)
        for n in range(number)
    ]


async def _by_httpx(port: int, client: httpx.AsyncClient) -> int:
    free = asyncio.Semaphore(_AT_ONCE)
    async with client:

        async def post(number: int) -> None:
            async with free:
                await client.post(f"http://127.0.0.1:{port}/{number % _ENDPOINTS}", content=BODY)

        await asyncio.gather(*(post(n) for n in range(_EVENTS)))
    return _EVENTS


async def _by_aiohttp(port: int) -> int:
    """The limit of what a Python client reaches."""
    free = asyncio.Semaphore(_AT_ONCE)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:

        async def post(number: int) -> None:
            url = f"http://127.0.0.1:{port}/{number % _ENDPOINTS}"
            async with free, client.post(url, data=BODY) as answer:
                await answer.read()

        await asyncio.gather(*(post(n) for n in range(_EVENTS)))
    return _EVENTS
