"""Shapes of alerts."""

from datetime import datetime
from typing import Self

from pydantic import Field, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from service.domain.alerts import AlertState
from service.errors import Code
from service.schemas.deadlines import ResponseOut
from service.schemas.fields import Answer, ExternalId, Id, Line, Lines, Shape, ZoneName


class AlertIn(Shape):
    """An emergency. Without `case_id` the whole team is told, and `team_id` says which one, where the key
    leaves a choice. `escalation_policy_id`: in place of the built-in ladder. `drill`: to practise with;
    it is marked wherever it is told, and counts nowhere. `user_id`: who raises it, where the key does
    not stand for a person."""

    title: Line
    case_id: Id | None = None
    team_id: Id | None = None
    external_id: ExternalId | None = None
    notes: Lines | None = None
    timezone: ZoneName | None = None
    drill: StrictBool = False
    escalation_policy_id: Id | None = None
    user_id: Id | None = None


class AlertPatch(Shape):
    """`case_id`: once it is known whom the alert concerns; the people on the case are then told."""

    title: Line | None = None
    notes: Lines | None = None
    case_id: Id | None = None

    @model_validator(mode="after")
    def _nothing_taken_away(self) -> Self:
        for name in {"title", "case_id"} & self.model_fields_set:
            if getattr(self, name) is None:
                raise PydanticCustomError(
                    Code.INVALID_INPUT.value,
                    "The title and the case can be changed, not taken away.",
                )
        return self


class AlertOut(Answer):
    """`acknowledged`: somebody has it at this moment, by the answers to this version; `answers`: all that
    were given and not taken back. `about_user_id`: the person whom nothing reaches, where that is why
    it was raised (`raised_by` is then `system`)."""

    id: str
    team_id: str
    case_id: str | None
    external_id: str | None
    title: str
    notes: str | None
    state: AlertState
    acknowledged: bool
    answers: list[ResponseOut] = Field(default_factory=list)
    about_user_id: str | None
    raised_by: str
    raised_at: datetime
    timezone: str
    drill: bool
    escalation_policy_id: str | None
    version: int
    resolved_by: str | None
    resolved_at: datetime | None
    resolved_because: str | None
    revision: int
    created_at: datetime
