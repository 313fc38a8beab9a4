"""How a rule counts, as its file says it; the counting itself stands in `service/domain/`."""

from functools import cached_property
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.domain.time_limits import (
    Direction,
    FirstDay,
    HoursBy,
    MonthEnd,
    Roll,
    TimeLimit,
    Unit,
)
from service.errors import Refusal


class Part(BaseModel):
    """Base of all that a rule's file holds: no unknown fields, nothing changes once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Counting(Part):
    """See `TimeLimit` in service/domain/time_limits.py for what each field means."""

    amount: Annotated[int, Field(ge=0, le=10_000)]
    unit: Unit
    direction: Direction = Direction.AFTER
    first_day: FirstDay = FirstDay.EXCLUDED
    clear_days: bool = False
    skip_non_court_days_under: int | None = None
    month_end: MonthEnd = MonthEnd.CLIP
    roll: Roll = Roll.NONE
    cutoff: str = "24:00"
    hours_by: HoursBy = HoursBy.ELAPSED
    then: "Counting | None" = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        try:
            self.time_limit()
        except Refusal as refusal:
            raise ValueError(refusal.detail) from refusal
        return self

    def time_limit(self) -> TimeLimit:
        """The same object each time: a changed calendar asks for it once for every open deadline."""
        return self._limit

    @cached_property
    def _limit(self) -> TimeLimit:
        plain = {name: value for name, value in self if name != "then"}
        return TimeLimit(**plain, then=self.then.time_limit() if self.then else None)
