"""Implicit TLS: the mail arrives when the relay's certificate is trusted, and not otherwise."""

import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

import trustme
from aiosmtpd.controller import Controller

from service.channels.email.relay import SmtpTransport
from service.channels.interface import Parcel
from service.domain.retry import Verdict
from tests.harness.polling import connections_closed

MAIL = b"To: owner@example.org\r\nSubject: Reminder\r\n\r\nDue.\r\n"
PARCEL = Parcel(
    "msg_1", "evt_1", "owner@example.org", b"", 1, False, datetime(2026, 3, 2, tzinfo=UTC)
)


class Relay:
    def __init__(self) -> None:
        self.taken: list[str] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: object) -> str:  # noqa: N802
        self.taken += envelope.rcpt_tos  # type: ignore[attr-defined]
        return "250 taken"


async def test_a_mail_goes_out_over_tls_to_a_relay_that_is_trusted_and_to_no_other(
    tmp_path: Path,
) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    relay = Relay()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    controller = Controller(relay, hostname="127.0.0.1", port=port, ssl_context=context)
    controller.start()
    try:
        for ca_file, verdict in ((trusted, Verdict.ACCEPTED), (None, Verdict.TEMPORARY)):
            transport = SmtpTransport(f"smtps://127.0.0.1:{port}", "a@example.org", 1, ca_file)
            assert (await transport.deliver(PARCEL, MAIL)).verdict is verdict
            await transport.close()
        await connections_closed()
    finally:
        controller.stop()
    assert relay.taken == ["owner@example.org"]
