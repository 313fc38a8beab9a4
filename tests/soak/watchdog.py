"""C11: each part is broken in turn, and the ping to the dead-man's switch stops; mended, it comes again.
While all is well it never fails to come.
"""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

import psycopg

from tests.harness.receiver import Receiver
from tests.soak.chaos import Act, Scenario
from tests.soak.gates import had
from tests.soak.installation import Installation

Breaking = Callable[[Installation], contextlib.AbstractContextManager[None]]

#: What waits longer than five minutes is an alarm, and two watches lie as far apart.
_SILENT_AFTER = timedelta(minutes=10)
_BROKEN_FOR, _MENDED_WITHIN = timedelta(minutes=16), timedelta(minutes=30)
_CALM, _LONGEST_PAUSE = timedelta(hours=1), timedelta(minutes=7)
#: Time leaps so far, and then goes on for so many seconds, in which the processes do their rounds.
_STRIDE, _ROUNDS = timedelta(seconds=60), 0.35
#: A statement waits five seconds for a lock at the most; so far time leaps meanwhile.
_SKEW = 5 / _ROUNDS * _STRIDE.total_seconds()
#: One notice in two minutes, so that there is always something that must move.
_NOTICES, _EVERY = 150, 120.0


@contextlib.contextmanager
def _killed(one: Installation) -> Iterator[None]:
    for worker in one.workers:
        worker.process.kill()
    yield
    one.start()
    one.wait_up()


@contextlib.contextmanager
def _frozen(one: Installation) -> Iterator[None]:
    one.freeze(len(one.workers))
    yield
    one.thaw()


@contextlib.contextmanager
def _no_postgres(one: Installation) -> Iterator[None]:
    assert one.postgres is not None
    one.postgres.stop()
    yield
    one.postgres.start()


@contextlib.contextmanager
def _no_relay(one: Installation) -> Iterator[None]:
    one.sinks.stop()
    yield
    one.sinks.start()


@contextlib.contextmanager
def _quarantined(one: Installation) -> Iterator[None]:
    one.adquem("quarantine", "on")
    yield
    one.adquem("quarantine", "off")


@contextlib.contextmanager
def _locked(one: Installation) -> Iterator[None]:
    with psycopg.connect(one.database_url) as connection:
        connection.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        yield


def _by_hand(broken: str, mended: str) -> Breaking:
    """In the database, by statements that semicolons part."""

    @contextlib.contextmanager
    def breaking(one: Installation) -> Iterator[None]:
        _execute(one, broken)
        yield
        _execute(one, mended)

    return breaking


def _execute(one: Installation, statements: str) -> None:
    with psycopg.connect(one.database_url, autocommit=True) as connection:
        for statement in statements.split(";"):
            connection.execute(statement.encode())


def _refused(table: str, what: str) -> Breaking:
    """The database takes no such row."""
    return _by_hand(
        f"ALTER TABLE {table} ADD CONSTRAINT refused CHECK (NOT ({what})) NOT VALID",
        f"ALTER TABLE {table} DROP CONSTRAINT refused",
    )


_PARTS: dict[str, Breaking] = {
    "workers killed": _killed,
    "workers frozen": _frozen,
    "Postgres gone": _no_postgres,
    "messages locked": _locked,
    "relay gone": _no_relay,
    "release refused": _refused("messages", "state = 'due'"),
    "claims refused": _refused("messages", "state = 'sending'"),
    "verdicts refused": _refused("messages", "state = 'accepted'"),
    "watches refused": _refused("watches", "true"),
    "schema too old": _by_hand(
        "UPDATE alembic_version SET version_num = '!' || version_num",
        "UPDATE alembic_version SET version_num = substr(version_num, 2)",
    ),
    "quarantine": _quarantined,
    "a deadline asleep": _by_hand(
        "CREATE TABLE asleep AS SELECT id, wake_at FROM deadlines ORDER BY wake_at DESC LIMIT 1; "
        "UPDATE deadlines SET wake_at = NULL WHERE id IN (SELECT id FROM asleep)",
        "UPDATE deadlines SET wake_at = asleep.wake_at FROM asleep WHERE deadlines.id = asleep.id; "
        "DROP TABLE asleep",
    ),
}


class _Outside:
    """The dead-man's switch: when it was pinged, by the time of the drill."""

    def __init__(self) -> None:
        self.receiver = Receiver()
        self.receiver.start()

    def passing(
        self, one: Installation, span: timedelta, till_pinged: bool = False
    ) -> list[datetime]:
        """Lets so much time pass, or until a ping comes; answers when pings came."""
        until = one.now + span
        pings: list[datetime] = []
        self.receiver.clear()
        while one.now < until and not (till_pinged and pings):
            assert one.clock is not None
            one.clock.leap_to(one.now + _STRIDE)
            for _ in range(int(_ROUNDS / 0.05)):
                one.rest(0.05)
                pings += [one.now] * (len(self.receiver.requests) - len(pings))
        return pings


def _drill(outside: _Outside, one: Installation) -> None:
    one.had["false alarm"] = 0
    for name, breaking in _PARTS.items():
        with breaking(one):
            silent_from = one.now + _SILENT_AFTER
            pings = outside.passing(one, _BROKEN_FOR)
        one.had[name] += all(ping < silent_from for ping in pings)
        one.had["well again"] += bool(outside.passing(one, _MENDED_WITHIN, till_pinged=True))
    _calm(outside, one)
    last_due = datetime.fromtimestamp(max(each.due_at for each in one.minutes.entered), UTC)
    outside.passing(one, last_due - one.now)


def _calm(outside: _Outside, one: Installation) -> None:
    """All is well, even without Valkey: nothing hangs on it."""
    assert one.valkey is not None
    one.valkey.stop()
    began = one.now
    pings = [began, *outside.passing(one, _CALM), one.now]
    one.had["false alarm"] = sum(b - a > _LONGEST_PAUSE for a, b in pairwise(pings))
    one.had["calm hour"] += 1


def scenario() -> Scenario:
    outside = _Outside()
    return Scenario(
        "C11",
        f"{len(_PARTS)} parts broken in turn for {_BROKEN_FOR.seconds // 60} minutes of a leaping clock",
        notices=_NOTICES,
        over=_NOTICES * _EVERY,
        acts=[Act(1, partial(_drill, outside))],
        variables={"ADQUEM_HEARTBEAT_URL": outside.receiver.url("/alive")},
        wanted=dict.fromkeys(_PARTS, 1) | {"well again": len(_PARTS), "calm hour": 1},
        gates=had("false alarm", 0),
        workers=2,
        own_time=True,
        skew=_SKEW,
        patience=400,
        prepare=lambda one: one.cleanup.callback(outside.receiver.stop) and None,
    )
