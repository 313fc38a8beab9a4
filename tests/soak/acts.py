"""What is broken, and when: each act does one thing to an installation and counts that it did."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from tests.soak.chaos import Act
from tests.soak.installation import Installation

Made = TypeVar("Made")


def kills(every: float, at: float = 1.0, times: int = 0) -> Act:
    return Act(at, Installation.kill_one, every, times)


def restarts_of_postgres(*at: float) -> list[Act]:
    def restart(one: Installation) -> None:
        assert one.postgres is not None
        one.postgres.stop()
        one.postgres.start()
        one.had["restart of Postgres"] += 1

    return [Act(second, restart) for second in at]


def outage_of_postgres(at: float, seconds: float) -> list[Act]:
    def stop(one: Installation) -> None:
        assert one.postgres is not None
        one.postgres.stop()
        one.had["outage of Postgres"] += 1

    def start(one: Installation) -> None:
        assert one.postgres is not None
        one.postgres.start()

    return [Act(at, stop), Act(at + seconds, start)]


def outage_of_the_sinks(at: float, seconds: float) -> list[Act]:
    def stop(one: Installation) -> None:
        one.sinks.stop()
        one.had["outage of SMTP"] += 1

    return [Act(at, stop), Act(at + seconds, lambda one: one.sinks.start())]


def flushes(*at: float) -> list[Act]:
    def flush(one: Installation) -> None:
        assert one.valkey is not None
        one.valkey.flush()
        one.had["flush"] += 1

    return [Act(second, flush) for second in at]


def end_of_valkey(at: float) -> Act:
    def stop(one: Installation) -> None:
        assert one.valkey is not None
        one.valkey.stop()
        one.had["end of Valkey"] += 1

    return Act(at, stop)


def frozen(number: int, at: float, seconds: float) -> list[Act]:
    return [
        Act(at, lambda one: one.freeze(number)),
        Act(at + seconds, Installation.thaw),
    ]


def once(make: Callable[[Installation], Made]) -> Callable[[Installation], Made]:
    """The same for all acts of one drill."""
    made: list[Made] = []

    def the_one(one: Installation) -> Made:
        if not made:
            made.append(make(one))
        return made[0]

    return the_one


def story(tell: Callable[[Installation], Iterator[None]]) -> Callable[[Installation], bool]:
    """One act in many steps: each time it is asked it goes on until it has to wait."""
    begun = once(tell)
    return lambda one: bool(next(begun(one), True))
