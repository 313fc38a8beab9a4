"""What a time limit is: "21 days", "72 hours", with the convention for counting it."""

import re
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cached_property

from service.errors import Code, Refusal

END_OF_DAY = "24:00"
LARGEST_AMOUNT = 10_000
_HOUR = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
_LONGEST_CHAIN = 5


class Unit(StrEnum):
    HOURS = "hours"
    DAYS = "days"
    COURT_DAYS = "court_days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"


class Direction(StrEnum):
    AFTER = "after"
    BEFORE = "before"


class FirstDay(StrEnum):
    """Whether the day of the trigger event is counted."""

    EXCLUDED = "excluded"
    INCLUDED = "included"


class MonthEnd(StrEnum):
    """What a month is where the months are of unequal length.

    `clip`: the corresponding day, else the month's last (31 January + 1 month = 28 or 29 February).
    `sticky`: the last day of a month leads to the last day of a month (Regulation (EC) 2245/2002,
    art. 56). `whole_months`: begins the next day and ends with the last whole month (Acts
    Interpretation Act 1901 (Cth), s 2G). `thirty_days`: thirty days each.
    """

    CLIP = "clip"
    STICKY = "sticky"
    WHOLE_MONTHS = "whole_months"
    THIRTY_DAYS = "thirty_days"


class Roll(StrEnum):
    """Where the last day goes when it is no court day; `same_direction`: on the way it was counted."""

    NONE = "none"
    FORWARD = "forward"
    BACKWARD = "backward"
    SAME_DIRECTION = "same_direction"


class HoursBy(StrEnum):
    """`elapsed`: real hours, through any change of the clock. `clock`: hours on the wall."""

    ELAPSED = "elapsed"
    CLOCK = "clock"


@dataclass(frozen=True)
class TimeLimit:
    """An amount of time and how it is counted; the fields are those of `POST /computations`.

    `clear_days` leaves out both ends. `skip_non_court_days_under`: a period of fewer days than this
    passes over days off while counting. `cutoff`: the hour at which the last day ends in the forum's
    zone, "24:00" or "HH:MM". `then`: a limit counted from this one's end before any roll; roll and
    cut-off of the outer limit hold for the end of the chain.
    """

    amount: int
    unit: Unit
    direction: Direction = Direction.AFTER
    first_day: FirstDay = FirstDay.EXCLUDED
    clear_days: bool = False
    skip_non_court_days_under: int | None = None
    month_end: MonthEnd = MonthEnd.CLIP
    roll: Roll = Roll.NONE
    cutoff: str = END_OF_DAY
    hours_by: HoursBy = HoursBy.ELAPSED
    then: "TimeLimit | None" = None

    def __post_init__(self) -> None:
        if not 0 <= self.amount <= LARGEST_AMOUNT:
            raise _refused("The amount must lie between 0 and 10000.", "amount")
        if self.cutoff != END_OF_DAY and not _HOUR.fullmatch(self.cutoff):
            raise _refused('The cut-off must be "24:00" or HH:MM.', "cutoff")
        if self.clear_days and self.first_day is FirstDay.INCLUDED:
            raise _refused(
                "Clear days leave out the first day; it cannot be included.", "clear_days"
            )
        if self.clear_days and self.unit is Unit.HOURS:
            raise _refused("Clear days are days; hours have none.", "clear_days")
        if self.then is not None and self.unit is Unit.HOURS:
            raise _refused("A chain begins with days or longer.", "then")
        if len(self.chain) > _LONGEST_CHAIN:
            raise _refused(f"A chain has at most {_LONGEST_CHAIN} limits.", "then")

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        """Worked out once: that of a chain takes a third of the time of counting by it."""
        return hash(tuple(getattr(self, one.name) for one in fields(self)))

    @property
    def chain(self) -> tuple["TimeLimit", ...]:
        """This limit and those counted from its end, in order."""
        return (self,) if self.then is None else (self, *self.then.chain)

    @property
    def sign(self) -> int:
        """+1 when time runs forward from the trigger, -1 when it is counted back."""
        return 1 if self.direction is Direction.AFTER else -1

    @property
    def days(self) -> int:
        """The amount in days, for units that are days."""
        return self.amount * (7 if self.unit is Unit.WEEKS else 1)

    @property
    def skips_days_off(self) -> bool:
        """Whether days off are passed over while counting."""
        under = self.skip_non_court_days_under
        if self.unit is Unit.HOURS:
            return under is not None and self.amount < under * 24
        short = under is not None and self.days < under
        return self.unit is Unit.COURT_DAYS or (self.unit in (Unit.DAYS, Unit.WEEKS) and short)

    @property
    def needs_calendar(self) -> bool:
        """Whether court days decide the result, anywhere in the chain."""
        return self.roll is not Roll.NONE or any(one.skips_days_off for one in self.chain)

    @property
    def rolls_forward(self) -> bool:
        return self.roll is Roll.FORWARD or (self.roll is Roll.SAME_DIRECTION and self.sign > 0)


def _refused(detail: str, field: str) -> Refusal:
    return Refusal(Code.INVALID_INPUT, detail, f"time_limit.{field}")
