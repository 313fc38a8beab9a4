"""Hands mails to a relay over kept SMTP connections, and says what became of each; looks into none."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib

from service.channels.email.breaker import Breaker
from service.channels.interface import Parcel
from service.domain.retry import Outcome, Verdict
from service.faults import fault

#: One try may take this long in all; shorter than a lease, so that no row is sent by two workers.
_TRY_SECONDS = 45
#: A connection that was used so few seconds ago is used again unasked.
_RESTED = 1
_AWAY = Outcome(Verdict.TEMPORARY, "relay_away", "The relay cannot be reached.", at="connection")


class SmtpTransport:
    """A handful of connections to one relay, kept open and made anew when they break.

    `url`: smtp+starttls://, smtps:// (certificates checked) or smtp:// (in clear, as the operator
    says). TLS that was asked for is never given up for a connection in clear.
    """

    def __init__(
        self,
        url: str,
        sender: str,
        connections: int,
        ca_file: Path | None,
        patience: float = 20,
    ) -> None:
        """`patience`: the seconds that one answer of the relay may take."""
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps", "smtp+starttls") or not parts.hostname:
            raise ValueError(
                "ADQUEM_SMTP_URL must begin with smtp+starttls://, smtps:// or smtp://"
            )
        secure = parts.scheme != "smtp"
        self._options: dict[str, Any] = {
            "hostname": parts.hostname,
            "port": parts.port or {"smtp": 25, "smtps": 465}.get(parts.scheme, 587),
            "username": unquote(parts.username) if parts.username else None,
            "password": unquote(parts.password) if parts.password else None,
            "use_tls": parts.scheme == "smtps",
            "start_tls": parts.scheme == "smtp+starttls",
            "tls_context": ssl.create_default_context(cafile=ca_file) if secure else None,
            "timeout": patience,
        }
        self._sender = parseaddr(sender)[1]
        #: Each with the time from which on it is asked whether it still answers.
        self._idle: list[tuple[aiosmtplib.SMTP, float]] = []
        self._slots = asyncio.Semaphore(connections)
        self._breaker = Breaker()
        self._one_for_all = asyncio.Lock()

    def resting(self) -> bool:
        return self._breaker.resting(_seconds())

    async def deliver(self, parcel: Parcel, mail: bytes, return_path: str | None = None) -> Outcome:
        talk = _Talk(return_path or self._sender)
        try:
            async with self._slots, asyncio.timeout(_TRY_SECONDS), self._turn():
                if self.resting():
                    return _AWAY
                outcome = await self._submitted(talk, parcel, mail)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            outcome = _failure(error, talk.at)
            if outcome.unreached:
                self._breaker.missed(_seconds())
        else:
            self._breaker.answered()
        return replace(outcome, address=self._options["hostname"])

    def _turn(self) -> contextlib.AbstractAsyncContextManager[None]:
        """While it is not known whether the relay is back, one asks and the others wait for the answer."""
        return self._one_for_all if self._breaker.in_doubt else contextlib.nullcontext()

    async def _submitted(self, talk: "_Talk", parcel: Parcel, mail: bytes) -> Outcome:
        while True:
            kept = bool(self._idle)
            async with self._connection() as smtp:
                try:
                    return await talk.submit(smtp, parcel, mail)
                except aiosmtplib.SMTPServerDisconnected:
                    smtp.close()
                    # A kept one had ended before anything was named: the next may live, or a new one.
                    if not kept or talk.at != "mail":
                        raise

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[aiosmtplib.SMTP]:
        smtp = await self._living() or aiosmtplib.SMTP(**self._options)
        try:
            if not smtp.is_connected:
                await smtp.connect()
            yield smtp
        except BaseException:
            smtp.close()
            raise
        if smtp.is_connected:
            self._idle.append((smtp, _seconds() + _RESTED))

    async def _living(self) -> aiosmtplib.SMTP | None:
        """A kept connection that still answers; relays hang up on idle ones without a word."""
        while self._idle:
            smtp, rested_at = self._idle.pop()
            if _seconds() < rested_at:
                return smtp
            try:
                await smtp.rset(timeout=5)
            except (aiosmtplib.SMTPException, OSError, TimeoutError):
                smtp.close()
            else:
                return smtp
        return None

    async def check(self) -> dict[str, Any]:
        async with asyncio.timeout(_TRY_SECONDS), self._connection() as smtp:
            code, _ = await smtp.noop()
        return {"relay": self._options["hostname"], "noop": int(code)}

    async def close(self) -> None:
        while self._idle:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                await self._idle.pop()[0].quit(timeout=2)


def _seconds() -> float:
    return asyncio.get_running_loop().time()


class _Talk:
    """MAIL, RCPT, DATA, and which of them was said last (`at`): a refusal means something else at each."""

    def __init__(self, sender: str) -> None:
        self._sender = sender
        self.at = "connection"

    async def submit(self, smtp: aiosmtplib.SMTP, parcel: Parcel, mail: bytes) -> Outcome:
        if smtp.is_ehlo_or_helo_needed:
            with contextlib.suppress(aiosmtplib.SMTPHeloError):
                await smtp.ehlo()  # else MAIL tries the older greeting
        # Asked for by name, or the relay would report where it likes, with all that the mail says.
        reports = smtp.supports_extension("dsn")
        self.at = "mail"
        options = ["RET=HDRS", f"ENVID={parcel.message_id}"] if reports else []
        await smtp.mail(self._sender, options=options)
        self.at = "rcpt"
        options = _wanted_reports(parcel.address) if reports else []
        await smtp.rcpt(parcel.address, options=options)
        self.at = "data"
        reply = await smtp.data(mail)
        fault("smtp.after_reply")
        return Outcome(Verdict.ACCEPTED, str(int(reply.code)), reply.message[:500], at=self.at)


def _wanted_reports(address: str) -> list[str]:
    """RFC 3461: of failure and of delay, and under the address as we know it (as xtext)."""
    xtext = "".join(c if "!" <= c <= "~" and c not in "+=" else f"+{ord(c):02X}" for c in address)
    return ["NOTIFY=FAILURE,DELAY", f"ORCPT=rfc822;{xtext}"]


def _failure(error: Exception, at: str) -> Outcome:
    detail = str(error)[:500]
    match error:
        case aiosmtplib.SMTPResponseException(code=code):
            # Before a recipient is named a refusal is the operator's fault, as a wrong password is: the
            # message waits until it is mended.
            permanent = 500 <= int(code) < 600 and at in ("rcpt", "data")
            verdict = Verdict.PERMANENT if permanent else Verdict.TEMPORARY
            return Outcome(verdict, str(int(code)), detail, at=at)
        case _ if at == "data":
            # Once the body has left, silence is no longer a failure: the relay may have taken it.
            return Outcome(Verdict.UNKNOWN, "no_reply", detail, at=at)
        case TimeoutError() | aiosmtplib.SMTPTimeoutError():
            return Outcome(Verdict.TEMPORARY, "timeout", detail, at=at)
        case ssl.SSLError():
            return Outcome(Verdict.TEMPORARY, "tls", detail, at=at)
        case _:
            return Outcome(Verdict.TEMPORARY, "connection", detail, at=at)
