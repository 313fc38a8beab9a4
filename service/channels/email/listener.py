"""Takes mails from a mail server, by LMTP or SMTP, and hands each one on before it says that it has it.

It keeps nothing, relays nothing and answers nobody: what cannot be written down stays with the sender.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session, syntax

#: From the recipients of the envelope and the bytes of the mail.
Take = Callable[[list[str], bytes], Awaitable[None]]

_MOST_BYTES = 4 * 1024 * 1024
_IDLE_SECONDS = 60
_log = structlog.get_logger()


async def listen(host: str, port: int, domain: str, take: Take) -> asyncio.Server:
    """Takes what is sent to `domain` alone, until the server is closed. Several processes of one machine
    may listen at the same place."""
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        return _Server(
            _Handler(domain, take),
            loop=loop,
            hostname="adquem",
            ident="Adquem",
            data_size_limit=_MOST_BYTES,
            timeout=_IDLE_SECONDS,
        )

    return await loop.create_server(session, host, port, reuse_port=True)


class _Server(SMTP):
    """Of LMTP nothing but the greeting differs where a mail has one recipient."""

    @syntax("LHLO hostname")
    async def smtp_LHLO(self, arg: str) -> None:  # noqa: N802
        await self.smtp_EHLO(arg)


class _Handler:
    """aiosmtpd finds these methods by name."""

    def __init__(self, domain: str, take: Take) -> None:
        self._domain = domain.lower()
        self._take = take

    async def handle_RCPT(  # noqa: N802
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        if address.rpartition("@")[2].lower() != self._domain:
            return "550 5.7.1 not taken here"
        if envelope.rcpt_tos:
            return "452 4.5.3 one recipient at a time"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 taken"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        try:
            await self._take(envelope.rcpt_tos, envelope.original_content or b"")
        except Exception:
            # Not written down is not taken: the server that holds it tries again.
            _log.exception("bounce_not_recorded")
            return "451 4.3.0 later"
        return "250 2.0.0 taken"
