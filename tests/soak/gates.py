"""What a drill must hold besides what the judge always asks: how late, how often, how long."""

from collections.abc import Callable

from tests.soak.chaos import Gate, Result
from tests.soak.oracle import Planned, lateness_of, quantile
from tests.soak.pauses import longest_pause

#: What a restart takes beyond the lease: no message may stay with a lost worker for longer.
RESCUE_WITHIN = 75.0


def late(share: float, seconds: float) -> dict[str, Gate]:
    name = "latest" if share == 1 else f"p{share * 100:.0f}"
    return {f"{name} within {seconds:g} s": lambda result: result.judgement.late(share) <= seconds}


def repeats(per_kill: float) -> dict[str, Gate]:
    def few(result: Result) -> bool:
        return result.judgement.by_crash <= per_kill * result.drill.had["kill"]

    return {f"repeats by crash at most {per_kill:g} x kills": few}


def rescued(seconds: float) -> dict[str, Gate]:
    def in_time(result: Result) -> bool:
        return not result.judgement.rescues or result.judgement.rescues[-1] <= seconds

    return {f"rescued within {seconds:g} s": in_time}


RESCUED = rescued(RESCUE_WITHIN)
NO_REPEATS: dict[str, Gate] = {
    "no repeats": lambda result: not result.judgement.by_crash + result.judgement.by_sink
}


def late_among(
    name: str, chosen: Callable[[Planned], bool], share: float, seconds: float
) -> dict[str, Gate]:
    """The same of some notices alone; there must be some."""

    def within(result: Result) -> bool:
        lateness = lateness_of(result.drill, chosen)
        return bool(lateness) and quantile(lateness, share) <= seconds

    return {f"{name} within {seconds:g} s": within}


def pauses_at_most(seconds: float) -> dict[str, Gate]:
    return {
        f"no pause over {seconds:g} s": lambda result: longest_pause(result.drill) <= seconds,
    }


def had(name: str, number: int) -> dict[str, Gate]:
    """Counted by an act, exactly so often."""
    return {f"{name}: {number}": lambda result: result.drill.had.get(name, 0) == number}


def resident_at_most(megabytes: int) -> dict[str, Gate]:
    return {f"at most {megabytes} MB": lambda result: result.resident <= megabytes * 2**20}
