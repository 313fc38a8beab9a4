"""Shapes of reviews: dates that a change of the law would move."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from service.errors import Code
from service.schemas.deadlines import PersonIn
from service.schemas.fields import Answer, Id, Line, LocalDate


class Decision(StrEnum):
    """`apply`: the date moves; `keep`: it stays as it was told; `later`: ask again on a day."""

    APPLY = "apply"
    KEEP = "keep"
    LATER = "later"


class DecisionIn(PersonIn):
    """On up to 1,000 reviews at once. `ask_again_on` goes with `later`, `reason` with the others."""

    review_ids: Annotated[list[Id], Field(min_length=1, max_length=1000)]
    decision: Decision
    reason: Annotated[Line, Field(min_length=2)] | None = None
    ask_again_on: LocalDate | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        later = self.decision is Decision.LATER
        if later and self.ask_again_on is None:
            raise PydanticCustomError(
                Code.MISSING_FIELD.value, "Say on which day to ask again (ask_again_on)."
            )
        if not later and self.reason is None:
            raise PydanticCustomError(Code.MISSING_FIELD.value, "Give the reason.")
        return self


class ReviewOut(Answer):
    """Old date beside new; `new_on` None: the law gives no date any more, for the `reason` given."""

    id: str
    team_id: str
    case_id: str
    deadline_id: str
    state: str
    reason: str
    old_on: date
    old_at: datetime
    new_on: date | None
    new_at: datetime | None
    ask_again_on: date | None
    decided_by: str | None
    decided_at: datetime | None
    decided_because: str | None
    created_at: datetime


class MoveOut(Answer):
    """One deadline that would move; `new_on` None: there would be no date, for the `reason` given."""

    deadline_id: str
    old_on: date
    new_on: date | None
    earlier: bool
    reason: str


class AmendmentPreview(Answer):
    """`version`: the name that the amended calendar would have; `looked_at`: how many open deadlines
    were held against it."""

    version: str
    looked_at: int
    moves: list[MoveOut]
