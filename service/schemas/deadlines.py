"""Shapes of deadlines, their derivation and their plan."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from service.domain.deadlines import DeadlineKind, DeadlineState, DutyHolder, Force
from service.errors import Code
from service.schemas.fields import (
    Answer,
    ExternalId,
    Id,
    Instant,
    Line,
    Lines,
    LocalDate,
    Shape,
    ZoneName,
)


class DeadlineIn(Shape):
    """A stated deadline: `due_on` (the whole day) or `due_at` (an hour). One that a rule computes comes
    from a trigger event. `source`: where the date stands, or who set it. `user_id`: who enters it,
    where the key does not stand for a person. `drill`: to practise with; it is marked wherever it is
    told, and counts nowhere."""

    case_id: Id
    title: Line
    kind: DeadlineKind
    due_on: LocalDate | None = None
    due_at: Instant | None = None
    timezone: ZoneName | None = None
    force: Force = Force.INTERNAL
    duty_holder: DutyHolder = DutyHolder.TEAM
    critical: bool = False
    drill: StrictBool = False
    external_id: ExternalId | None = None
    notes: Lines | None = None
    source: Line | None = None
    escalation_policy_id: Id | None = None
    user_id: Id | None = None

    @model_validator(mode="after")
    def _one_moment(self) -> Self:
        if (self.due_on is None) == (self.due_at is None):
            raise PydanticCustomError(Code.MISSING_FIELD.value, "Give either due_on or due_at.")
        return self


class DeadlinePatch(Shape):
    """What may change without moving the date."""

    title: Line | None = None
    notes: Lines | None = None
    critical: bool | None = None
    escalation_policy_id: Id | None = None


class DeadlineOut(Answer):
    """`due_on` is the safe one of `readings`, or the date that a person has `stated`; then `computed_on`
    is the safe reading beside it, and `difference_days` how far the stated date lies after it.
    `act_by_on`: the last court day not after `due_on`. `overdue` is derived. `tolled_since`: the
    clock stands still, and `due_on` holds only if it had run again at once. `earlier_dates`: those of
    the versions before. `proposal`: what one person wants of a critical deadline; it changes nothing
    until a second person has asked for the same. `verified_by` None: nobody but who entered this
    date has checked it."""

    id: str
    team_id: str
    case_id: str
    trigger_event_id: str | None
    external_id: str | None
    title: str
    notes: str | None
    kind: DeadlineKind
    force: Force
    duty_holder: DutyHolder
    critical: bool
    drill: bool
    state: DeadlineState
    overdue: bool
    due_on: date
    due_at: datetime
    timezone: str
    act_by_on: date | None
    readings: list[dict[str, Any]]
    computed_on: date | None
    computed_at: datetime | None
    stated: dict[str, Any] | None
    difference_days: int | None
    tolled_since: date | None
    lapsed_at: datetime | None
    earlier_dates: list[dict[str, Any]]
    proposal: dict[str, Any] | None
    rule_id: str | None
    rule_status: str | None
    sources: list[dict[str, Any]]
    derivation: list[dict[str, Any]]
    calendar_version: str | None
    zone_data_version: str
    escalation_policy_id: str | None
    version: int
    entered_by: str
    verified_by: str | None
    ended_by: str | None
    ended_at: datetime | None
    ended_because: str | None
    revision: int
    created_at: datetime


class DerivationOut(Answer):
    """`if_lifted_today` and `remaining_days`: for a clock that stands still, when the limit would end
    if it ran again today, and how many days of it remain."""

    deadline_id: str
    due_on: date
    due_at: datetime
    timezone: str
    act_by_on: date | None
    readings: list[dict[str, Any]]
    derivation: list[dict[str, Any]]
    sources: list[dict[str, Any]]
    rule_status: str | None
    calendar_version: str | None
    zone_data_version: str
    computed_on: date | None
    stated: dict[str, Any] | None
    tolled_since: date | None
    if_lifted_today: date | None
    remaining_days: int | None
    warnings: list[str]


class PersonIn(Shape):
    """`user_id`: on whose behalf; left out where the key itself stands for a person."""

    user_id: Id | None = None


class AnswerIn(PersonIn):
    note: Line | None = None


class DeclineReason(StrEnum):
    NOT_MINE = "not_mine"
    AWAY = "away"
    CANNOT = "cannot"


class DeclineIn(AnswerIn):
    reason: DeclineReason


class SnoozeIn(AnswerIn):
    """`until`: when to be asked again."""

    until: Instant
    reason: Annotated[Line, Field(min_length=2)]


class ProofIn(PersonIn):
    """`proof`: reference of the receipt or registration that shows the act was done. Where that starts
    another clock: `done_on`, when it was done (left out: today), `served_on`, when its paper reached
    the team, `refused`, that an authority has answered with a refusal."""

    proof: Annotated[Line, Field(min_length=2)]
    done_on: LocalDate | None = None
    served_on: LocalDate | None = None
    refused: StrictBool = False


class ReasonIn(PersonIn):
    reason: Annotated[Line, Field(min_length=2)]


class ResponseOut(Answer):
    id: str
    deadline_id: str | None
    alert_id: str | None
    version: int
    kind: str
    user_id: str
    method: str
    note: str | None
    reason: str | None
    until: datetime | None
    at: datetime


class DeadlineEnded(DeadlineOut):
    """With what its end has started. `not_started`: rule id to the reason why it gave no date."""

    started: list[DeadlineOut]
    not_started: dict[str, str]


class PlannedStepOut(Answer):
    """`people`: who would be told at that instant. `shifted_from`: where the mark would stand if nobody
    ever rested. `occurrence`: of an exhausted ladder, which repetition."""

    step: int
    at: datetime
    local: str
    why: str
    occurrence: int
    shifted_from: datetime | None
    roles: list[str]
    people: list[str]


class PlanOut(Answer):
    """What the workers will do, by the very function that they run. Of a deadline or of an alert."""

    deadline_id: str | None = None
    alert_id: str | None = None
    version: int
    state: str
    why: str
    wake_at: datetime | None
    fired: dict[int, datetime]
    due: PlannedStepOut | None
    upcoming: list[PlannedStepOut]
