"""Where the notices of a drill arrive: an SMTP and an HTTP sink in a process of their own.

Each takes, refuses or falls silent by the shares that it was given, and writes down what it took before it
says so. `python -m tests.soak.sinks '{...}'`, the argument being an `Orders` as JSON.
"""

import asyncio
import contextlib
import json
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from service.clock import rehearsal_clock, system_clock

#: Shares of the first tries that meet each fault, as scenarios ask for them.
FAULTY = {"temporary": 0.08, "greylist": 0.08, "refuse": 0.06, "drop": 0.05, "hang": 0.03}
#: The reference's own time for a try: with the product's 20 s, so many that hang would fill all slots by
#: themselves.
_SILENT_SECONDS = 6
_MARK = re.compile(rb"MARK-[A-Z0-9]+")
_NOTIFICATION = re.compile(rb"^X-Notification-Id: *(\S+?)\r$", re.MULTILINE | re.IGNORECASE)
_LATE = re.compile(rb"This\s+notice\s+is\s+late")
_REPEATED = re.compile(rb"^X-Possible-Duplicate: *yes", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class Orders:
    """`shares`: of the first `tries` of each mail that meet this fault: refuse, greylist, temporary, drop
    (taken, and no word), hang (not taken, no word for six seconds); `http_shares`: the same of webhooks,
    which make an endpoint pause. `slow`: seconds that a reply may take.
    `clock`: the file of a drill's own time, empty for the system's."""

    smtp_port: int
    http_port: int
    log: str
    shares: dict[str, float] = field(default_factory=dict)
    http_shares: dict[str, float] = field(default_factory=dict)
    tries: int = 1
    slow: float = 0
    seed: int = 0
    clock: str = ""


class Sink:
    """What both have in common: the log, the time, and which fault comes next."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self._log = os.open(orders.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._now: Callable[[], datetime] = (
            rehearsal_clock(Path(orders.clock)) if orders.clock else system_clock
        )
        self._tries: Counter[str] = Counter()

    def fault_of(self, key: str, shares: dict[str, float]) -> str | None:
        """The same for the same notice and try, whatever comes in between."""
        self._tries[key] += 1
        if self._tries[key] > self.orders.tries:
            return None
        drawn = random.Random(f"{self.orders.seed} {key} {self._tries[key]}").random()
        for name, share in shares.items():
            if drawn < share:
                return name
            drawn -= share
        return None

    def took(self, keys: list[str], address: str, content: bytes, marked: bool, said: bool) -> None:
        marks = sorted({mark.decode() for mark in _MARK.findall(content)})
        late = bool(_LATE.search(content))
        for key in keys:
            self._write(key=key, address=address, said=said, marked=marked, marks=marks, late=late)

    def refused(self, fault: str) -> None:
        self._write(refused=fault)

    async def pause(self) -> None:
        if self.orders.slow:
            await asyncio.sleep(random.random() * self.orders.slow)

    def _write(self, **what: Any) -> None:
        line = json.dumps({"at": self._now().timestamp(), **what})
        os.write(self._log, line.encode() + b"\n")


class _Gone(Exception):
    """The connection is to be cut."""


class _Talk:
    """One SMTP connection. ENVID names the notice before its bytes come."""

    def __init__(
        self, sink: Sink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._sink, self._reader, self._writer = sink, reader, writer
        self._fault: str | None = None
        self._address = ""

    async def run(self) -> None:
        self._writer.write(b"220 sink\r\n")
        while line := await self._reader.readline():
            verb = line[:4].upper()
            if verb == b"QUIT":
                self._writer.write(b"221 bye\r\n")
                return
            await self._answer(verb, line)
            await self._writer.drain()

    async def _answer(self, verb: bytes, line: bytes) -> None:
        match verb:
            case b"EHLO":
                self._writer.write(b"250-sink\r\n250 DSN\r\n")
            case b"MAIL":
                self._mail(line)
            case b"RCPT":
                self._rcpt(line)
            case b"DATA":
                await self._data()
            case _:
                self._writer.write(b"250 ok\r\n")

    def _mail(self, line: bytes) -> None:
        named = re.search(rb"ENVID=(\S+)", line)
        self._fault = self._sink.fault_of(
            named[1].decode() if named else "", self._sink.orders.shares
        )
        if self._fault == "refuse":
            self._sink.refused("refuse")
            raise _Gone
        self._writer.write(b"250 ok\r\n")

    def _rcpt(self, line: bytes) -> None:
        self._address = line.partition(b"<")[2].partition(b">")[0].decode()
        if self._fault == "greylist":
            self._sink.refused("greylist")
            self._writer.write(b"450 4.2.0 greylisted\r\n")
        else:
            self._writer.write(b"250 ok\r\n")

    async def _data(self) -> None:
        self._writer.write(b"354 go on\r\n")
        await self._writer.drain()
        content = await self._reader.readuntil(b"\r\n.\r\n")
        if self._fault == "temporary":
            self._sink.refused("temporary")
            self._writer.write(b"451 4.3.0 later\r\n")
            return
        if self._fault == "hang":
            self._sink.refused("hang")
            await _silence(self._reader)
            raise _Gone
        head = content.partition(b"\r\n\r\n")[0] + b"\r\n"
        keys = [key.decode() for key in _NOTIFICATION.findall(head)]
        said, plain = self._fault != "drop", content.replace(b"=\r\n", b"")
        self._sink.took(keys, self._address, plain, bool(_REPEATED.search(head)), said)
        await self._sink.pause()
        if not said:
            raise _Gone
        self._writer.write(b"250 taken\r\n")


async def _silence(reader: asyncio.StreamReader) -> None:
    """Until the other side has had enough, or this one cuts it."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(reader.read(), _SILENT_SECONDS)


async def _requests(sink: Sink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One HTTP connection, kept open. The path names the endpoint."""
    while start := await reader.readline():
        address = start.split()[1].decode().lstrip("/")
        headers: dict[str, str] = {}
        while (line := await reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            headers[name.strip().lower()] = value.strip()
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        key = f"{headers.get('webhook-id', '')}@{address}"
        match sink.fault_of(key, sink.orders.http_shares):
            case "refuse" | "greylist" | "temporary" as fault:
                sink.refused(fault)
                writer.write(b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n")
            case "hang":
                sink.refused("hang")
                await _silence(reader)
                return
            case fault:
                marked = headers.get("x-possible-duplicate") == "yes"
                sink.took([key], address, content, marked, fault != "drop")
                await sink.pause()
                if fault == "drop":
                    return
                writer.write(b"HTTP/1.1 204 Taken\r\n\r\n")
        await writer.drain()


async def serve(orders: Orders) -> None:
    """Until it is killed."""
    sink = Sink(orders)

    async def smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _until_gone(writer, _Talk(sink, reader, writer).run())

    async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _until_gone(writer, _requests(sink, reader, writer))

    servers = [
        await asyncio.start_server(smtp, "127.0.0.1", orders.smtp_port, limit=2**20, backlog=512),
        await asyncio.start_server(http, "127.0.0.1", orders.http_port, limit=2**20, backlog=512),
    ]
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def _until_gone(writer: asyncio.StreamWriter, talk: Any) -> None:
    with contextlib.suppress(_Gone, OSError, asyncio.IncompleteReadError, ValueError):
        await talk
    writer.close()


if __name__ == "__main__":
    asyncio.run(serve(Orders(**json.loads(sys.argv[1]))))
