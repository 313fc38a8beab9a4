"""What a row is, and how two sides are measured fairly: in turns, several times, medians."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

_ROUNDS = 5


@dataclass(frozen=True)
class Row:
    """`ratio`: throughput of ours divided by that of the other. `target`: the least ratio wanted."""

    name: str
    value: float
    unit: str
    against: str
    ratio: float
    target: float | None
    spread: float

    def written(self) -> dict[str, Any]:
        return asdict(self)


def compare(
    name: str,
    ours: Callable[[], int],
    against: str,
    other: Callable[[], int],
    target: float | None = None,
    prepare: Callable[[], object] = lambda: None,
) -> Row:
    """Both sides answer how many things they did; they take turns, so that noise falls on both.

    `prepare` sets up each of our rounds and is not counted.
    """
    ours_rates, other_rates = [], []
    for _ in range(_ROUNDS):
        prepare()
        ours_rates.append(_rate(ours))
        other_rates.append(_rate(other))
    value, limit = median(ours_rates), median(other_rates)
    spread = (max(ours_rates) - min(ours_rates)) / value
    return Row(
        name,
        round(value, 1),
        "per second",
        against,
        round(value / limit, 3),
        target,
        round(spread, 2),
    )


def _rate(work: Callable[[], int]) -> float:
    started = time.perf_counter()
    done = work()
    return done / (time.perf_counter() - started)
