"""Delivery under any history: workers that claim, send and record, that stall or die before each statement,
people who move and cancel dates, a clock that leaps, and a receiver that answers as it likes."""

import asyncio
import contextlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from service.domain.notifications import PENDING_STATES, ChannelKind, EventType, MessageState
from service.domain.retry import Verdict
from service.domain.watch import MOST_WAIT
from service.flows.delivery import LEASE
from service.store.journal import chains, first_broken
from service.store.messages import Message
from service.store.subjects import Subject
from tests.api.installation import Installation, Populated, Team, create, installed
from tests.api.sending import TAKEN, Copy, Receiver, Tables, Worker, about, read_tables
from tests.api.test_one_plan import dying, walked
from workers import tasks

# The numbers at the assertions:
#   I1 each notice is a row, once        I2 nothing is lost          I3 repeats are explained
#   I4 no success without a copy         I5 nothing leaves early     I6 nothing for somebody else
#   I7 nothing that was taken back       I8 what has ended stays     I9 one lease; a stale one fails nothing
#   I10 a lease is not longer than that  I11 the watch does not call lateness well
#   I13 a refusal wakes the plan         I16 every end is journalled I18 cut off anywhere, the rest is done
# Not to be seen with one team, one clock and one edition of the zone data: I12 (one floods, others are
# served: tests/store/test_claims.py), I17 (workers ask the database for the time), I19 (test_reviews.py).

LADDER = [
    {"targets": ["owner", "deputy"], "before_due": "P30D"},
    {"targets": ["supervisor"], "no_response_for": "PT1H"},
    {"targets": ["owner", "deputy"], "before_due": "P1D"},
    {"targets": ["owner", "deputy", "supervisor"], "after_due": "PT0H"},
]
EVERYTHING = 100
DEADLINES = 3
WORKERS = st.integers(0, 2)
ANSWERS = st.sampled_from(Verdict)
STATEMENTS = st.none() | st.integers(0, 25)


class Deliveries(RuleBasedStateMachine):
    populated: Populated

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = contextlib.AsyncExitStack()
        self.leased: dict[str, datetime] = {}
        self.ended: dict[str, MessageState] = {}
        self.live = 0

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    @initialize(days=st.integers(1, 30))
    def begin(self, days: int) -> None:
        self.run(self._begin())
        self.enter(days)

    async def _begin(self) -> None:
        folder = Path(self.stack.enter_context(TemporaryDirectory()))
        url = f"sqlite:///{shutil.copy(self.populated.file, folder / 'adquem.sqlite3')}"
        self.installation: Installation = await self.stack.enter_async_context(
            installed(url, folder, self.populated.operator_key)
        )
        team = self.populated.team
        self.team: Team = replace(team, admin=self.installation.client(team.key))
        policy = await create(
            self.team.admin, "/escalation-policies", {"name": "p", "steps": LADDER}
        )
        self.policy = policy["id"]
        runtime, self.clock = self.installation.runtime, self.installation.clock
        self.receiver = Receiver(runtime.channels[ChannelKind.EMAIL], self.clock)
        ways = {**runtime.channels, ChannelKind.EMAIL: self.receiver}
        self.workers = [Worker(replace(runtime, channels=ways, worker=f"w{n}")) for n in range(3)]

    def tables(self) -> Tables:
        found: Tables = self.run(read_tables(self.installation.runtime))
        return found

    def until_killed(self, work: Any, statements: int | None) -> bool:
        """Whether it came to its end; None: nothing happens to it."""
        done = False

        async def whole() -> None:
            nonlocal done
            await work
            done = True

        if statements is None:
            self.run(whole())
        else:
            with dying(self.installation, statements):
                self.run(whole())
        return done

    # What people do.

    @precondition(lambda self: self.live < DEADLINES)
    @rule(days=st.integers(1, 40))
    def enter(self, days: int) -> None:
        due_on = (self.clock.now + timedelta(days)).date().isoformat()
        self.run(self.team.deadline(due_on=due_on, escalation_policy_id=self.policy))
        self.tick(None)

    @rule(which=st.integers(0, 5), days=st.integers(-2, 25), statements=STATEMENTS)
    def the_date_moves(self, which: int, days: int, statements: int | None) -> None:
        due_on = (self.clock.now + timedelta(days)).date().isoformat()
        self._changed(which, "override", {"due_on": due_on}, statements)

    @rule(which=st.integers(0, 5), statements=STATEMENTS)
    def it_is_cancelled(self, which: int, statements: int | None) -> None:
        self._changed(which, "cancel", {}, statements)

    def _changed(self, which: int, verb: str, body: dict[str, Any], statements: int | None) -> None:
        before = self.tables()
        live = sorted(one.id for one in before.deadlines if one.live)
        if not live:
            return
        deadline_id = live[which % len(live)]
        why = {"reason": "a paper says so", "user_id": self.team.people["owner"]} | body
        path = f"/deadlines/{deadline_id}/{verb}"
        self.until_killed(create(self.team.admin, path, why), statements)
        after = self.tables()
        old, new = before.subjects[deadline_id], after.subjects[deadline_id]
        if (old.version, old.state) != (new.version, new.state):
            known = self._known(before, deadline_id)
            told = {
                one.user_id
                for one in after.messages.values()
                if one.deadline_id == deadline_id and one.id not in before.messages
            }
            assert known <= told, "I7: whoever has the old, or is about to, is told the new"

    def _known(self, tables: Tables, deadline_id: str) -> set[str | None]:
        """Who has been told of it, or whom a worker is about to tell."""
        copied = {one.message_id for one in self.receiver.copies}
        return {
            one.user_id
            for one in tables.messages.values()
            if one.deadline_id == deadline_id
            and (one.id in copied or one.state is MessageState.SENDING)
        }

    # What the workers do.

    def tick(self, statements: int | None) -> None:
        self.until_killed(tasks.tick(self.workers[0].runtime), statements)

    @rule(n=WORKERS, limit=st.sampled_from([1, 3, EVERYTHING]), statements=STATEMENTS)
    def claim(self, n: int, limit: int, statements: int | None) -> None:
        worker, now = self.workers[n], self.clock.now
        holding = len(worker.held)
        if not self.until_killed(worker.claim(now, limit), statements):
            worker.die()
            return
        tables = self.tables()
        for shipment in worker.held[holding:]:
            for one in shipment.consignments:
                self._may_leave(one.message, tables, now)
        if limit == EVERYTHING:
            due = [one for one in tables.pending if one.next_attempt_at <= now]
            assert not due, "I10: what is due, or was a dead worker's, is taken"

    def _may_leave(self, message: Message, tables: Tables, now: datetime) -> None:
        subject = tables.subjects[about(message)]
        assert message.deadline_version == subject.version, "I6, I7"
        assert subject.live or message.event is EventType.DEADLINE_CANCELLED, "I7"
        assert message.id not in self.ended, "I8"
        assert self.leased.get(message.id, now) <= now, "I9: nobody else holds it"
        self.leased[message.id] = now + LEASE

    @precondition(lambda self: any(one.held for one in self.workers))
    @rule(n=WORKERS, number=st.integers(1, 3), answer=ANSWERS)
    def send(self, n: int, number: int, answer: Verdict) -> None:
        self.receiver.answer = answer
        self.run(self._one(n, lambda one: bool(one.held)).send(number))

    @precondition(lambda self: any(one.told for one in self.workers))
    @rule(n=WORKERS, statements=STATEMENTS)
    def record(self, n: int, statements: int | None) -> None:
        worker, before = self._one(n, lambda one: bool(one.told)), self.tables()
        told, now = worker.told, self.clock.now
        if not self.until_killed(worker.record(), statements):
            worker.die()
            return
        after = self.tables()
        twice = Counter(one.consignment.message.id for one in told)
        for one in told:
            was = before.messages[one.consignment.message.id]
            became, verdict = after.messages[was.id], one.outcome.verdict
            valid = was.state is MessageState.SENDING and was.lease == one.consignment.lease
            if valid:
                self.leased.pop(was.id, None)
            if verdict is Verdict.ACCEPTED:
                assert became.state is MessageState.ACCEPTED, "I9: a success is never too late"
            elif twice[was.id] > 1:
                # It took over from itself: both its words are written down at once.
                continue
            elif not valid:
                assert became == was, "I9: no failure is heard from a stale lease"
            elif verdict is Verdict.PERMANENT:
                assert became.state is MessageState.FAILED
                subject = after.subjects[about(was)]
                woken = subject.wake_at is not None and subject.wake_at <= now
                assert woken or not subject.live, "I13"

    def _one(self, n: int, fit: Callable[[Worker], bool]) -> Worker:
        """The n-th, or the next one that fits."""
        return next(one for one in (*self.workers[n:], *self.workers[:n]) if fit(one))

    @rule(n=WORKERS)
    def die(self, n: int) -> None:
        self.workers[n].die()

    @rule(n=WORKERS, ours=ANSWERS, theirs=ANSWERS, first=st.booleans(), recorded=st.booleans())
    def one_stalls(
        self, n: int, ours: Verdict, theirs: Verdict, first: bool, recorded: bool
    ) -> None:
        """Its lease runs out while it sends, or before; another takes over, and both have a word."""
        other = (n + 1) % 3
        self.claim(n, EVERYTHING, None)
        if first:
            self._sends_all(n, ours)
        self.clock.advance(LEASE)
        self.claim(other, EVERYTHING, None)
        self._sends_all(other, theirs)
        self._sends_all(n, ours)
        for one in (other, n) if recorded else (n,):
            if self.workers[one].told:
                self.record(one, None)

    def _sends_all(self, n: int, answer: Verdict) -> None:
        if self.workers[n].held:
            self.send(n, EVERYTHING, answer)

    @rule(n=WORKERS, answers=st.lists(ANSWERS, min_size=2, max_size=5), statements=STATEMENTS)
    def one_works(self, n: int, answers: list[Verdict], statements: int | None) -> None:
        """As a worker does that nothing keeps up, but that it may be killed while it writes down."""
        self.claim(n, EVERYTHING, None)
        for answer in answers:
            if self.workers[n].held:
                self.send(n, 1, answer)
        if self.workers[n].told:
            self.record(n, statements)

    @rule(seconds=st.sampled_from([1, 59, 60, 75, 600, 7200, 172800]), statements=STATEMENTS)
    def time_passes(self, seconds: int, statements: int | None) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        late = [one for one in self.tables().pending if self.clock.now > one.due_at + MOST_WAIT]
        well = self.run(tasks.watch(self.workers[0].runtime, ticked=True))
        assert not (late and well), "I11"
        self.tick(statements)

    # What holds at every commit.

    @invariant()
    def it_holds(self) -> None:
        if not hasattr(self, "workers"):
            return
        tables = self.tables()
        self.live = sum(one.live for one in tables.deadlines)
        self._each_notice_is_one_row(tables)
        journalled, copies = tables.undelivered(), self._copies()
        assert max(journalled.values(), default=0) <= 1, "I16"
        for one in tables.messages.values():
            self._copies_of(one, tables, copies.get(one.id, []))
            if one.id in self.ended and one.state is not MessageState.ACCEPTED:
                assert one.state is self.ended[one.id], "I8"
            if one.state not in PENDING_STATES:
                self.ended[one.id] = one.state
            if one.state in (MessageState.FAILED, MessageState.EXPIRED):
                assert journalled[one.id] == 1, "I13, I16"
            if one.state is MessageState.SENDING:
                assert one.next_attempt_at == self.leased[one.id], "I10"

    def _copies(self) -> dict[str, list[Copy]]:
        copies: dict[str, list[Copy]] = {}
        for one in self.receiver.copies:
            copies.setdefault(one.message_id, []).append(one)
        return copies

    def _each_notice_is_one_row(self, tables: Tables) -> None:
        rows = Counter(
            (about(one), one.deadline_version, one.step, one.occurrence, one.user_id)
            for one in tables.messages.values()
        )
        assert max(rows.values(), default=1) == 1, "I1"
        for one in tables.journal:
            if one.action == "escalation.step_fired":
                step = (str(one.data["step"]), one.data["occurrence"])
                for user_id in one.data["told"]:
                    assert (one.subject_id, one.data["version"], *step, user_id) in rows, "I1"

    def _copies_of(self, message: Message, tables: Tables, copies: list[Copy]) -> None:
        tries = tables.tries.get(message.id, [])
        may_have_left = [one for one in tries if one.verdict is None or one.verdict in TAKEN]
        assert len(copies) <= len(may_have_left), "I3"
        assert sum(not one.marked for one in copies) <= 1, "I3: a repeat says that it may be one"
        taken = {one.number for one in copies}
        sure = {one.number for one in tries if one.verdict is Verdict.ACCEPTED}
        assert sure <= taken, "I4"
        assert copies or message.state is not MessageState.ACCEPTED, "I4"
        assert all(one.at >= message.due_at for one in copies), "I5"
        address = tables.addresses[message.user_id or ""]
        assert all(one.address == address for one in copies), "I6"

    def teardown(self) -> None:
        try:
            if hasattr(self, "workers"):
                self._runs_dry()
        finally:
            self.run(self.stack.aclose())
            self.runner.close()

    def _runs_dry(self) -> None:
        """The receiver takes everything now; what dead workers held comes back by itself."""
        self._rounds(range(3))
        for _ in range(20):
            self.tick(None)
            self.claim(0, EVERYTHING, None)
            self._rounds([0])
            pending = self.tables().pending
            if not pending:
                break
            self.clock.set(min(one.next_attempt_at for one in pending))
        assert not pending, "I2, I18"
        self.it_holds()
        tables = self.tables()
        for one in tables.messages.values():
            self._has_its_reason(one, tables.subjects[about(one)])
        assert self.run(self._chains_hold()), "I16"

    def _rounds(self, numbers: Iterable[int]) -> None:
        for n in numbers:
            self._sends_all(n, Verdict.ACCEPTED)
            if self.workers[n].told:
                self.record(n, None)

    def _has_its_reason(self, message: Message, subject: Subject) -> None:
        """I2, I18: it has arrived, or nobody was to be told any more, or the receiver would not have it."""
        current = message.deadline_version == subject.version and subject.live
        match message.state:
            case MessageState.SUPERSEDED:
                assert not current
            case MessageState.FAILED | MessageState.EXPIRED:
                assert message.id in self.receiver.refused

    async def _chains_hold(self) -> bool:
        async with self.installation.runtime.reading() as session:
            return not [one for one in await chains(session) if await first_broken(session, one)]


def test_every_notice_arrives_once_or_says_why_not_whatever_happens_on_the_way(
    populated: Populated,
) -> None:
    class Here(Deliveries):
        pass

    Here.populated = populated
    walked(Here, examples=8, steps=30)
