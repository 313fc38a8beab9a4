"""C3 clocks: of three workers one has a clock of its own that is a day ahead, and one that is a day behind.
Nothing comes of it: the database's decides.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.soak.acts import kills
from tests.soak.chaos import Act, Scenario
from tests.soak.entries import Tables
from tests.soak.gates import RESCUED, late, repeats
from tests.soak.installation import Installation
from tests.soak.parts import Worker

#: Debian's libfaketime; where it is not installed clocks go right, and the drill is red for it.
_LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), Path("libfaketime"))
_DAY, _NEAR = timedelta(days=1), timedelta(hours=1)
_AHEAD = (timedelta(), _DAY, -_DAY)
_NOTICES, _OVER = 1_500, 45.0


def _set_clocks(one: Installation) -> None:
    for number, ahead in enumerate(_AHEAD):
        wrong = {"FAKETIME": f"{ahead / _DAY:+.0f}d", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        if ahead:
            one.equip(number, wrong | {"LD_PRELOAD": str(_LIBRARY)})


def _tries(ahead: timedelta) -> str:
    return f"tries by a clock of {ahead / _DAY:+g} d"


def _count(one: Installation) -> None:
    """What each has tried whose clock was really as wrong as it was meant to be, by its own log."""
    tables = Tables(one.settings)
    tries = tables.tries_by_worker()
    tables.close()
    for worker, ahead in zip(one.workers, _AHEAD, strict=True):
        names = {name for name, wrong_by in _lives(worker) if abs(wrong_by - ahead) < _NEAR}
        one.had[_tries(ahead)] = sum(tries[name] for name in names)


def _lives(worker: Worker) -> list[tuple[str, timedelta]]:
    """The name of each process, and how far its clock was ahead, within the length of the drill."""
    now, lines = datetime.now(UTC), worker.process.log.read_text().splitlines()
    began = [json.loads(line) for line in lines if '"worker_started"' in line]
    return [(one["worker"], datetime.fromisoformat(one["timestamp"]) - now) for one in began]


def scenario() -> Scenario:
    return Scenario(
        "C3 clocks",
        "the clock of one worker is a day ahead, of another a day behind; kill -9 every 8 s",
        notices=_NOTICES,
        over=_OVER,
        acts=[kills(8, times=5), Act(_OVER + 5, _count)],
        orders={"slow": 1.0},
        wanted={"kill": 5} | {_tries(ahead): _NOTICES // 15 for ahead in _AHEAD},
        gates=repeats(10) | RESCUED | late(0.5, 2),
        workers=len(_AHEAD),
        tools=2,
        patience=180,
        prepare=_set_clocks,
    )
