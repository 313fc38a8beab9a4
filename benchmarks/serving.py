"""Servers in processes of their own, and in another a client that polls them and costs them nothing."""

import asyncio
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aiosqlite
import httpx
import psycopg
import uvicorn
from sqlalchemy.engine import make_url

from service.app import create_app
from service.commands.logs import configure_logs
from service.domain.feeds import Bounds
from service.settings import Settings
from tests.harness.polling import eventually
from tests.harness.processes import free_port

_SPAWN = multiprocessing.get_context("spawn")
_CONNECTIONS = 8
_READ = "SELECT fingerprint, kept_etag, kept_modified_at FROM feeds WHERE id = "

#: Port, path, ETag, how many polls.
Poll = Callable[[int, str, str, int], int]


def whole_application(settings: Settings, bounds: Bounds) -> Any:
    """As `adquem api` serves it, with calendars as large as `bounds` allow."""
    configure_logs(settings)
    return create_app(settings, bounds=bounds)


def bare_application(settings: Settings, _: Bounds) -> Any:
    """One indexed SELECT by the driver, and 304."""
    read = _read_sqlite if settings.embedded else _read_postgres
    free: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        feed_id = scope["path"][3:].partition(".")[0]
        _, etag, _ = await read(settings, free, feed_id)
        headers = [(b"etag", etag.encode("ascii"))]
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body"})

    return application


async def _read_sqlite(settings: Settings, free: list[Any], feed_id: str) -> Any:
    database = str(make_url(settings.sqlalchemy_url).database)
    connection = free.pop() if free else await aiosqlite.connect(database)
    [row] = await connection.execute_fetchall(f"{_READ}?", (feed_id,))
    free.append(connection)
    return row


async def _read_postgres(settings: Settings, free: list[Any], feed_id: str) -> Any:
    url = settings.database_url.get_secret_value()
    connection = free.pop() if free else await psycopg.AsyncConnection.connect(url, autocommit=True)
    cursor = await connection.execute(f"{_READ}%s", (feed_id,))
    row = await cursor.fetchone()
    free.append(connection)
    return row


@contextmanager
def serving(
    build: Callable[[Settings, Bounds], Any], settings: Settings, bounds: Bounds
) -> Iterator[int]:
    """The port on which it answers; what it says goes to a file."""
    port = free_port()
    log = settings.home / f"{build.__name__}.log"
    process = _SPAWN.Process(target=_serve, args=(build, settings, bounds, port, log), daemon=True)
    process.start()
    try:
        address = f"http://127.0.0.1:{port}/f/none"
        eventually(lambda: httpx.get(address, trust_env=False).status_code, timeout=90)
        yield port
    finally:
        process.terminate()
        process.join()


def _serve(build: Any, settings: Settings, bounds: Bounds, port: int, log: Path) -> None:
    with log.open("ab") as said:
        os.dup2(said.fileno(), 2)
    uvicorn.run(
        build(settings, bounds),
        host="127.0.0.1",
        port=port,
        loop="auto",  # what the service runs on
        log_config=None,
        access_log=False,
        server_header=False,
    )


@contextmanager
def poller() -> Iterator[Poll]:
    """Polls over kept connections; refuses to count what is not answered 304."""
    ours, theirs = multiprocessing.Pipe()
    process = _SPAWN.Process(target=_poll_on_demand, args=(theirs,), daemon=True)
    process.start()

    def poll(*asked: Any) -> int:
        ours.send(asked)
        done = ours.recv()
        assert done == asked[-1], f"{done} of {asked[-1]} polls were answered 304"
        return int(done)

    with closing(ours):
        yield poll
    process.join()


def _poll_on_demand(asked: Connection) -> None:
    while True:
        try:
            port, path, etag, number = asked.recv()
        except EOFError:
            return
        asked.send(asyncio.run(_poll(port, path, etag, number)))


async def _poll(port: int, path: str, etag: str, number: int) -> int:
    request = (
        f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: benchmark\r\n"
        f"if-none-match: {etag}\r\n\r\n"
    ).encode()

    async def one() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        unchanged = 0
        for _ in range(number // _CONNECTIONS):
            writer.write(request)
            unchanged += (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 304")
        writer.close()
        return unchanged

    return sum(await asyncio.gather(*(one() for _ in range(_CONNECTIONS))))
