"""C5: the release before this one gives way to it, process by process, and comes back, on one database and
under fire; a migration is killed half-way first. Nothing stands still for long.

The release before: the last commit without the newest migration, unpacked from the history and run by this
interpreter with these packages.
"""

import contextlib
import subprocess
import tarfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from service.store.migrations import head
from tests.harness.polling import eventually
from tests.harness.processes import ROOT
from tests.soak.acts import flushes, kills, restarts_of_postgres, story
from tests.soak.chaos import Act, Scenario, Skipped
from tests.soak.gates import RESCUED, had, pauses_at_most, repeats
from tests.soak.installation import Installation
from tests.soak.parts import Worker, in_flight
from tests.soak.sinks import FAULTY

_WORKERS, _BETWEEN = 4, 2.0
#: Seconds within which whoever was asked to go has gone: twice what it gives to what is under way.
_FAREWELL = 30
_OLD_WENT, _NEW_WENT = "N-1 that went by itself", "N that went by itself"
#: So many notices prove that whoever is alone works.
_ENOUGH = 100
_HALF_WAY = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'UPDATE alembic_version%' AND state = 'active'
"""
#: An index that was made beside the traffic, outside a transaction, may be left: it changes nothing.
_SHAPE = """
    SELECT 'version', version_num FROM alembic_version
    UNION SELECT table_name, column_name FROM information_schema.columns
          WHERE table_schema = 'public'
"""


def _the_release_before() -> str:
    """Its commit."""
    (newest,) = (ROOT / "alembic" / "versions").glob(f"{head()}_*.py")
    try:
        added = _git("log", "-1", "--diff-filter=A", "--format=%H", "--", str(newest))
        return _git("rev-parse", "--verify", "--quiet", f"{added}^")
    except (OSError, subprocess.CalledProcessError):
        raise Skipped(f"no history here tells what came before {newest.name}") from None


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def _unpacked(commit: str, folder: Path) -> Path:
    packed = folder.with_suffix(".tar")
    _git("archive", f"--output={packed}", commit)
    with tarfile.open(packed) as files:
        files.extractall(folder, filter="data")
    return folder


def _before(commit: str, one: Installation) -> None:
    """The database and the workers of the release before."""
    old = _unpacked(commit, _old(one))
    one.renew_database()
    one.adquem("migrate", code=old)
    one.workers = [one.worker(number, old) for number in range(_WORKERS)]


def _old(one: Installation) -> Path:
    return one.folder / "before"


def _there_and_back(one: Installation) -> Iterator[None]:
    _break_off(one)
    yield from _refused(one)
    yield from _migrated(one)
    yield from _relieved(one, None, "relieved by N")
    yield from _gone(one, _OLD_WENT)
    yield from _alone(one, "by N alone")
    yield from _relieved(one, _old(one), "relieved by N-1")
    yield from _gone(one, _NEW_WENT)
    yield from _alone(one, "by N-1 alone on the schema of N")


def _break_off(one: Installation) -> None:
    """SIGKILL after what the migration does, before it is written that it was done."""
    migration, shape = one.process("migration", "migrate"), _asked(one, _SHAPE)

    def half_way() -> bool:
        if not migration.running:
            migration.start()
        return _asked(one, _HALF_WAY) == {(1,)}

    with psycopg.connect(one.database_url) as connection:
        connection.execute("SELECT FROM alembic_version FOR UPDATE")
        # Where it gets no lock for so long there was nothing to kill, which turns the drill red.
        with contextlib.suppress(AssertionError):
            eventually(half_way, 60)
            one.had["migration killed"] += 1
        migration.kill()
    eventually(lambda: _asked(one, _HALF_WAY) == {(0,)}, 10)
    one.had["half a schema"] = int(_asked(one, _SHAPE) != shape)


def _refused(one: Installation) -> Iterator[None]:
    """Who is newer than the schema does nothing, and says so."""
    newcomer = _newcomer(one, None)
    while not (newcomer.up and newcomer.said(b"schema_unfit")):
        yield
    one.had["schema refused by N"] += 1


def _migrated(one: Installation) -> Iterator[None]:
    """Run again where it did not get its lock."""
    migration = one.process("migration", "migrate")
    while not one.had["migrated"]:
        migration.start()
        while migration.running:
            yield
        if not migration.stop():
            one.had["migrated"] += 1
        elif "lock timeout" in migration.tail():
            one.had["migration put off"] += 1
        else:
            raise RuntimeError(migration.tail())


def _relieved(one: Installation, code: Path | None, word: str) -> Iterator[None]:
    """As the manual says: a new one beside the old ones, then an old one is asked to go."""
    for _ in range(_WORKERS):
        newcomer = one.workers[-1] if len(one.workers) > _WORKERS else _newcomer(one, code)
        while not (newcomer.up and one.workers[0].up):
            yield
        one.retire(one.workers[0])
        one.had[word] += 1
        yield from _a_while()


def _newcomer(one: Installation, code: Path | None) -> Worker:
    worker = one.worker(len(one.workers) + len(one.retired), code)
    one.workers.append(worker)
    worker.start()
    return worker


def _gone(one: Installation, word: str) -> Iterator[None]:
    """Those who were just relieved; who does not go by itself is killed, as a supervisor does."""
    given_up = time.monotonic() + _FAREWELL
    while any(worker.process.running for worker in one.retired) and time.monotonic() < given_up:
        yield
    for worker in one.retired:
        worker.process.kill()
    one.had[word] = sum(not worker.process.stop() for worker in one.retired[-_WORKERS:])


def _alone(one: Installation, word: str) -> Iterator[None]:
    """Those who came do all there is to do."""
    before = len(one.sinks.copies())
    while one.had[word] < _ENOUGH:
        yield from _a_while()
        one.had[word] = len(one.sinks.copies()) - before


def _a_while() -> Iterator[None]:
    end = time.monotonic() + _BETWEEN
    while time.monotonic() < end:
        yield


def _asked(one: Installation, question: str) -> set[tuple[Any, ...]]:
    with psycopg.connect(one.database_url, autocommit=True) as connection:
        return set(connection.execute(question.encode()))


def scenario() -> Scenario:
    commit = _the_release_before()
    return Scenario(
        "C5",
        "N-1 to N and back in S1: a migration killed and run again, each of 4 workers relieved twice, "
        "kill -9 every 4.5 s, Postgres restarted, Valkey flushed 3 x, sinks fail 30 %",
        notices=4_400,
        over=110,
        acts=[
            Act(10, story(_there_and_back)),
            kills(4.5, times=20),
            *restarts_of_postgres(40),
            *flushes(8, 30, 60),
        ],
        orders={"shares": FAULTY},
        variables=in_flight(20),
        wanted={
            "kill": 15,
            "restart of Postgres": 1,
            "flush": 3,
            "migration killed": 1,
            "schema refused by N": 1,
            "migrated": 1,
            "relieved by N": _WORKERS,
            "by N alone": _ENOUGH,
            "relieved by N-1": _WORKERS,
            "by N-1 alone on the schema of N": _ENOUGH,
            # What the release before does at its end can be mended no more.
            _NEW_WENT: _WORKERS,
        },
        # Not 2: how soon a verdict is written down is the earlier release's for half of the time.
        gates=repeats(4) | RESCUED | pauses_at_most(10) | had("half a schema", 0),
        workers=_WORKERS,
        tools=1,
        patience=300,
        prepare=partial(_before, commit),
    )
