"""Shapes of trigger events."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from service.domain.deadlines import Fate
from service.domain.service_of_process import ServiceMethod
from service.errors import Code
from service.schemas.deadlines import DeadlineOut
from service.schemas.fields import Answer, EventKind, Id, Instant, Line, LocalDate, Shape, ZoneName


class TriggerEventIn(Shape):
    """Exactly one of `occurred_on` and `occurred_at`. `sent_on`, `served_on`: when its paper was sent
    off and received, `service_method` how. `ruled_on`: when a court ruled on it. `facts_on`: the
    latest of the facts complained of, where a rule reaches facts up to a date only. `rules`: which
    rules it starts; left out, all rules of the library that this kind of event starts in the case's
    forum. `user_id`: who enters it, where the key does not stand for a person."""

    kind: EventKind
    occurred_on: LocalDate | None = None
    occurred_at: Instant | None = None
    sent_on: LocalDate | None = None
    served_on: LocalDate | None = None
    service_method: ServiceMethod | None = None
    ruled_on: LocalDate | None = None
    facts_on: LocalDate | None = None
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
        if self.sent_on and self.served_on and self.served_on < self.sent_on:
            raise PydanticCustomError(
                Code.INVALID_DATE.value, "Nothing is served before it is sent (served_on)."
            )
        return self


class TriggerEventOut(Answer):
    """`source_deadline_id` and `fate`: the deadline whose end, lapse, completion or refusal this is."""

    id: str
    case_id: str
    kind: str
    occurred_on: date
    occurred_at: datetime | None
    sent_on: date | None
    served_on: date | None
    service_method: ServiceMethod | None
    ruled_on: date | None
    facts_on: date | None
    source_deadline_id: str | None
    fate: Fate | None
    timezone: str
    note: str | None
    created_by: str
    created_at: datetime


class TriggerEventRecorded(TriggerEventOut):
    """With the deadlines that it started. `not_started`: rule id to the reason why it gave no date."""

    deadlines: list[DeadlineOut]
    not_started: dict[str, str]
    warnings: list[str]
