"""`python -m tests.soak [NAME ...]`: runs the scenarios in full length, and writes their table into
docs/reliability.md where all were run.
"""

import sys
import tempfile
from pathlib import Path

from tests.harness.processes import ROOT
from tests.soak.chaos import Result, Skipped, figures, run
from tests.soak.parts import migrated
from tests.soak.report import write
from tests.soak.scenarios import full


def main(names: list[str]) -> int:
    """Answers the number of scenarios that were not survived."""
    chosen = {name: make for name, make in full().items() if not names or name in names}
    results: list[Result] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        migrated(Path(folder)) as (postgres, template),
    ):
        for name, make in chosen.items():
            try:
                result = run(make(), Path(folder) / name.replace(" ", "-"), postgres, template)
            except Skipped as reason:
                print(f"{name}: skipped, {reason}", flush=True)
                continue
            results.append(result)
            print(figures(result), flush=True)
            if not result.passed:
                print(result.complaint, flush=True)
    if not names:
        write(ROOT / "docs" / "reliability.md", results)
    return sum(not result.passed for result in results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
