"""Shapes of the calculator, `POST /computations`; field names and meanings are a contract."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StrictBool, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from service.domain.service_of_process import ServiceMethod
from service.domain.time_limits import (
    LARGEST_AMOUNT,
    Direction,
    FirstDay,
    HoursBy,
    MonthEnd,
    Roll,
    Unit,
)
from service.errors import Code
from service.schemas.fields import Answer, LocalDate, Moment, Shape, ZoneName

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Range = tuple[LocalDate, LocalDate]
CalendarName = Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,8})?$")]


class TimeLimitIn(Shape):
    """See `TimeLimit` in service/domain/time_limits.py for what each field means."""

    amount: Annotated[StrictInt, Field(ge=0, le=LARGEST_AMOUNT)]
    unit: Unit
    direction: Direction = Direction.AFTER
    first_day: FirstDay = FirstDay.EXCLUDED
    clear_days: StrictBool = False
    skip_non_court_days_under: Annotated[StrictInt, Field(ge=1, le=LARGEST_AMOUNT)] | None = None
    month_end: MonthEnd = MonthEnd.CLIP
    roll: Roll = Roll.NONE
    cutoff: Annotated[str, Field(max_length=5)] = "24:00"
    hours_by: HoursBy = HoursBy.ELAPSED
    then: "TimeLimitIn | None" = None


class CalendarIn(Shape):
    """`closures`: ranges that do not count at all, both ends included (court recess)."""

    weekend: Annotated[tuple[Weekday, ...], Field(max_length=6)] = ("saturday", "sunday")
    days_off: Annotated[list[LocalDate], Field(max_length=5000)] = Field(default_factory=list)
    court_days: Annotated[list[LocalDate], Field(max_length=5000)] = Field(default_factory=list)
    closures: Annotated[list[Range], Field(max_length=200)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for first, last in self.closures:
            if last < first:
                raise PydanticCustomError(
                    Code.INVALID_DATE.value, "A closure cannot end before it begins."
                )
        return self


class ComputationIn(Shape):
    """Exactly one of `time_limit` and `rule`. `trigger`: a date, or an instant with offset, which hours
    need. `calendar`: inline, or the name of a stored one. `tolling`: pairs [from, until or null].
    `as_of`: the day on which tolling without an end is taken to be lifted; left out, today.

    With a `rule` only. `applies_on`: the day whose law applies, where it is not the trigger's (the
    day on which a decision was given, the trigger being its notification). `respondent_state`: ISO
    3166, two letters, and `facts_on`: some rules end with a State's membership. `service_method`: how
    the paper was served, the trigger being the day of dispatch where the rule deems the day."""

    trigger: Moment
    timezone: ZoneName | None = None
    time_limit: TimeLimitIn | None = None
    rule: Annotated[str, Field(max_length=100)] | None = None
    calendar: CalendarIn | CalendarName | None = None
    tolling: Annotated[list[tuple[LocalDate, LocalDate | None]], Field(max_length=200)] = Field(
        default_factory=list
    )
    as_of: LocalDate | None = None
    applies_on: LocalDate | None = None
    respondent_state: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    facts_on: LocalDate | None = None
    service_method: ServiceMethod | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.time_limit is None) == (self.rule is None):
            raise PydanticCustomError(Code.MISSING_FIELD.value, "Give either time_limit or rule.")
        if self.rule is None and self.timezone is None:
            raise PydanticCustomError(Code.MISSING_FIELD.value, "Give the forum's timezone.")
        return self


class ReadingOut(Answer):
    """One arguable date, and why it is arguable."""

    due_on: date
    due_at: datetime
    reason: str


class DerivationStepOut(Answer):
    """`skipped`: the days that did not count; `source`: what the step rests on."""

    key: str
    text: str
    on: date | None
    at: datetime | None
    skipped: list[date]
    source: str | None


class ComputationOut(Answer):
    """`earliest_on`: the safe reading. `act_by_on`: the last court day not after it; None for clocks in
    hours, custody, and without a calendar. `tolled_since`: the clock stands still, no end in sight."""

    due_on: date
    due_at: datetime
    timezone: str
    earliest_on: date
    act_by_on: date | None
    readings: list[ReadingOut]
    derivation: list[DerivationStepOut]
    calendar_version: str | None
    zone_data_version: str
    tolled_since: date | None
    sources: list[dict[str, Any]]
    rule_status: str | None
    warnings: list[str]


class RefusedOut(Answer):
    """In a batch: why one of the computations gave no date; the others stand."""

    code: str
    detail: str
    field: str | None
