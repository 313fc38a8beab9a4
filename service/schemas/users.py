"""Shapes of users."""

from datetime import datetime
from typing import Annotated

from pydantic import EmailStr, Field

from service.schemas.fields import Answer, Id, Line, Shape, ZoneName

TeamIds = Annotated[list[Id], Field(min_length=1, max_length=50)]


class UserIn(Shape):
    """`team_ids` may be left out by a key that belongs to one team."""

    name: Line
    email: EmailStr
    timezone: ZoneName
    team_ids: TeamIds | None = None


class UserPatch(Shape):
    name: Line | None = None
    email: EmailStr | None = None
    timezone: ZoneName | None = None
    team_ids: TeamIds | None = None
    disabled: bool | None = None


class UserOut(Answer):
    id: str
    name: str
    email: str
    timezone: str
    team_ids: list[str]
    disabled_at: datetime | None
    revision: int
    created_at: datetime
