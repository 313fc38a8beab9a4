"""Shapes of stored court calendars: what a person enters, and what every key may read."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, StrictInt, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from service.errors import Code
from service.schemas.computations import CalendarName, Weekday
from service.schemas.fields import Answer, Line, Lines, LocalDate, Shape

#: Monday first, as `date.weekday()` counts.
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)

DayKindName = Literal["off", "court_day", "closure", "ordinary"]
Year = Annotated[StrictInt, Field(ge=1900, le=2099)]
#: The most years that a person may enter: every computation reads them all.
MOST_YEARS = 50


def _refuse(code: Code, sentence: str) -> PydanticCustomError:
    return PydanticCustomError(code.value, sentence)


class DayChangeIn(Shape):
    """What one day is to be, or each day from `on` up to and including `until_on`.

    `off`: no court day. `court_day`: the court sits, whatever the weekday. `closure`: court recess,
    counts for nothing. `ordinary`: takes out what stands there; the weekday decides again. Every
    kind but `ordinary` needs a name.
    """

    on: LocalDate
    until_on: LocalDate | None = None
    kind: DayKindName
    name: Annotated[Line | None, Field(validate_default=True)] = None

    @field_validator("until_on")
    @classmethod
    def _in_order(cls, until_on: date | None, info: ValidationInfo) -> date | None:
        if until_on is not None and until_on < info.data.get("on", until_on):
            raise _refuse(Code.INVALID_DATE, "The range cannot end before it begins.")
        return until_on

    @field_validator("name")
    @classmethod
    def _named(cls, name: str | None, info: ValidationInfo) -> str | None:
        if name is None and info.data.get("kind") != "ordinary":
            raise _refuse(Code.MISSING_FIELD, "Say what the day is called.")
        return name


class CourtCalendarIn(Shape):
    """A calendar of a new code. Either `based_on`, a code of the library whose weekend, years and
    days it takes over and goes on taking over, or all three of `weekend`, `first_year` and
    `last_year`. `days` come on top. `source`, the citation they rest on, may be left out only where
    the library says everything. `verified_on`: when a person checked the calendar against it."""

    code: CalendarName
    based_on: CalendarName | None = None
    weekend: Annotated[tuple[Weekday, ...] | None, Field(max_length=6, validate_default=True)] = (
        None
    )
    first_year: Annotated[Year | None, Field(validate_default=True)] = None
    last_year: Annotated[Year | None, Field(validate_default=True)] = None
    days: Annotated[list[DayChangeIn], Field(max_length=2000)] = Field(default_factory=list)
    source: Annotated[Line | None, Field(validate_default=True)] = None
    verified_on: LocalDate | None = None
    note: Lines | None = None

    @field_validator("weekend", "first_year", "last_year")
    @classmethod
    def _one_way(cls, value: Any, info: ValidationInfo) -> Any:
        if "based_on" not in info.data:
            return value  # refused already
        if value is None and info.data["based_on"] is None:
            raise _refuse(
                Code.MISSING_FIELD, "Give based_on, or weekend, first_year and last_year."
            )
        if value is not None and info.data["based_on"] is not None:
            raise _refuse(Code.INVALID_INPUT, "With based_on, the library says this.")
        return value

    @field_validator("last_year")
    @classmethod
    def _years_in_order(cls, last: int | None, info: ValidationInfo) -> int | None:
        first = info.data.get("first_year")
        if last is not None and first is not None and not first <= last < first + MOST_YEARS:
            raise _refuse(Code.INVALID_INPUT, f"Give 1 to {MOST_YEARS} years, the first one first.")
        return last

    @field_validator("source")
    @classmethod
    def _sourced(cls, source: str | None, info: ValidationInfo) -> str | None:
        if source is None and (info.data.get("days") or info.data.get("based_on") is None):
            raise _refuse(Code.MISSING_FIELD, "Say what these days rest on.")
        return source


class AmendmentIn(Shape):
    """What changes from the newest version to the next one. `source`: the citation that all
    `changes` rest on. `verified_on`: when a person checked the calendar against it."""

    changes: Annotated[list[DayChangeIn], Field(min_length=1, max_length=2000)]
    source: Line
    verified_on: LocalDate | None = None
    note: Lines | None = None


class CourtCalendarOut(Answer):
    """One version of a calendar. `source`: where this version came from, the library's release or
    the citation of the amendment; each day has its own. `entered_by` None: from the library."""

    code: str
    number: int
    version: str
    based_on: str | None
    first_year: int
    last_year: int
    weekend: list[Weekday]
    source: str
    verified_on: date | None
    note: str | None
    entered_by: str | None
    created_at: datetime


class CourtDayOut(Answer):
    on: date
    kind: DayKindName
    name: str
    source: str
    entered_by: str | None


class CourtCalendarDaysOut(CourtCalendarOut):
    """`days`: every day that differs from what its weekday says, or that a person took out."""

    days: list[CourtDayOut]
