"""POSTs webhooks: the signed bytes are the bytes sent; redirects are not followed."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

import httpcore
import httpx
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from service.channels.interface import Draft, Parcel
from service.channels.webhook import content
from service.channels.webhook.guard import BlockedAddress, GuardedBackend, Network, check_url
from service.domain.notifications import ChannelKind
from service.domain.retry import WEBHOOK_PAUSES, Outcome, Verdict

_TRY_SECONDS = 20
_CONNECT_SECONDS = 5
_READ_BYTES = 16_384


class WebhookChannel:
    kind = ChannelKind.WEBHOOK
    pauses: tuple[timedelta, ...] = WEBHOOK_PAUSES

    def __init__(
        self,
        source: str,
        allowed: Sequence[Network],
        user_agent: str,
        answer_link: Callable[[str], str] | None = None,
    ) -> None:
        """`answer_link`: from a message's id to the address at which its reader answers."""
        self._source = source
        self._answer_link = answer_link
        self._allowed = tuple(allowed)
        self._user_agent = user_agent

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        """Made at the first sending: reading the authorities takes a process that never sends 40 ms."""
        return httpx.AsyncClient(
            transport=guarded_transport(self._allowed),
            timeout=httpx.Timeout(_TRY_SECONDS, connect=_CONNECT_SECONDS),
            follow_redirects=False,
            trust_env=False,
            headers={"user-agent": self._user_agent, "content-type": "application/json"},
        )

    def check_address(self, address: str) -> None:
        check_url(address, self._allowed)

    def compose(self, draft: Draft) -> bytes:
        link = self._answer_link(draft.message_id) if self._answer_link else None
        return content.compose(draft, self._source, link)

    async def send(self, parcel: Parcel) -> Outcome:
        try:
            headers = _signed_headers(parcel)
        except (ValueError, RuntimeError, EmptyWebhookSecretError) as error:
            # Nothing has left; it waits until the secret can be read again.
            return Outcome(Verdict.TEMPORARY, "secret", type(error).__name__)
        try:
            async with asyncio.timeout(_TRY_SECONDS):
                return await self._post(parcel, headers)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ssl.SSLError) as error:
            return _failure(error)

    async def _post(self, parcel: Parcel, headers: dict[str, str]) -> Outcome:
        request = self._client.stream(
            "POST", parcel.address, content=parcel.content, headers=headers
        )
        async with request as response:
            excerpt = await _read(response)
        return _verdict(response, excerpt, parcel.sent_at)

    async def check(self) -> dict[str, Any]:
        return {"allowed_networks": [str(network) for network in self._allowed]}

    async def close(self) -> None:
        if "_client" in vars(self):
            await self._client.aclose()


def guarded_transport(allowed: Sequence[Network]) -> httpx.AsyncHTTPTransport:
    """httpx offers no public way to set httpcore's network backend; a test watches that this holds."""
    context = ssl.create_default_context()
    transport = httpx.AsyncHTTPTransport(verify=context, trust_env=False)
    transport._pool = httpcore.AsyncConnectionPool(
        ssl_context=context,
        max_connections=100,
        max_keepalive_connections=20,
        keepalive_expiry=5,
        network_backend=GuardedBackend(allowed),
    )
    return transport


def _signed_headers(parcel: Parcel) -> dict[str, str]:
    if not parcel.secrets:
        raise ValueError("a webhook without a secret is not sent")
    sent_at = parcel.sent_at.astimezone(UTC)
    body = parcel.content.decode()
    signatures = [Webhook(one).sign(parcel.event_id, sent_at, body) for one in parcel.secrets]
    headers = {
        "webhook-id": parcel.event_id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(signatures),
        "x-message-id": parcel.message_id,
        "x-delivery-attempt": str(parcel.attempt),
    }
    return headers | ({"x-possible-duplicate": "yes"} if parcel.maybe_repeated else {})


async def _read(response: httpx.Response) -> str:
    """The first kilobytes as they come, undecoded: a compressed bomb stays packed."""
    read = b""
    async for chunk in response.aiter_raw():
        read += chunk
        if len(read) >= _READ_BYTES:
            break
    return read[:500].decode("utf-8", "replace")


def _verdict(response: httpx.Response, excerpt: str, now: datetime) -> Outcome:
    code = str(response.status_code)
    if response.is_success:
        return Outcome(Verdict.ACCEPTED, code, excerpt)
    if response.status_code == httpx.codes.GONE:
        return Outcome(Verdict.PERMANENT, code, excerpt)
    return Outcome(Verdict.TEMPORARY, code, excerpt, _retry_after(response, now))


def _retry_after(response: httpx.Response, now: datetime) -> timedelta | None:
    """Seconds or a date (RFC 9110, 10.2.3); anything else asks nothing."""
    asked = response.headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        return timedelta(seconds=min(int(asked[:9]), 86_400))
    try:
        return max(parsedate_to_datetime(asked) - now, timedelta()) if asked else None
    except (ValueError, TypeError):
        return None


def _failure(error: Exception) -> Outcome:
    detail = str(error)[:500]
    cause = error.__cause__
    if isinstance(cause, BlockedAddress):
        return Outcome(Verdict.PERMANENT, "blocked_address", detail)
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return Outcome(Verdict.PERMANENT, "invalid_url", detail)
    if isinstance(error, TimeoutError | httpx.ReadTimeout):
        # The body may have been read in full: the receiver may have acted on it.
        return Outcome(Verdict.UNKNOWN, "timeout", detail)
    if isinstance(error, httpx.ReadError | httpx.RemoteProtocolError):
        return Outcome(Verdict.UNKNOWN, "no_reply", detail)
    return Outcome(Verdict.TEMPORARY, "connection", detail)
