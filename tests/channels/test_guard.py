"""What only a look-up can tell: a name is dialled when every address behind it is public, or not at all."""

import asyncio
import contextlib
import json
import socket
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.channels.webhook.guard import BlockedAddress, Guard, permitted
from service.channels.webhook.wires import Wires

URLS = json.loads((Path(__file__).parents[1] / "data" / "ssrf-urls.json").read_text("utf-8"))
LOOPBACK = ip_network("127.0.0.0/8")


class Stubbed(Guard):
    """Looks names up in a list of answers; the last one repeats."""

    def __init__(self, *answers: list[str], allowed: tuple[Any, ...] = ()) -> None:
        super().__init__(allowed)
        self._answers = list(answers)
        self.asked = 0

    async def _resolve(self, host: str, port: int) -> list[Any]:
        self.asked += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [ip_address(one) for one in answer]


class NeverAnswered(Guard):
    async def _resolve(self, host: str, port: int) -> list[Any]:
        await asyncio.Event().wait()
        return []


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Something private that must not be reached."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


async def ask(guard: Guard, host: str, port: int, seconds: float = 1) -> None:
    """Whatever answers there says nothing: it was dialled, and that is all."""
    async with httpx.AsyncClient(transport=Wires(guard), timeout=seconds) as client:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await client.get(f"http://{host}:{port}")


def connections(listener: socket.socket) -> int:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return 0
    return 1


@pytest.mark.parametrize(
    "answers",
    [
        ["127.0.0.1"],
        ["93.184.216.34", "127.0.0.1"],
        ["127.0.0.1", "93.184.216.34"],
        ["2606:4700:4700::1111", "::1"],
        ["10.0.0.1"],
        ["::ffff:127.0.0.1"],
        ["169.254.169.254"],
        ["0.0.0.0"],
        [],
    ],
    ids=str,
)
async def test_one_private_address_refuses_the_whole_name(
    listener: socket.socket, answers: list[str]
) -> None:
    """The fixtures `mixed` and `cname`."""
    port = listener.getsockname()[1]
    with pytest.raises(BlockedAddress):
        await ask(Stubbed(answers), "mixed.rebind.example.com", port)
    assert connections(listener) == 0


async def test_a_name_is_asked_once_and_what_was_checked_is_what_is_dialled(
    listener: socket.socket,
) -> None:
    """The fixture `toctou`: whoever asked a second time would be led inside."""
    port = listener.getsockname()[1]
    guard = Stubbed(["127.0.0.1"], ["192.168.0.1"], allowed=(LOOPBACK,))
    await ask(guard, "toctou.rebind.example.com", port, 0.2)
    assert guard.asked == 1
    assert connections(listener) == 1


async def test_a_look_up_that_never_answers_is_given_up_in_the_time_for_connecting() -> None:
    """The fixture `slow`."""
    async with asyncio.timeout(3):
        async with httpx.AsyncClient(transport=Wires(NeverAnswered(())), timeout=0.05) as client:
            with pytest.raises(httpx.ConnectTimeout):
                await client.get("https://slow.rebind.example.com")


async def test_a_network_that_the_operator_allows_is_reached(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    await ask(Guard([LOOPBACK]), "127.0.0.1", port, 0.2)
    assert connections(listener) == 1


async def test_a_name_that_leads_nowhere_is_a_failed_connection() -> None:
    with pytest.raises(httpx.ConnectError):
        await ask(Guard(()), "no-such-name.invalid", 443, 5)


def literals() -> Iterator[str]:
    """The addresses among the hosts of the list; names are refused when an endpoint is saved."""
    for entry in URLS:
        host = entry["url"].removeprefix("https://").removesuffix("/").strip("[]")
        with contextlib.suppress(ValueError):
            if "literals are refused" not in entry["why"]:
                yield str(ip_address(host))


@pytest.mark.parametrize("literal", sorted(set(literals())))
def test_no_address_of_the_list_is_ever_dialled(literal: str) -> None:
    assert not permitted(ip_address(literal), ())


@pytest.mark.parametrize("public", ["93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_a_public_address_is_permitted(public: str) -> None:
    assert permitted(ip_address(public), ())
    assert permitted(ip_address(public), (LOOPBACK,))


def test_allowing_one_network_opens_no_other() -> None:
    assert permitted(ip_address("127.0.0.1"), (LOOPBACK,))
    assert permitted(ip_address("::ffff:127.0.0.1"), (LOOPBACK,))
    assert not permitted(ip_address("10.0.0.1"), (LOOPBACK,))
    assert not permitted(ip_address("::1"), (LOOPBACK,))
