"""Shapes of feeds; the address holds the secret and is shown once."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from service.domain.access import Level
from service.schemas.fields import Answer, Id, Line, Shape


class FeedIn(Shape):
    """One feed for each device, each with its own level; it shows the cases that the user is on."""

    name: Line
    user_id: Id
    team_id: Id | None = None
    level: Annotated[Level, Field(le=Level.BASIS)] = Level.CODE


class FeedPatch(Shape):
    name: Line | None = None
    level: Annotated[Level, Field(le=Level.BASIS)] | None = None


class FeedOut(Answer):
    id: str
    team_id: str
    user_id: str
    name: str
    level: int
    revoked_at: datetime | None
    revision: int
    created_at: datetime


class FeedMade(FeedOut):
    url: str
    webcal_url: str | None
