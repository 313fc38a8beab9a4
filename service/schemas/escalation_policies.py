"""Shapes of escalation policies."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from service.domain.escalation import Role
from service.errors import Code
from service.schemas.fields import Answer, Duration, Id, Line, Shape


class StepShape(Shape):
    """Exactly one of the three spans. `before_due`/`after_due`: a mark; `no_response_for`: how long
    silence after the step before is borne. `need`: how many of those told must answer before the
    silence ends, or "all" of them."""

    targets: Annotated[list[Role], Field(min_length=1, max_length=5)]
    before_due: Duration | None = None
    after_due: Duration | None = None
    no_response_for: Duration | None = None
    need: Annotated[int, Field(ge=1, le=20)] | Literal["all"] = 1

    @model_validator(mode="after")
    def _one_trigger(self) -> Self:
        given = [self.before_due, self.after_due, self.no_response_for]
        if sum(span is not None for span in given) != 1:
            raise PydanticCustomError(
                Code.INVALID_INPUT.value,
                "Give exactly one of before_due, after_due and no_response_for.",
            )
        return self


Steps = Annotated[list[StepShape], Field(min_length=1, max_length=50)]


class EscalationPolicyIn(Shape):
    name: Line
    steps: Steps
    team_id: Id | None = None


class EscalationPolicyPatch(Shape):
    name: Line | None = None
    steps: Steps | None = None


class EscalationPolicyOut(Answer):
    id: str
    team_id: str
    name: str
    steps: list[StepShape]
    revision: int
    created_at: datetime
