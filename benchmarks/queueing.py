"""How late notices are with so many workers: a simulation of waiting lines fed with the rates that were
measured. `python -m benchmarks.queueing` prints the tables of docs/scaling.md; it opens no database.
"""

import heapq
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

_RESULTS = Path(__file__).parent / "results.json"
_DAY = 86_400


@dataclass(frozen=True)
class Rate:
    """Things a second that one process does. `assumed`: no row of results.json says so yet."""

    name: str
    per_second: float
    assumed: bool = False


#: What a row's name begins with, and what is taken for it where there is no such row.
_WANTED = {
    "release": ("tick with 1,000,000 open deadlines", 400.0),
    "mails": ("mails, due to recorded, Postgres", 250.0),
    "webhooks": ("webhooks, waiting to recorded", 700.0),
    "polls": ("conditional GET of a feed, whole application, Postgres", 3_500.0),
}


@dataclass(frozen=True)
class Load:
    """A day of one installation. `open_deadlines` live `days` on average and call for `notices` each; the
    share `at_once` of a zone's notices falls due at the instant at which its working day begins."""

    open_deadlines: int
    days: float = 90
    notices: float = 8
    at_once: float = 0.25
    zones: int = 3

    @property
    def a_day(self) -> float:
        return self.open_deadlines / self.days * self.notices


@dataclass(frozen=True)
class Lateness:
    """Seconds from due to done."""

    p50: float
    p99: float
    most: float


def measured(file: Path = _RESULTS) -> dict[str, Rate]:
    rows = json.loads(file.read_text())
    found = {}
    for name, (start, assumed) in _WANTED.items():
        values = [row["value"] for row in rows if row["name"].startswith(start)]
        found[name] = Rate(name, values[0], False) if values else Rate(name, assumed, True)
    return found


def arrivals(load: Load, seconds: int, chance: random.Random) -> list[float]:
    """The hours around the beginning of the working day: the zones follow each other by an hour."""
    steady = load.a_day * (1 - load.at_once) / _DAY
    burst = round(load.a_day * load.at_once / load.zones)
    instants = [3600.0 * zone for zone in range(load.zones) if 3600 * zone < seconds]
    due = [instant for instant in instants for _ in range(burst)]
    return sorted([*due, *poisson(steady, seconds, chance)])


def poisson(rate: float, seconds: int, chance: random.Random) -> Iterator[float]:
    at = chance.expovariate(rate)
    while at < seconds:
        yield at
        at += chance.expovariate(rate)


def serve(due: Sequence[float], servers: int, rate: float, chance: random.Random) -> list[float]:
    """When each is done, first come first served, by so many servers at random service times."""
    free = [0.0] * servers
    done = []
    for instant in due:
        start = max(instant, free[0])
        end = start + chance.expovariate(rate)
        heapq.heapreplace(free, end)
        done.append(end)
    return done


def lateness(due: Sequence[float], done: Sequence[float]) -> Lateness:
    late = sorted(end - instant for instant, end in zip(due, done, strict=True))
    cuts = quantiles(late, n=100)
    return Lateness(cuts[49], cuts[98], late[-1])


def passage(load: Load, rates: dict[str, Rate], workers: int, seed: int = 1) -> Lateness:
    """Every notice goes by mail; from due to recorded is its release as well as its sending."""
    chance = random.Random(seed)
    due = arrivals(load, 3 * 3600, chance)
    return lateness(due, serve(due, workers, rates["mails"].per_second, chance))


def main() -> None:
    rates = measured()
    print("| stage | a second, one process | |\n| --- | ---: | --- |")
    for one in rates.values():
        print(
            f"| {one.name} | {one.per_second:,.0f} | {'assumed' if one.assumed else 'measured'} |"
        )
    print("\n| open deadlines | notices a day | workers | p50, s | p99, s | most, s |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for size, numbers in (
        (100_000, (1, 2)),
        (1_000_000, (2, 4, 8)),
        (10_000_000, (8, 16, 32, 64)),
    ):
        load = Load(size)
        for workers in numbers:
            late = passage(load, rates, workers)
            cells = f"{late.p50:,.1f} | {late.p99:,.1f} | {late.most:,.1f}"
            print(f"| {size:,} | {load.a_day:,.0f} | {workers} | {cells} |")
    _polls(rates["polls"])


def _polls(rate: Rate) -> None:
    """Calendar programs keep to round times: four times the mean of the day within an hour."""
    print("\n| polls a day | a second at the peak | API processes at 60 % | p99 wait, ms |")
    print("| ---: | ---: | ---: | ---: |")
    for a_day in (1_000_000, 10_000_000, 100_000_000):
        peak = 4 * a_day / _DAY
        processes = max(1, -(-peak // (0.6 * rate.per_second)))
        chance = random.Random(1)
        due = list(poisson(peak, 60, chance))
        late = lateness(due, serve(due, int(processes), rate.per_second, chance))
        print(f"| {a_day:,} | {peak:,.0f} | {processes:.0f} | {late.p99 * 1000:.1f} |")


if __name__ == "__main__":
    main()
