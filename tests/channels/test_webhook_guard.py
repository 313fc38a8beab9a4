"""All of the list of addresses that webhooks must not reach, sent to as if each stood in the database
already: whoever is dialled, a listener would hear of it."""

import json
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from service.channels.webhook.sender import WebhookChannel
from service.domain.retry import Verdict
from service.errors import Refusal
from tests.channels.drafts import SECRET, parcel

URLS = json.loads((Path(__file__).parents[1] / "data" / "ssrf-urls.json").read_text("utf-8"))
OWN, PUBLIC, LOOPBACK = "203.0.114.7", "93.184.216.34", "127.0.0.1"
#: What the names of the list resolve to; any other one to what is private, as an attacker wants it.
ANSWERS = {
    "adquem.example.org": [OWN],
    "own.rebind.example.com": [OWN],
    "mixed.rebind.example.com": [PUBLIC, LOOPBACK],
    "hooks.example.com": [PUBLIC],
}
#: Reading the authorities takes longer than a test.
TRUST = ssl.create_default_context()
REDIRECTING = [entry for entry in URLS if "redirect-" in entry["url"]]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server((LOOPBACK, 0)) as server:
        server.setblocking(False)
        yield server


@pytest.fixture
async def channel(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[WebhookChannel]:
    """Names are looked up in `ANSWERS`, and whatever is dialled is the listener."""
    port = listener.getsockname()[1]

    async def every_road_leads_to_the_listener(*_: object) -> object:
        socket.create_connection((LOOPBACK, port)).close()
        raise ConnectionRefusedError("it was dialled")

    async def look_up(_: object, host: str, port: int) -> list[Any]:
        try:
            return [ip_address(host.strip("[]"))]
        except ValueError:
            return [ip_address(one) for one in ANSWERS.get(host.lower(), [LOOPBACK])]

    webhook = "service.channels.webhook"
    monkeypatch.setattr(f"{webhook}.guard.Guard._resolve", look_up)
    monkeypatch.setattr(f"{webhook}.wires.dial", every_road_leads_to_the_listener)
    one = WebhookChannel(
        "https://adquem.example.org", (), "adquem/1", try_seconds=0.2, context=TRUST
    )
    yield one
    await one.close()


def connections(listener: socket.socket) -> int:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return 0
    return 1


@pytest.mark.parametrize(
    "entry",
    [one for one in URLS if one["must"] == "reject" and one not in REDIRECTING],
    ids=lambda entry: f"{entry['why'][:40]} {entry['url'][:40]!a}",
)
async def test_nothing_of_the_list_is_ever_dialled(
    channel: WebhookChannel, listener: socket.socket, entry: dict[str, str]
) -> None:
    """What nothing is wrong with but its spelling or its port is refused when an endpoint is saved; it may
    be dialled here only where it leads to a public address."""
    outcome = await channel.send(parcel(entry["url"], b"{}", secrets=(SECRET,)))
    if connections(listener):
        assert dialled_in_public(entry["url"])
        with pytest.raises(Refusal):
            channel.check_address(entry["url"])
    else:
        assert outcome.verdict is not Verdict.ACCEPTED


def dialled_in_public(url: str) -> bool:
    """It leads to the one host that is public, or to the public address itself, spelled in a wrong way."""
    return "hooks.example.com" in url or "2606:4700:4700::1111" in url or "1.1.1.1" in url


@pytest.mark.parametrize(
    "entry", [one for one in URLS if one["must"] == "allow"], ids=lambda one: one["why"]
)
async def test_what_is_allowed_is_dialled(
    channel: WebhookChannel,
    listener: socket.socket,
    entry: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("xn--bcher-kva.example.com", "a.b.c.d.hooks.example.com"):
        monkeypatch.setitem(ANSWERS, name, [PUBLIC])
    channel.check_address(entry["url"])
    await channel.send(parcel(entry["url"], b"{}", secrets=(SECRET,)))
    assert connections(listener) == 1


async def test_this_service_is_not_told_of_itself_unless_the_operator_wants_it(
    channel: WebhookChannel, listener: socket.socket
) -> None:
    address = "https://own.rebind.example.com/inbound/x"
    outcome = await channel.send(parcel(address, b"{}", secrets=(SECRET,)))
    assert (outcome.verdict, outcome.code) == (Verdict.PERMANENT, "blocked_address")
    assert "back to this service" in outcome.detail
    assert connections(listener) == 0
    beside = (ip_network(f"{OWN}/32"),)
    wanted = WebhookChannel(
        "https://adquem.example.org", beside, "adquem/1", try_seconds=0.2, context=TRUST
    )
    await wanted.send(parcel(address, b"{}", secrets=(SECRET,)))
    await wanted.close()
    assert connections(listener) == 1


def test_the_redirects_of_the_list_are_saved_and_followed_by_nobody() -> None:
    """`test_receiver_matrix.py` has a real server answer with each of them."""
    channel = WebhookChannel("https://adquem.example.org", (), "adquem/1")
    assert len(REDIRECTING) == 4
    for entry in REDIRECTING:
        channel.check_address(entry["url"])
