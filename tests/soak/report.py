"""The table of a soak, between two markers of a page; the prose around it is left alone."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path

from tests.soak.chaos import Result

BEGIN, END = "<!-- soak: begin -->", "<!-- soak: end -->"
_HEAD = (
    "| run | what is broken | notices | faults that happened | lost, early, ghost, false, unexplained, "
    "leak | repeats (crash, sink) | late p50, p99, max (s) | rescue (s) | wall (s) | verdict |"
)


def write(page: Path, results: Sequence[Result]) -> None:
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{table(results)}\n{END}{after}", encoding="utf-8")


def table(results: Sequence[Result]) -> str:
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    return "\n".join(
        [f"Measured on {machine}.", "", _HEAD, "|---" * 10 + "|", *map(_line, results)]
    )


def _line(result: Result) -> str:
    judgement, had = result.judgement, result.drill.had
    faults = ", ".join(f"{number} {name}" for name, number in sorted(had.items()))
    lists = (
        judgement.lost,
        judgement.early,
        judgement.ghost,
        judgement.false_success,
        judgement.unexplained,
        judgement.leak,
    )
    red = [name for name, passed in result.gates.items() if not passed]
    cells = (
        result.scenario.name,
        result.scenario.what,
        f"{len(result.drill.planned):,}",
        faults or "none",
        ", ".join(str(len(one)) for one in lists),
        f"{judgement.by_crash}, {judgement.by_sink}",
        ", ".join(f"{judgement.late(share):.1f}" for share in (0.5, 0.99, 1)),
        f"{judgement.rescues[-1]:.0f}" if judgement.rescues else "",
        f"{result.wall:.0f}",
        "held" if not red else f"not held: {'; '.join(red)}",
    )
    return f"| {' | '.join(cells)} |"
