"""Shapes of escalation policies."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from service.domain.deadlines import DeadlineKind, Force
from service.domain.escalation import Role
from service.errors import Code
from service.schemas.fields import Answer, Duration, Id, Line, Shape

CourtDays = Annotated[int, Field(ge=1, le=250)]


class StepShape(Shape):
    """Exactly one of the five spans. `before_due`/`after_due`: a mark; `court_days_before_due`/
    `court_days_after_due`: a mark counted in days on which the court of the case sits;
    `no_response_for`: how long silence after the step before is borne. `need`: how many of those told
    must answer before the silence ends, or "all" of them."""

    targets: Annotated[list[Role], Field(min_length=1, max_length=5)]
    before_due: Duration | None = None
    court_days_before_due: CourtDays | None = None
    after_due: Duration | None = None
    court_days_after_due: CourtDays | None = None
    no_response_for: Duration | None = None
    need: Annotated[int, Field(ge=1, le=20)] | Literal["all"] = 1

    @model_validator(mode="after")
    def _one_trigger(self) -> Self:
        spans = (
            self.before_due,
            self.court_days_before_due,
            self.after_due,
            self.court_days_after_due,
            self.no_response_for,
        )
        if sum(span is not None for span in spans) != 1:
            raise PydanticCustomError(
                Code.INVALID_INPUT.value,
                "Give exactly one of before_due, court_days_before_due, after_due, "
                "court_days_after_due and no_response_for.",
            )
        return self


Steps = Annotated[list[StepShape], Field(min_length=1, max_length=50)]


class DefaultFor(Shape):
    """For which deadlines of the team the policy is the default where neither the deadline nor its case
    names one; what is left open holds for all. The narrower of two wins: criticality before kind before
    force."""

    kinds: Annotated[list[DeadlineKind], Field(max_length=6)] = Field(default_factory=list)
    forces: Annotated[list[Force], Field(max_length=3)] = Field(default_factory=list)
    critical: bool | None = None


class EscalationPolicyIn(Shape):
    name: Line
    steps: Steps
    default_for: DefaultFor | None = None
    team_id: Id | None = None


class EscalationPolicyPatch(Shape):
    """`default_for` null: it is no default any more."""

    name: Line | None = None
    steps: Steps | None = None
    default_for: DefaultFor | None = None


class EscalationPolicyOut(Answer):
    id: str
    team_id: str
    name: str
    steps: list[StepShape]
    default_for: DefaultFor | None
    revision: int
    created_at: datetime
