"""Shapes of endpoints; the secret is shown once, in the answer that makes it."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from service.domain.access import Level
from service.schemas.fields import Answer, Id, Line, Shape

Patterns = Annotated[
    list[Annotated[str, Field(pattern=r"^(\*|[a-z]+\.(\*|[a-z_]+))$")]],
    Field(min_length=1, max_length=50),
]


class EndpointIn(Shape):
    """`events`: names, patterns such as `deadline.*`, or `*` for all."""

    name: Line
    url: Annotated[str, Field(max_length=2048)]
    events: Patterns = Field(default_factory=lambda: ["*"])
    level: Annotated[Level, Field(le=Level.BASIS)] = Level.CODE
    team_id: Id | None = None


class EndpointPatch(Shape):
    name: Line | None = None
    url: Annotated[str, Field(max_length=2048)] | None = None
    events: Patterns | None = None
    level: Annotated[Level, Field(le=Level.BASIS)] | None = None
    disabled: bool | None = None


class EndpointOut(Answer):
    id: str
    team_id: str
    name: str
    url: str
    events: list[str]
    level: int
    state: str
    revision: int
    created_at: datetime


class EndpointMade(EndpointOut):
    secret: str
