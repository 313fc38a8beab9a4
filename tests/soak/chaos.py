"""Runs one scenario: enters its notices, breaks things by its timetable, waits until nothing is left, and
hands everything to the judge.
"""

import asyncio
import contextlib
import heapq
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from tests.harness.postgres import PostgresServer
from tests.soak.entries import Tables, Waiting, Wanted, enter
from tests.soak.installation import Installation
from tests.soak.oracle import Drill, Judgement, Planned, judge
from tests.soak.parts import migrated
from tests.soak.pauses import longest_pause

#: Between the start of the workers and the first notice that is due.
_LEAD = timedelta(seconds=1)
#: At the least: what is due before it is there would be late by that.
_ENTERED_PER_SECOND = 1000
_BEAT = 0.02
#: Seconds after which a living worker has forgotten what it still holds, in a drill with its own clock.
_FORGOTTEN = 5.0


class Skipped(Exception):
    """This drill cannot be run here, and why."""


@dataclass(frozen=True)
class Act:
    """Done `at` seconds after the first notice is due. With `every` done anew until nothing is left, or
    `times` times; what answers False was not possible yet and is tried again at once."""

    at: float
    do: Callable[[Installation], bool | None]
    every: float = 0
    times: int = 0


@dataclass(frozen=True)
class Result:
    """One scenario, run. `wall`: seconds from the first notice due until nothing was left; `failed`: tries
    that failed for the moment."""

    scenario: "Scenario"
    judgement: Judgement
    drill: Drill
    wall: float
    failed: int
    resident: int
    said: str

    @property
    def gates(self) -> dict[str, bool]:
        always = {"nothing lost, early, ghostly or false": self.judgement.survived}
        return always | {name: gate(self) for name, gate in self.scenario.gates.items()}

    @property
    def passed(self) -> bool:
        return all(self.gates.values())

    @property
    def complaint(self) -> str:
        """What a failed test shows."""
        offences = {name: (len(v), v[:3]) for name, v in self.judgement.offences.items()}
        red = [name for name, passed in self.gates.items() if not passed]
        return f"{self.scenario.name}: {red}\n{offences}\n{figures(self)}\n{self.said}"


Gate = Callable[[Result], bool]


@dataclass(frozen=True)
class Scenario:
    """`orders`: for the sinks; `variables`: for the workers; `wanted`: how often each fault must really
    happen; `patience`: seconds after which what is left counts as lost; `disk`: megabytes of a disk that a
    Postgres of its own has to itself."""

    name: str
    what: str
    notices: int
    over: float
    acts: Sequence[Act] = ()
    orders: Mapping[str, object] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    wanted: Mapping[str, int] = field(default_factory=dict)
    gates: Mapping[str, Gate] = field(default_factory=dict)
    workers: int = 4
    forked: bool = False
    teams: int = 20
    tools: int = 0
    urgent: int = 0
    embedded: bool = False
    own_time: bool = False
    begins: datetime | None = None
    skew: float = 0
    seed: int = 0
    patience: float = 300
    disk: int = 0
    prepare: Callable[[Installation], None] = lambda _: None


def run(
    scenario: Scenario, folder: Path, postgres: PostgresServer | None = None, template: str = ""
) -> Result:
    """`template`: the name of a migrated database."""
    with contextlib.ExitStack() as cleanup:
        url = ""
        if scenario.disk:
            folder.mkdir(parents=True, exist_ok=True)
            own = migrated(folder, scenario.disk)
            postgres, template = cleanup.enter_context(own)
        if not scenario.embedded:
            assert postgres is not None
            url = postgres.create_database(template)
            cleanup.callback(postgres.drop_database, url)
            cleanup.callback(postgres.start)
        installation = cleanup.enter_context(
            Installation(
                folder,
                scenario.orders,
                postgres=postgres,
                database_url=url,
                workers=scenario.workers,
                forked=scenario.forked,
                own_time=scenario.own_time,
                begins=scenario.begins,
                seed=scenario.seed,
                settings=scenario.variables,
            )
        )
        scenario.prepare(installation)
        return _Course(scenario, installation).run()


class _Course:
    """One run: its timetable against the clock."""

    def __init__(self, scenario: Scenario, installation: Installation) -> None:
        self._scenario = scenario
        self._installation = installation
        self._tables = Tables(installation.settings, installation.minutes.hostile)
        self._numbers = itertools.count()
        self._began = 0.0
        self._last_due = datetime.max.replace(tzinfo=UTC)
        self._resident = 0
        self._seen: tuple[list[Waiting], float] = ([], 0.0)
        self._timetable = [
            (act.at, next(self._numbers), act, act.times or 10**6) for act in scenario.acts
        ]
        heapq.heapify(self._timetable)

    def run(self) -> Result:
        try:
            planned = self._enter()
            finished = self._play()
            return self._judged(planned, time.monotonic() - self._began, finished)
        finally:
            self._tables.close()

    def _enter(self) -> list[Planned]:
        """Written first, and made due once the workers work: entering takes a while."""
        one, scenario = self._installation, self._scenario
        one.beat()
        if not scenario.embedded:
            one.start()
            one.wait_up()
        ahead = timedelta(seconds=scenario.notices / _ENTERED_PER_SECOND) + _LEAD
        start = one.now + (ahead if not scenario.embedded else timedelta(seconds=4))
        wanted = Wanted(
            scenario.notices,
            start,
            scenario.over,
            scenario.teams,
            scenario.tools,
            one.sink_url,
            one.minutes.hostile,
            scenario.urgent,
        )
        planned = one.minutes.entered = asyncio.run(enter(one.settings, wanted))
        if scenario.embedded:
            one.start()
            one.wait_up()
        self._last_due = start + timedelta(seconds=scenario.over)
        while one.now < start:
            self._beat()
        self._began = time.monotonic()
        return planned

    def _play(self) -> bool:
        """True once nothing is left; False where patience has run out."""
        one, last_look = self._installation, 0.0
        while (elapsed := time.monotonic() - self._began) < self._scenario.patience:
            self._beat()
            self._act(elapsed)
            one.raise_the_dead()
            if elapsed - last_look > 0.3:
                last_look = elapsed
                self._resident = max(self._resident, one.resident_bytes())
                with contextlib.suppress(SQLAlchemyError):
                    if self._nothing_left() and not self._still_to_come():
                        return True
        return False

    def _beat(self) -> None:
        self._installation.beat()
        time.sleep(_BEAT)

    def _act(self, elapsed: float) -> None:
        while self._timetable and self._timetable[0][0] <= elapsed:
            at, _, act, times = heapq.heappop(self._timetable)
            done = act.do(self._installation) is not False
            times -= done
            if not done:
                self._again(elapsed + 0.1, act, times)
            elif act.every and times:
                self._again(max(at + act.every, elapsed), act, times)

    def _again(self, at: float, act: Act, times: int) -> None:
        heapq.heappush(self._timetable, (at, next(self._numbers), act, times))

    def _still_to_come(self) -> bool:
        """What is done anew for ever ends with the notices."""
        return any(not act.every or act.times for _, _, act, _ in self._timetable)

    def _nothing_left(self) -> bool:
        one = self._installation
        if one.now < self._last_due:
            return False
        if not self._tables.left(self._last_due):
            return True
        if one.clock is not None and not self._still_to_come():
            self._leap()
        return False

    def _leap(self) -> None:
        """To the next try, where nobody does anything before it."""
        one = self._installation
        assert one.clock is not None
        waiting, living = self._tables.waiting(), one.living()
        if not waiting:
            return
        if any(message.leased and message.workers & living for message in waiting):
            # Or it has forgotten them: nothing that is under way in a short drill takes so long.
            if waiting != self._seen[0]:
                self._seen = waiting, time.monotonic()
            if time.monotonic() - self._seen[1] < _FORGOTTEN:
                return
        following = min(message.next_attempt_at for message in waiting)
        if following > one.now:
            one.clock.leap_to(following + timedelta(milliseconds=1))

    def _judged(self, planned: list[Planned], wall: float, finished: bool) -> Result:
        one = self._installation
        said = "" if finished else "\n".join(one.logs())
        minutes = one.minutes
        drill = Drill(
            planned + minutes.planned,
            self._tables.rows(),
            one.sinks.copies(),
            self._scenario.wanted,
            one.had + one.fired(),
            one.sinks.refusals(),
            minutes.edits,
            minutes.forgotten,
            self._scenario.skew,
        )
        failed = self._tables.attempts(failed=True)
        return Result(self._scenario, judge(drill), drill, wall, failed, self._resident, said)


def figures(result: Result) -> str:
    """One line: what a reader of a long run wants to see at once."""
    judgement = result.judgement
    had = ", ".join(f"{name} {number}" for name, number in sorted(result.drill.had.items()))
    rescue = judgement.rescues[-1] if judgement.rescues else 0
    return (
        f"{result.scenario.name}: {len(result.drill.planned)} notices, {result.wall:.0f} s; {had}; "
        f"repeats {judgement.by_crash} by crash, {judgement.by_sink} by sink; late p50 "
        f"{judgement.late(0.5):.2f} p99 {judgement.late(0.99):.2f} max {judgement.late(1):.2f} s; "
        f"rescue {rescue:.1f} s; longest pause {longest_pause(result.drill):.1f} s; "
        f"failed tries {result.failed}; {result.resident / 2**20:.0f} MB"
    )
