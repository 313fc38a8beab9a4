"""What a tick costs for each deadline that is due, beside ten thousand open ones and beside a million."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

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
from service.store.cases import Case, CaseRole
from service.store.columns import core_table
from service.store.deadlines import Deadline
from tests.harness.postgres import PostgresServer
from workers import tasks

_FEW, _MANY = 10_000, 1_000_000
#: Deadlines of one case, and how many are due in a round.
_OF_A_CASE, _DUE = 100, 500
_OPERATOR = Caller("benchmark", Scope.ADMIN, Reach(None))


def rows() -> list[Row]:
    with (
        PostgresServer() as server,
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner() as run,
    ):
        few, many = (
            Docket(server.create_database(), Path(folder) / str(size), size, run)
            for size in (_FEW, _MANY)
        )
        try:
            return [
                compare(
                    f"tick with {_MANY:,} open deadlines, each due one, Postgres",
                    many.tick,
                    f"with {_FEW:,} open",
                    few.tick,
                    target=0.77,
                    prepare=lambda: (few.make_due(), many.make_due()),
                )
            ]
        finally:
            few.close()
            many.close()


class Docket:
    """A database with so many open deadlines, copied from one that was entered."""

    def __init__(self, url: str, home: Path, size: int, runner: asyncio.Runner) -> None:
        home.mkdir()
        settings = Settings(home=home, database_url=url)
        migrations.upgrade(settings.sqlalchemy_url)
        self.runtime = build_runtime(settings)
        self._runner = runner
        self._size, self._told = size, 0
        self._run(_fill(size))

    def tick(self) -> int:
        return int(self._runner.run(tasks.tick(self.runtime)))

    def make_due(self) -> None:
        """The next so many, spread over all; nobody has been told of them yet."""
        stride = self._size // _DUE
        numbers = [n * stride + self._told for n in range(_DUE)]
        self._told += 1
        ids = [f"dln_{number:08}" for number in numbers]
        due = text("UPDATE deadlines SET wake_at = now() WHERE id = ANY(:ids)")
        self._run(lambda runtime: _execute(runtime, due, {"ids": ids}))

    def close(self) -> None:
        self._runner.run(self.runtime.close())

    def _run(self, work: Callable[[Runtime], Awaitable[None]]) -> None:
        async def working() -> None:
            await work(self.runtime)

        self._runner.run(working())


async def _execute(runtime: Runtime, statement: Any, values: dict[str, Any]) -> None:
    async with runtime.transaction() as session:
        await (await session.connection()).execute(statement, values)


def _fill(size: int) -> Callable[[Runtime], Awaitable[None]]:
    async def fill(runtime: Runtime) -> None:
        async with runtime.transaction() as session:
            case_id, deadline_id = await _entered(runtime, session)
            connection = await session.connection()
            await connection.execute(text("SET LOCAL statement_timeout = 0"))
            cases = {"id": "'cas_' || to_char(n, 'FM00000000')", "code": "'B-' || n"}
            await connection.execute(
                _copies(Case, cases, size // _OF_A_CASE, "id"), {"id": case_id}
            )
            held = {"case_id": "'cas_' || to_char(n, 'FM00000000')"}
            few = size // _OF_A_CASE
            await connection.execute(_copies(CaseRole, held, few, "case_id"), {"id": case_id})
            own = {
                "id": "'dln_' || to_char(n, 'FM00000000')",
                "case_id": f"'cas_' || to_char(n / {_OF_A_CASE}, 'FM00000000')",
                "wake_at": "now() + interval '1 day' * (1 + n % 300)",
            }
            await connection.execute(_copies(Deadline, own, size, "id"), {"id": deadline_id})
        async with runtime.transaction() as session:
            await (await session.connection()).execute(text("ANALYZE"))

    return fill


def _copies(table: type[Any], own: dict[str, str], number: int, key: str) -> Any:
    """INSERT of so many copies of the row named `:id`, each with its own values."""
    names = [column.name for column in core_table(table).columns]
    values = ", ".join(own.get(name, f"{table.__tablename__}.{name}") for name in names)
    return text(
        f"INSERT INTO {table.__tablename__} ({', '.join(names)}) SELECT {values} "
        f"FROM {table.__tablename__}, generate_series(0, {number - 1}) AS n "
        f"WHERE {table.__tablename__}.{key} = :id"
    )


async def _entered(runtime: Runtime, session: Any) -> tuple[str, str]:
    """Ids of a case with an owner and of a deadline so near that the owner is told at once."""
    now = runtime.clock()
    team = await enrolment.create_team(session, TeamIn(name="Benchmark"), _OPERATOR, now)
    caller = Caller("benchmark", Scope.ADMIN, Reach(frozenset({team.id})))
    owner = UserIn(
        name="Owner",
        email=f"{team.id}@example.org",
        timezone="UTC",
        team_ids=[team.id],
        quiet_hours=None,
    )
    user, _ = await enrolment.create_user(session, owner, caller, now)
    roles = [RoleIn(role=Role.OWNER, user_id=user.id)]
    body = CaseIn(code="B", timezone="UTC", roles=roles)
    case, _ = await casework.open_case(session, body, caller, now)
    sitting = Sitting(session, runtime.channels, runtime.rules, now)
    stated = DeadlineIn(
        case_id=case.id,
        title="Appeal",
        kind=DeadlineKind.FILING,
        due_on=(now + timedelta(days=10)).date(),
    )
    deadline = await docketing.state_deadline(sitting, stated, caller)
    await session.flush()
    return case.id, deadline.id
