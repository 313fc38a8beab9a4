"""C4: some zones get a new law. Workers with new zone data take the place of those with the old while
notices leave: exactly what ends elsewhere by the new law moves, once, and is told.
"""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from sqlalchemy import create_engine, text
from sqlmodel import SQLModel

from service.clock import rehearsal_clock
from service.domain.escalation import Role
from service.domain.notifications import EventType
from service.ids import new_id
from service.store.cases import CaseRole
from service.store.users import Membership
from tests.soak.chaos import Act, Gate, Scenario
from tests.soak.editions import BEFORE, Edition, some_zones
from tests.soak.entries import Tables, endpoint, write
from tests.soak.gates import NO_REPEATS, had
from tests.soak.installation import Installation
from tests.soak.moved import Book, Entered, Found, Seen, of_all, some_had_left
from tests.soak.oracle import Edit, Planned
from tests.store import factories

_ZONES = 60
#: Days of a winter and of a summer, for each zone: the clocks of most that changed differ in winter alone.
_WINTER, _SUMMER = 6, 2
#: Marks are said within so many seconds; the first of them so long after the entering begins.
_OVER, _ENTERING = 70.0, timedelta(seconds=30)
_AFTER_ALL = timedelta(minutes=62)
_LATER = timedelta(days=2)
#: For one zone a person says yes at once, for the other after all notices have left by the old law.
_SLOW = "Africa/El_Aaiun"
_MARK, _MANY = "MARK-ZONES", 10
_HEARD = [EventType.DATE_CHANGED, EventType.REVIEW_WAITING, EventType.REMINDER_DUE]


#: A zone, a day, an hour unless it is the whole of it, and when a person is to be told.
_Wish = tuple[str, date, time | None, datetime]


class _Drill:
    """Everything that its acts know of one run."""

    def __init__(self, one: Installation, zones: int) -> None:
        self.one, self._zones, self._patient = one, zones, {_SLOW}
        self.old = Edition(one.folder / "zones")
        self.book = Book(new_id("end", one.now))
        self._over, self._leapt = threading.Event(), False
        self._engine = create_engine(one.settings.sqlalchemy_url, pool_pre_ping=True)
        one.cleanup.callback(self._engine.dispose)
        for number in range(len(one.workers)):
            one.renew(number, **self.old.variables)
        self._before = one.api(**self.old.variables)
        self._team = factories.team(name=_MARK, created_at=one.now)
        self._clerk = factories.user(digest_at=None, exit_check_at=None, created_at=one.now)

    @cached_property
    def _after(self) -> httpx.Client:
        """The API of the new release."""
        return self.one.api()

    def enter(self) -> None:
        """Through the API of the old release."""
        url = f"{self.one.sink_url}/{self.book.tool}"
        own = {"events": _HEARD, "at_once": 20, "per_second": 1000.0}
        tool = endpoint(self.one.settings, self._team, self.book.tool, url, self.one.now, **own)
        self._write(self._team, tool, self._clerk, self._member(self._clerk.id))
        ends = [(zone, *end) for end in _ends(self.one.now) for zone in some_zones(self._zones)]
        step, first = timedelta(seconds=_OVER) / len(ends), self.one.now + _ENTERING
        self._state([(*end, first + number * step) for number, end in enumerate(ends)])

    def enter_late(self) -> None:
        """The old release still takes deadlines while the workers know the new law already."""
        on = _ends(self.one.now)[0][0]
        later = self.one.now + _LATER
        self._state([(zone, on, None, later) for zone in BEFORE], awaited=False)
        self.one.had["entered by the old law beside the new"] += len(BEFORE)

    def swap(self, number: int) -> None:
        self.one.renew(number)
        self.one.had["worker with the new law"] += 1

    def swap_back(self, number: int) -> None:
        """Somebody puts the old release in its place again."""
        self.one.renew(number, **self.old.variables)
        self.one.had["worker with the old law again"] += 1

    def watch(self) -> None:
        """From here on to the end, whatever else is done meanwhile."""
        watching = threading.Thread(target=self._watch, daemon=True)
        watching.start()
        self.one.cleanup.callback(watching.join)
        self.one.cleanup.callback(self._over.set)

    def _watch(self) -> None:
        """Once a move can be read, nothing leaves of what it took back. By the clock of the workers, which
        stands still while one of them is waited for."""
        assert self.one.clock is not None
        known, clock = set[str](), rehearsal_clock(self.one.clock.file)
        while not self._over.wait(0.05):
            moved = {row[0] for row in self._rows("SELECT id FROM deadlines WHERE version > 1")}
            at = clock().timestamp()
            self.one.minutes.edits += [
                Edit(subject, at, tells=True, version=1) for subject in moved - known
            ]
            known |= moved

    def decide(self) -> None:
        """A person confirms what would end later."""
        answer = self._after.get("reviews", params={"status": "waiting", "limit": 200})
        waiting = answer.raise_for_status().json()["items"]
        zones = {one["id"]: self.book.entered[one["deadline_id"]].zone for one in waiting}
        ids = [review for review, zone in zones.items() if zone not in self._patient]
        if ids:
            asked = {"review_ids": ids, "decision": "apply", "reason": "seen in the gazette"}
            asked["user_id"] = self._clerk.id
            self._after.post("reviews/decisions", json=asked).raise_for_status()
            self.one.had["moved by a person"] += len(ids)

    def hurry(self) -> None:
        """What has waited for a person all the while waits no longer."""
        self._patient.clear()

    def end(self) -> bool:
        """Once there is nothing to do: to when even what ends later is due; and once that is done, how
        everything stands."""
        if self._busy():
            return False
        if not self._leapt:
            assert self.one.clock is not None
            self.one.clock.leap_to(self.one.now + _AFTER_ALL)
            self._leapt = True
            return False
        self._look()
        return True

    def _look(self) -> None:
        rows = self._rows(
            "SELECT d.id, due_at, version, entered_at, count(r.id) FROM deadlines d "
            "LEFT JOIN reviews r ON r.deadline_id = d.id GROUP BY d.id"
        )
        self.book.found = {row[0]: Found(*row[1:]) for row in rows}
        moved = [
            one for one in self.book.entered.values() if self.book.found[one.subject].version > 1
        ]
        self.one.had["row moved"] = len(moved)
        self.one.had["zone with rows moved"] = len({one.zone for one in moved})

    def _busy(self) -> bool:
        tables = Tables(self.one.settings)
        waiting = self._rows("SELECT id FROM reviews WHERE state = 'waiting'")
        try:
            return bool(waiting) or tables.left(self.one.now)
        finally:
            tables.close()

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def _member(self, user_id: str) -> Membership:
        return Membership(team_id=self._team.id, user_id=user_id)

    def _write(self, *rows: SQLModel) -> None:
        tables: dict[type[SQLModel], list[SQLModel]] = defaultdict(list)
        for row in rows:
            tables[type(row)].append(row)
        asyncio.run(write(self.one.settings, tables))

    def _state(self, wanted: Sequence[_Wish], awaited: bool = True) -> None:
        """With a person and a ladder each, so that each is said at an instant of its own."""
        rows: list[SQLModel] = []
        bodies: list[tuple[Entered, dict[str, str]]] = []
        for zone, on, hour, mark_at in wanted:
            old_at = _end(on, hour, self.old.zone(zone))
            # An hour that somebody states is an instant, whatever the clocks show there.
            new_at = old_at if hour else _end(on, hour, ZoneInfo(zone))
            user = factories.user(digest_at=None, exit_check_at=None, timezone=zone)
            ahead = (old_at - mark_at).total_seconds()
            step = {"trigger": "before_due", "seconds": ahead, "targets": ["owner"]}
            policy = factories.policy(self._team, steps=[step])
            case = factories.case(self._team, timezone=zone, escalation_policy_id=policy.id)
            role = CaseRole(case_id=case.id, user_id=user.id, role=Role.OWNER)
            rows += [policy, user, self._member(user.id), case, role]
            when = {"due_at": old_at.isoformat()} if hour else {"due_on": on.isoformat()}
            entered = Entered("", user.email, zone, old_at, new_at, mark_at, awaited)
            bodies.append((entered, {"case_id": case.id, **when}))
        self._write(*rows)
        for entered, body in bodies:
            self._post(entered, body)

    def _post(self, entered: Entered, body: dict[str, str]) -> None:
        asked = {"title": "Reply", "kind": "filing", "user_id": self._clerk.id, **body}
        made = self._before.post("deadlines", json=asked).raise_for_status().json()
        subject = entered.subject = made["id"]
        self.book.entered[subject] = entered
        computed = datetime.fromisoformat(made["due_at"])
        self.one.had["computed otherwise"] += computed != entered.old_at
        if entered.awaited:
            at, minutes = entered.mark_at.timestamp(), self.one.minutes
            minutes.planned += [
                Planned(subject, address, at, _MARK)
                for address in (entered.address, self.book.tool)
            ]
        self.one.beat()


def _ends(now: datetime) -> list[tuple[date, time | None]]:
    """Days of the next year, and an hour of one."""
    winter, summer = date(now.year + 1, 1, 10), date(now.year + 1, 7, 10)
    days = [winter + timedelta(n) for n in range(_WINTER)]
    days += [summer + timedelta(n) for n in range(_SUMMER)]
    return [*((on, None) for on in days), (winter, time(12))]


def _end(on: date, hour: time | None, zone: tzinfo) -> datetime:
    """Worked out here, by nothing of the service."""
    local = datetime.combine(on, hour) if hour else datetime.combine(on + timedelta(1), time())
    return local.replace(tzinfo=zone).astimezone(UTC)


def scenario(zones: int = _ZONES) -> Scenario:
    made: list[_Drill] = []

    def drill() -> _Drill:
        return made[0]

    def book() -> Book:
        return drill().book

    def prepare(one: Installation) -> None:
        made.append(_Drill(one, zones))
        drill().enter()

    gates: dict[str, Gate] = {
        "exactly what the law moves has moved, once": of_all(book, Seen.moved_exactly),
        "each move is told, and nothing else": of_all(book, Seen.announced),
        "each is said at the instant that holds": of_all(book, Seen.said_at_its_instant),
        "some had left by the old law, some not": some_had_left(book, _MANY),
    }
    return Scenario(
        "C4",
        f"{len(BEFORE)} of {zones} zones get a new law; workers renewed in turn, one put back",
        notices=600,
        over=90,
        acts=[
            *(Act(at, lambda _, n=n: drill().swap(n)) for n, at in enumerate((20, 32, 44))),
            Act(0, lambda _: drill().watch()),
            Act(24, lambda _: drill().decide(), every=1),
            Act(52, lambda _: drill().enter_late()),
            Act(60, lambda _: drill().swap_back(0)),
            Act(75, lambda _: drill().hurry()),
            Act(92, lambda _: drill().end()),
        ],
        wanted={
            "worker with the new law": 3,
            "worker with the old law again": 1,
            "entered by the old law beside the new": len(BEFORE),
            "moved by a person": 12,
            # Of the others the clocks differ only in some nights, or in one winter.
            "zone with rows moved": 11,
        },
        gates=gates | had("computed otherwise", 0) | NO_REPEATS,
        workers=3,
        own_time=True,
        patience=200,
        prepare=prepare,
    )
