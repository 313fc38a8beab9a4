"""Tells an outside dead-man's switch that all is well; its silence is the alarm.

The address is a secret: whoever knows it can keep the switch quiet. It is never in a log, an error
or an answer, and it is dialled under the same guard as webhooks.
"""

import asyncio
from collections.abc import Sequence

import httpx

from service.channels.webhook.clients import guarded_transport
from service.channels.webhook.guard import Network, check_url

_TRY_SECONDS = 10


class Heartbeat:
    """Raises Refusal `invalid_url` for an address that webhooks could not have either."""

    def __init__(self, url: str, allowed: Sequence[Network], user_agent: str) -> None:
        check_url(url, allowed)
        self._url = url
        self._client = httpx.AsyncClient(
            transport=guarded_transport(allowed),
            timeout=_TRY_SECONDS,
            follow_redirects=False,
            trust_env=False,
            headers={"user-agent": user_agent},
        )

    async def ping(self) -> str | None:
        """None where it was heard, else a word for the log. Never raises, and never takes longer
        than 10 seconds; the answer's body is not read."""
        try:
            async with (
                asyncio.timeout(_TRY_SECONDS),
                self._client.stream("GET", self._url) as answer,
            ):
                return None if answer.is_success else str(answer.status_code)
        except Exception as error:
            # The kind alone: the text of an error may quote the address.
            return type(error).__name__

    async def close(self) -> None:
        await self._client.aclose()
