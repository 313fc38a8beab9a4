"""Tells an outside dead-man's switch that all is well; its silence is the alarm.

The address is a secret: whoever knows it can keep the switch quiet. It is never in a log, an error
or an answer, and it is dialled under the same guard as webhooks.
"""

import asyncio
from collections.abc import Sequence

from service.channels.webhook.guard import Guard, Network, check_url
from service.channels.webhook.lines import Line
from service.channels.webhook.wires import Wires

_TRY_SECONDS = 10


class Heartbeat:
    """Raises Refusal `invalid_url` for an address that webhooks could not have either."""

    def __init__(self, url: str, allowed: Sequence[Network], user_agent: str) -> None:
        check_url(url, allowed)
        self._url = url
        self._user_agent = user_agent
        self._wires = Wires(Guard(allowed))

    async def ping(self) -> str | None:
        """None where it was heard, else a word for the log. Never raises, and never takes longer
        than 10 seconds."""
        until = asyncio.get_running_loop().time() + _TRY_SECONDS
        try:
            answer = await Line(self._wires, self._user_agent, until).ask("GET", self._url, {})
        except Exception as error:
            # The kind alone: the text of an error may quote the address.
            return type(error).__name__
        return None if 200 <= answer.status < 300 else str(answer.status)

    async def close(self) -> None:
        await self._wires.aclose()
