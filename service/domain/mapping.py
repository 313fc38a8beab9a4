"""Reads a stranger's JSON by a stored mapping (JSON Pointer, RFC 6901): the facts, or why there are none.

It guesses nothing: a time without a zone, a number without a unit and a day that could be two are
reasons, never dates. No reason repeats what the payload says.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from service.domain.recipes import DAYS, INSTANTS
from service.errors import Code, Refusal

MOST_BYTES = 65_536
_MOST_DEEP = 32
_MISSING = object()
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_ESCAPE = re.compile(r"~(?![01])")
_NAME = re.compile(r"[A-Za-z0-9._:/-]{1,100}", re.ASCII)
_DAY = re.compile(r"(\d{4})([-/])(\d{2})\2(\d{2})", re.ASCII)
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?", re.ASCII
)
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,6})?", re.ASCII)


@dataclass(frozen=True)
class Place:
    """Where the value of a field comes from: `pointer` into the payload, or a `constant`. `zone`: where a
    time without an offset was written, and whose day it is; `epoch`: it is a number of seconds.
    `optional`: it may be missing. `values`: what each answer of the sender means; no other is taken."""

    pointer: str | None = None
    constant: Any = None
    zone: tzinfo | None = None
    epoch: bool = False
    optional: bool = False
    values: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Condition:
    """What must stand at `pointer`: anything at all, or one of `values`."""

    pointer: str
    values: frozenset[str] | None = None


@dataclass(frozen=True)
class Facts:
    """The fields that could be read, and for each of the others why not. `said`: the sender's own part, by
    which an event is known again whatever our mapping makes of it later; None for what is missing."""

    values: Mapping[str, Any]
    said: Mapping[str, Any]
    faults: tuple[Refusal, ...] = ()


def read_document(raw: bytes) -> Any:
    """JSON as RFC 8259 has it, in UTF-8. Raises Refusal `malformed_json` also for what parsers disagree
    about: a name that stands twice, NaN, a number beyond all measure, or very deep nesting."""
    try:
        document = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_once,
            parse_constant=_no_number,
            parse_float=_finite,
        )
    except (ValueError, RecursionError):
        raise Refusal(Code.MALFORMED_JSON, "The body is not valid JSON.") from None
    if _deeper_than(document, _MOST_DEEP):
        raise Refusal(Code.MALFORMED_JSON, f"The body is nested deeper than {_MOST_DEEP} levels.")
    return document


def check_pointer(pointer: str) -> str:
    """Raises ValueError for what is no JSON Pointer."""
    begun = not pointer or pointer.startswith("/")
    if not begun or _ESCAPE.search(pointer) or not pointer.isprintable():
        raise ValueError("A JSON Pointer begins with / and writes ~ as ~0 and / as ~1.")
    return pointer


def found_at(document: Any, pointer: str) -> Any:
    """What stands there; None where nothing does, where it is null, or an empty text."""
    found = _at(document, pointer)
    return None if found is _MISSING or found == "" else found


def holds(document: Any, condition: Condition | None) -> bool:
    """Whether the payload is one of those that the source is about."""
    if condition is None:
        return True
    found = found_at(document, condition.pointer)
    if condition.values is None:
        return found is not None
    return _written(found) in condition.values


def sender_id(document: Any, pointer: str) -> str:
    """Raises Refusal `missing_field`, or `invalid_input` for what looks like no id."""
    found = found_at(document, pointer)
    if found is None:
        raise _missing("id")
    text = _written(found)
    if text is None or isinstance(found, bool) or not _NAME.fullmatch(text):
        raise Refusal(
            Code.INVALID_INPUT,
            "An id has up to 100 letters, digits and . _ : / - and nothing else.",
            "id",
        )
    return text


def read_facts(document: Any, mapping: Mapping[str, Place]) -> Facts:
    """Every field of the mapping; one that cannot be read hides no other."""
    values, said, faults = dict[str, Any](), dict[str, Any](), list[Refusal]()
    for name, place in mapping.items():
        try:
            value = _read(name, place, document)
        except Refusal as refusal:
            faults.append(refusal)
            continue
        if value is not None:
            values[name] = value
        if place.pointer is not None:
            translated = place.values is not None and value is not None
            said[name] = _written(found_at(document, place.pointer)) if translated else value
    return Facts(values, said, tuple(faults))


def _read(name: str, place: Place, document: Any) -> Any:
    if place.pointer is None:
        return place.constant
    found = found_at(document, place.pointer)
    if found is None and not place.optional:
        raise _missing(name)
    if found is None:
        return None
    if place.values is not None:
        return _translated(name, found, place.values)
    if name in DAYS:
        return _day(name, found, place)
    if name in INSTANTS:
        return _instant(name, found, place).isoformat()
    text = None if isinstance(found, bool) else _written(found)
    if text is None:
        raise Refusal(Code.INVALID_INPUT, "A text is wanted here, or a whole number.", name)
    if name == "case" and not _NAME.fullmatch(text):
        raise Refusal(Code.INVALID_INPUT, "This is no code and no external id of a case.", name)
    return text or None


def _translated(name: str, found: Any, values: Mapping[str, str]) -> str:
    meant = values.get(_written(found) or "")
    if meant is None:
        raise Refusal(Code.INVALID_INPUT, "The mapping does not say what this answer means.", name)
    return meant


def _day(name: str, found: Any, place: Place) -> str:
    """A day as it is written; a time only where the mapping says in which zone it is a day."""
    match = _DAY.fullmatch(found) if isinstance(found, str) else None
    if match is not None:
        try:
            return date(int(match[1]), int(match[3]), int(match[4])).isoformat()
        except ValueError:
            detail = "There is no such day in the calendar."
            raise Refusal(Code.INVALID_DATE, detail, name) from None
    if place.zone is None:
        detail = (
            "Send a day as 2026-11-20 or 2026/11/20. For a time, name a timezone in the mapping."
        )
        raise Refusal(Code.INVALID_DATE, detail, name)
    return _instant(name, found, place).astimezone(place.zone).date().isoformat()


def _instant(name: str, found: Any, place: Place) -> datetime:
    if place.epoch:
        return _counted(name, found)
    text = found if isinstance(found, str) else ""
    if not _INSTANT.fullmatch(text):
        detail = "Send the time as 2026-11-20T10:00:00 with an offset. A number needs `as` in the mapping."
        raise Refusal(Code.INVALID_INSTANT, detail, name)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(Code.INVALID_INSTANT, "There is no such instant.", name) from None
    if at.tzinfo is None:
        return _placed(name, at, place.zone)
    if abs(at.utcoffset() or timedelta()) > timedelta(hours=14):
        raise Refusal(Code.INVALID_INSTANT, "No place has such an offset.", name)
    return at


def _placed(name: str, wall: datetime, zone: tzinfo | None) -> datetime:
    """An hour that comes twice is its first; one that is left out is none."""
    if zone is None:
        detail = "The time has no offset, and the mapping names no timezone for it."
        raise Refusal(Code.INVALID_INSTANT, detail, name)
    at = wall.replace(tzinfo=zone).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) != wall:
        detail = "The clocks were put forward over this time: it did not exist."
        raise Refusal(Code.NONEXISTENT_LOCAL_TIME, detail, name)
    return at


def _counted(name: str, found: Any) -> datetime:
    text = _written(found) if not isinstance(found, float) else f"{found:f}"
    try:
        if text is None or isinstance(found, bool) or not _NUMBER.fullmatch(text):
            raise ValueError
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        detail = "A number of seconds since 1970 is wanted here."
        raise Refusal(Code.INVALID_INSTANT, detail, name) from None


def _written(found: Any) -> str | None:
    """A text without the blanks around it, a whole number or a truth value as JSON writes it."""
    if isinstance(found, str):
        return found.strip()
    return json.dumps(found) if isinstance(found, int) else None


def _missing(name: str) -> Refusal:
    detail = "The payload has nothing where the mapping looks for this."
    return Refusal(Code.MISSING_FIELD, detail, name)


def _at(document: Any, pointer: str) -> Any:
    """RFC 6901, section 4."""
    found = document
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and name in found:
            found = found[name]
        elif isinstance(found, list) and _INDEX.fullmatch(name) and int(name) < len(found):
            found = found[int(name)]
        else:
            return _MISSING
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name stands twice")
    return names


def _no_number(_: str) -> Any:
    raise ValueError("no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("beyond all measure")
    return number


def _deeper_than(document: Any, most: int) -> bool:
    level = [document]
    for _ in range(most + 1):
        inner = [one for one in level if isinstance(one, dict | list)]
        level = [part for one in inner for part in (one.values() if isinstance(one, dict) else one)]
        if not inner:
            return False
    return True
