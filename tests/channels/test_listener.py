"""Mails that come back are taken by SMTP and by LMTP, and only once they are written down."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from service.channels.email.listener import listen


@dataclass
class Door:
    """A listener, and what it has taken. `shut`: nothing can be written down."""

    port: int = 0
    shut: bool = False
    taken: list[tuple[list[str], bytes]] = field(default_factory=list)

    async def take(self, recipients: list[str], raw: bytes) -> None:
        if self.shut:
            raise OSError("the database is away")
        self.taken.append((recipients, raw))

    async def say(self, *lines: str) -> list[str]:
        """The first line of each answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        answers = [await _answer(reader)]
        for line in lines:
            writer.write(line.encode() + b"\r\n")
            answers.append(await _answer(reader))
        writer.write(b"QUIT\r\n")
        await _answer(reader)
        writer.close()
        await writer.wait_closed()
        return [answer[:3] for answer in answers[1:]]


async def _answer(reader: asyncio.StreamReader) -> str:
    while (line := (await reader.readline()).decode()) and line[3:4] == "-":
        pass
    return line


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    one = Door()
    server = await listen("127.0.0.1", 0, "bounces.example.org", one.take)
    one.port = server.sockets[0].getsockname()[1]
    async with server:
        yield one


TO = "RCPT TO:<b-1@Bounces.Example.org>"
MAIL = "Subject: back\r\n\r\nit came back\r\n."


@pytest.mark.parametrize("greeting", ["LHLO mx", "EHLO mx", "HELO mx"])
async def test_a_report_from_nobody_is_taken(door: Door, greeting: str) -> None:
    said = await door.say(greeting, "MAIL FROM:<>", TO, "DATA", MAIL)
    assert said == ["250", "250", "250", "354", "250"]
    [(recipients, raw)] = door.taken
    assert recipients == ["b-1@Bounces.Example.org"]
    assert raw == b"Subject: back\r\n\r\nit came back\r\n"


async def test_what_cannot_be_written_down_stays_with_the_sender(door: Door) -> None:
    door.shut = True
    assert (await door.say("LHLO mx", "MAIL FROM:<>", TO, "DATA", MAIL))[-1] == "451"
    door.shut = False
    assert (await door.say("LHLO mx", "MAIL FROM:<>", TO, "DATA", MAIL))[-1] == "250"
    assert len(door.taken) == 1


async def test_nothing_is_relayed_and_each_report_has_one_address(door: Door) -> None:
    said = await door.say("EHLO mx", "MAIL FROM:<>", "RCPT TO:<a@elsewhere.example>", TO, TO)
    assert said == ["250", "250", "550", "250", "452"]
    assert door.taken == []
