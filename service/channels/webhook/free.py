"""A body of the receiver's own making: a template in JSON or text, with fixed places that are filled in.

No template engine and no code: a place is a name out of one list, and what fills it is text and no more.
"""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from service.channels.interface import Draft
from service.channels.webhook.envelope import data_of, instant
from service.channels.webhook.text import as_json, plain, shortened
from service.domain.notifications import EventType
from service.errors import Code, Refusal

#: What a template may name. Empty where the event, the level or the detail has nothing to say.
PLACES = (
    "act_by_on", "alert_id", "basis", "case_code", "channel", "critical", "days_left", "deadline_id",
    "drill", "due_at", "due_on", "endpoint_id", "event", "event_id", "forum", "held", "kind", "link",
    "message_id", "next_at", "occurred_at", "planned_at", "previous_due_at", "previous_due_on",
    "provisional", "raised_at", "reason", "rule_status", "sequence", "since", "source", "status",
    "step", "subject_id", "subject_kind", "team_id", "test", "timezone", "title", "user_id",
    "version",
)  # fmt: skip
MOST_BYTES = 20_000
_MOST_IN_A_TEMPLATE, _DEEPEST = 8_000, 50
#: Tried one after the other until the body is small enough: the last leaves nothing but the template.
_MOST_IN_A_PLACE = (1000, 300, 50, 0)
_PARTS = re.compile(r"\{\{|\}\}|\{([a-z_]*)\}|[{}]")
#: Begins like an object, or like a list of texts, lists or objects; a text may begin with a place.
_JSON = re.compile(r"\s*(?:\{\s*[\"}]|\[\s*(?:[\[\"\]]|\{\s*[\"}]))")
_LITERAL = {"{{": "{", "}}": "}"}


def check_template(text: str) -> None:
    """Raises Refusal `invalid_input` for what could not be filled in."""
    if len(text.encode("utf-8", "replace")) > _MOST_IN_A_TEMPLATE:
        raise _refused(f"A template holds at most {_MOST_IN_A_TEMPLATE} bytes.")
    if not text.strip():
        raise _refused("The template is empty.")
    _filled(text, dict.fromkeys(PLACES, ""))


def compose(draft: Draft, template: str, source: str, link: str | None) -> bytes:
    """`link`: where to look, or where its reader answers."""
    values = _values(draft, source, link)
    for most in _MOST_IN_A_PLACE:
        body = _filled(template, {name: plain(value, most) for name, value in values.items()})
        if len(body) <= MOST_BYTES:
            break
    return body


def is_json(body: bytes) -> bool:
    return _JSON.match(body[:1000].decode("utf-8", "replace")) is not None


def _values(draft: Draft, source: str, link: str | None) -> dict[str, str]:
    notice = draft.notice
    facts = data_of(draft) | {
        "event": draft.event,
        "event_id": draft.event_id,
        "message_id": draft.message_id,
        "team_id": draft.team_id,
        "occurred_at": instant(draft.occurred_at),
        "sequence": draft.sequence,
        "source": source,
        "link": link,
        "test": draft.example or draft.event is EventType.ENDPOINT_TEST,
        "drill": notice is not None and notice.drill,
    }
    if notice is not None:
        facts |= {"subject_id": notice.subject_id, "subject_kind": notice.subject}
        if "due_at" in facts:
            facts["days_left"] = (notice.due_at - notice.released_at) // timedelta(days=1)
    return {name: _as_text(facts.get(name)) for name in PLACES}


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _filled(template: str, values: dict[str, str]) -> bytes:
    """Where a template begins like JSON, its texts are filled in after it was read: nothing that fills
    a place can end the text that it stands in."""

    def fill(text: str) -> str:
        return _PARTS.sub(lambda found: _part(found, values), text)

    if not _JSON.match(template):
        return fill(template).encode("utf-8", "replace")
    try:
        parsed = json.loads(template, parse_constant=_not_a_number)
    except (ValueError, RecursionError) as error:
        raise _refused("The template begins like JSON, and is not valid JSON.") from error
    return as_json(_each_text(parsed, fill, _DEEPEST))


def _part(found: re.Match[str], values: dict[str, str]) -> str:
    part, name = found[0], found[1]
    if part in _LITERAL:
        return _LITERAL[part]
    if name is None:
        raise _refused("Write a brace that names no place twice: {{ or }}.")
    if name not in values:
        raise _refused(f"There is no place of the name {{{shortened(name, 40)}}}.")
    return values[name]


def _each_text(value: Any, fill: Callable[[str], str], levels: int) -> Any:
    if not levels:
        raise _refused("The template is nested too deeply.")
    if isinstance(value, str):
        return fill(value)
    if isinstance(value, list):
        return [_each_text(one, fill, levels - 1) for one in value]
    if isinstance(value, dict):
        return {name: _each_text(one, fill, levels - 1) for name, one in value.items()}
    return value


def _not_a_number(name: str) -> None:
    raise ValueError(name)


def _refused(sentence: str) -> Refusal:
    return Refusal(Code.INVALID_INPUT, sentence, "template")
