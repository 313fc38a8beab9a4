"""C2: people cancel, move and hand over what is just due, while workers are killed; nothing leaves that an
edit had taken back, and whoever knew the old is told the new.
"""

import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx

from tests.soak.acts import kills, once
from tests.soak.chaos import Act, Scenario
from tests.soak.entries import Tables
from tests.soak.gates import RESCUED, repeats
from tests.soak.installation import Installation
from tests.soak.oracle import Edit, Planned

_NOTICES, _OVER, _EDITORS = 1_200, 60.0, 20
#: Of all notices so many are edited, each once, at most so many seconds before or after it is due.
_EDITED, _AROUND = 500, 4.0
#: A notice that is due so soon after it was handed over may go to either.
_TOO_NEAR = 1.0
_LATER = timedelta(days=9)


class _Office:
    """An API, and who answers for what."""

    def __init__(self, one: Installation) -> None:
        self.one, self.client = one, one.api()
        self._owners: dict[str, tuple[str, str]] = {}

    def open(self) -> None:
        tables = Tables(self.one.settings)
        self._owners = tables.owners()
        tables.close()

    def cancel(self, planned: Planned, mate: Planned) -> None:
        self._post(planned, "cancel", mate, {"reason": "withdrawn"})
        self.one.minutes.edits.append(Edit(planned.subject, time.time(), tells=True))

    def move(self, planned: Planned, mate: Planned) -> None:
        due_at = datetime.fromtimestamp(planned.due_at, UTC) + _LATER
        self._post(planned, "override", mate, {"reason": "adjourned", "due_at": due_at.isoformat()})
        self.one.minutes.edits.append(Edit(planned.subject, time.time(), tells=True))

    def hand_over(self, planned: Planned, mate: Planned) -> None:
        path = f"cases/{self._owners[planned.subject][0]}"
        etag = self.client.get(path).raise_for_status().headers["etag"]
        roles = [{"role": "owner", "user_id": self._owners[mate.subject][1]}]
        answer = self.client.patch(path, json={"roles": roles}, headers={"if-match": etag})
        answer.raise_for_status()
        now, minutes = time.time(), self.one.minutes
        minutes.edits.append(Edit(planned.subject, now, address=planned.address))
        if now < planned.due_at - _TOO_NEAR:
            heir = Planned(planned.subject, mate.address, planned.due_at, planned.mark)
            minutes.planned.append(heir)

    def _post(self, planned: Planned, verb: str, mate: Planned, asked: dict[str, str]) -> None:
        """In the name of a colleague: whoever does it themselves need not be told."""
        asked = asked | {"user_id": self._owners[mate.subject][1]}
        self.client.post(f"deadlines/{planned.subject}/{verb}", json=asked).raise_for_status()


_WAYS: tuple[tuple[str, Callable[[_Office, Planned, Planned], None]], ...] = (
    ("cancelled", _Office.cancel),
    ("moved", _Office.move),
    ("handed over", _Office.hand_over),
)


class _Editor(threading.Thread):
    """Does one after the other, each at its instant, with a colleague of the owner."""

    def __init__(self, office: _Office, work: list[tuple[Planned, Planned]], seed: int) -> None:
        super().__init__(daemon=True)
        self._office, self._work = office, work
        self._random = random.Random(seed)

    def run(self) -> None:
        for planned, mate in self._work:
            at = planned.due_at + self._random.uniform(-_AROUND, _AROUND)
            time.sleep(max(at - time.time(), 0))
            name, edit = self._random.choice(_WAYS)
            try:
                edit(self._office, planned, mate)
            except httpx.HTTPError as error:
                name = f"edit refused ({type(error).__name__})"
            self._office.one.had[name] += 1


def _chosen(one: Installation) -> list[tuple[Planned, Planned]]:
    """Each with one of its team that nobody edits."""
    entered = one.minutes.entered
    edited = one.random.sample(entered[::2], _EDITED)
    mates = {planned.mark: planned for planned in entered[1::2]}
    edited.sort(key=lambda planned: planned.due_at)
    return [(planned, mates[planned.mark]) for planned in edited]


def scenario() -> Scenario:
    office = once(_Office)
    editors: list[_Editor] = []

    def begin(one: Installation) -> None:
        office(one).open()
        work = _chosen(one)
        editors.extend(
            _Editor(office(one), work[number::_EDITORS], number) for number in range(_EDITORS)
        )
        for editor in editors:
            editor.start()

    def all_done(_: Installation) -> bool:
        return not any(editor.is_alive() for editor in editors)

    return Scenario(
        "C2",
        f"{_EDITORS} people cancel, move and hand over what is due, kill -9 every 3 s",
        notices=_NOTICES,
        over=_OVER,
        acts=[Act(0, begin), Act(_OVER, all_done), kills(3, times=18)],
        wanted={"kill": 15, "cancelled": 100, "moved": 100, "handed over": 100},
        gates=repeats(2) | RESCUED,
        patience=180,
        workers=3,
        prepare=lambda one: office(one) and None,
    )
