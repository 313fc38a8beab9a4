"""Shapes of what is foreseen under an escalation policy."""

from datetime import date, datetime
from typing import Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from service.domain.notifications import ChannelKind
from service.errors import Code
from service.schemas.deadlines import PlannedStepOut
from service.schemas.fields import Answer, Id, Instant, LocalDate, Shape


class SimulationIn(Shape):
    """Either a deadline that is there, or one that might be: its case, and `due_on` (the whole day) or
    `due_at` (an hour). `entered_at`: when it would be entered. `at`: from which instant to look (left
    out: from its entry, else now)."""

    deadline_id: Id | None = None
    case_id: Id | None = None
    due_on: LocalDate | None = None
    due_at: Instant | None = None
    entered_at: Instant | None = None
    at: Instant | None = None

    @model_validator(mode="after")
    def _one_deadline(self) -> Self:
        imagined = [self.case_id, self.due_on, self.due_at, self.entered_at]
        if self.deadline_id is not None and any(one is not None for one in imagined):
            raise PydanticCustomError(
                Code.INVALID_INPUT.value, "Give a deadline_id, or a case_id with a date; not both."
            )
        if self.deadline_id is None and self.case_id is None:
            raise PydanticCustomError(
                Code.MISSING_FIELD.value, "Give a deadline_id, or a case_id with a date."
            )
        if self.case_id is not None and (self.due_on is None) == (self.due_at is None):
            raise PydanticCustomError(Code.MISSING_FIELD.value, "Give either due_on or due_at.")
        return self


class ForeseenOut(PlannedStepOut):
    """`merged`: the missed steps that this one speaks for too; `channels`: by which it is told at once,
    mail to people, and webhooks to the endpoints that asked for it or to people who are told on two
    ways."""

    merged: list[int]
    channels: list[ChannelKind]


class SimulationOut(Answer):
    """What the workers would do if nobody answers; nothing of it is kept. `steps`: in order of time, of
    an exhausted ladder's repetitions the next alone; none of them where the deadline has ended or its
    clock stands still, for the reason `why`."""

    policy_id: str
    deadline_id: str | None
    case_id: str
    due_on: date
    due_at: datetime
    timezone: str
    entered_at: datetime
    state: str
    why: str
    wake_at: datetime | None
    steps: list[ForeseenOut]
