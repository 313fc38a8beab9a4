"""`make bench`: runs every measurement, prints the rows, writes benchmarks/results.json."""

import json
from pathlib import Path

from benchmarks import (
    burst,
    computation,
    entering,
    feeds,
    growth,
    idling,
    law,
    mails,
    planning,
    webhooks,
)

_RESULTS = Path(__file__).parent / "results.json"


def main() -> None:
    # Those of workers tidy up as seldom as a worker does, from then on: what an API does comes before.
    modules = (
        computation, planning, law, feeds, mails, webhooks, burst, growth, entering, idling,
    )  # fmt: skip
    rows = [row for module in modules for row in module.rows()]
    for row in rows:
        target = "" if row.target is None else f" (target {row.target})"
        print(f"{row.name}: {row.value} {row.unit}, {row.ratio} x {row.against}{target}")
    _RESULTS.write_text(json.dumps([row.written() for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
