"""An installation inside the test's own process: the application, its clock, and who calls it."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlmodel import SQLModel, select

from service.app import create_app
from service.domain.access import Scope
from service.flows import enrolment
from service.runtime import Runtime
from service.schemas.api_keys import ApiKeyIn
from service.settings import Settings
from tests.harness.compiled import compile_once
from tests.harness.smtp import SmtpServer
from tests.harness.world import START, MovableClock

API = "/api/v1"
#: To this machine webhooks may go where a test says so.
LOOPBACK = ("127.0.0.0/8",)
#: For a test of what the databases could do differently; the others keep to the quick one.
on_both = pytest.mark.usefixtures("any_database_url")
#: Applications that serve nobody now. To analyse all routes takes longer than most tests: it is done once.
_idle: list[FastAPI] = []
#: Settings that an application is made with; all others it asks for each time that it starts.
_SHAPING = {"max_body_bytes", "public_url"}
Rows = dict[str, list[tuple[Any, ...]]]


@dataclass
class Installation:
    """`operator`: reaches every team. `outside`: has no key."""

    app: FastAPI
    clock: MovableClock
    operator_key: str
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    @cached_property
    def operator(self) -> httpx.AsyncClient:
        return self.client(self.operator_key)

    @cached_property
    def outside(self) -> httpx.AsyncClient:
        return self.client(None, "")

    @property
    def runtime(self) -> Runtime:
        runtime: Runtime = self.app.state.runtime
        return runtime

    def client(self, key: str | None, base: str = API) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        transport = httpx.ASGITransport(app=self.app)
        client = httpx.AsyncClient(
            transport=transport, base_url=f"http://adquem.test{base}", headers=headers
        )
        self.clients.append(client)
        return client

    async def key(self, **body: Any) -> str:
        """A new key made by the operator; `scope`, `team_id` and `user_id` as the body has them."""
        made = await create(self.operator, "/api-keys", {"name": "key", **body})
        secret: str = made["key"]
        return secret

    async def rows(self) -> Rows:
        """Everything that the database holds."""
        async with self.runtime.reading() as session:
            connection = await session.connection()
            return {
                table.name: sorted(map(tuple, await connection.execute(select(table))), key=repr)
                for table in SQLModel.metadata.sorted_tables
            }

    async def team(self, code: str = "K-17", name: str = "Team") -> "Team":
        """A team with its people, and one case that they are on."""
        team = await create(self.operator, "/teams", {"name": name})
        key = await self.key(scope="admin", team_id=team["id"])
        admin = self.client(key)
        people = {}
        for role in ("owner", "deputy", "supervisor", "observer"):
            body = {
                "name": f"{name} {role}",
                "email": f"{role}.{team['id']}@example.org",
                "timezone": "Asia/Almaty",
                "quiet_hours": None,
            }
            people[role] = (await create(admin, "/users", body))["id"]
        case = await create(admin, "/cases", case_body(code, people))
        return Team(team["id"], admin, people, case["id"], key)


@dataclass(frozen=True)
class Team:
    """`admin`: a client with the team's own `key`; `people`: role to user id."""

    id: str
    admin: httpx.AsyncClient
    people: dict[str, str]
    case: str
    key: str

    async def deadline(self, **given: Any) -> dict[str, Any]:
        """Entered by the owner, unless `given` names another."""
        entered = {"user_id": self.people["owner"]} | given
        return await create(self.admin, "/deadlines", deadline_body(self.case, **entered))


@dataclass(frozen=True)
class Populated:
    """A SQLite file to copy installations from, in which the operator has entered a team."""

    file: Path
    operator_key: str
    team: Team


def case_body(code: str, people: dict[str, str], **given: Any) -> dict[str, Any]:
    roles = [{"role": role, "user_id": user} for role, user in people.items()]
    return {"code": code, "timezone": "Asia/Almaty", "roles": roles} | given


def deadline_body(case_id: str, /, **given: Any) -> dict[str, Any]:
    body = {"case_id": case_id, "title": "Appeal", "kind": "filing"}
    return body | (given if {"due_on", "due_at"} & set(given) else {"due_on": "2026-06-10"} | given)


async def create(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What a POST that must succeed answers."""
    response = await client.post(path, json=body)
    assert response.status_code in (200, 201, 202), response.text
    made: dict[str, Any] = response.json()
    return made


async def read(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    """What a GET that must succeed answers."""
    response = await client.get(path, params=query or None)
    assert response.status_code == 200, response.text
    return response.json()


async def change(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """A PATCH of what was just read."""
    etag = (await client.get(path)).headers["etag"]
    response = await client.patch(path, json=body, headers={"if-match": etag})
    assert response.status_code == 200, response.text
    changed: dict[str, Any] = response.json()
    return changed


class Relay(SmtpServer):
    """Answers for each role as the test says; `answers`: the beginning of an address to a reply."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, str] = {}
        self.on_recipient = lambda address: self.answers.get(address.split(".")[0])


@asynccontextmanager
async def installed(
    database_url: str, folder: Path, operator_key: str = "", **given: Any
) -> AsyncIterator[Installation]:
    """The database must be migrated. `operator_key`: one that it holds already; else one is made."""
    clock = MovableClock(folder / "clock", START)
    key = base64.b64encode(bytes(range(32))).decode()
    own = {"verify_addresses": False, "secret_key": key} | given
    settings = Settings(
        home=folder / "home",
        database_url=database_url,
        rehearsal_clock=clock.file,
        **own,
    )
    of_its_own = given.keys() & _SHAPING
    app = _idle.pop() if _idle and not of_its_own else create_app(settings)
    app.state.settings = settings
    async with app.router.lifespan_context(app):
        installation = Installation(app, clock, operator_key)
        compile_once(installation.runtime.engine)
        if not operator_key:
            async with installation.runtime.transaction() as session:
                body = ApiKeyIn(name="operator", scope=Scope.ADMIN)
                _, installation.operator_key = await enrolment.make_key(
                    session, body, None, clock.now
                )
        try:
            yield installation
        finally:
            for client in installation.clients:
                await client.aclose()
    if not of_its_own:
        _idle.append(app)
