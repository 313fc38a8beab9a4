"""Shapes of users."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, EmailStr, Field, model_validator
from pydantic_core import PydanticCustomError

from service.errors import Code
from service.languages import Language
from service.schemas.fields import Answer, Id, Instant, Line, Shape, ZoneName


def _ascii(address: str) -> str:
    if not address.isascii():
        raise PydanticCustomError(
            Code.INVALID_TEXT.value, "Give the address in ASCII; relays refuse others too often."
        )
    return address


Email = Annotated[EmailStr, AfterValidator(_ascii)]
TeamIds = Annotated[list[Id], Field(min_length=1, max_length=50)]


Hour = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class QuietHours(Shape):
    """On the person's own clock; they may run over midnight. What would be said then is said earlier, or,
    where it is silence that has run out and there is time, in the morning."""

    begin: Hour
    end: Hour

    @model_validator(mode="after")
    def _some_day(self) -> Self:
        if self.begin == self.end:
            raise PydanticCustomError(
                Code.INVALID_INPUT.value, "Quiet hours must leave some of the day."
            )
        return self


class AwayIn(Shape):
    """`begin` left out: from now. `deputy_id`: who is told instead; left out, the deputies of each case."""

    begin: Instant | None = None
    end: Instant
    deputy_id: Id | None = None


class UserIn(Shape):
    """`team_ids` may be left out by a key that belongs to one team. `quiet_hours` null: none. `language`:
    of the mails to the person and the pages behind their links. `digest_at` and `exit_check_at`: the hour,
    on the person's own clock, of the two mails of the day; null: none. `calendar_part`: mails about a
    deadline carry its date as a calendar file."""

    name: Line
    email: Email
    timezone: ZoneName
    language: Language = Language.ENGLISH
    team_ids: TeamIds | None = None
    quiet_hours: QuietHours | None = QuietHours(begin="21:00", end="07:00")
    digest_at: Hour | None = "08:00"
    exit_check_at: Hour | None = "18:00"
    calendar_part: bool = False


class UserPatch(Shape):
    """`quiet_hours`, `digest_at`, `exit_check_at` null take them away; `away` null ends an absence."""

    name: Line | None = None
    email: Email | None = None
    timezone: ZoneName | None = None
    language: Language | None = None
    team_ids: TeamIds | None = None
    quiet_hours: QuietHours | None = None
    digest_at: Hour | None = None
    exit_check_at: Hour | None = None
    calendar_part: bool | None = None
    away: AwayIn | None = None
    disabled: bool | None = None


class OpenPgpKeyIn(Shape):
    """`key`: one public key in ASCII armour. `any_address`: also where none of its user ids names the
    person's address."""

    key: Annotated[str, Field(min_length=1, max_length=65_536)]
    any_address: bool = False


class UserOut(Answer):
    """`away_until`: everything goes to `deputy_id`, or to the deputies of each case, until then.
    `address_state`: `unverified` until the person has confirmed the address, `undeliverable` once mails to
    it have come back; notices go there in any case. `complained_at`: when the person called our mail
    unwanted; notices go on. `openpgp_state`: `unverified` until the person has opened the link in an
    encrypted mail; from `verified` on every mail is encrypted to the key, until `openpgp_expires_at`;
    after that mails say no more than that there is a date. Null: no key."""

    id: str
    name: str
    email: str
    timezone: str
    language: Language
    quiet_from: str | None
    quiet_until: str | None
    away_from: datetime | None
    away_until: datetime | None
    deputy_id: str | None
    digest_at: str | None
    exit_check_at: str | None
    calendar_part: bool
    address_state: str
    complained_at: datetime | None
    openpgp_fingerprint: str | None
    openpgp_expires_at: datetime | None
    openpgp_state: str | None
    team_ids: list[str]
    disabled_at: datetime | None
    revision: int
    created_at: datetime
