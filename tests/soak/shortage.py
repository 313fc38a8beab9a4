"""C9: room, memory, descriptors and the processor run short one after the other, and are given back:
nothing is lost, and nobody but a supervisor lends a hand.
"""

import contextlib
import os
import resource
import time
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path

import httpx
import psycopg

from tests.harness.disk import SmallDisk, fill_up
from tests.harness.polling import eventually
from tests.soak.acts import once
from tests.soak.chaos import Act, Scenario
from tests.soak.gates import had, rescued
from tests.soak.installation import Installation
from tests.soak.parts import Worker, in_flight
from tests.soak.sinks import FAULTY

_NOTICES, _OVER = 6_000, 150.0
#: Seconds for which each thing is short, and for which there is enough of everything after it.
_SHORT, _PLENTY = 25.0, 5.0
_DATABASE_MB, _LOGS_MB = 400, 64
#: Younger workers still start: held to what they have by then, they would never be up.
_SETTLED = 12.0
#: Of a tenth of a second a worker gets a tenth; two tenths are what a loaded machine makes of it.
_TURN, _SHARE, _MOST = 0.1, 0.1, 0.2
_TICKS = os.sysconf("SC_CLK_TCK")

#: Every team's word begins so, and every notice holds its team's.
_MARK = "MARK-T"

Beats = Iterator[None]


class _Desk:
    """Somebody reads and writes through the API."""

    def __init__(self, one: Installation) -> None:
        self._client = one.api()

    def read(self) -> str:
        return _said("read", self._client.get("teams", params={"limit": 1}))

    def write(self) -> str:
        return _said("write", self._client.post("teams", json={"name": "x" * 200}))


def _said(what: str, answer: httpx.Response) -> str:
    """A refusal says that it is one; all else would be a fault of ours."""
    if answer.is_success:
        return f"{what} served"
    problem = answer.headers["content-type"] == "application/problem+json"
    if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE and problem:
        return f"{what} refused"
    return "answered otherwise"


def _supervise(one: Installation) -> None:
    """As an init system does: whatever has ended by itself is started again."""
    one.had["worker ended"] += sum(not worker.process.running for worker in one.workers)
    one.raise_the_dead()
    assert one.postgres is not None
    if not one.postgres.running:
        with contextlib.suppress(RuntimeError):
            one.postgres.start()
            one.had["Postgres started again"] += 1


def _passing(one: Installation, seconds: float) -> Beats:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield
        _supervise(one)
        one.rest()


def _no_room_for_data(
    desk: Callable[[Installation], _Desk], one: Installation, beats: Beats
) -> bool:
    """At last not for its log of writes either, which Postgres does not survive."""
    assert one.postgres is not None
    full, until = True, time.monotonic() + _SHORT / 2
    with one.postgres.disk.full() as still:
        for _ in beats:
            full &= still()
            one.had[desk(one).write()] += 1
            one.had[desk(one).read()] += 1
            if time.monotonic() > until:
                _turn_the_log_over(one)

    def taken_again() -> bool:
        _supervise(one)
        return desk(one).write() == "write served"

    eventually(taken_again, 60)
    one.had["Postgres panicked"] = (one.postgres.folder / "log").read_text().count("PANIC:")
    return full


def _turn_the_log_over(one: Installation) -> None:
    with contextlib.suppress(psycopg.Error), psycopg.connect(one.database_url) as connection:
        connection.execute("SELECT pg_switch_wal()")


def _no_room_for_logs(logs: SmallDisk, one: Installation, beats: Beats) -> bool:
    """Not for a line, for whoever works and for one that starts meanwhile."""
    full, came = True, len(one.sinks.copies())
    with logs.full() as still:
        for worker in one.workers:
            fill_up(worker.process.log)
        one.kill_one()
        for _ in beats:
            full &= still()
    one.had["copies without a log"] = len(one.sinks.copies()) - came
    return full


def _limited(kind: int, most: Callable[[int], int], one: Installation, beats: Beats) -> bool:
    """Each worker to so much of it; `most` is asked once for each."""
    before: dict[int, tuple[int, int]] = {}
    for _ in beats:
        for worker in one.workers:
            pid = worker.process.pid
            if pid not in before and worker.process.running and worker.age > _SETTLED:
                before[pid] = resource.prlimit(pid, kind)
                resource.prlimit(pid, kind, (most(pid), before[pid][1]))
    for pid in before.keys() & {worker.process.pid for worker in one.workers}:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, kind, before[pid])
    return bool(before)


def _little_memory(one: Installation, beats: Beats) -> bool:
    """Not a byte more than they have."""
    before = _complaints(one, "MemoryError")
    limited = _limited(resource.RLIMIT_AS, _address_space, one, beats)
    one.had["out of memory"] = _complaints(one, "MemoryError") - before
    return limited


def _few_descriptors(one: Installation, beats: Beats) -> bool:
    """Two more than they have open."""
    before = _complaints(one, "Too many open files")
    limited = _limited(resource.RLIMIT_NOFILE, lambda pid: _descriptors(pid) + 2, one, beats)
    one.had["out of descriptors"] = _complaints(one, "Too many open files") - before
    return limited


def _little_processor(one: Installation, beats: Beats) -> bool:
    """All stand still but for a tenth of the time."""
    came = len(one.sinks.copies())
    began, used = time.monotonic(), [_seconds_of(worker) for worker in one.workers]
    for _ in beats:
        _all(one.workers, "wake")
        time.sleep(_TURN * _SHARE)
        _all(one.workers, "rest")
        time.sleep(_TURN * (1 - _SHARE) * 0.75)
    _all(one.workers, "wake")
    passed = time.monotonic() - began
    shares = [
        (_seconds_of(worker) - before) / passed
        for worker, before in zip(one.workers, used, strict=True)
    ]
    one.had["copies with a tenth"] = len(one.sinks.copies()) - came
    one.had["% of a processor at the most"] = round(100 * max(shares))
    return max(shares) <= _MOST


def _all(workers: list[Worker], what: str) -> None:
    for worker in workers:
        with contextlib.suppress(ProcessLookupError):
            getattr(worker.process, what)()


def _complaints(one: Installation, words: str) -> int:
    """Tries that failed for this, and lines of logs that tell of it."""
    with psycopg.connect(one.database_url) as connection:
        query = "SELECT count(*) FROM attempts WHERE detail LIKE %s"
        row = connection.execute(query, [f"%{words}%"]).fetchone()
    lines = sum(worker.process.log.read_text().count(words) for worker in one.workers)
    return lines + (row[0] if row else 0)


def _address_space(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _seconds_of(worker: Worker) -> float:
    fields = Path(f"/proc/{worker.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def scenario() -> Scenario:
    desk = once(_Desk)
    logs = once(lambda one: SmallDisk(one.folder / "logs", _LOGS_MB))
    shortages: dict[str, Callable[[Installation, Beats], bool]] = {
        "disk full": partial(_no_room_for_data, desk),
        "logs full": lambda one, beats: _no_room_for_logs(logs(one), one, beats),
        "little memory": _little_memory,
        "few descriptors": _few_descriptors,
        "little processor": _little_processor,
    }

    def prepare(one: Installation) -> None:
        desk(one)
        folder = one.cleanup.enter_context(logs(one)).folder
        for worker in one.workers:
            worker.process.log = folder / worker.process.name

    def drill(one: Installation) -> None:
        for name, shortage in shortages.items():
            one.had[name] += shortage(one, _passing(one, _SHORT))
            for _ in _passing(one, _PLENTY):
                pass
        said = "".join(worker.process.log.read_text() for worker in one.workers)
        one.had["told in a log"] = said.count("[parameters") + said.count(_MARK)

    return Scenario(
        "C9",
        f"disk, logs, memory, descriptors and processor short for {_SHORT:g} s each, sinks fail 30 %",
        notices=_NOTICES,
        over=_OVER,
        acts=[Act(5, drill)],
        orders={"shares": FAULTY},
        variables=in_flight(20),
        wanted=dict.fromkeys(shortages, 1)
        | {
            "write refused": 1,
            "read served": 1,
            "Postgres panicked": 1,
            "copies without a log": 1,
            "copies with a tenth": 1,
            "out of memory": 1,
            "out of descriptors": 1,
        },
        # What a shortage holds up, it holds up beyond the lease.
        gates=had("answered otherwise", 0) | had("told in a log", 0) | rescued(60 + _SHORT + 15),
        tools=1,
        patience=420,
        disk=_DATABASE_MB,
        prepare=prepare,
    )
