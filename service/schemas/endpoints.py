"""Shapes of endpoints; the secret is shown once, in the answer that makes it."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from service.domain.access import Level
from service.errors import Code
from service.schemas.fields import Answer, Id, Line, Shape

Patterns = Annotated[
    list[Annotated[str, Field(pattern=r"^(\*|[a-z]+\.(\*|[a-z_]+))$")]],
    Field(min_length=1, max_length=50),
]


class EndpointIn(Shape):
    """`events`: names, patterns such as `deadline.*`, or `*` for all. `user_id`: whose own notices it is to
    carry, as a second way beside mail (a push service, a chat of one): exactly what that person is
    told, never what the team's tools hear, and so without `events`."""

    name: Line
    url: Annotated[str, Field(max_length=2048)]
    events: Patterns = Field(default_factory=lambda: ["*"])
    level: Annotated[Level, Field(le=Level.BASIS)] = Level.CODE
    team_id: Id | None = None
    user_id: Id | None = None

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if self.user_id is not None and "events" in self.model_fields_set:
            raise PydanticCustomError(
                Code.INVALID_INPUT.value,
                "An endpoint of one person carries that person's notices: leave events out.",
            )
        return self


class EndpointPatch(Shape):
    """`events` cannot be given to an endpoint that is one person's."""

    name: Line | None = None
    url: Annotated[str, Field(max_length=2048)] | None = None
    events: Patterns | None = None
    level: Annotated[Level, Field(le=Level.BASIS)] | None = None
    disabled: bool | None = None


class EndpointOut(Answer):
    """`user_id`: of the one person whose notices it carries; `events` is then empty, and `url` has no path
    for anybody but that person and administrators."""

    id: str
    team_id: str
    user_id: str | None
    name: str
    url: str
    events: list[str]
    level: int
    state: str
    revision: int
    created_at: datetime


class EndpointMade(EndpointOut):
    secret: str
