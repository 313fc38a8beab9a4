"""Field types that all shapes share: what a date, an instant, a zone, a text may look like.

Each refusal carries a stable code; the sentence says what would have been right.
"""

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Annotated, Any, Generic, TypeVar
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic_core import PydanticCustomError

from service.errors import Code

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})", re.ASCII
)
_DURATION = re.compile(
    r"P(?=\d|T\d)(?:(\d{1,3})D)?(?:T(?=\d)(?:(\d{1,5})H)?(?:(\d{1,6})M)?)?", re.ASCII
)
_FIRST_YEAR, _LAST_YEAR = 1900, 2099
_LONGEST = timedelta(days=730)


class Shape(BaseModel):
    """Base of every request: strict, no unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """Base of every answer: reads the attributes of a row."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """`next_cursor` is None on the last page."""

    items: list[Item]
    next_cursor: str | None = None


def _refuse(code: Code, sentence: str) -> PydanticCustomError:
    return PydanticCustomError(code.value, sentence)


def _date(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise _refuse(Code.INVALID_DATE, "Give the date as YYYY-MM-DD, with its year.")
    try:
        on = date.fromisoformat(value)
    except ValueError:
        raise _refuse(Code.INVALID_DATE, "There is no such day in the calendar.") from None
    if not _FIRST_YEAR <= on.year <= _LAST_YEAR:
        raise _refuse(
            Code.INVALID_DATE, f"The year must lie between {_FIRST_YEAR} and {_LAST_YEAR}."
        )
    return on


def _instant(value: Any) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise _refuse(
            Code.INVALID_INSTANT,
            "Give the instant as YYYY-MM-DDTHH:MM:SS with Z or an offset such as +05:00.",
        )
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise _refuse(Code.INVALID_INSTANT, "There is no such instant.") from None
    offset = at.utcoffset() or timedelta()
    if abs(offset) > timedelta(hours=14) or not _FIRST_YEAR <= at.year <= _LAST_YEAR:
        raise _refuse(Code.INVALID_INSTANT, "The year or the offset lies outside what is in use.")
    return at.astimezone(UTC)


@cache
def _zones() -> frozenset[str]:
    """Places, not abbreviations: EST or Etc/GMT+3 say too little or the opposite of what they seem."""
    named = {name for name in available_timezones() if "/" in name}
    return frozenset(name for name in named if not name.startswith(("Etc/", "SystemV/"))) | {"UTC"}


def _zone(value: str) -> str:
    if value not in _zones():
        raise _refuse(
            Code.INVALID_TIMEZONE, "Name the zone by its place, as in Asia/Almaty or Europe/Paris."
        )
    return value


def _text(value: str, allowed: str) -> str:
    for char in value:
        kind = unicodedata.category(char)
        if char not in allowed and (kind in ("Cc", "Cs", "Zl", "Zp") or char == "\ufeff"):
            raise _refuse(Code.INVALID_TEXT, "The text holds control characters or broken Unicode.")
    if not value.strip():
        raise _refuse(Code.INVALID_TEXT, "The text is empty.")
    return value


def _line(value: str) -> str:
    return _text(value, "")


def _lines(value: str) -> str:
    return _text(value, "\n\t")


def _duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise _refuse(
            Code.INVALID_INPUT, "Give the span as an ISO 8601 duration: P7D, PT4H, PT30M."
        )
    days, hours, minutes = (int(part or 0) for part in match.groups())
    span = timedelta(days=days, hours=hours, minutes=minutes)
    if span > _LONGEST:
        raise _refuse(Code.INVALID_INPUT, "The span must not be longer than 730 days.")
    return span


def written_duration(span: timedelta) -> str:
    """ISO 8601: whole days as PnD, anything else in hours and minutes."""
    days, rest = divmod(span, timedelta(days=1))
    if not rest:
        return f"P{days}D" if days else "PT0H"
    hours, minutes = divmod(rest // timedelta(minutes=1), 60)
    time = f"{hours}H" * bool(hours) + f"{minutes}M" * bool(minutes)
    return f"P{days}D" * bool(days) + ("" if days else "P") + f"T{time}"


def _moment(value: Any) -> date | datetime:
    """An instant has a T in it; everything else must be a date."""
    if isinstance(value, datetime) or (isinstance(value, str) and "T" in value):
        return _instant(value)
    return _date(value)


Moment = Annotated[date | datetime, BeforeValidator(_moment)]
LocalDate = Annotated[date, BeforeValidator(_date)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
ZoneName = Annotated[str, AfterValidator(_zone)]
Line = Annotated[str, Field(max_length=200), AfterValidator(_line)]
Lines = Annotated[str, Field(max_length=20_000), AfterValidator(_lines)]
Duration = Annotated[
    timedelta, BeforeValidator(_duration), PlainSerializer(written_duration, return_type=str)
]
#: A case is known by a short neutral code; never by a person's name.
CaseCode = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{0,19}$")]
ExternalId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:/-]{1,100}$")]
Id = Annotated[str, Field(pattern=r"^[a-z]{3,4}_[0-9a-z]{26}$")]
EventKind = Annotated[str, Field(pattern=r"^[a-z][a-z0-9.-]{1,60}$")]
