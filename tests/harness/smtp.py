"""A real SMTP server in a thread: keeps the mails it takes, refuses as told, may want TLS.

Hooks run on the server's own thread, one at a time, before the reply is sent.
"""

import asyncio
import email
import email.policy
import ssl
import threading
from asyncio import BaseTransport, Server, Transport
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

#: A hook's answer that is none: the connection is cut, as when a relay dies in mid-sentence.
HANG_UP = "hang up"
#: Nothing is said any more, and the connection stays; the second has taken the mail all the same.
SILENCE, TAKEN_IN_SILENCE = "silence", "taken in silence"

_DSN = frozenset({"RET", "ENVID", "NOTIFY", "ORCPT"})

OnData = Callable[[Envelope], str | None]
OnRecipient = Callable[[str], str | None]


@dataclass(frozen=True)
class Mail:
    """One accepted mail: parsed, as bytes, and its envelope. `login`: the user who handed it in;
    `parameters`: those of MAIL and RCPT that a server takes which reports deliveries, in capitals."""

    message: EmailMessage
    raw: bytes
    sender: str
    recipients: tuple[str, ...]
    encrypted: bool
    login: str | None
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def subject(self) -> str:
        return str(self.message["subject"])

    @property
    def text(self) -> str:
        """The plain part's text."""
        part = self.message.get_body(("plain",))
        return str(part.get_content()) if part else ""


@dataclass(frozen=True)
class Security:
    """What a server asks before it takes mail: STARTTLS, then this login."""

    user: str = "adquem"
    password: str = "s3cret/of:the@tests"  # odd on purpose: it must survive a URL


class SmtpServer:
    """`with SmtpServer() as smtp:`; set `on_data`, `on_recipient`, `on_sender` to answer otherwise.

    A hook returns None to accept, a reply such as "451 4.3.0 later", or HANG_UP; `on_data` SILENCE or
    TAKEN_IN_SILENCE too. A mail counts as taken where `on_data` returned None, a reply that begins
    with 2, or the latter.
    """

    def __init__(
        self,
        security: Security | None = None,
        ca_file: Path | None = None,
        offers_dsn: bool = False,
    ) -> None:
        """With `security`, `ca_file` is where to write the certificate that clients must trust.
        `offers_dsn`: it can be asked to report deliveries (RFC 3461)."""
        self.offers_dsn = offers_dsn
        self.on_data: OnData | None = None
        self.on_recipient: OnRecipient | None = None
        self.on_sender: OnRecipient | None = None
        self.errors: list[Exception] = []
        self.ca_file = ca_file
        self._security = security
        self._tls = _certificate(ca_file) if security and ca_file else None
        self._mails: list[Mail] = []
        self._changed = threading.Condition()
        self._controller: _Controller | None = None
        self._port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """For ADQUEM_SMTP_URL."""
        if self._security is None:
            return f"smtp://127.0.0.1:{self._port}"
        user, password = (quote(x, safe="") for x in (self._security.user, self._security.password))
        return f"smtp+starttls://{user}:{password}@127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        return self._port

    @property
    def mails(self) -> list[Mail]:
        """Those taken so far, in order."""
        with self._changed:
            return list(self._mails)

    def clear(self) -> None:
        with self._changed:
            self._mails.clear()

    def renew(self) -> None:
        """As it was at the beginning: it listens, takes everything, and has taken nothing."""
        self.on_data = self.on_recipient = self.on_sender = None
        self.start()
        self.clear()
        self.errors.clear()

    def wait_for(self, wanted: int | Callable[[Mail], bool] = 1, timeout: float = 15) -> list[Mail]:
        """All mails once there are `wanted` of them, or all that match once there is one."""

        def found() -> list[Mail]:
            if isinstance(wanted, int):
                return list(self._mails) if len(self._mails) >= wanted else []
            return [mail for mail in self._mails if wanted(mail)]

        with self._changed:
            if not self._changed.wait_for(found, timeout):
                seen = [f"{mail.recipients}: {mail.subject}" for mail in self._mails]
                raise AssertionError(f"not within {timeout} seconds; mails so far: {seen}")
            return found()

    def start(self) -> None:
        """Listens again on the port of the first start."""
        if self._controller is None:
            self._controller = _Controller(_Handler(self), self._port, self._options())
            self._controller.start()
            self._port = self._controller.port

    def stop(self) -> None:
        """Cuts open connections too, as an outage does."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def keep(self, mail: Mail) -> None:
        with self._changed:
            self._mails.append(mail)
            self._changed.notify_all()

    def ask(self, hook: Callable[[Any], str | None] | None, about: object) -> str | None:
        """The hook's answer; its fault is kept in `errors` and reads as a 451 to the client."""
        try:
            return hook(about) if hook else None
        except Exception as error:
            self.errors.append(error)
            return "451 4.3.0 the test's hook failed"

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"hostname": "127.0.0.1", "ident": "test relay"}
        if self._security is not None:
            options |= {
                "tls_context": self._tls,
                "require_starttls": True,
                "auth_required": True,
                "authenticator": self._authenticate,
            }
        return options

    def _authenticate(self, *call: Any) -> AuthResult:
        """`handled=False` on a refusal, or the library sends no reply and the client hangs."""
        given = call[-1]
        assert self._security is not None
        assert isinstance(given, LoginPassword)
        expected = (self._security.user.encode(), self._security.password.encode())
        if (given.login, given.password) == expected:
            return AuthResult(success=True, auth_data=self._security.user)
        return AuthResult(success=False, handled=False)


class _Handler:
    """aiosmtpd finds these methods by name; `_` is the session's server, of no interest here."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server

    async def handle_EHLO(  # noqa: N802
        self, smtp: "_Smtp", session: Session, _: Envelope, host: str, replies: list[str]
    ) -> list[str]:
        session.host_name = host
        smtp.offers_dsn = self._server.offers_dsn
        return [replies[0], "250-DSN", *replies[1:]] if smtp.offers_dsn else replies

    async def handle_MAIL(  # noqa: N802
        self, _: "_Smtp", __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self._server.ask(self._server.on_sender, address) or "250 2.1.0 go on"

    async def handle_RCPT(  # noqa: N802
        self, smtp: "_Smtp", _: Session, envelope: Envelope, address: str, __: list[str]
    ) -> str:
        answer = self._server.ask(self._server.on_recipient, address)
        if answer == HANG_UP:
            return smtp.hang_up()
        if answer is None or answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer or "250 2.1.5 known here"

    async def handle_DATA(self, smtp: "_Smtp", session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self._server.ask(self._server.on_data, envelope)
        if answer == HANG_UP:
            return smtp.hang_up()
        if answer in (None, TAKEN_IN_SILENCE) or answer.startswith("2"):
            self._server.keep(_mail(session, envelope, smtp.parameters))
        if answer in (SILENCE, TAKEN_IN_SILENCE):
            await asyncio.Event().wait()  # until the client has had enough, and hangs up
        return answer or "250 2.0.0 taken"


class _Smtp(SMTP):
    """Knows its connection, so that it can be cut, and the parameters that the library does not."""

    connection: Transport | None = None
    offers_dsn = False

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.parameters: dict[str, str] = {}

    def connection_made(self, transport: BaseTransport) -> None:
        assert isinstance(transport, Transport)
        self.connection = transport
        super().connection_made(transport)

    def _getparams(self, params: Sequence[str]) -> dict[str, str | bool] | None:
        """Both commands ask here; MAIL, the first of them, comes with none of the second's."""
        known = {} if any(one.startswith("ENVID=") for one in params) else self.parameters
        given = dict(one.split("=", 1) for one in params if one.partition("=")[0] in _DSN)
        self.parameters = known | given
        left = params if not self.offers_dsn else [p for p in params if p.split("=")[0] not in _DSN]
        return super()._getparams(left)

    def hang_up(self) -> str:
        if self.connection is not None:
            self.connection.abort()
        return "421 never sent"


class _Controller(Controller):
    """Takes any free port, and cuts its connections when it stops."""

    def __init__(self, handler: _Handler, port: int, options: dict[str, Any]) -> None:
        self._sessions: list[_Smtp] = []
        self._options = options
        super().__init__(handler, hostname="127.0.0.1", port=port)

    def factory(self) -> SMTP:
        smtp = _Smtp(self.handler, enable_SMTPUTF8=True, loop=self.loop, **self._options)
        self._sessions.append(smtp)
        return smtp

    def cancel_tasks(self, stop_loop: bool = True) -> None:
        for session in self._sessions:
            session.hang_up()
        super().cancel_tasks(stop_loop)

    def _trigger_server(self) -> None:
        assert isinstance(self.server, Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


def _mail(session: Session, envelope: Envelope, parameters: dict[str, str]) -> Mail:
    raw = envelope.original_content or b""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return Mail(
        message=message,
        raw=raw,
        sender=envelope.mail_from or "",
        recipients=tuple(envelope.rcpt_tos),
        encrypted=session.ssl is not None,
        login=session.auth_data if session.authenticated else None,
        parameters=dict(parameters),
    )


def _certificate(ca_file: Path) -> ssl.SSLContext:
    """A server's certificate for 127.0.0.1 and localhost, from an authority made here and now."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context
