"""What it costs to enter deadlines, over HTTP: one by a rule, against a bare route that adds one row; a
thousand in one request, against the same rows inserted and nothing else."""

import asyncio
import itertools
import json
import tempfile
import uuid
from datetime import date, datetime
from pathlib import Path
from typing import Any, Self

import httpx
from fastapi import FastAPI
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from benchmarks.rows import Row, compare
from benchmarks.serving import serving, whole_application
from service.domain.access import Caller, Reach, Scope
from service.domain.escalation import Role
from service.domain.feeds import BOUNDS, Bounds
from service.flows import casework, enrolment
from service.runtime import Runtime, build_runtime
from service.schemas.api_keys import ApiKeyIn
from service.schemas.cases import CaseIn, RoleIn
from service.schemas.teams import TeamIn
from service.schemas.users import UserIn
from service.settings import Settings
from service.store import migrations
from service.store.cases import Case, CaseRole
from service.store.columns import UtcDateTime, core_table
from service.store.deadlines import Deadline
from service.store.journal import JournalEntry
from service.store.teams import Team
from service.store.trigger_events import TriggerEvent
from service.store.users import User
from tests.harness.postgres import PostgresServer

_POSTS = 80
#: SQLite has one writer: more would wait for each other's lock in no order at all.
_CONNECTIONS = {"SQLite": 1, "Postgres": 8}
_CASES, _OF_A_CASE = 1_000, 10
_IMPORTED = _CASES * _OF_A_CASE
#: What an import writes, and what that hangs on, in the order in which it can be written.
_WRITTEN = (Team, User, Case, CaseRole, TriggerEvent, Deadline, JournalEntry)
_OPERATOR = Caller("benchmark", Scope.ADMIN, Reach(None))
_OWNER = "owner@example.org"
#: Counted on a court calendar, in two readings; starts nothing at once.
_EVENT = {
    "kind": "decision.extradition",
    "occurred_on": "2026-02-20",
    "served_on": "2026-02-24",
    "rules": ["kz.cpc.592.extradition-appeal"],
}
_PLAIN = {
    "case_id": "cas_1",
    "title": "Appeal",
    "kind": "filing",
    "due_on": "2026-03-06",
    "due_at": "2026-03-06T19:00:00Z",
    "timezone": "Asia/Almaty",
    "created_at": "2026-02-24T09:00:00Z",
}
_BARE = "a bare FastAPI route, one SQLModel add and commit, the same uvicorn and driver"
_ALONE = "the same rows by SQLAlchemy Core executemany, no HTTP, no law"


class _OwnTables(SQLModel, registry=registry()):
    """Apart from those of the service."""


class PlainDeadline(_OwnTables, table=True):
    """A deadline as a plain program has it."""

    id: str = Field(default_factory=lambda: uuid.uuid4().hex, primary_key=True)
    case_id: str = Field(index=True)
    title: str
    kind: str
    due_on: date
    due_at: datetime = Field(sa_type=UtcDateTime)
    timezone: str
    created_at: datetime = Field(sa_type=UtcDateTime)


class PlainDeadlineIn(SQLModel):
    case_id: str
    title: str
    kind: str
    due_on: date
    due_at: datetime
    timezone: str
    created_at: datetime


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, PostgresServer() as server:
        found = []
        for name, embedded in (("SQLite", True), ("Postgres", False)):
            urls = ["" if embedded else server.create_database() for _ in range(2)]
            twin = _settings(Path(folder) / f"{name} twin", urls[1])
            with _House(_settings(Path(folder) / name, urls[0])) as house:
                found += [imported(house, twin, name), created(house, name)]
        return found


def _settings(home: Path, url: str) -> Settings:
    home.mkdir()
    settings = Settings(home=home, database_url=url, max_body_bytes=8_000_000)
    migrations.upgrade(settings.sqlalchemy_url)
    return settings


def created(house: "_House", name: str) -> Row:
    house.run.run(_make_plain_table(house.settings))
    ours = json.dumps(_EVENT).encode()
    bare = json.dumps(_PLAIN).encode()
    path = f"/api/v1/cases/{house.case_id}/trigger-events"
    at_once = _CONNECTIONS[name]
    with (
        serving(whole_application, house.settings, BOUNDS) as port,
        serving(bare_route, house.settings, BOUNDS) as bare_port,
    ):
        return compare(
            f"deadline created by a rule, derived and journalled, {at_once} at a time, {name}",
            lambda: house.run.run(_posted(port, path, house.key, ours, at_once)),
            _BARE,
            lambda: house.run.run(_posted(bare_port, "/deadlines", "", bare, at_once)),
            target=0.4,
            rounds=7,
        )


def imported(house: "_House", twin: Settings, name: str) -> Row:
    numbers = itertools.count()
    engine = create_async_engine(twin.sqlalchemy_url)
    with serving(whole_application, house.settings, BOUNDS) as port:
        _import(port, house.key, next(numbers))
        kept = house.run.run(_kept(house.settings))
        row = compare(
            f"deadlines imported, computed and journalled, {_IMPORTED:,} in a request, {name}",
            lambda: _import(port, house.key, next(numbers)),
            _ALONE,
            lambda: house.run.run(_inserted(engine, kept)),
            target=0.05,
            prepare=lambda: house.run.run(_cleared(engine)),
            rounds=3,
        )
        house.run.run(engine.dispose())
        return row


class _House:
    """A database with a team, a case with an owner, and a key of the team."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.run = asyncio.Runner()
        self.case_id, self.key = self.run.run(_entered(settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.run.close()


async def _entered(settings: Settings) -> tuple[str, str]:
    runtime = build_runtime(settings)
    try:
        return await _put_up(runtime)
    finally:
        await runtime.close()


async def _put_up(runtime: Runtime) -> tuple[str, str]:
    """The id of the case, and the key."""
    now = runtime.clock()
    async with runtime.transaction() as session:
        team = await enrolment.create_team(session, TeamIn(name="Benchmark"), _OPERATOR, now)
        caller = Caller("benchmark", Scope.ADMIN, Reach(frozenset({team.id})))
        owner = UserIn(name="Owner", email=_OWNER, timezone="Asia/Almaty", team_ids=[team.id])
        user, _ = await enrolment.create_user(session, owner, caller, now)
        roles = [RoleIn(role=Role.OWNER, user_id=user.id)]
        body = CaseIn(code="B", timezone="Asia/Almaty", roles=roles)
        case, _ = await casework.open_case(session, body, caller, now)
        wanted = ApiKeyIn(name="Benchmark", scope=Scope.WRITE, team_id=team.id)
        _, key = await enrolment.make_key(session, wanted, _OPERATOR, now)
    return case.id, key


def bare_route(settings: Settings, _: Bounds) -> Any:
    """What anybody would write first."""
    engine = create_async_engine(settings.sqlalchemy_url)
    app = FastAPI()

    @app.post("/deadlines", status_code=201)
    async def create_deadline(body: PlainDeadlineIn) -> PlainDeadline:
        async with AsyncSession(engine, expire_on_commit=False) as session:
            row = PlainDeadline(**body.model_dump())
            session.add(row)
            await session.commit()
            return row

    return app


async def _make_plain_table(settings: Settings) -> None:
    engine = create_async_engine(settings.sqlalchemy_url)
    async with engine.begin() as connection:
        await connection.run_sync(_OwnTables.metadata.create_all)
    await engine.dispose()


async def _posted(port: int, path: str, key: str, body: bytes, at_once: int) -> int:
    """Over kept connections; refuses to count what is not answered 201."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    request = head.encode() + body

    async def one() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(_POSTS // at_once):
            writer.write(request)
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            content = await reader.readexactly(
                int(answer.partition(b"content-length:")[2].split()[0])
            )
            assert answer.startswith(b"http/1.1 201"), content
        writer.close()
        return _POSTS // at_once

    return sum(await asyncio.gather(*(one() for _ in range(at_once))))


def _import(port: int, key: str, number: int) -> int:
    cases = [
        {
            "code": f"I{number}-{case}",
            "timezone": "Asia/Almaty",
            "roles": [{"role": "owner", "email": _OWNER}],
            "trigger_events": [_EVENT] * _OF_A_CASE,
        }
        for case in range(_CASES)
    ]
    answer = httpx.post(
        f"http://127.0.0.1:{port}/api/v1/imports",
        json={"dry_run": False, "cases": cases},
        headers={"Authorization": f"Bearer {key}"},
        timeout=300,
        trust_env=False,
    )
    assert answer.status_code == httpx.codes.CREATED, answer.text[:500]
    return int(answer.json()["counts"]["deadlines"])


async def _kept(settings: Settings) -> list[tuple[Any, list[dict[str, Any]]]]:
    """Every row of the tables that an import writes."""
    engine = create_async_engine(settings.sqlalchemy_url)
    async with engine.connect() as connection:
        found = []
        for table in map(core_table, _WRITTEN):
            read = await connection.execute(select(table))
            found.append((table, [dict(row) for row in read.mappings()]))
    await engine.dispose()
    return found


async def _inserted(engine: AsyncEngine, kept: list[tuple[Any, list[dict[str, Any]]]]) -> int:
    async with engine.begin() as connection:
        for table, values in kept:
            await connection.execute(insert(table), values)
    return next(len(values) for table, values in kept if table.name == Deadline.__tablename__)


async def _cleared(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        for table in map(core_table, reversed(_WRITTEN)):
            await connection.execute(delete(table))
