"""How a date came about: the steps of its reckoning, each in one sentence that a lawyer can follow.

It writes down what `deadlines.py` reckons and reckons nothing itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from service.domain.conventions import Link
from service.domain.time_limits import HoursBy, TimeLimit, Unit


class StepKey(StrEnum):
    """What a derivation step says; the sentence in the reader's language hangs on this key."""

    TRIGGER = "trigger"
    STATED = "stated"
    SERVED = "served"
    COUNTED = "counted"
    ADDED = "added"
    ROLLED = "rolled"
    TOLLED = "tolled"
    ENDS = "ends"


@dataclass(frozen=True, init=False)
class DerivationStep:
    """One line of the reckoning.

    `on` or `at` is where the count stands after the step; `skipped` the days that did not count;
    `source` the citation that the step rests on, None where it is plain arithmetic.
    """

    key: StepKey
    text: str
    on: date | None = None
    at: datetime | None = None
    skipped: tuple[date, ...] = ()
    source: str | None = None

    def __init__(
        self,
        key: StepKey,
        text: str,
        on: date | None = None,
        at: datetime | None = None,
        skipped: tuple[date, ...] = (),
        source: str | None = None,
    ) -> None:
        # The one that a frozen dataclass is given sets each field by a call, in twice the time.
        fields = self.__dict__
        fields["key"], fields["text"], fields["on"], fields["at"] = key, text, on, at
        fields["skipped"], fields["source"] = skipped, source


class Computation(NamedTuple):
    """A due date and how it came about. `due_at` is an aware UTC instant: the end of the limit.

    `tolled_since`: the clock stands still with no end in sight, and the date would hold if it were
    lifted on the day for which it was computed.
    """

    due_on: date
    due_at: datetime
    timezone: str
    derivation: tuple[DerivationStep, ...]
    calendar_version: str | None = None
    tolled_since: date | None = None


#: What almost every derivation says, at hand: an enumeration takes its time to look a member up.
_TRIGGER, _COUNTED, _ENDS = StepKey.TRIGGER, StepKey.COUNTED, StepKey.ENDS


class Derivation:
    """The steps of one reckoning, written down as they are taken. `source` is the citation of the
    rule that is applied; `zone` the forum's."""

    def __init__(self, zone: tzinfo, source: str | None) -> None:
        self.steps: list[DerivationStep] = []
        self._zone, self._place, self._source = zone, str(zone), source

    def began_on(self, on: date) -> None:
        self.steps.append(
            DerivationStep(_TRIGGER, f"The trigger event falls on {on.isoformat()}.", on)
        )

    def began_at(self, local: datetime) -> None:
        """`local`: the instant on the forum's own clock."""
        wall = f"{local:%Y-%m-%d %H:%M} ({self._zone})"
        self._step(
            StepKey.TRIGGER, f"The trigger event happened at {wall}.", None, local.astimezone(UTC)
        )

    def stated(self, on: date, at: datetime | None) -> None:
        """`at` only where the paper names the hour."""
        self._step(StepKey.STATED, f"Stated: {on}.", on, at, (), self._source)

    def served(self, limit: TimeLimit, on: date, skipped: Sequence[date]) -> None:
        """The day from which the limit runs; `limit` leads there from the day of dispatch."""
        text = f"Counts as served on {on!s}: {_spoken(limit, 'dispatch')}"
        self._step(StepKey.SERVED, text, on, None, skipped, self._source)

    def counted(self, link: Link, end: date, skipped: tuple[date, ...]) -> None:
        text = _counted(link)
        self.steps.append(DerivationStep(_COUNTED, text, end, None, skipped, self._source))

    def counted_hours(self, limit: TimeLimit, end: date, due_at: datetime) -> None:
        by = "" if limit.hours_by is HoursBy.ELAPSED else " by the clock on the wall"
        text = f"{limit.amount} hours{by} {limit.direction} the trigger event."
        self._step(StepKey.COUNTED, text, end, due_at, (), self._source)

    def added(self, link: Link, end: date, skipped: Sequence[date]) -> None:
        """What the manner of service puts on at the end of the limit."""
        text = f"Added for the manner of service: {_spoken(link.limit, 'that end')}"
        self._step(StepKey.ADDED, text, end, None, skipped, self._source)

    def rolled(self, limit: TimeLimit, end: date, skipped: Sequence[date]) -> None:
        moved = f"moved {limit.roll.replace('_', ' ')} to {end.isoformat()}"
        text = f"{skipped[0].isoformat()} is no court day: {moved}."
        self._step(StepKey.ROLLED, text, end, None, skipped, self._source)

    def rolled_hours(self, end: date, due_at: datetime, skipped: Sequence[date]) -> None:
        text = f"{skipped[0]!s} is no court day: moved to the same hour of {end!s}."
        self._step(StepKey.ROLLED, text, end, due_at, skipped, self._source)

    def pushed(self, said_on: date, on: date) -> None:
        days = (on - said_on).days
        text = f"The clock stood still for {days} {'day' if days == 1 else 'days'}: on to {on!s}."
        self._step(StepKey.TOLLED, text, on)

    def tolled(self, since: date, as_of: date) -> None:
        holds = f"the date holds if it runs again on {as_of}"
        self._step(StepKey.TOLLED, f"The clock stands still since {since}: {holds}.", since)

    def ended(self, on: date, due_at: datetime, cutoff: str | None) -> None:
        """`cutoff`: the hour at which the last day ends; None where the limit ends at an instant."""
        hour = cutoff or f"{due_at.astimezone(self._zone):%H:%M}"
        text = f"The time limit ends on {on.isoformat()} at {hour} ({self._place})."
        self.steps.append(DerivationStep(_ENDS, text, on, due_at))

    def _step(
        self,
        key: StepKey,
        text: str,
        on: date | None,
        at: datetime | None = None,
        skipped: Sequence[date] = (),
        source: str | None = None,
    ) -> None:
        self.steps.append(DerivationStep(key, text, on, at, tuple(skipped), source))


@lru_cache(maxsize=1024)
def _counted(link: Link) -> str:
    """The same words for every date that is counted by the same limit."""
    return _spoken(link.limit, "the event")


def _spoken(limit: TimeLimit, event: str) -> str:
    """The limit in words; `event` is what the day that it runs from is called."""
    ends = "both ends left out" if limit.clear_days else f"day of {event} {limit.first_day}"
    passed = ", days off passed over" if limit.skips_days_off else ""
    unit = "court days" if limit.unit is Unit.COURT_DAYS else limit.unit
    return f"{limit.amount} {unit} {limit.direction}, {ends}{passed}."
