"""What a time limit is: "21 days", "72 hours", with the convention for counting it."""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from service.errors import Code, Refusal

END_OF_DAY = "24:00"
_HOUR = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)


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


class Roll(StrEnum):
    """Where the last day goes when it is no court day."""

    NONE = "none"
    FORWARD = "forward"
    BACKWARD = "backward"


@dataclass(frozen=True)
class TimeLimit:
    """An amount of time and how it is counted; the fields are those of `POST /computations`.

    `cutoff` is the hour at which the last day ends in the forum's zone, "24:00" or "HH:MM".
    """

    amount: int
    unit: Unit
    direction: Direction = Direction.AFTER
    first_day: FirstDay = FirstDay.EXCLUDED
    roll: Roll = Roll.NONE
    cutoff: str = END_OF_DAY

    def __post_init__(self) -> None:
        if not 0 <= self.amount <= 10_000:
            raise Refusal(Code.INVALID_INPUT, "The amount must lie between 0 and 10000.", "amount")
        if self.cutoff != END_OF_DAY and not _HOUR.fullmatch(self.cutoff):
            raise Refusal(Code.INVALID_INPUT, 'The cut-off must be "24:00" or HH:MM.', "cutoff")

    @property
    def sign(self) -> int:
        """+1 when time runs forward from the trigger, -1 when it is counted back."""
        return 1 if self.direction is Direction.AFTER else -1

    @property
    def needs_calendar(self) -> bool:
        """Whether court days decide the result."""
        return self.unit is Unit.COURT_DAYS or self.roll is not Roll.NONE

    @property
    def roll_step(self) -> timedelta:
        """One day in the direction in which the last day is moved."""
        return timedelta(days=1 if self.roll is Roll.FORWARD else -1)
