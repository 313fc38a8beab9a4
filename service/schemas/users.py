"""Shapes of users."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, EmailStr, Field
from pydantic_core import PydanticCustomError

from service.errors import Code
from service.schemas.fields import Answer, Id, Line, Shape, ZoneName


def _ascii(address: str) -> str:
    if not address.isascii():
        raise PydanticCustomError(
            Code.INVALID_TEXT.value, "Give the address in ASCII; relays refuse others too often."
        )
    return address


Email = Annotated[EmailStr, AfterValidator(_ascii)]
TeamIds = Annotated[list[Id], Field(min_length=1, max_length=50)]


class UserIn(Shape):
    """`team_ids` may be left out by a key that belongs to one team."""

    name: Line
    email: Email
    timezone: ZoneName
    team_ids: TeamIds | None = None


class UserPatch(Shape):
    name: Line | None = None
    email: Email | None = None
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
