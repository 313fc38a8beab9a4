"""What a row is, and how two sides are measured fairly: in turns, several times, medians of the pairs."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any

_ROUNDS = 5


@dataclass(frozen=True)
class Row:
    """`ratio`: throughput of ours divided by that of the other. `target`: the least ratio wanted.
    `spread`: how far apart the middle half of our rounds lies, as a part of `value`."""

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
    rounds: int = _ROUNDS,
) -> Row:
    """Both sides answer how many things they did; they take turns, and what is compared is each
    round of ours with the round of the other right beside it: noise that comes and goes falls on
    both. Short rounds want to be many.

    `prepare` sets up each of our rounds and is not counted.
    """
    pairs = []
    for turn in range(rounds):
        prepare()
        sides = (ours, other) if turn % 2 else (other, ours)
        rates = {side: _rate(side) for side in sides}
        pairs.append((rates[ours], rates[other]))
    return paired(name, against, pairs, target)


def paired(
    name: str, against: str, pairs: Sequence[tuple[float, float]], target: float | None = None
) -> Row:
    """Of rounds measured already: the rate of ours and that of the other right beside it."""
    lower, value, upper = quantiles([ours for ours, _ in pairs], n=4)
    return Row(
        name,
        round(value, 1),
        "per second",
        against,
        round(median(ours / other for ours, other in pairs), 3),
        target,
        round((upper - lower) / value, 2),
    )


def _rate(work: Callable[[], int]) -> float:
    started = time.perf_counter()
    done = work()
    return done / (time.perf_counter() - started)


def against_limit(name: str, ours: Callable[[], int], against: str, limit: float) -> Row:
    """Ours against a rate that is asked for, rather than against somebody else's."""
    rates = [_rate(ours) for _ in range(4 * _ROUNDS)]
    lower, value, upper = quantiles(rates, n=4)
    ratio = round(value / limit, 3)
    return Row(
        name, round(value, 1), "per second", against, ratio, 1, round((upper - lower) / value, 2)
    )
