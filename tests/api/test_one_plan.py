"""One plan: what is foreseen is what the workers do, after any history of edits, answers, moves, absences
and crashes between any two statements."""

import asyncio
import contextlib
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import event

from tests.api.installation import Installation, Team, create, installed, read
from workers import tasks

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ROLES = ("owner", "deputy", "supervisor")
NIGHT = {"begin": "21:00", "end": "07:00"}
LADDER = [
    {"targets": ["owner"], "before_due": "P14D"},
    {"targets": ["deputy"], "no_response_for": "P1D"},
    {"targets": ["owner", "deputy"], "court_days_before_due": 5, "need": "all"},
    {"targets": ["supervisor"], "no_response_for": "PT8H"},
    {"targets": ["owner", "deputy"], "before_due": "P1D"},
    {"targets": ["supervisor"], "no_response_for": "PT2H"},
    {"targets": ["owner", "deputy", "supervisor"], "before_due": "PT4H"},
    {"targets": ["owner", "deputy", "supervisor"], "after_due": "PT0H"},
]
#: Step, occurrence, instant, people.
Told = tuple[int, int, datetime, frozenset[str]]


class Killed(BaseException):
    """The process died; no handler of the service may catch it."""


@contextlib.contextmanager
def dying(installation: Installation, after: int) -> Iterator[None]:
    """The process is killed when it sends its next statement but `after`."""
    sent = 0

    def before(*_: Any) -> None:
        nonlocal sent
        sent += 1
        if sent > after:
            raise Killed

    engine = installation.runtime.engine.sync_engine
    event.listen(engine, "before_cursor_execute", before)
    try:
        yield
    except Killed:
        pass
    finally:
        event.remove(engine, "before_cursor_execute", before)


class OnePlan(RuleBasedStateMachine):
    """One deadline, three people; whatever happens to them, the workers do what was foreseen last."""

    template: Path
    installation: Installation
    team: Team

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = contextlib.AsyncExitStack()
        self.foreseen: list[Told] = []
        self.ended = False

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    @initialize(days=st.integers(1, 30), quiet=st.sets(st.sampled_from(ROLES)))
    def enter(self, days: int, quiet: set[str]) -> None:
        self.run(self._enter(days, quiet))
        self.foresee()

    async def _enter(self, days: int, quiet: set[str]) -> None:
        folder = Path(self.stack.enter_context(TemporaryDirectory()))
        url = f"sqlite:///{shutil.copy(self.template, folder / 'adquem.sqlite3')}"
        self.installation = await self.stack.enter_async_context(installed(url, folder))
        self.team = await self.installation.team()
        body = {"name": "p", "steps": LADDER}
        policy = await create(self.team.admin, "/escalation-policies", body)
        for role in quiet:
            await self._change("users", self.team.people[role], quiet_hours=NIGHT)
        due_on = (self.now + days * DAY).date()
        deadline = await self.team.deadline(
            due_on=due_on.isoformat(), escalation_policy_id=policy["id"]
        )
        self.path = f"/deadlines/{deadline['id']}"

    @property
    def now(self) -> datetime:
        return self.installation.clock.now

    # What people do.

    @precondition(lambda self: not self.ended)
    @rule(who=st.sampled_from(ROLES), verb=st.sampled_from(["acknowledge", "decline", "snooze"]))
    def answer(self, who: str, verb: str) -> None:
        body: dict[str, Any] = {"user_id": self.team.people[who]}
        if verb == "decline":
            body["reason"] = "not_mine"
        if verb == "snooze":
            body |= {"reason": "in court", "until": (self.now + 3 * HOUR).isoformat()}
        self.run(self.team.admin.post(f"{self.path}/{verb}", json=body))
        self.foresee()

    @precondition(lambda self: not self.ended)
    @rule(days=st.integers(-3, 25))
    def the_date_moves(self, days: int) -> None:
        due_on = self.now.date() + days * DAY
        had_been_told = self.run(self._mailed())
        before = self.run(read(self.team.admin, self.path))
        body = {"reason": "a paper says so", "due_on": due_on.isoformat()}
        body["user_id"] = self.team.people["owner"]
        after = self.run(create(self.team.admin, f"{self.path}/override", body))
        if after["version"] != before["version"]:
            changed = self.run(self._changed(after["version"]))
            # The owner hears of every move; whoever had been told the old date hears of this one.
            assert changed == had_been_told | {self.team.people["owner"]}
        self.foresee()

    @precondition(lambda self: not self.ended)
    @rule(who=st.sampled_from(ROLES), begin=st.integers(0, 100), hours=st.integers(1, 300))
    def somebody_goes_away(self, who: str, begin: int, hours: int) -> None:
        start = self.now + begin * HOUR
        away = {"begin": start.isoformat(), "end": (start + hours * HOUR).isoformat()}
        self.run(self._change("users", self.team.people[who], away=away))
        self.foresee()

    @precondition(lambda self: not self.ended)
    @rule(who=st.sampled_from(ROLES), quiet=st.booleans())
    def somebody_sleeps_otherwise(self, who: str, quiet: bool) -> None:
        hours = NIGHT if quiet else None
        self.run(self._change("users", self.team.people[who], quiet_hours=hours))
        self.foresee()

    @precondition(lambda self: not self.ended)
    @rule(present=st.sets(st.sampled_from(ROLES[1:])))
    def the_case_has_other_people(self, present: set[str]) -> None:
        roles = [{"role": one, "user_id": self.team.people[one]} for one in ("owner", *present)]
        self.run(self._change("cases", self.team.case, roles=roles))
        self.foresee()

    @precondition(lambda self: not self.ended)
    @rule(title=st.sampled_from(["Appeal", "Cassation"]))
    def it_is_renamed(self, title: str) -> None:
        self.run(self._change("deadlines", self.path.rsplit("/", 1)[1], title=title))
        self.foresee()

    @rule()
    def somebody_completes_it(self) -> None:
        body = {"proof": "No 7", "user_id": self.team.people["owner"]}
        self.run(self.team.admin.post(f"{self.path}/complete", json=body))
        self.ended = True
        self.foresee()
        assert self.foreseen == []

    # What the workers do.

    @precondition(lambda self: not self.ended)
    @rule(times=st.integers(1, 6), statements=st.none() | st.integers(0, 40))
    def time_passes(self, times: int, statements: int | None) -> None:
        """The clock goes from one waking to the next, and at each the workers do what was foreseen; one
        of them may be killed on the way."""
        for _ in range(times):
            wake_at = self.run(read(self.team.admin, f"{self.path}/plan"))["wake_at"]
            assert wake_at is not None
            at = max(datetime.fromisoformat(wake_at), self.now)
            self.installation.clock.set(at)
            if statements is not None:
                with dying(self.installation, statements):
                    self.run(self._work())
            self.run(self._work())
            happened = self.run(self._told_at(at))
            expected = [one for one in self.foreseen if one[2] <= at]
            assert happened == sorted((*one[:2], at, one[3]) for one in expected if one[3])
            self.foreseen = [one for one in self.foreseen if one[2] > at]
            if not self.foreseen:
                self.foresee()

    @precondition(lambda self: not self.ended)
    @rule(part=st.floats(0, 0.99))
    def nobody_is_told_before_it_is_time(self, part: float) -> None:
        wake_at = self.run(read(self.team.admin, f"{self.path}/plan"))["wake_at"]
        early = self.now + (datetime.fromisoformat(wake_at) - self.now) * part
        if early <= self.now:
            return
        before = self.run(self._messages())
        self.installation.clock.set(early)
        self.run(self._work())
        assert len(self.run(self._messages())) == len(before)

    @rule(statements=st.integers(0, 25))
    def a_request_is_cut_off(self, statements: int) -> None:
        """A change whose process died has changed nothing, or all that it says."""
        with dying(self.installation, statements):
            body = {"user_id": self.team.people["deputy"]}
            self.run(self.team.admin.post(f"{self.path}/acknowledge", json=body))
        self.foresee()

    @invariant()
    def nothing_is_said_twice(self) -> None:
        if not hasattr(self, "path"):
            return
        mails = self.run(self._messages())
        keys = [
            (one["deadline_version"], one["step"], one["occurrence"], one["user_id"])
            for one in mails
        ]
        assert len(keys) == len(set(keys))

    def foresee(self) -> None:
        """What the preview shows now; the workers are held to it until something else happens."""
        plan = self.run(read(self.team.admin, f"{self.path}/plan"))
        steps = [*([plan["due"]] if plan["due"] else []), *plan["upcoming"]]
        self.foreseen = [
            (
                one["step"],
                one["occurrence"],
                datetime.fromisoformat(one["at"]),
                frozenset(one["people"]),
            )
            for one in steps
        ]

    async def _work(self) -> None:
        await tasks.tick(self.installation.runtime)
        await tasks.deliver(self.installation.runtime)

    async def _messages(self) -> list[dict[str, Any]]:
        page = await read(self.team.admin, f"{self.path}/messages", limit=200)
        assert page["next_cursor"] is None
        return [one for one in page["items"] if one["user_id"]]

    async def _told_at(self, at: datetime) -> list[Told]:
        told: dict[tuple[int, int], set[str]] = {}
        for one in await self._messages():
            if one["step"].isdigit() and datetime.fromisoformat(one["created_at"]) == at:
                told.setdefault((int(one["step"]), one["occurrence"]), set()).add(one["user_id"])
        return sorted((*key, at, frozenset(people)) for key, people in told.items())

    async def _mailed(self) -> set[str]:
        """Who is on the case and has been mailed."""
        case = await read(self.team.admin, f"/cases/{self.team.case}")
        present = {one["user_id"] for one in case["roles"]}
        tried = [one for one in await self._messages() if one["state"] != "superseded"]
        return {one["user_id"] for one in tried} & present

    async def _changed(self, version: int) -> set[str]:
        return {
            one["user_id"]
            for one in await self._messages()
            if one["step"] == "deadline.date_changed" and one["deadline_version"] == version
        }

    async def _change(self, noun: str, row_id: str, **body: Any) -> None:
        path = f"/{noun}/{row_id}"
        etag = (await self.team.admin.get(path)).headers["etag"]
        answer = await self.team.admin.patch(path, json=body, headers={"if-match": etag})
        assert answer.status_code == 200, answer.text

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.runner.close()


def walked(machine: type[RuleBasedStateMachine], examples: int, steps: int) -> None:
    """The same histories at every run."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_preview_and_the_workers_agree_over_any_history(sqlite_template: Path) -> None:
    class Here(OnePlan):
        template = sqlite_template

    walked(Here, examples=10, steps=12)
