"""The cast of the journeys, entered through the REST interface, and what each journey checks at its end."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import ics
import vobject
from ical.calendar_stream import IcsCalendarStream
from icalendar import Calendar
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.settings import Settings
from service.store import journal
from service.store.attempts import Attempt
from service.store.database import make_engine, readers
from service.store.messages import Message
from tests.harness.receiver import ReceivedRequest
from tests.harness.world import World

FINAL = {"accepted", "superseded", "failed", "expired", "bounced"}
ZONE = "Asia/Almaty"


def ask(client: httpx.Client, method: str, path: str, **kwargs: Any) -> Any:
    """The JSON of an answer that must be a success."""
    answer = client.request(method, path, **kwargs)
    assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json()


@dataclass
class Docket:
    """One team with its people, a ladder, a case, an endpoint and a feed."""

    world: World
    team: str
    people: dict[str, str]
    policy: str
    case: str
    feed_url: str
    feed_secret: str
    endpoint: str
    endpoint_secret: str
    deadlines: list[str] = field(default_factory=list)

    def post(self, path: str, **body: Any) -> Any:
        return ask(self.world.api, "POST", path, json=body)

    def get(self, path: str, **params: Any) -> Any:
        return ask(self.world.api, "GET", path, params=params)

    def messages(self, deadline: str) -> list[Any]:
        return list(self.get(f"/deadlines/{deadline}/messages", limit=200)["items"])

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Webhooks of one type that came, each verified by the reference library, by sequence:
        the order of arrival is promised to nobody."""
        found = []
        for request in self.world.receiver.requests:
            event = self.verified(request)
            if event["type"] == kind:
                found.append(event)
        return sorted(found, key=lambda event: int(event["sequence"]))

    def verified(self, request: ReceivedRequest) -> dict[str, Any]:
        sent_at = int(request.headers["webhook-timestamp"])
        now = self.world.clock.now.fromtimestamp(sent_at, tz=self.world.clock.now.tzinfo)
        event: dict[str, Any] = self.world.receiver.verify(self.endpoint_secret, request, now)
        assert event["id"] == request.headers["webhook-id"]
        return event

    def move(self, to: datetime | timedelta) -> None:
        """Moves the clock once all that left is written down: a leap of hours ends every lease, and
        whatever is still under way then would rightly be sent again."""
        clock = self.world.clock
        try:
            self.world.eventually(self._nothing_pending)
        except AssertionError:
            # Shown where the test fails later on: why a first try failed is what one wants to know.
            logging.getLogger(__name__).warning("waiting: %s", asyncio.run(_waiting(self.world)))
            # A try that failed for the moment is made again a minute later, by a clock that stands still.
            clock.advance(timedelta(minutes=2))
            self.world.eventually(self._nothing_pending)
        clock.set(to if isinstance(to, datetime) else clock.now + to)

    def _nothing_pending(self) -> bool:
        metrics = self.world.web.get("/metrics").text
        lines = [
            line for line in metrics.splitlines() if line.startswith("adquem_messages_pending")
        ]
        return len(lines) == 2 and all(line.endswith(" 0") for line in lines)

    def feed(self) -> bytes:
        answer = self.world.web.get(self.feed_url.removeprefix(self.world.base_url))
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.content


def open_docket(world: World, steps: list[dict[str, Any]], code: str = "K-17") -> Docket:
    """Owner, deputy and supervisor on one case; the owner's feed shows titles (level 2)."""
    api = world.api
    team = ask(api, "POST", "/teams", json={"name": "Defence team"})["id"]
    people = {
        role: ask(
            api,
            "POST",
            "/users",
            json={
                "name": role.capitalize(),
                "email": f"{role}@example.org",
                "timezone": ZONE,
                "team_ids": [team],
                "quiet_hours": None,
                # A journey counts its mails: the two of every day would stand between them.
                "digest_at": None,
                "exit_check_at": None,
            },
        )["id"]
        for role in ("owner", "deputy", "supervisor")
    }
    policy = ask(
        api,
        "POST",
        "/escalation-policies",
        json={"team_id": team, "name": "Ladder", "steps": steps},
    )["id"]
    case = ask(
        api,
        "POST",
        "/cases",
        json={
            "team_id": team,
            "code": code,
            "timezone": ZONE,
            "forum": "kz.criminal",
            "calendar": "KZ",
            "escalation_policy_id": policy,
            "roles": [{"role": role, "user_id": user} for role, user in people.items()],
        },
    )["id"]
    endpoint = ask(
        api,
        "POST",
        "/endpoints",
        # All that a journey tells at one instant is to leave at that instant: its clock stands still.
        json={
            "team_id": team,
            "name": "Partner",
            "url": world.receiver.url(),
            "at_once": 20,
            "per_second": 1000,
        },
    )
    feed = ask(
        api,
        "POST",
        "/feeds",
        json={"team_id": team, "user_id": people["owner"], "name": "Phone", "level": 2},
    )
    secret = feed["url"].rpartition("/")[2].split(".")[1]
    return Docket(
        world,
        team,
        people,
        policy,
        case,
        feed["url"],
        secret,
        endpoint["id"],
        endpoint["secret"],
    )


def check_nothing_lost(docket: Docket) -> bool:
    """What every journey checks at its end; asserts, for `eventually`."""
    world = docket.world
    deadlines = docket.get("/deadlines", limit=200)["items"]
    assert deadlines
    for deadline in deadlines:
        _check_deadline(docket, deadline)
    assert asyncio.run(_broken_chains(world)) == []
    _check_feed(docket)
    for process in world.processes:
        assert docket.feed_secret not in process.log.read_text(), "a feed's secret was logged"
        assert docket.endpoint_secret not in process.log.read_text()
    return True


@contextlib.asynccontextmanager
async def _read_beside(world: World) -> AsyncIterator[AsyncSession]:
    """What the database holds, beside the running processes."""
    settings = Settings(
        home=Path(world.settings["ADQUEM_HOME"]),
        database_url=world.settings.get("ADQUEM_DATABASE_URL", ""),
    )
    engine = make_engine(settings.sqlalchemy_url)
    try:
        async with readers(engine)() as session:
            yield session
    finally:
        await engine.dispose()


async def _broken_chains(world: World) -> list[str]:
    """By what `adquem verify-journal` reads with (J3 and J5 run it)."""
    async with _read_beside(world) as session:
        return [
            head.chain
            for head in await journal.chains(session)
            if await journal.first_broken(session, head) is not None
        ]


async def _waiting(world: World) -> list[tuple[object, ...]]:
    """What has not left, and how its tries went."""
    async with _read_beside(world) as session:
        query = select(Message, Attempt).outerjoin(Attempt, Attempt.message_id == Message.id)
        rows = await session.exec(query.where(col(Message.state).in_(["due", "sending"])))
        return [
            (one.event, one.channel, one.state, one.next_attempt_at, tried and tried.model_dump())
            for one, tried in rows
        ]


def _check_deadline(docket: Docket, deadline: dict[str, Any]) -> None:
    derivation = docket.get(f"/deadlines/{deadline['id']}/derivation")
    assert derivation["derivation"][-1]["on"] == deadline["due_on"]
    messages = docket.messages(deadline["id"])
    keys = [
        (m["deadline_version"], m["step"], m["occurrence"], m["user_id"])
        for m in messages
        if m["user_id"]
    ]
    assert len(keys) == len(set(keys)), "somebody was told the same thing twice"
    for message in messages:
        assert message["state"] in FINAL, message
        assert message["attempts"] or message["reason"], message
    plan = docket.get(f"/deadlines/{deadline['id']}/plan")
    told = {m["step"] for m in messages if m["user_id"]}
    assert {str(step) for step in plan["fired"]} <= told | _empty_steps(messages)


def _empty_steps(messages: list[dict[str, Any]]) -> set[str]:
    return {m["step"] for m in messages if m["event"] == "escalation.step_empty"}


def _check_feed(docket: Docket) -> None:
    """The same bytes when rendered twice; four parsers of different strictness read it."""
    content = docket.feed()
    assert content == docket.feed()
    text = content.decode()
    uids = {str(event["uid"]) for event in Calendar.from_ical(content).walk("VEVENT")}
    assert uids
    assert {event.uid for event in IcsCalendarStream.calendar_from_ics(text).events} == uids
    assert {event.uid.value for event in vobject.readOne(text).contents["vevent"]} == uids
    assert {event.uid for event in ics.Calendar(text).events} == uids
