"""A receiver of webhooks that wishes us ill, in a process of its own: each path is another malice.

`python -m tests.soak.malice PORT LOG`; each request is one line in LOG. At 127.0.0.2, where nobody is
allowed to go, it only counts.
"""

import asyncio
import contextlib
import functools
import gzip
import sys
from pathlib import Path

FORBIDDEN = "127.0.0.2"
MALICES = ("slow", "silent", "headers", "bomb", "endless", "redirect", "reset")
_HEAD = b"HTTP/1.1 200 OK\r\n"


@functools.cache
def _bomb() -> bytes:
    return gzip.compress(bytes(100_000_000), 1)


class _Malice:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def do(self, name: str) -> None:
        match name:
            case "slow":
                await self._drip(_HEAD + b"content-length: 2\r\n\r\nok")
            case "silent":
                await self._reader.read()
            case "headers":
                await self._flood(_HEAD, b"x-more: " + b"x" * 1000 + b"\r\n", 10_000)
            case "bomb":
                bomb = _bomb()
                head = b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb)
                await self._flood(_HEAD + head, bomb, 1)
            case "endless":
                await self._flood(_HEAD + b"\r\n", b"x" * 65_536, 100_000)
            case "redirect":
                port = self._writer.get_extra_info("sockname")[1]
                to = f"location: http://{FORBIDDEN}:{port}/\r\ncontent-length: 0\r\n\r\n"
                self._writer.write(b"HTTP/1.1 307 Go\r\n" + to.encode())
                await self._writer.drain()
            case _:
                self._writer.transport.abort()

    async def _drip(self, answer: bytes) -> None:
        for byte in answer:
            self._writer.write(bytes([byte]))
            await self._writer.drain()
            await asyncio.sleep(1)

    async def _flood(self, first: bytes, rest: bytes, times: int) -> None:
        self._writer.write(first)
        for _ in range(times):
            self._writer.write(rest)
            await self._writer.drain()


async def _serve(port: int, log: Path) -> None:
    def met(what: str) -> None:
        with log.open("a") as file:
            file.write(f"{what}\n")

    async def malice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, IndexError):
            name = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode().lstrip("/")
            met(name)
            await _Malice(reader, writer).do(name)
        writer.close()

    async def forbidden(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met("forbidden")
        writer.close()

    servers = [
        await asyncio.start_server(malice, "127.0.0.1", port),
        await asyncio.start_server(forbidden, FORBIDDEN, port),
    ]
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2])))
