"""C3: ten years in minutes, from each change of a clock on the wall to the next. The clock that all go by
is set forward and back meanwhile, and once all workers sleep for three days.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.soak.acts import once
from tests.soak.chaos import Act, Gate, Result, Scenario
from tests.soak.entries import Tables
from tests.soak.gates import NO_REPEATS, late_among
from tests.soak.installation import Installation
from tests.soak.oracle import Planned
from tests.soak.zones import BEGIN, Moment, moments

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_SLEEP = 3 * _DAY
#: The clock stands so long before an instant, with workers that look all the while.
_JUST_BEFORE = timedelta(seconds=0.06)
#: What takes longer in real time is left undone, and the judge finds it.
_PATIENCE = timedelta(seconds=20)
#: After a jump workers look around for so many seconds.
_A_WHILE = 0.5
#: Once in so many instants the clock is set, each time another way.
_EVERY, _JUMPS = 24, (_HOUR, -_HOUR, _DAY, -_DAY)
#: A notice that is later than this says so.
_LATE = 900.0
_SLEPT, _ON_WAKING, _AGAIN = "slept over", "left on waking", "passed twice"


@dataclass(frozen=True)
class _Entered:
    """A moment, and the deadline that it became."""

    moment: Moment
    planned: Planned
    owner_id: str

    @property
    def at(self) -> datetime:
        return self.moment.at


class _Docket:
    """An API, and people who enter what a year will bring: one of each zone, with a case of their own."""

    def __init__(self, one: Installation, zones: Sequence[str]) -> None:
        self._one, self._client = one, one.api()
        self._team = self._ask("teams", name="Travellers")["id"]
        self._at_its_end = self._policy(after_due="P0D")
        self._two_days_ahead = self._policy(before_due="P2D")
        self._owners = {zone: self._owner(number, zone) for number, zone in enumerate(zones)}

    def enter(self, ahead: Sequence[Moment]) -> list[_Entered]:
        """By an import, in the order of `ahead`."""
        by_zone: dict[str, list[Moment]] = defaultdict(list)
        for moment in ahead:
            by_zone[moment.zone].append(moment)
        asked = [self._case(zone, here) for zone, here in by_zone.items()]
        cases = self._ask("imports", dry_run=False, team_id=self._team, cases=asked)["cases"]
        made = [
            self._entered(moment, deadline["id"])
            for here, case in zip(by_zone.values(), cases, strict=True)
            for moment, deadline in zip(here, case["deadlines"], strict=True)
        ]
        self._one.minutes.planned += [entered.planned for entered in made]
        return sorted(made, key=lambda entered: entered.at)

    def complete(self, entered: _Entered) -> None:
        """Or it would be said again and again."""
        path = f"deadlines/{entered.planned.subject}/complete"
        self._ask(path, proof="receipt", user_id=entered.owner_id)

    def _entered(self, moment: Moment, deadline_id: str) -> _Entered:
        owner = self._owners[moment.zone]
        due_at = moment.at.timestamp()
        planned = Planned(deadline_id, owner["email"], due_at, owner["name"])
        return _Entered(moment, planned, owner["id"])

    def _case(self, zone: str, ahead: Sequence[Moment]) -> dict[str, Any]:
        owner = self._owners[zone]
        return {
            "code": f"{owner['name']}-{ahead[0].at.year}",
            "timezone": zone,
            "roles": [{"role": "owner", "user_id": owner["id"]}],
            "deadlines": [self._deadline(moment) for moment in ahead],
        }

    def _deadline(self, moment: Moment) -> dict[str, Any]:
        asked = {"title": moment.why, "kind": "filing"}
        if moment.due_at is None:
            policy, due = self._at_its_end, {"due_on": str(moment.due_on)}
        else:
            policy, due = self._two_days_ahead, {"due_at": moment.due_at.isoformat()}
        return asked | due | {"escalation_policy_id": policy}

    def _policy(self, **when: str) -> str:
        steps, name = [{"targets": ["owner"], **when}], " ".join(when)
        made = self._ask("escalation-policies", name=name, steps=steps, team_id=self._team)
        return str(made["id"])

    def _owner(self, number: int, zone: str) -> dict[str, Any]:
        asked = {"name": f"MARK-Z{number:02}", "timezone": zone, "email": f"z{number}@example.org"}
        unasked = dict.fromkeys(("quiet_hours", "digest_at", "exit_check_at"))
        return self._ask("users", team_ids=[self._team], **asked, **unasked)

    def _ask(self, path: str, **body: Any) -> dict[str, Any]:
        self._one.beat()
        answer = self._client.post(path, json=body)
        assert answer.is_success, answer.text
        made: dict[str, Any] = answer.json()
        return made


class _Journey:
    """Time, as it passes in this drill. `uneven` takes the spans that nobody could keep to."""

    def __init__(
        self, one: Installation, ahead: Sequence[Moment], uneven: list[tuple[float, float]]
    ) -> None:
        assert one.clock is not None
        self._one, self._clock = one, one.clock
        self._ahead, self._uneven = ahead, uneven
        self._docket = _Docket(one, list(dict.fromkeys(moment.zone for moment in ahead)))

    def run(self) -> None:
        """From instant to instant; what a year will bring is entered before it begins."""
        self._tables = Tables(self._one.settings)
        asleep_at, jumps, number = _busiest(self._ahead), itertools.cycle(_JUMPS), 0
        for _, year in itertools.groupby(self._ahead, key=lambda moment: moment.at.year):
            entered = self._docket.enter(list(year))
            while entered:
                at, number = entered[0].at, number + 1
                span = timedelta()
                if at == asleep_at:
                    span = self._sleep(at)
                elif number % _EVERY:
                    self._pass(at)
                else:
                    self._jump(at, next(jumps))
                here = [one for one in entered if one.at <= at + span]
                entered = entered[len(here) :]
                self._tell(here, slept=bool(span))
        self._tables.close()

    def _tell(self, here: Sequence[_Entered], slept: bool) -> None:
        for entered in here:
            self._docket.complete(entered)
            self._one.had[entered.moment.why] += 1
            self._one.had[_SLEPT] += slept

    def _pass(self, at: datetime) -> None:
        self._clock.leap_to(at - _JUST_BEFORE)
        while self._one.now < at:
            self._one.rest()
        self._settle()

    def _settle(self) -> None:
        """Until all is done that is due by now."""
        until = self._one.now + _PATIENCE
        while self._tables.left(self._one.now) and self._one.now < until:
            self._one.rest()

    def _jump(self, at: datetime, by: timedelta) -> None:
        """Forward: over the instant, and back before it. Back: from behind it. Then it comes once more."""
        if by > timedelta():
            self._clock.leap_to(at - by / 2)
            self._settle()
            self._clock.jump(by)
            self._settle()
            self._uneven.append((at.timestamp(), self._one.now.timestamp()))
            self._clock.jump(-by)
        else:
            self._pass(at)
            self._clock.jump(by)
        self._one.had[_named(by)] += 1
        self._look_around()
        self._one.had[_AGAIN] += self._one.now < at
        self._pass(at)
        self._look_around()

    def _sleep(self, at: datetime) -> timedelta:
        """Of all workers; over as much as possible."""
        one, before = self._one, len(self._one.sinks.copies())
        self._clock.leap_to(at - _JUST_BEFORE)
        one.freeze(len(one.workers))
        self._clock.jump(_SLEEP)
        woke_at = one.now
        one.thaw()
        self._settle()
        self._uneven.append((at.timestamp(), woke_at.timestamp()))
        one.had[_ON_WAKING] += len(one.sinks.copies()) - before
        return woke_at - at

    def _look_around(self) -> None:
        for _ in range(int(_A_WHILE / 0.02)):
            self._one.rest()


def _named(jump: timedelta) -> str:
    return f"{jump / _HOUR:+g} h"


def _busiest(ahead: Sequence[Moment]) -> datetime:
    """When most changes of clocks lie within the sleep that begins then."""
    changes = [moment.at for moment in ahead if moment.due_at]
    within = {at: sum(at <= other < at + _SLEEP for other in changes) for at in changes}
    return max(within, key=lambda at: within[at])


def _once_each(result: Result) -> bool:
    """One message and one copy of each, and nothing else."""
    drill = result.drill
    told = Counter(row.subject for row in drill.rows)
    wanted = Counter(planned.subject for planned in drill.planned)
    return told == wanted and len(drill.copies) == len(drill.rows)


def _never_early(result: Result) -> bool:
    """By the drill's own reckoning: the judge goes by the service's."""
    return bool(result.judgement.lateness) and result.judgement.lateness[0] >= 0


def _late_says_so(result: Result) -> bool:
    """Where it is, and nowhere else."""
    due_at = {planned.subject: planned.due_at for planned in result.drill.planned}
    due_of = {row.key: due_at[row.subject] for row in result.drill.rows}
    late = [copy.at - due_of[copy.key] > _LATE for copy in result.drill.copies]
    return any(late) and late == [copy.late for copy in result.drill.copies]


def _all_on_waking(result: Result) -> bool:
    return result.drill.had[_ON_WAKING] == result.drill.had[_SLEPT]


def scenario() -> Scenario:
    ahead, uneven = moments(), list[tuple[float, float]]()
    journey = once(lambda one: _Journey(one, ahead, uneven))
    zones = len({moment.zone for moment in ahead})

    def in_even_time(planned: Planned) -> bool:
        return not any(begin <= planned.due_at <= end for begin, end in uneven)

    gates: dict[str, Gate] = {
        "one of each": _once_each,
        "never before its instant": _never_early,
        "says that it is late where it is": _late_says_so,
        "all that was slept over left on waking": _all_on_waking,
    }
    return Scenario(
        "C3",
        f"each gap and fold of {zones} zones in ten years; the clock set; all workers asleep for 3 days",
        notices=0,
        over=0,
        acts=[Act(0, lambda one: journey(one).run())],
        wanted=Counter(moment.why for moment in ahead)
        | dict.fromkeys(map(_named, _JUMPS), 5)
        | {"freeze": 2, _SLEPT: 20, _AGAIN: 20},
        gates=NO_REPEATS | gates | late_among("in even time", in_even_time, 1, 10),
        workers=2,
        own_time=True,
        begins=BEGIN - 20 * _DAY,
        variables={"ADQUEM_ATTEMPTS_KEPT_DAYS": "5000"},
        patience=900,
        prepare=lambda one: journey(one) and None,
    )
