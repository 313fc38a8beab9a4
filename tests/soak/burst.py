"""S10: very much is due within a moment, and an emergency that is raised meanwhile does not wait for it."""

import time

from tests.soak.acts import once
from tests.soak.chaos import Act, Scenario
from tests.soak.entries import Tables
from tests.soak.gates import NO_REPEATS, late_among, resident_at_most
from tests.soak.installation import Installation
from tests.soak.oracle import Planned

_NOTICES = 30_000
#: At the rate of 100,000 in a minute.
_OVER = _NOTICES * 60 / 100_000
_ALERT = "alert in the burst"


def _owners(one: Installation) -> dict[str, tuple[str, str]]:
    tables = Tables(one.settings)
    try:
        return tables.owners()
    finally:
        tables.close()


def scenario() -> Scenario:
    client, owners = once(Installation.api), once(_owners)

    def raise_alert(one: Installation) -> None:
        """For the owner of a case whose notice stands far behind in the row."""
        behind = one.minutes.entered[-1 - one.had[_ALERT]]
        case_id, owner_id = owners(one)[behind.subject]
        at = time.time()
        asked = {"title": "Detained", "case_id": case_id, "user_id": owner_id}
        alert = client(one).post("alerts", json=asked).raise_for_status().json()
        one.minutes.planned.append(Planned(alert["id"], behind.address, at, behind.mark))
        one.had[_ALERT] += 1

    def an_alert(planned: Planned) -> bool:
        return planned.subject.startswith("alr_")

    return Scenario(
        "S10",
        f"{_NOTICES:,} due in {_OVER:.0f} s, the rate of 100,000 a minute; alerts raised meanwhile",
        notices=_NOTICES,
        over=_OVER,
        acts=[Act(3, raise_alert, every=6, times=5)],
        wanted={_ALERT: 5},
        gates=NO_REPEATS | late_among("alerts", an_alert, 1, 10) | resident_at_most(400),
        workers=2,
        patience=240,
        prepare=lambda one: client(one) and None,
    )
