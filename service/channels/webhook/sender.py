"""POSTs webhooks: the signed bytes are the bytes sent; redirects are not followed."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
from standardwebhooks.webhooks import EmptyWebhookSecretError

from service.channels.interface import Draft, Form, Parcel
from service.channels.webhook import caldav, civicrm, content, uwazi
from service.channels.webhook.answers import Ask, failure, verdict
from service.channels.webhook.envelope import Pages
from service.channels.webhook.guard import Guard, Network, check_url
from service.channels.webhook.headers import check_header, headers_of
from service.channels.webhook.lines import Line
from service.channels.webhook.wires import Wires, authorities
from service.domain.notifications import ChannelKind
from service.domain.retry import WEBHOOK_PAUSES, Outcome, Verdict
from service.domain.webhooks import ADAPTERS, Format
from service.errors import Refusal
from service.faults import fault

_TRY_SECONDS = 20


class WebhookChannel:
    kind = ChannelKind.WEBHOOK
    pauses: tuple[timedelta, ...] = WEBHOOK_PAUSES

    def __init__(
        self,
        source: str,
        allowed: Sequence[Network],
        user_agent: str,
        answer_link: Callable[[str], str] | None = None,
        pages: Pages | None = None,
        try_seconds: float = _TRY_SECONDS,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """`answer_link`: from a message's id to the address at which its reader answers; `pages`: from
        kind and id of a subject to the page that shows it. `context`: whom to trust, if not the system's
        authorities."""
        self._source = source
        self._answer_link = answer_link
        self._pages = pages
        self._allowed = tuple(allowed)
        self._seconds = try_seconds
        own = urlsplit(source).hostname or ""
        self._user_agent = user_agent
        self._wires = Wires(Guard(self._allowed, own), context)
        self._sessions = uwazi.Sessions()

    def read_in(self) -> None:
        """Whom the system trusts."""
        authorities()

    def check_address(self, address: str) -> None:
        check_url(address, self._allowed)

    def check_form(self, form: Form, credentials: tuple[str, str] | None = None) -> None:
        """Raises Refusal when nothing could be written that way, or the header could not be sent."""
        content.check_form(form)
        if credentials is not None and form.format not in ADAPTERS:
            check_header(*credentials)

    def compose(self, draft: Draft) -> bytes:
        link = self._answer_link(draft.message_id) if self._answer_link else None
        return content.compose(draft, self._source, link, self._pages)

    async def send(self, parcel: Parcel) -> Outcome:
        until = asyncio.get_running_loop().time() + self._seconds
        line = Line(self._wires, self._user_agent, until)
        try:
            outcome = await self._hand_over(line.ask, parcel)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ssl.SSLError) as error:
            outcome = failure(error)
        return replace(outcome, address=line.dialled)

    async def _hand_over(self, ask: Ask, parcel: Parcel) -> Outcome:
        if parcel.format is Format.CIVICRM:
            return await civicrm.hand_over(ask, parcel)
        if parcel.format is Format.UWAZI:
            return await self._sessions.hand_over(ask, parcel)
        if parcel.format is Format.CALDAV:
            return await caldav.hand_over(ask, parcel)
        try:
            headers = headers_of(parcel)
        except (ValueError, RuntimeError, EmptyWebhookSecretError) as error:
            # Nothing has left; it waits until the secret can be read again.
            return Outcome(Verdict.TEMPORARY, "secret", type(error).__name__)
        except Refusal as refusal:
            return Outcome(Verdict.TEMPORARY, "header", refusal.detail)
        address = _above(parcel.address) if parcel.format is Format.NTFY else parcel.address
        answer = await ask("POST", address, headers, parcel.content)
        fault("webhook.after_reply")
        return verdict(answer, address, parcel.sent_at)

    def resting(self) -> bool:
        """Each receiver has a life of its own, kept with its endpoint."""
        return False

    async def check(self) -> dict[str, Any]:
        return {"allowed_networks": [str(network) for network in self._allowed]}

    async def close(self) -> None:
        await self._wires.aclose()


def _above(address: str) -> str:
    """The address without what its path names last, which stands in the body."""
    parts = urlsplit(address)
    path = parts.path.rstrip("/").rpartition("/")[0]
    return urlunsplit(parts._replace(path=f"{path}/"))
