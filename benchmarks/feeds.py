"""Feeds: a poll that finds nothing new against a bare application with one read; a thousand events against
icalendar's own serializer, and against Radicale, which serves the same."""

import asyncio
import http.client
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import Any, Self
from zoneinfo import ZoneInfo

import httpx
from icalendar import Calendar, Event

from benchmarks.rows import Row, compare
from benchmarks.serving import Poll, bare_application, poller, serving, whole_application
from service.domain.access import Caller, Level, Reach, Scope
from service.domain.deadlines import DeadlineKind
from service.domain.escalation import Role
from service.domain.feeds import BOUNDS, Bounds
from service.feeds.calendar import counted
from service.feeds.components import component
from service.flows import casework, docketing, enrolment, fetching, subscription
from service.flows.sitting import Sitting
from service.runtime import Runtime, build_runtime
from service.schemas.cases import CaseIn, RoleIn
from service.schemas.deadlines import DeadlineIn
from service.schemas.feeds import FeedIn
from service.schemas.teams import TeamIn
from service.schemas.users import UserIn
from service.settings import Settings
from service.store import migrations
from service.store.columns import insert_rows
from service.store.deadlines import Deadline
from service.store.feeds import read_feed
from tests.harness.postgres import PostgresServer
from tests.harness.radicale import NAME, PASSWORD, Radicale

_EVENTS, _POLLS, _FETCHES = 1000, 1600, 10
_ZONE = ZoneInfo("Asia/Almaty")
_WHAT = ", по делу о выдаче лица, заключённого под стражу на сорок суток"
_NONE: Mapping[str, str] = {}
#: As programs that keep a calendar over CalDAV ask for it (RFC 4791, 7.8).
_QUERY = """<?xml version="1.0" encoding="utf-8"?>
<C:calendar-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">
<prop><getetag/><C:calendar-data/></prop>
<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"/></C:comp-filter></C:filter>
</C:calendar-query>"""
#: Seconds until it begins to answer and until it has, and what it said.
_Get = Callable[[], tuple[float, float, bytes]]
#: Calendars are cut to half of these events; here all are wanted.
_WIDE = Bounds(2 * _EVENTS, 10_000_000)
_OPERATOR = Caller("benchmark", Scope.ADMIN, Reach(None))
_BARE = "a bare ASGI application, one indexed SELECT by the driver, 304, the same uvicorn"
_BUILT = "icalendar's events built of ready values, and to_ical, no database"
_PLAIN = "icalendar's to_ical of the same events, no database"


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, PostgresServer() as server, poller() as poll:
        found = []
        for name, url in (("SQLite", ""), ("Postgres", server.create_database())):
            with House(Path(folder) / name, url) as house:
                found += [polled(house, name, poll), *rendered(house, name), *served(house, name)]
        return found


class House:
    """A database with a feed of a thousand deadlines."""

    def __init__(self, home: Path, url: str) -> None:
        home.mkdir()
        self.settings = Settings(home=home, database_url=url)
        migrations.upgrade(self.settings.sqlalchemy_url)
        self._runner = asyncio.Runner()
        self._runtime = build_runtime(self.settings)
        self.feed_id, secret = self._runner.run(_entered(self._runtime))
        self.path = f"/f/{self.feed_id}.{secret}.ics"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._runtime.close())
        self._runner.close()

    def render(self) -> bytes:
        """All that a fetch does but for HTTP, where its client and this feed were never seen."""
        made: list[bytes] = []
        # Not the result of a run, which describes its result to itself, all of it.
        self._runner.run(_rendering(self._runtime, self.feed_id, made))
        return made[0]


async def _rendering(runtime: Runtime, feed_id: str, made: list[bytes]) -> None:
    feed = await read_feed(runtime.glances, feed_id)
    assert feed is not None
    async with runtime.reading() as session:
        url, now = runtime.settings.base_url, runtime.clock()
        found = await fetching.rendered(session, feed, url, now, _WIDE)
        assert found is not None
        made.append(found.content)


async def _entered(runtime: Runtime) -> tuple[str, str]:
    """The feed's id and secret."""
    now = runtime.clock()
    async with runtime.transaction() as session:
        team = await enrolment.create_team(session, TeamIn(name="Benchmark"), _OPERATOR, now)
        caller = Caller("benchmark", Scope.ADMIN, Reach(frozenset({team.id})))
        owner = UserIn(
            name="Owner", email="owner@example.org", timezone=_ZONE.key, team_ids=[team.id]
        )
        user, _ = await enrolment.create_user(session, owner, caller, now)
        roles = [RoleIn(role=Role.OWNER, user_id=user.id)]
        opened = CaseIn(code="B-1", timezone=_ZONE.key, ceiling=Level.BASIS, roles=roles)
        case, _ = await casework.open_case(session, opened, caller, now)
        stated = DeadlineIn(
            case_id=case.id,
            title="Апелляционная жалоба, № 0000",
            kind=DeadlineKind.FILING,
            due_at=now.replace(minute=0, second=0, microsecond=0) + timedelta(days=10),
        )
        sitting = Sitting(session, runtime.channels, runtime.rules, now)
        first = await docketing.state_deadline(sitting, stated, caller)
        await session.flush()
        await insert_rows(session, Deadline, [_copy(first, n) for n in range(1, _EVENTS)])
        body = FeedIn(name="Phone", user_id=user.id, level=Level.BASIS)
        feed, secret = await subscription.create_feed(session, body, caller, now)
        return feed.id, secret


def _copy(first: Deadline, number: int) -> dict[str, Any]:
    """Seven hours after the one before. Its title is of another length, or all would be folded alike."""
    due_at = first.due_at + timedelta(hours=7 * number)
    return first.model_dump() | {
        "id": f"{first.id[:-6]}{number:06}",
        "title": f"{first.title[:-4]}{number:04}{_WHAT[: number % len(_WHAT)]}",
        "due_at": due_at,
        "due_on": due_at.astimezone(_ZONE).date(),
        "wake_at": None,
    }


def polled(house: House, name: str, poll: Poll) -> Row:
    with (
        serving(whole_application, house.settings, BOUNDS) as ours,
        serving(bare_application, house.settings, BOUNDS) as bare,
    ):
        etag = str(httpx.get(f"http://127.0.0.1:{ours}{house.path}").headers["etag"])
        poll(ours, house.path, etag, 80)  # the first of a family of programs is written down
        return compare(
            f"conditional GET of a feed, whole application, {name}",
            lambda: poll(ours, house.path, etag, _POLLS),
            _BARE,
            lambda: poll(bare, house.path, etag, _POLLS),
            target=0.4,
            rounds=11,
        )


def rendered(house: House, name: str) -> list[Row]:
    """`component` and `counted` are what keeps events that were rendered once."""
    calendar = Calendar.from_ical(house.render())
    assert len(calendar.events) == _EVENTS

    def plain() -> int:
        calendar.to_ical()
        return _EVENTS

    def ours() -> int:
        house.render()
        return _EVENTS

    def repeatedly() -> int:
        """A round as long as one of the other side: each in turn finds the processor's caches its own."""
        return sum(ours() for _ in range(_FETCHES))

    def built() -> int:
        """As a plain program makes them, from values that are ready."""
        made = Calendar()
        for event in events:
            one = Event()
            for key, value in event:
                one.add(key, value)
            made.add_component(one)
        made.to_ical()
        return _EVENTS

    def forget() -> None:
        component.cache_clear()
        counted.cache_clear()

    events = [
        [(key, getattr(value, "dt", value)) for key, value in event.items()]
        for event in calendar.events
    ]
    known = f"cold feed, {_EVENTS:,} known deadlines, read and rendered, {name}"
    new = f"cold feed, {_EVENTS:,} deadlines never seen, read and rendered, {name}"
    return [
        compare(known, repeatedly, _PLAIN, plain, target=20, rounds=11),
        compare(new, ours, _PLAIN, plain, prepare=forget, rounds=7),
        compare(new, ours, _BUILT, built, target=1, prepare=forget, rounds=7),
    ]


def served(house: House, name: str) -> list[Row]:
    """Both are asked for all anew, each time on a new connection."""
    with (
        serving(whole_application, house.settings, _WIDE) as port,
        Radicale(house.settings.home / "radicale") as radicale,
    ):
        stored = radicale.client.put(radicale.address, content=house.render(), timeout=60)
        assert stored.is_success, stored.text
        theirs = httpx.URL(radicale.address)
        assert theirs.port is not None
        key = b64encode(f"{NAME}:{PASSWORD}".encode()).decode()
        word = {"Authorization": f"Basic {key}"}
        report = word | {"Depth": "1", "Content-Type": "application/xml"}
        ours = partial(_got, port, "GET", house.path)
        plain = partial(_got, theirs.port, "GET", theirs.path, word)
        queried = partial(_got, theirs.port, "REPORT", theirs.path, report, _QUERY)
        return [
            *_against(ours, "Radicale serving the same", plain, name),
            *_against(
                ours, "Radicale answering a CalDAV client's query for the same", queried, name
            ),
            _day_of_polls(_taken(port, house.path), _taken(theirs.port, theirs.path, word), name),
        ]


def _against(ours: _Get, against: str, theirs: _Get, name: str) -> list[Row]:
    taken = [(ours(), theirs()) for _ in range(8)][1:]
    for side in taken[0]:
        assert side[2].count(b"BEGIN:VEVENT") == _EVENTS
    found = []
    for part, what, unit in ((0, "first byte", "s"), (1, "whole", "s"), (2, "bytes", "bytes")):
        sizes = [[float(len(got[2]) if part == 2 else got[part]) for got in turn] for turn in taken]
        own = [size for size, _ in sizes]
        value, ratio = median(own), median(other / size for size, other in sizes)
        spread = round((max(own) - min(own)) / value, 2)
        found.append(
            Row(
                f"feed of {_EVENTS:,} events over HTTP, {what}, {name}",
                round(value, 4), unit, against, round(ratio, 3), 1, spread,
            )
        )  # fmt: skip
    return found


def _day_of_polls(own: int, other: int, name: str) -> Row:
    """Bytes: there is nothing to be measured twice."""
    return Row(
        f"feed of {_EVENTS:,} events, a day of hourly polls with nothing new, {name}",
        own, "bytes", "Radicale serving the same", round(other / own, 3), 1, 0.0,
    )  # fmt: skip


def _taken(port: int, path: str, headers: Mapping[str, str] = _NONE) -> int:
    """Bytes of all answers, and their headers, to a program that asks whether what it knows has changed."""
    taken, sent = 0, dict(headers)
    for _ in range(24):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", path, headers=sent)
        answer = connection.getresponse()
        taken += len(answer.headers.as_bytes()) + len(answer.read())
        sent["If-None-Match"] = answer.headers["ETag"]
        connection.close()
    return taken


def _got(
    port: int, method: str, path: str, headers: Mapping[str, str] = _NONE, body: str = ""
) -> tuple[float, float, bytes]:
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request(method, path, body or None, headers)
    answer = connection.getresponse()
    first = time.perf_counter() - started
    content = answer.read()
    whole = time.perf_counter() - started
    connection.close()
    assert answer.status in (HTTPStatus.OK, HTTPStatus.MULTI_STATUS), content[:200]
    return first, whole, content
