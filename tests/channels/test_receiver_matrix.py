"""Each way in which a receiver can answer, or fail to: a real server, a real try, and what became of it."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_network

import pytest
import trustme

from service.channels.webhook.sender import WebhookChannel
from service.domain.retry import Verdict
from tests.channels.drafts import SECRET, parcel
from tests.harness.polling import connections_closed
from tests.harness.receiver import Answer, Receiver

LOOPBACK = (ip_network("127.0.0.0/8"),)
SOURCE = "https://adquem.example.org"
#: A try lasts so many seconds here; a quarter of it is a pause that lets some bytes through.
SECONDS = 0.6
#: Reading the authorities takes longer than a test.
TRUST = ssl.create_default_context()
DRIP = SECONDS / 4


@pytest.fixture
async def channel() -> AsyncIterator[WebhookChannel]:
    one = WebhookChannel(SOURCE, LOOPBACK, "adquem/1", try_seconds=SECONDS, context=TRUST)
    yield one
    await one.close()


@dataclass(frozen=True)
class Row:
    name: str
    answer: Answer
    verdict: Verdict
    code: str
    detail: str = ""
    retry_after: timedelta | None = None
    headers: dict[str, str] = field(default_factory=dict)


ACCEPTED, TEMPORARY = Verdict.ACCEPTED, Verdict.TEMPORARY
PERMANENT, UNKNOWN = Verdict.PERMANENT, Verdict.UNKNOWN
MOVED = "redirect: nobody follows it, update your URL."
ROWS = [
    Row("ok", Answer(200, body=b"ok"), ACCEPTED, "200", "ok"),
    Row("no content", Answer(204), ACCEPTED, "204"),
    Row("another 2xx", Answer(299), ACCEPTED, "299"),
    Row(
        "moved for good",
        Answer(301, {"location": "https://new.example.org/secret/path?token=x"}),
        TEMPORARY, "301", f"{MOVED} It points to new.example.org.",
    ),
    Row(
        "moved on the same host",
        Answer(307, {"location": "/elsewhere"}),
        TEMPORARY, "307", f"{MOVED} It points to 127.0.0.1.",
    ),
    Row("moved to nowhere", Answer(302, {"location": "https://[x"}), TEMPORARY, "302", MOVED),
    Row("bad request", Answer(400, body=b"no such field"), TEMPORARY, "400", "no such field"),
    Row("unknown", Answer(404), TEMPORARY, "404"),
    Row("gone", Answer(410), PERMANENT, "410"),
    Row(
        "too many, in seconds",
        Answer(429, {"retry-after": "120"}),
        TEMPORARY, "429", retry_after=timedelta(seconds=120),
    ),
    Row(
        "too many, by a date",
        Answer(429, {"retry-after": "Mon, 02 Mar 2026 04:10:00 GMT"}),
        TEMPORARY, "429", retry_after=timedelta(minutes=10),
    ),
    Row("fallen over", Answer(500, body=b"Traceback"), TEMPORARY, "500", "Traceback"),
    Row("bad gateway", Answer(502), TEMPORARY, "502"),
    Row(
        "in maintenance",
        Answer(503, {"retry-after": "60"}),
        TEMPORARY, "503", retry_after=timedelta(seconds=60),
    ),
    Row("gateway timeout", Answer(504), TEMPORARY, "504"),
    Row("just in time", Answer(200, delay=SECONDS / 4), ACCEPTED, "200"),
    Row(
        "too late",
        Answer(200, delay=SECONDS * 5),
        UNKNOWN, "timeout", "No answer within the time of one try.",
    ),
    Row(
        "a status that drips",
        Answer(200, drip=DRIP, drip_from_start=True),
        UNKNOWN, "timeout", "No answer within the time of one try.",
    ),
    Row("a yes whose body drips", Answer(200, body=b"y" * 99, drip=DRIP), ACCEPTED, "200", "y"),
    Row("a no whose body drips", Answer(500, body=b"n" * 99, drip=DRIP), TEMPORARY, "500", "n"),
    Row("an endless yes", Answer(200, body=b"x" * 9_000_000), ACCEPTED, "200", "x" * 4096),
    Row("an endless no", Answer(500, body=b"x" * 9_000_000), TEMPORARY, "500", "x" * 4096),
    Row("hung up", Answer(hang_up=True), UNKNOWN, "no_reply"),
    Row("reset", Answer(reset=True), UNKNOWN, "reset"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_each_answer_has_its_outcome_in_its_time(
    channel: WebhookChannel, receiver: Receiver, row: Row
) -> None:
    receiver.answers.append(row.answer)
    began = time.monotonic()
    outcome = await channel.send(parcel(receiver.url(), b"{}", secrets=(SECRET,)))
    assert time.monotonic() - began < 2
    assert (outcome.verdict, outcome.code) == (row.verdict, row.code)
    assert outcome.retry_after == row.retry_after
    assert outcome.detail.startswith(row.detail)
    assert len(outcome.detail) <= 4096
    assert len(receiver.requests) == 1


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def trusting(authority: trustme.CA) -> AsyncIterator[WebhookChannel]:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    one = WebhookChannel(SOURCE, LOOPBACK, "adquem/1", try_seconds=5, context=context)
    yield one
    await one.close()
    await connections_closed()


@contextmanager
def serving(authority: trustme.CA, name: str) -> Iterator[Receiver]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    with Receiver(context) as receiver:
        yield receiver


async def test_a_certificate_that_is_trusted_and_of_that_host_is_accepted(
    trusting: WebhookChannel, authority: trustme.CA
) -> None:
    with serving(authority, "127.0.0.1") as receiver:
        outcome = await trusting.send(parcel(receiver.url(), b"{}", secrets=(SECRET,)))
        assert (outcome.verdict, outcome.code) == (ACCEPTED, "204")


async def test_a_certificate_of_another_host_or_of_nobody_known_gets_no_byte_of_the_body(
    trusting: WebhookChannel, authority: trustme.CA
) -> None:
    for of_whom, name in ((authority, "other.example.org"), (trustme.CA(), "127.0.0.1")):
        with serving(of_whom, name) as receiver:
            outcome = await trusting.send(parcel(receiver.url(), b"{}", secrets=(SECRET,)))
            assert (outcome.verdict, outcome.code) == (TEMPORARY, "tls")
            assert "certificate verify failed" in outcome.detail
            assert receiver.requests == []


async def test_a_server_that_speaks_no_tls_is_a_fault_of_its_tls(
    trusting: WebhookChannel, receiver: Receiver
) -> None:
    address = receiver.url().replace("http://", "https://")
    outcome = await trusting.send(parcel(address, b"{}", secrets=(SECRET,)))
    assert (outcome.verdict, outcome.code) == (TEMPORARY, "tls")


@pytest.mark.parametrize(
    ("address", "verdict", "code"),
    [
        ("https://no-such-name.invalid/", TEMPORARY, "dns"),
        ("http://127.0.0.1:1/", TEMPORARY, "connection"),
        ("http://10.0.0.1/", PERMANENT, "blocked_address"),
        ("ftp://127.0.0.1/", PERMANENT, "invalid_url"),
        ("http://127.0.0.1:port/", PERMANENT, "invalid_url"),
    ],
)
async def test_what_cannot_be_dialled_says_why(
    channel: WebhookChannel, address: str, verdict: Verdict, code: str
) -> None:
    outcome = await channel.send(parcel(address, b"{}", secrets=(SECRET,)))
    assert (outcome.verdict, outcome.code) == (verdict, code)


async def test_one_slow_receiver_holds_no_other_up(
    channel: WebhookChannel, receiver: Receiver
) -> None:
    with Receiver() as slow:
        slow.respond = lambda _: Answer(delay=2 * SECONDS)
        held = [slow.url() for _ in range(20)]
        waiting = [asyncio.create_task(channel.send(parcel(one, b"{}"))) for one in held]
        await asyncio.sleep(0)
        outcome = await channel.send(parcel(receiver.url(), b"{}", secrets=(SECRET,)))
        assert outcome.verdict is ACCEPTED
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_the_cookie_of_one_answer_is_not_sent_with_the_next_request(
    channel: WebhookChannel, receiver: Receiver
) -> None:
    receiver.answers.append(Answer(200, {"set-cookie": "session=1; Path=/"}))
    for _ in range(2):
        await channel.send(parcel(receiver.url(), b"{}", secrets=(SECRET,)))
    assert all("cookie" not in request.headers for request in receiver.requests)
