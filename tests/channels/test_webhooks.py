"""A webhook is signed as it is sent, sent once where it may go, and its answer read with caution."""

import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
import time_machine
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from service.channels.interface import Form, Parcel
from service.channels.webhook.answers import failure
from service.channels.webhook.headers import headers_of
from service.channels.webhook.sender import WebhookChannel
from service.domain.access import Level
from service.domain.notifications import EventType
from service.domain.retry import Outcome, Verdict
from service.domain.webhooks import Detail, Format
from tests.channels.drafts import NOW, SECRET, draft, notice, parcel
from tests.harness.receiver import Answer, Receiver

LOOPBACK = (ip_network("127.0.0.0/8"),)
SOURCE = "https://adquem.example.org"
#: Reading the authorities takes longer than a test.
TRUST = ssl.create_default_context()
OTHER_SECRET = "whsec_" + "A" * 43 + "="


@pytest.fixture
async def channel() -> AsyncIterator[WebhookChannel]:
    one = WebhookChannel(SOURCE, LOOPBACK, "adquem/1", context=TRUST)
    yield one
    await one.close()


@pytest.fixture
async def guarded() -> AsyncIterator[WebhookChannel]:
    """With no private network allowed."""
    one = WebhookChannel(SOURCE, (), "adquem/1", context=TRUST)
    yield one
    await one.close()


def to(address: str, content: bytes = b'{"id":"evt_01"}', **given: Any) -> Parcel:
    return parcel(address, content, **{"secrets": (SECRET,)} | given)


# --- what is sent


async def test_the_bytes_that_were_signed_are_the_bytes_that_arrive(
    channel: WebhookChannel, receiver: Receiver
) -> None:
    content = channel.compose(draft(notice(title="Жалоба, қазақша 👩‍⚖️"), actor="usr_1"))
    outcome = await channel.send(to(receiver.url(), content))
    assert (outcome.verdict, outcome.code) == (Verdict.ACCEPTED, "204")
    [request] = receiver.requests
    assert request.body == content
    assert receiver.verify(SECRET, request, NOW) == json.loads(content)
    flipped = replace(request, body=request.body[:-2] + b" }")
    with pytest.raises(WebhookVerificationError):
        receiver.verify(SECRET, flipped, NOW)


async def test_the_headers_name_event_time_message_and_attempt(
    channel: WebhookChannel, receiver: Receiver
) -> None:
    await channel.send(to(receiver.url(), attempt=3, maybe_repeated=True))
    [request] = receiver.requests
    wanted = {
        "webhook-id": "evt_01",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "x-message-id": "msg_01",
        "x-delivery-attempt": "3",
        "x-possible-duplicate": "yes",
        "content-type": "application/json",
        "idempotency-key": "evt_01",
        "user-agent": "adquem/1",
    }
    assert wanted.items() <= dict(request.headers).items()


async def test_a_retry_is_the_same_event_signed_anew(
    channel: WebhookChannel, receiver: Receiver
) -> None:
    for attempt, at in ((1, NOW), (2, NOW + timedelta(hours=5))):
        await channel.send(to(receiver.url(), attempt=attempt, sent_at=at))
    first, second = receiver.requests
    assert (first.body, first.headers["webhook-id"]) == (
        second.body,
        second.headers["webhook-id"],
    )
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    receiver.verify(SECRET, second, NOW + timedelta(hours=5))
    assert "x-possible-duplicate" not in first.headers


def test_the_published_test_vector_verifies_and_is_what_we_sign() -> None:
    event_id = "evt_01J8ZQ4T9V5W6X7Y8Z9ABCDEFG"
    body = (
        b'{"id":"evt_01J8ZQ4T9V5W6X7Y8Z9ABCDEFG","type":"endpoint.test",'
        b'"timestamp":"2026-01-01T00:00:00Z","schema_version":"1","test":true,'
        b'"data":{"message":"ping"}}'
    )
    at = datetime.fromtimestamp(1767225600, UTC)
    headers = headers_of(to("", body, event_id=event_id, sent_at=at))
    assert headers["webhook-signature"] == "v1,2ftWqplx9dkApNA5w6skg13XMa3bntNee9mnIc5E8CE="
    with time_machine.travel(at, tick=False):
        assert Webhook(SECRET).verify(body, headers)["type"] == "endpoint.test"


def test_an_event_says_what_its_level_allows_and_the_same_draft_the_same_bytes() -> None:
    channel = WebhookChannel(SOURCE, (), "adquem/1")
    for level in Level:
        about = draft(notice(level), form=Form(detail=Detail.FULL))
        content = channel.compose(about)
        assert content == channel.compose(about)
        text = content.decode()
        assert ("K-17" in text) == (level >= Level.CODE)
        for word in ("Appeal against", "kz.criminal", "art. 592"):
            assert (word in text) == (level >= Level.BASIS)
        assert "power of attorney" not in text, "notes are for nobody's machine"


def test_an_event_has_one_envelope() -> None:
    channel = WebhookChannel(SOURCE, (), "adquem/1")
    event = json.loads(channel.compose(draft(notice(Level.CODE), sequence=4)))
    data = event.pop("data")
    assert event == {
        "id": "evt_01",
        "type": "reminder.due",
        "timestamp": "2026-03-02T04:00:00Z",
        "schema_version": "1",
        "source": SOURCE,
        "team_id": "team_01",
        "subject": {"kind": "deadline", "id": "dln_01"},
        "sequence": 4,
        "test": False,
        "drill": False,
        "actor": {"kind": "system"},
        "links": {"self": f"{SOURCE}/api/v1/deadlines/dln_01"},
    }
    assert (data["due_on"], data["due_at"]) == ("2026-03-09", "2026-03-09T13:00:00Z")
    ping = draft(notice=None, event=EventType.ENDPOINT_TEST)
    assert json.loads(channel.compose(ping))["test"] is True


# --- by which format, with which headers


async def test_while_a_secret_is_replaced_the_old_and_the_new_one_verify(
    channel: WebhookChannel, receiver: Receiver
) -> None:
    """In each format that is signed, sent once more or not."""
    for kind in (Format.STANDARD, Format.CLOUDEVENTS, Format.FREE):
        form = Form(kind, template='{"code": "{case_code}"}' if kind is Format.FREE else None)
        content = channel.compose(draft(form=form))
        secrets = (OTHER_SECRET, SECRET)
        await channel.send(to(receiver.url(), content, secrets=secrets, format=kind, replayed=True))
        request = receiver.requests[-1]
        for secret in secrets:
            assert receiver.verify(secret, request, NOW) == json.loads(content)
        with pytest.raises(WebhookVerificationError):
            receiver.verify("whsec_" + "B" * 44, request, NOW)
        assert request.headers["x-replayed"] == "true"


@pytest.mark.parametrize(
    ("form", "content", "content_type"),
    [
        (Format.STANDARD, b"{}", "application/json"),
        (Format.CLOUDEVENTS, b"{}", "application/cloudevents+json"),
        (Format.FREE, b' {"a": 1}', "application/json"),
        (Format.FREE, b"[K-17] due", "text/plain; charset=utf-8"),
        (Format.SLACK, b"{}", "application/json"),
        (Format.NTFY, b"{}", "application/json"),
    ],
)
async def test_each_format_says_what_it_is_and_chats_are_not_signed(
    channel: WebhookChannel, receiver: Receiver, form: Format, content: bytes, content_type: str
) -> None:
    await channel.send(to(receiver.url("/a/topic?auth=x"), content, format=form))
    [request] = receiver.requests
    assert request.headers["content-type"] == content_type
    assert request.body == content
    signed = form in (Format.STANDARD, Format.CLOUDEVENTS, Format.FREE)
    assert ("webhook-signature" in request.headers) == signed
    assert request.path == ("/a/?auth=x" if form is Format.NTFY else "/a/topic?auth=x")
    if not signed:
        outcome = await channel.send(to(receiver.url("/a/topic"), content, format=form, secrets=()))
        assert outcome.verdict is Verdict.ACCEPTED


async def test_the_header_that_a_receiver_asked_for_goes_along_and_replaces_none_of_ours(
    channel: WebhookChannel, receiver: Receiver
) -> None:
    for form in (Format.STANDARD, Format.CLOUDEVENTS, Format.FREE, Format.NTFY):
        asked = ("Authorization", "Bearer a-key")
        await channel.send(to(receiver.url(), format=form, credentials=asked))
        assert receiver.requests[-1].headers["authorization"] == "Bearer a-key"
    receiver.clear()
    for stored in (("Webhook-Signature", "v1,x"), ("host", "other"), ("a", "x\r\ny: z")):
        outcome = await channel.send(to(receiver.url(), credentials=stored))
        assert (outcome.verdict, outcome.code) == (Verdict.TEMPORARY, "header")
    assert receiver.requests == []


# --- what comes back


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_nobody_follows_it(
    channel: WebhookChannel, receiver: Receiver, status: int
) -> None:
    """The fixtures `redirect-301` to `redirect-308`."""
    with Receiver() as target:
        receiver.answers.append(Answer(status, {"location": target.url("/stolen")}))
        outcome = await channel.send(to(receiver.url()))
        assert target.requests == []
    assert (outcome.verdict, outcome.code) == (Verdict.TEMPORARY, str(status))
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 422, 500, 502, 503, 504])
async def test_most_refusals_are_tried_again(
    channel: WebhookChannel, receiver: Receiver, status: int
) -> None:
    receiver.answers.append(Answer(status, body="не сейчас".encode()))
    outcome = await channel.send(to(receiver.url()))
    assert (outcome.verdict, outcome.code, outcome.detail) == (
        Verdict.TEMPORARY,
        str(status),
        "не сейчас",
    )
    assert outcome.retry_after is None


@pytest.mark.parametrize(
    ("asked", "understood"),
    [
        ("120", timedelta(seconds=120)),
        ("0", timedelta(0)),
        ("Mon, 02 Mar 2026 04:10:00 GMT", timedelta(minutes=10)),
        ("Sun, 01 Mar 2026 04:00:00 GMT", timedelta(0)),
        ("99999999999", timedelta(days=1)),
        ("-5", None),
        ("soon", None),
        ("1.5", None),
        ("Mon, 02 Mar 2026 04:10:00 -0000", None),
        ("Mon, 99 Mar 99999 04:10:00 GMT", None),
        ("9" * 5000, timedelta(days=1)),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_patience_is_given_where_it_is_asked_for_intelligibly(
    channel: WebhookChannel, receiver: Receiver, asked: str, understood: timedelta | None
) -> None:
    for status in (429, 503):
        receiver.answers.append(Answer(status, {"retry-after": asked}))
        outcome = await channel.send(to(receiver.url()))
        assert (outcome.verdict, outcome.retry_after) == (Verdict.TEMPORARY, understood)


async def test_a_compressed_answer_stays_packed(
    channel: WebhookChannel, receiver: Receiver
) -> None:
    receiver.answers.append(Answer(200, {"content-encoding": "gzip"}, b"not gzip at all"))
    assert (await channel.send(to(receiver.url()))).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (httpx.ReadTimeout("slow"), Verdict.UNKNOWN),
        (TimeoutError(), Verdict.UNKNOWN),
        (httpx.ReadError("cut"), Verdict.UNKNOWN),
        (httpx.ConnectTimeout("away"), Verdict.TEMPORARY),
        (httpx.ConnectError("refused"), Verdict.TEMPORARY),
        (httpx.PoolTimeout("busy"), Verdict.TEMPORARY),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_may_have_been_read_is_unknown_and_the_rest_a_failure(
    error: Exception, verdict: Verdict
) -> None:
    assert failure(error).verdict is verdict


@pytest.mark.parametrize("secret", [None, "whsec_", "whsec_%%%", ""], ids=str)
async def test_a_secret_that_cannot_sign_is_an_outcome_not_an_exception(
    channel: WebhookChannel, receiver: Receiver, secret: str | None
) -> None:
    """And nothing was sent, so nothing is unknown."""
    outcome = await channel.send(to(receiver.url(), secrets=() if secret is None else (secret,)))
    assert isinstance(outcome, Outcome)
    assert outcome.verdict in (Verdict.TEMPORARY, Verdict.PERMANENT)
    assert receiver.requests == []


# --- where it must not go

Address = Callable[[int], str]


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{}/",
        "http://localhost:{}/",
        "http://127.1:{}/",
        "http://2130706433:{}/",
        "http://[::ffff:127.0.0.1]:{}/",
        "https://127.0.0.1:{}/",
        "http://0.0.0.0:{}/",
    ],
)
async def test_nothing_private_is_ever_dialled(guarded: WebhookChannel, address: str) -> None:
    """Also where such an address stands in the database already."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        outcome = await guarded.send(to(address.format(listener.getsockname()[1])))
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert (outcome.verdict, outcome.code) == (Verdict.PERMANENT, "blocked_address")


async def test_proxies_of_the_environment_are_ignored(
    guarded: WebhookChannel, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", receiver.url(""))
    monkeypatch.setenv("ALL_PROXY", receiver.url(""))
    channel = WebhookChannel(SOURCE, (), "adquem/1")
    await channel.send(to("http://10.0.0.1/"))
    await channel.close()
    assert receiver.requests == []
