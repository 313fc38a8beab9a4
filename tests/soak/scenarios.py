"""What is broken, how, and what must hold all the same: the scenarios, each in full length and in short."""

from collections.abc import Callable
from dataclasses import replace

from tests.soak import (
    burst,
    clocks,
    edits,
    hostile,
    restore,
    shortage,
    travel,
    upgrade,
    watchdog,
    zonelaw,
)
from tests.soak.acts import (
    end_of_valkey,
    flushes,
    frozen,
    kills,
    outage_of_postgres,
    outage_of_the_sinks,
    restarts_of_postgres,
)
from tests.soak.chaos import Gate, Scenario
from tests.soak.entries import URGENT
from tests.soak.gates import NO_REPEATS, RESCUED, late, late_among, repeats
from tests.soak.oracle import Planned
from tests.soak.parts import in_flight
from tests.soak.points import CRITICAL, at_points, firings, migrated_file
from tests.soak.sinks import FAULTY


def _urgent(planned: Planned) -> bool:
    return planned.address.startswith(URGENT)


_A_SECOND: dict[str, Gate] = {
    "800 in a second": lambda result: len(result.drill.planned) / result.wall >= 800
}


def full() -> dict[str, Callable[[], Scenario]]:
    """By name, in the order in which they are run."""
    made = (
        Scenario(
            "S1",
            "kill -9 every 2 s to the end, Postgres restarted 3 x, Valkey flushed 5 x, sinks fail 30 %",
            forked=True,
            notices=10_000,
            over=60,
            acts=[
                kills(2),
                *restarts_of_postgres(15, 35, 55),
                *flushes(5, 20, 40, 50, 70),
            ],
            orders={"shares": FAULTY},
            variables=in_flight(20),
            wanted={"kill": 30, "restart of Postgres": 3, "flush": 5},
            gates=repeats(2) | RESCUED | late(0.5, 1) | late(1, 240),
            tools=1,
            patience=900,
        ),
        Scenario(
            "S3",
            "as S1 with 4 in flight and 3,000 notices",
            forked=True,
            notices=3_000,
            over=60,
            acts=[kills(2), *restarts_of_postgres(15, 35), *flushes(5, 20, 40)],
            orders={"shares": FAULTY},
            variables=in_flight(4),
            wanted={"kill": 30, "restart of Postgres": 2, "flush": 3},
            gates=repeats(0.1) | RESCUED,
            patience=360,
        ),
        Scenario(
            "S5",
            "Postgres gone for 30 s; replies take up to 1 s",
            notices=2_000,
            over=50,
            acts=outage_of_postgres(10, 30),
            orders={"slow": 1.0},
            variables=in_flight(20),
            wanted={"outage of Postgres": 1},
            gates=NO_REPEATS | late(1, 35),
        ),
        Scenario(
            "S6",
            "SMTP gone for 30 s",
            notices=4_000,
            over=50,
            acts=outage_of_the_sinks(10, 30),
            wanted={"outage of SMTP": 1},
            gates=NO_REPEATS
            | late(1, 45)
            | {"failed tries at most 869": lambda result: result.failed <= 869},
        ),
        Scenario(
            "S7",
            "Valkey gone for good",
            notices=3_000,
            over=30,
            acts=[end_of_valkey(10)],
            wanted={"end of Valkey": 1},
            gates=NO_REPEATS | late(1, 1.5),
        ),
        at_points("C1 Postgres", (*firings("kill"), *firings("raise"), *firings("sleep:2"))),
        at_points(
            "C1 SQLite",
            (*firings("kill"), *firings("raise"), *firings("sleep:2")),
            # While the only process is started anew, what comes due gathers in one round.
            over=24.0,
            embedded=True,
        ),
        Scenario(
            "C10",
            "embedded on SQLite, the only process killed every 3 s",
            notices=3_000,
            over=60,
            acts=[kills(3, times=20)],
            variables=in_flight(4),
            wanted={"kill": 15},
            gates=repeats(2) | RESCUED,
            teams=20,
            embedded=True,
            prepare=migrated_file,
        ),
        Scenario(
            "S8",
            "2 of 4 workers frozen for 70 s (lease 60 s), then going on; replies take up to 1 s",
            notices=3_000,
            over=60,
            acts=frozen(2, 15, 70),
            orders={"slow": 1.0},
            variables=in_flight(20),
            wanted={"freeze": 2},
            gates={
                "repeats at most 40": lambda result: result.judgement.by_crash <= 40,
            }
            | RESCUED,
        ),
        Scenario(
            "S4",
            "kills alone, sinks well",
            forked=True,
            notices=5_000,
            over=60,
            acts=[kills(2, times=30)],
            variables=in_flight(20),
            wanted={"kill": 30},
            gates=repeats(2) | RESCUED,
        ),
        Scenario(
            "S2",
            "as S1 with 1 in flight and 2,000 notices",
            forked=True,
            notices=2_000,
            over=60,
            acts=[kills(2), *restarts_of_postgres(15, 35), *flushes(5, 20, 40)],
            orders={"shares": FAULTY},
            variables=in_flight(1),
            wanted={"kill": 30, "restart of Postgres": 2, "flush": 3},
            gates=repeats(0.1) | RESCUED,
            patience=360,
        ),
        Scenario(
            "S9",
            "20,000 due at once, everything well",
            notices=20_000,
            over=0.1,
            urgent=100,
            workers=2,
            forked=True,
            variables=in_flight(20),
            gates=NO_REPEATS | late_among("the most urgent hundredth", _urgent, 1, 5) | _A_SECOND,
            patience=420,
        ),
    )
    # What two cores carry while they also start workers and send a third of all twice.
    slower = replace(made[0], name="S1 slower", what="as S1, at 50 a second", over=200)
    return {one.name: lambda one=one: one for one in (*made, slower)} | {  # type: ignore[misc]
        "S10": burst.scenario,
        "C2": edits.scenario,
        "C3": travel.scenario,
        "C3 clocks": clocks.scenario,
        "C4": zonelaw.scenario,
        "C5": upgrade.scenario,
        "C6": restore.scenario,
        "C8": hostile.scenario,
        "C9": shortage.scenario,
        "C11": watchdog.scenario,
    }


def short() -> dict[str, Scenario]:
    """In seconds: the clock leaps over leases and pauses, and hanging sinks are left to the full length.
    How late anything was is not judged: it would say more about the machine than about us."""
    faulty = {name: share for name, share in FAULTY.items() if name != "hang"}
    long = full()

    def brief(name: str, **changes: object) -> Scenario:
        return replace(long[name](), own_time=True, seed=1, patience=60, **changes)  # type: ignore[arg-type]

    return {
        "S1": brief(
            "S1",
            notices=400,
            over=8,
            workers=2,
            acts=[kills(2.5, times=2), *restarts_of_postgres(4), *flushes(2, 6)],
            orders={"shares": faulty},
            wanted={"kill": 2, "restart of Postgres": 1, "flush": 2},
            gates=repeats(20) | RESCUED,
        ),
        "S3": brief(
            "S3",
            notices=200,
            over=6,
            workers=2,
            acts=[kills(2, times=2)],
            orders={"shares": faulty},
            wanted={"kill": 2},
            gates=repeats(4) | RESCUED,
        ),
        "S5": brief(
            "S5",
            notices=200,
            over=5,
            workers=2,
            acts=outage_of_postgres(1.5, 2.5),
            gates=NO_REPEATS,
        ),
        "S7": brief(
            "S7",
            notices=200,
            over=4,
            workers=2,
            acts=[end_of_valkey(1.5)],
            gates=NO_REPEATS,
        ),
        # In its own time a clock leaps to the next release.
        "C1 Postgres": at_points("C1 Postgres", firings("kill", CRITICAL), 2.0, own_time=True),
        # Each restart costs seconds here; C10 kills at random.
        "C1 SQLite": at_points("C1 SQLite", firings("raise"), embedded=True, own_time=True),
        "C10": brief(
            "C10",
            notices=120,
            over=4,
            acts=[kills(2, times=2)],
            wanted={"kill": 2},
            gates=repeats(8) | RESCUED,
        ),
    }
