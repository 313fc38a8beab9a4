"""The whole way of a mail, from due deadline to recorded attempt, against a bare SMTP client."""

import asyncio
import itertools
import multiprocessing
import smtplib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Self

import aiosmtplib
import psycopg
import uvloop
from jinja2 import DictLoader, Environment
from sqlmodel import select

from benchmarks.rows import Row, compare
from service.domain.access import Caller, Reach, Scope
from service.domain.deadlines import DeadlineKind
from service.domain.escalation import Role
from service.flows import casework, docketing, enrolment
from service.flows.sitting import Sitting
from service.runtime import Runtime, build_runtime
from service.schemas.cases import CaseIn, RoleIn
from service.schemas.deadlines import DeadlineIn
from service.schemas.teams import TeamIn
from service.schemas.users import UserIn
from service.settings import Settings
from service.store import migrations
from service.store.messages import Message
from tests.harness.postgres import PostgresServer
from workers import tasks
from workers.line import keep_tidy

_MAILS = 500
#: As many as were due at once when Healthchecks was measured.
_BURST = 2000
_BARE = "aiosmtplib send_message of fresh messages of that size, one kept connection, no database"
_LOOP = "a loop as Healthchecks sends: one row, one render, one new connection at a time, Postgres"


def rows() -> list[Row]:
    """In a process that tidies up as a worker does, for both sides."""
    keep_tidy()
    with tempfile.TemporaryDirectory() as folder, PostgresServer() as server, _relay() as port:
        url = server.create_database()
        with _House(Path(folder) / "SQLite", "", port) as house:
            small = [_against_bare(house, "SQLite")]
        with _House(Path(folder) / "Postgres", url, port) as house:
            return [*small, _against_bare(house, "Postgres"), _against_loop(house, url)]


def _against_bare(house: "_House", name: str) -> Row:
    return compare(
        f"mails, due to recorded, {name}",
        house.send,
        _BARE,
        lambda: house.run.run(_bare(house.port, house.sample)),
        target=4,
        prepare=lambda: house.enter(_MAILS),
    )


def _against_loop(house: "_House", url: str) -> Row:
    return compare(
        f"{_BURST:,} reminders by mail, one process, Postgres",
        house.send,
        _LOOP,
        lambda: _loop(house.port, url, house.sample),
        target=20,
        prepare=lambda: house.enter(_BURST),
        rounds=3,
    )


class _House:
    """A runtime with a relay. `sample`: one of its mails, that the other side may send as much."""

    def __init__(self, home: Path, url: str, port: int) -> None:
        home.mkdir()
        self.port = port
        settings = Settings(home=home, database_url=url, smtp_url=f"smtp://127.0.0.1:{port}")
        migrations.upgrade(settings.sqlalchemy_url)
        self._runtime = build_runtime(settings)
        self.run = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.enter(1)
        self.send()
        self.sample = self.run.run(_sample(self._runtime))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.run.run(self._runtime.close())
        self.run.close()

    def enter(self, number: int) -> None:
        self.run.run(_enter(self._runtime, number))

    def send(self) -> int:
        return self.run.run(_send(self._runtime))


def _serve(port_to: Connection) -> None:
    """A relay in a process of its own: neither side is to pay for it. It takes whatever it is given."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        try:
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"DATA":
                    writer.write(b"354 go on\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                writer.write(_REPLIES.get(verb, b"250 well\r\n"))
                if verb == b"QUIT":
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=256, limit=2**20)
        port_to.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


_REPLIES = {
    b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 DSN\r\n",
    b"QUIT": b"221 gone\r\n",
}


@contextmanager
def _relay() -> Iterator[int]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,))
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


async def _send(runtime: Runtime) -> int:
    await tasks.tick(runtime)
    return await tasks.deliver(runtime)


_numbers = itertools.count(1)


async def _enter(runtime: Runtime, mails: int) -> None:
    """So many cases with a deadline so near that their owner, each another person, is told at once."""
    async with runtime.transaction() as session:
        now = runtime.clock()
        operator = Caller("benchmark", Scope.ADMIN, Reach(None))
        team = await enrolment.create_team(session, TeamIn(name="Benchmark"), operator, now)
        caller = Caller("benchmark", Scope.ADMIN, Reach(frozenset({team.id})))
        due_on = (now + timedelta(days=10)).date()
        sitting = Sitting(session, runtime.channels, runtime.rules, now)
        for number in itertools.islice(_numbers, mails):
            email = f"owner-{number}@example.org"
            owner = UserIn(
                name="Owner",
                email=email,
                timezone="Asia/Almaty",
                team_ids=[team.id],
                quiet_hours=None,
                calendar_part=True,
                digest_at=None,
                exit_check_at=None,
            )
            user, _ = await enrolment.create_user(session, owner, caller, now)
            roles = [RoleIn(role=Role.OWNER, user_id=user.id)]
            body = CaseIn(code=f"B-{number}", timezone="UTC", roles=roles)
            case, _ = await casework.open_case(session, body, caller, now)
            deadline = DeadlineIn(
                case_id=case.id,
                title=f"Appeal no {number}",
                kind=DeadlineKind.FILING,
                due_on=due_on,
            )
            await docketing.state_deadline(sitting, deadline, caller)


async def _sample(runtime: Runtime) -> EmailMessage:
    """One of ours, that the other side may send as much."""
    async with runtime.reading() as session:
        content = (await session.exec(select(Message.content).limit(1))).one()
    return message_from_bytes(content, policy=policy.default)


async def _bare(port: int, sample: EmailMessage) -> int:
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port) as smtp:
        for number in range(_MAILS):
            await smtp.send_message(_fresh(number, sample, *_texts(sample)))
    return _MAILS


def _loop(port: int, url: str, sample: EmailMessage) -> int:
    """Healthchecks' `sendalerts` in its bare bones: find one that is due, take it, render, note that it is
    being sent, send it over a connection of its own, note how that went."""
    templates = Environment(loader=DictLoader({"text": "{{ text }}", "html": "{{ text }}"}))
    texts = _texts(sample)
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("DROP TABLE IF EXISTS flip, notification")
        database.execute("CREATE TABLE flip (id serial PRIMARY KEY, name text, done timestamptz)")
        database.execute(
            "CREATE TABLE notification (id serial PRIMARY KEY, flip int, sent timestamptz, error text)"
        )
        database.execute(
            "INSERT INTO flip (name) SELECT 'Check ' || n FROM generate_series(1, %s) AS n",
            [_BURST],
        )
        due = "SELECT id, name FROM flip WHERE done IS NULL ORDER BY id LIMIT 1"
        while row := database.execute(due).fetchone():
            database.execute("UPDATE flip SET done = now() WHERE id = %s AND done IS NULL", row[:1])
            noted = "INSERT INTO notification (flip, error) VALUES (%s, 'sending') RETURNING id"
            notification = database.execute(noted, row[:1]).fetchone()
            text, html = (
                templates.get_template(name).render(text=words, row=row)
                for name, words in zip(("text", "html"), texts, strict=True)
            )
            mail = _fresh(row[0], sample, text, html)
            with smtplib.SMTP("127.0.0.1", port) as smtp:
                smtp.send_message(mail)
            sent = "UPDATE notification SET sent = now(), error = '' WHERE id = %s"
            database.execute(sent, notification)
    return _BURST


def _texts(sample: EmailMessage) -> tuple[str, str]:
    texts = next(sample.iter_parts())
    assert isinstance(texts, EmailMessage)
    text, html = (part.get_content() for part in texts.iter_parts())
    return text, html


def _fresh(number: int, sample: EmailMessage, text: str, html: str) -> EmailMessage:
    """Of the same headers, texts and calendar file as ours."""
    mail = EmailMessage()
    mail["To"] = f"owner-{number}@example.org"
    for name in sample:
        if not name.lower().startswith(("content-", "mime-", "to")):
            mail[name] = str(sample[name])
    mail.set_content(text)
    mail.add_alternative(html, subtype="html")
    *_, calendar = sample.iter_parts()
    mail.add_attachment(calendar.get_payload(decode=True), maintype="text", subtype="calendar")
    return mail
