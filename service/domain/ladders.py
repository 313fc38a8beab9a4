"""The ladder that a deadline climbs where its team has decided nothing: by kind, force and criticality.

Facts in, steps out; it never looks at a case or at a person.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from service.domain.deadlines import DeadlineKind, Force
from service.domain.escalation import EVERYBODY, Role, Step, Trigger

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_OWNER = (Role.OWNER,)
_PAIR = (Role.OWNER, Role.DEPUTY)
_ABOVE = (Role.SUPERVISOR, Role.LEAD)


def _before(span: timedelta, targets: tuple[Role, ...], need: int | None = 1) -> Step:
    return Step(Trigger.BEFORE_DUE, span, targets, need)


def _after(span: timedelta, targets: tuple[Role, ...]) -> Step:
    return Step(Trigger.AFTER_DUE, span, targets)


def _silence(span: timedelta, targets: tuple[Role, ...]) -> Step:
    return Step(Trigger.NO_RESPONSE_FOR, span, targets)


#: The owner is warned in good time, then on silence the deputy, the supervisor; near the end everybody.
DEFAULT_STEPS: tuple[Step, ...] = (
    _before(30 * _DAY, _OWNER),
    _before(14 * _DAY, _OWNER),
    _before(7 * _DAY, _OWNER),
    _silence(24 * _HOUR, (Role.DEPUTY,)),
    _silence(24 * _HOUR, _ABOVE),
    _before(3 * _DAY, _PAIR),
    _silence(8 * _HOUR, _ABOVE),
    _before(_DAY, _PAIR),
    _silence(2 * _HOUR, _ABOVE),
    _before(4 * _HOUR, EVERYBODY),
    _after(0 * _DAY, EVERYBODY),
    _after(_DAY, EVERYBODY),
)

#: Liberty or life hangs on it: two people must have seen it five court days ahead, and silence is borne
#: for less the nearer the end is.
_CRITICAL: tuple[Step, ...] = (
    _before(30 * _DAY, _OWNER),
    _before(14 * _DAY, _OWNER),
    _silence(24 * _HOUR, (Role.DEPUTY,)),
    Step(Trigger.BEFORE_DUE, timedelta(), _PAIR, None, court_days=5),
    _silence(24 * _HOUR, _ABOVE),
    _before(2 * _DAY, (*_PAIR, Role.LEAD)),
    _silence(2 * _HOUR, EVERYBODY),
    _before(_DAY, (*_PAIR, *_ABOVE)),
    _silence(_HOUR / 2, EVERYBODY),
    _before(4 * _HOUR, EVERYBODY),
    _silence(_HOUR / 2, EVERYBODY),
    _after(0 * _DAY, EVERYBODY),
)

#: A custody clock of 72 hours speaks at 48, 24, 12 and 6 hours before its end; one of 40 days earlier too.
_CUSTODY: tuple[Step, ...] = (
    _before(14 * _DAY, _OWNER),
    _before(7 * _DAY, _OWNER),
    _silence(24 * _HOUR, (Role.DEPUTY,)),
    _before(4 * _DAY, _PAIR),
    _silence(8 * _HOUR, _ABOVE),
    _before(48 * _HOUR, _PAIR),
    _silence(2 * _HOUR, _ABOVE),
    _before(24 * _HOUR, _PAIR),
    _silence(_HOUR, _ABOVE),
    _before(12 * _HOUR, (*_PAIR, *_ABOVE)),
    _silence(_HOUR / 2, EVERYBODY),
    _before(6 * _HOUR, EVERYBODY),
    _silence(_HOUR / 2, EVERYBODY),
    _after(0 * _DAY, EVERYBODY),
)

#: Somebody else's duty: at risk a week before, asked for on the day and after it.
_WATCH: tuple[Step, ...] = (
    _before(7 * _DAY, _OWNER),
    _after(0 * _DAY, _OWNER),
    _silence(24 * _HOUR, (Role.DEPUTY,)),
    _after(3 * _DAY, _PAIR),
    _silence(24 * _HOUR, _ABOVE),
    _after(7 * _DAY, EVERYBODY),
)

#: A paper that runs out has to be renewed before it does.
_EXPIRY: tuple[Step, ...] = (_before(60 * _DAY, _OWNER), *DEFAULT_STEPS)

#: What the team sets itself: fewer words, and no less insistence once it is late.
_INTERNAL: tuple[Step, ...] = (
    _before(7 * _DAY, _OWNER),
    _before(2 * _DAY, _OWNER),
    _silence(24 * _HOUR, (Role.DEPUTY,)),
    _before(_DAY, _PAIR),
    _silence(4 * _HOUR, _ABOVE),
    _after(0 * _DAY, EVERYBODY),
)


def ladder_for(kind: DeadlineKind, force: Force, critical: bool) -> tuple[Step, ...]:
    """The built-in steps. What ends a custody is counted in hours whoever called it critical; fewer words
    are made only of what the team alone has set and calls internal."""
    if kind is DeadlineKind.CUSTODY:
        return _CUSTODY
    if critical:
        return _CRITICAL
    if kind is DeadlineKind.WATCH:
        return _WATCH
    if kind is DeadlineKind.EXPIRY:
        return _EXPIRY
    internal = kind is DeadlineKind.INTERNAL and force is Force.INTERNAL
    return _INTERNAL if internal else DEFAULT_STEPS


@dataclass(frozen=True)
class Scope:
    """For which deadlines of a team a policy is the default; what is left open holds for all."""

    kinds: frozenset[DeadlineKind] = frozenset()
    forces: frozenset[Force] = frozenset()
    critical: bool | None = None

    def holds(self, kind: DeadlineKind, force: Force, critical: bool) -> bool:
        return (
            (not self.kinds or kind in self.kinds)
            and (not self.forces or force in self.forces)
            and self.critical in (None, critical)
        )

    @property
    def narrowness(self) -> tuple[bool, bool, bool]:
        """That it is critical says more than its kind, its kind more than its force."""
        return self.critical is not None, bool(self.kinds), bool(self.forces)


def narrowest(
    scopes: Iterable[tuple[str, Scope]], kind: DeadlineKind, force: Force, critical: bool
) -> str | None:
    """The id of the policy whose scope says most about such a deadline, the newest of equals; ids rise
    with time."""
    found = [(one.narrowness, id_) for id_, one in scopes if one.holds(kind, force, critical)]
    return max(found)[1] if found else None
