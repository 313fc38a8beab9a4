"""C1: one fault, once, at each point where something is to be lost."""

from tests.harness.processes import migrate
from tests.soak.chaos import Scenario
from tests.soak.gates import RESCUED
from tests.soak.installation import Installation
from tests.soak.parts import in_flight

POINTS = (
    "release.before_commit",
    "release.after_commit",
    "claim.before_commit",
    "claim.after_commit",
    "send.before",
    "smtp.after_reply",
    "webhook.after_reply",
    "record.before_commit",
    "record.after_commit",
)
#: Where most hangs on who dies: nothing, a claim, or a verdict is lost with the process.
CRITICAL = (
    "release.before_commit",
    "claim.after_commit",
    "smtp.after_reply",
    "webhook.after_reply",
    "record.before_commit",
)


def firings(action: str, points: tuple[str, ...] = POINTS) -> tuple[str, ...]:
    return tuple(f"{point}:{action}" for point in points)


def at_points(
    name: str,
    faults: tuple[str, ...],
    over: float = 6.0,
    *,
    embedded: bool = False,
    own_time: bool = False,
) -> Scenario:
    """C1: each of these faults once, each while there is something to lose; nothing else is broken. `over`:
    so many seconds that each fault finds a round of its own."""
    return Scenario(
        name,
        f"{len(faults)} faults at {len(POINTS)} points, each once",
        notices=40,
        over=over,
        # One after the other: a batch would meet one fault and hide the rest.
        variables={"ADQUEM_FAULTS": ",".join(f"{one}@once" for one in faults)} | in_flight(2),
        wanted={fault.replace(":", " ", 1): 1 for fault in faults},
        gates=RESCUED,
        workers=1 if embedded else 2,
        teams=2,
        tools=1,
        embedded=embedded,
        own_time=own_time,
        patience=90 if own_time else 900,
        prepare=migrated_file if embedded else lambda _: None,
    )


def migrated_file(one: Installation) -> None:
    home = one.folder / "home"
    migrate(f"sqlite:///{home / 'adquem.sqlite3'}", home)
