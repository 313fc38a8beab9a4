"""Shapes of trigger events."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from service.errors import Code
from service.schemas.deadlines import DeadlineOut
from service.schemas.fields import Answer, EventKind, Id, Instant, Line, LocalDate, Shape, ZoneName


class TriggerEventIn(Shape):
    """Exactly one of `occurred_on` and `occurred_at`. `rules`: which rules it starts; left out, all
    rules of the library that this kind of event starts in the case's forum. `user_id`: who enters
    it, where the key does not stand for a person."""

    kind: EventKind
    occurred_on: LocalDate | None = None
    occurred_at: Instant | None = None
    served_on: LocalDate | None = None
    ruled_on: LocalDate | None = None
    timezone: ZoneName | None = None
    note: Line | None = None
    rules: Annotated[list[str], Field(max_length=20)] | None = None
    user_id: Id | None = None

    @model_validator(mode="after")
    def _one_moment(self) -> Self:
        if (self.occurred_on is None) == (self.occurred_at is None):
            raise PydanticCustomError(
                Code.MISSING_FIELD.value, "Give either occurred_on or occurred_at."
            )
        if self.served_on and self.occurred_on and self.served_on < self.occurred_on:
            raise PydanticCustomError(
                Code.INVALID_DATE.value, "Nothing is served before it has happened (served_on)."
            )
        return self


class TriggerEventOut(Answer):
    id: str
    case_id: str
    kind: str
    occurred_on: date
    occurred_at: datetime | None
    served_on: date | None
    ruled_on: date | None
    timezone: str
    note: str | None
    created_by: str
    created_at: datetime


class TriggerEventRecorded(TriggerEventOut):
    """With the deadlines that it started. `not_started`: rule id to the reason why it gave no date."""

    deadlines: list[DeadlineOut]
    not_started: dict[str, str]
    warnings: list[str]
