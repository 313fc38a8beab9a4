"""Sends mails: dresses each for its way, with the address and encrypted, and hands it to a transport; opens
no connection and no file itself."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from email_validator import EmailNotValidError, validate_email

from service.channels.email.content import MailContent
from service.channels.email.disclosure import ClearText, clear_text_of
from service.channels.email.openpgp import Unusable, sealed
from service.channels.interface import Draft, Form, Parcel
from service.domain.notifications import ChannelKind
from service.domain.retry import MAIL_PAUSES, Outcome, Verdict
from service.errors import Code, Refusal

_log = structlog.get_logger()

#: From a message's id and when it leaves to where its failure is to be reported; None: to the sender.
ReturnPath = Callable[[str, datetime], str | None]


class Transport(Protocol):
    async def deliver(
        self, parcel: Parcel, mail: bytes, return_path: str | None = None
    ) -> Outcome: ...
    def resting(self) -> bool: ...
    async def check(self) -> dict[str, Any]: ...
    async def close(self) -> None: ...


class EmailChannel:
    kind = ChannelKind.EMAIL
    pauses: tuple[timedelta, ...] = MAIL_PAUSES

    def __init__(
        self,
        content: MailContent,
        transport: Transport,
        return_path: ReturnPath = lambda message_id, at: None,
    ) -> None:
        self._content = content
        self._transport = transport
        self._return_path = return_path

    def read_in(self) -> None:
        self._content.read_in()

    def check_address(self, address: str) -> None:
        """One bare address of a domain with a dot; raises Refusal `invalid_text` otherwise."""
        try:
            validate_email(address, check_deliverability=False, test_environment=True)
        except EmailNotValidError as error:
            raise Refusal(Code.INVALID_TEXT, str(error), "email") from error

    def check_form(self, form: Form, credentials: tuple[str, str] | None = None) -> None:
        """Mails have one form."""

    def compose(self, draft: Draft) -> bytes:
        return self._content.compose(draft)

    async def send(self, parcel: Parcel) -> Outcome:
        if not (parcel.address.isascii() and parcel.address.isprintable()):
            # SMTPUTF8 is not spoken here, and a line end would begin another header.
            return Outcome(Verdict.PERMANENT, "address", "the address is not plain ASCII")
        if parcel.openpgp_key is None and clear_text_of(parcel.content) is ClearText.NEVER:
            return Outcome(Verdict.PERMANENT, "openpgp", "its reader has no key any more")
        # Of a bundle that of its first mail: whoever reads the report finds the others by it.
        return_path = self._return_path(parcel.message_id, parcel.sent_at)
        try:
            leaving, mail = await self._dressed(parcel)
        except Unusable as error:
            return Outcome(Verdict.PERMANENT, "openpgp", str(error))
        return await self._transport.deliver(leaving, mail, return_path)

    async def _dressed(self, parcel: Parcel) -> tuple[Parcel, bytes]:
        """The bytes that leave: with the address, encrypted where the reader has a key. Raises Unusable
        where that cannot be, and clear text may not."""
        whole = self._content.bundle(parcel) if parcel.along else parcel
        mail = _addressed(whole)
        if parcel.openpgp_key is None:
            return whole, mail
        try:
            # In a thread: what takes long keys a moment holds nobody else.
            return whole, await asyncio.to_thread(sealed, mail, parcel.openpgp_key, parcel.sent_at)
        except Unusable as error:
            if clear_text_of(parcel.content) is ClearText.NEVER:
                raise
            _log.warning("openpgp_key_unusable", message_id=parcel.message_id, because=str(error))
            clear = self._content.in_clear(parcel)
            return clear, _addressed(clear)

    def resting(self) -> bool:
        return self._transport.resting()

    async def check(self) -> dict[str, Any]:
        return await self._transport.check()

    async def close(self) -> None:
        await self._transport.close()


def _addressed(parcel: Parcel) -> bytes:
    head = f"To: {parcel.address}\r\n"
    if parcel.maybe_repeated:
        head += "X-Possible-Duplicate: yes\r\n"
    return head.encode() + parcel.content
