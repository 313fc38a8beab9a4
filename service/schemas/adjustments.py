"""Shapes of what people say of a date: stated dates, tolling, extensions."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from service.domain.deadlines import ExtensionState
from service.errors import Code
from service.schemas.deadlines import DeadlineOut, PersonIn
from service.schemas.fields import Answer, Instant, Line, LocalDate

Reason = Annotated[Line, Field(min_length=2)]


class OverrideIn(PersonIn):
    """Exactly one of `due_on` (the whole day), `due_at` (an hour), `withdrawn` (the computed date holds
    again). `source`: the paper on which the date stands."""

    reason: Reason
    due_on: LocalDate | None = None
    due_at: Instant | None = None
    withdrawn: StrictBool = False
    source: Line | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.due_on is not None) + (self.due_at is not None) + self.withdrawn != 1:
            raise PydanticCustomError(
                Code.MISSING_FIELD.value, "Give either due_on or due_at, or withdrawn."
            )
        return self


class TollingIn(PersonIn):
    """The clock stands from `from_on` and runs again on `until_on`; left out, nobody knows yet when."""

    from_on: LocalDate
    until_on: LocalDate | None = None
    reason: Reason
    source: Line | None = None


class LiftIn(PersonIn):
    """`until_on`: the day on which the clock runs again."""

    until_on: LocalDate
    reason: Reason


class TollingOut(Answer):
    id: str
    deadline_id: str
    from_on: date
    until_on: date | None
    reason: str
    source: str | None
    entered_by: str
    entered_at: datetime
    lifted_by: str | None
    lifted_at: datetime | None


class TollingRecorded(Answer):
    """The deadline as it now stands; `tolling` None: a second person has to say the same first."""

    tolling: TollingOut | None
    deadline: DeadlineOut


class ExtensionIn(PersonIn):
    """`asked_until_on`: the last day asked for."""

    requested_on: LocalDate | None = None
    asked_until_on: LocalDate | None = None
    reason: Reason


class GrantIn(PersonIn):
    """`granted_until_on`: the last day by the order that `source` names."""

    granted_until_on: LocalDate
    source: Reason


class RefusalIn(PersonIn):
    """`source`: the order that refuses it."""

    source: Reason


class ExtensionOut(Answer):
    id: str
    deadline_id: str
    state: ExtensionState
    requested_on: date
    asked_until_on: date | None
    reason: str
    requested_by: str
    granted_until_on: date | None
    source: str | None
    decided_by: str | None
    decided_at: datetime | None
    created_at: datetime


class ExtensionDecided(ExtensionOut):
    """With the deadline as it now stands."""

    deadline: DeadlineOut
