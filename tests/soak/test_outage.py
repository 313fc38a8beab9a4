"""What has left is written down: once the database is back, or bare where a verdict cannot be taken."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import OperationalError
from sqlmodel.ext.asyncio.session import AsyncSession

from service.channels.email.sender import EmailChannel
from service.channels.interface import Parcel
from service.domain.notifications import ChannelKind
from service.domain.retry import Outcome
from service.runtime import Runtime, build_runtime
from service.settings import Settings
from tests.harness.smtp import SmtpServer
from tests.soak.entries import Tables, Wanted, enter
from workers import tasks


class Unsteady(Runtime):
    """Its database is away while `away` is set; `missed`: somebody has noticed."""

    away = threading.Event()
    missed = threading.Event()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        if self.away.is_set():
            self.missed.set()
            raise OperationalError("SELECT 1", {}, ConnectionError("gone"))
        async with super().transaction() as session:
            yield session


async def test_a_claim_that_fails_takes_no_verdict_with_it(
    sqlite_url: str, smtp: SmtpServer, tmp_path: Path
) -> None:
    settings = Settings(
        home=tmp_path, database_url=sqlite_url, smtp_url=smtp.url, poll_seconds=0.01
    )
    built = build_runtime(settings)
    runtime = Unsteady(**{one.name: getattr(built, one.name) for one in fields(Runtime)})

    def gone_meanwhile(_: object) -> None:
        runtime.away.set()
        assert runtime.missed.wait(10)
        runtime.away.clear()

    smtp.on_data = gone_meanwhile
    tables = Tables(settings)
    try:
        await enter(settings, Wanted(1, datetime.now(UTC), 0, teams=1))
        await tasks.tick(runtime)
        assert await tasks.deliver(runtime) == 1
        (row,) = tables.rows()
        assert (row.state, [one.verdict for one in row.tries]) == ("accepted", ["accepted"])
        assert len(smtp.mails) == 1
    finally:
        tables.close()
        await runtime.close()


class Babbling(EmailChannel):
    """A relay that says what no database takes, to one mail among others."""

    sent = 0

    async def send(self, parcel: Parcel) -> Outcome:
        self.sent += 1
        outcome = await super().send(parcel)
        return replace(outcome, detail="\ud800") if self.sent == 2 else outcome


async def test_a_verdict_that_cannot_be_written_is_kept_bare_and_takes_no_other_with_it(
    sqlite_url: str, smtp: SmtpServer, tmp_path: Path
) -> None:
    settings = Settings(
        home=tmp_path, database_url=sqlite_url, smtp_url=smtp.url, poll_seconds=0.01
    )
    runtime = build_runtime(settings)
    mails = runtime.channels[ChannelKind.EMAIL]
    assert isinstance(mails, EmailChannel)
    mails.__class__ = Babbling
    tables = Tables(settings)
    try:
        await enter(settings, Wanted(3, datetime.now(UTC), 0, teams=3))
        await tasks.tick(runtime)
        await tasks.deliver(runtime)
        assert await tasks.deliver(runtime) == 0, "nothing is sent a second time"
        rows = tables.rows()
        assert [row.state for row in rows] == ["accepted"] * 3
        assert len(smtp.mails) == 3
    finally:
        tables.close()
        await runtime.close()
