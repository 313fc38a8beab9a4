"""The whole way of a mail, from due deadline to recorded attempt, against a bare SMTP client."""

import asyncio
import socket
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
from aiosmtpd.controller import Controller

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
from workers import tasks

_MAILS = 300


class _Sink:
    async def handle_DATA(  # noqa: N802  (the library's name)
        self, _server: object, _session: object, _envelope: object
    ) -> str:
        return "250 taken"


@contextmanager
def _relay() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    controller = Controller(_Sink(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, _relay() as port:
        settings = Settings(home=Path(folder), smtp_url=f"smtp://127.0.0.1:{port}")
        migrations.upgrade(settings.sqlalchemy_url)
        return [
            compare(
                "mails, due to recorded, SQLite",
                lambda: asyncio.run(_with_runtime(settings, _send)),
                "aiosmtplib send_message of fresh messages, one kept connection, no database",
                lambda: asyncio.run(_bare(port)),
                prepare=lambda: asyncio.run(_with_runtime(settings, _enter)),
            )
        ]


async def _with_runtime(settings: Settings, work: Callable[[Runtime], Awaitable[int]]) -> int:
    runtime = build_runtime(settings)
    try:
        return await work(runtime)
    finally:
        await runtime.close()


async def _send(runtime: Runtime) -> int:
    await tasks.tick(runtime)
    return await tasks.deliver(runtime)


async def _enter(runtime: Runtime) -> int:
    """Deadlines of one case, so near that their owner is told at once."""
    async with runtime.transaction() as session:
        now = runtime.clock()
        operator = Caller("benchmark", Scope.ADMIN, Reach(None))
        team = await enrolment.create_team(session, TeamIn(name="Benchmark"), operator, now)
        caller = Caller("benchmark", Scope.ADMIN, Reach(frozenset({team.id})))
        email = f"{team.id}@example.org"
        owner = UserIn(name="Owner", email=email, timezone="UTC", team_ids=[team.id])
        user, _ = await enrolment.create_user(session, owner, caller, now)
        roles = [RoleIn(role=Role.OWNER, user_id=user.id)]
        body = CaseIn(code="B-1", timezone="UTC", roles=roles)
        case, _ = await casework.open_case(session, body, caller, now)
        due_on = (now + timedelta(days=10)).date()
        sitting = Sitting(session, runtime.channels, runtime.rules, now)
        for number in range(_MAILS):
            deadline = DeadlineIn(
                case_id=case.id, title=f"No {number}", kind=DeadlineKind.FILING, due_on=due_on
            )
            await docketing.state_deadline(sitting, deadline, caller)
    return _MAILS


async def _bare(port: int) -> int:
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port) as smtp:
        for number in range(_MAILS):
            mail = EmailMessage()
            mail["From"], mail["To"] = "a@example.org", "b@example.org"
            mail["Subject"] = f"Reminder {number}"
            mail.set_content("A legal deadline is coming up.\n" * 10)
            await smtp.send_message(mail)
    return _MAILS
