"""C6: the database is lost, and a copy is put back by the commands of docs/operations/restore.md: nothing
leaves before a person has seen what would, and then all of it does.
"""

import re
import subprocess
import time
from pathlib import Path

from tests.harness.postgres import programs
from tests.soak.chaos import Act, Gate, Result, Scenario
from tests.soak.entries import Tables
from tests.soak.gates import had
from tests.soak.installation import Installation

_SHOWN = re.compile(r"^(\d+) messages would leave", re.MULTILINE)
#: Longer than any worker takes to look again.
_QUARANTINED_SECONDS = 10
_LEFT, _WOULD, _TAKEN = "left in quarantine", "would leave", "taken before it"


def _copy(one: Installation) -> None:
    """While everything goes on."""
    _run("pg_dump", "--format=custom", "--no-owner", f"--file={_dump(one)}", one.database_url)
    one.had["copy"] += 1


def _lose(one: Installation) -> None:
    """Everything is stopped, and the database is gone."""
    for worker in one.workers:
        worker.process.kill()
    tables = Tables(one.settings)
    one.minutes.forgotten.extend(tables.rows())
    tables.close()
    one.renew_database()
    one.had["loss"] += 1


def _put_back(one: Installation) -> None:
    target = f"--dbname={one.database_url}"
    _run("pg_restore", "--no-owner", "--single-transaction", target, str(_dump(one)))
    one.adquem("migrate")
    one.adquem("quarantine", "on")
    one.adquem("verify-journal")


def _settle(one: Installation) -> None:
    """Started, seen, let go."""
    one.start()
    one.wait_up()
    before = len(one.sinks.copies())
    time.sleep(_QUARANTINED_SECONDS)
    found = _SHOWN.search(one.adquem("quarantine", "show"))
    one.had[_WOULD] = int(found[1]) if found else 0
    one.had[_LEFT] = len(one.sinks.copies()) - before
    one.adquem("quarantine", "off")
    one.had[_TAKEN] = before


def _disaster(one: Installation) -> None:
    _lose(one)
    _put_back(one)
    _settle(one)


def _dump(one: Installation) -> Path:
    return one.folder / "adquem.dump"


def _run(program: str, *arguments: str) -> None:
    subprocess.run([str(programs() / program), *arguments], check=True, capture_output=True)


def _as_many_as_were_shown(result: Result) -> bool:
    """What leaves after the quarantine is what was shown in it."""
    had = result.drill.had
    return had[_WOULD] == len(result.drill.copies) - had[_TAKEN]


def scenario() -> Scenario:
    shown: dict[str, Gate] = {"as many left as were shown": _as_many_as_were_shown}
    return Scenario(
        "C6",
        "a copy at 10 s, the database lost at 25 s, put back, seen and let go",
        notices=2_000,
        over=20,
        acts=[Act(10, _copy), Act(25, _disaster)],
        wanted={"copy": 1, "loss": 1, _WOULD: 200},
        gates=had(_LEFT, 0) | shown,
        workers=2,
        tools=2,
        patience=180,
    )
