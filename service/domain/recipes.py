"""What may be made of a stranger's events: which fields there are, and what stands where in the payloads
of the senders that we know.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Makes(StrEnum):
    """What becomes of an event of the sender's."""

    TRIGGER_EVENT = "trigger_event"
    ALERT = "alert"


class Recipe(StrEnum):
    """Whose payloads they are: decides what stands where unless the mapping says otherwise."""

    KOBO = "kobo"
    PRIMERO = "primero"
    N8N = "n8n"
    CUSTOM = "custom"


class KeyBy(StrEnum):
    """What tells one event from the next. `id`: the sender's own; `id_and_facts`: the id is that of a
    record that is sent again whenever it is saved; `body`: there is none, so every byte counts."""

    ID = "id"
    ID_AND_FACTS = "id_and_facts"
    BODY = "body"


DAYS = frozenset({"occurred_on", "sent_on", "served_on", "ruled_on", "facts_on"})
INSTANTS = frozenset({"occurred_at"})
#: Never read from a payload: a stranger does not choose which law applies or who is told.
CONSTANTS = frozenset({"rules", "drill", "escalation_policy_id"})
_EVENT = ("case", "kind", "service_method", "timezone", "note", "rules", *DAYS, *INSTANTS)
_ALERT = ("case", "title", "notes", "timezone", "drill", "escalation_policy_id")
FIELDS = {Makes.TRIGGER_EVENT: frozenset(_EVENT), Makes.ALERT: frozenset(_ALERT)}
#: Without these nothing can be made.
NEEDED = {Makes.TRIGGER_EVENT: ("case", "kind"), Makes.ALERT: ("title",)}


@dataclass(frozen=True)
class Preset:
    """What a recipe says. `fields`: a place, as it is stored, for each field."""

    key_by: KeyBy = KeyBy.BODY
    id_pointer: str | None = None
    fields: Mapping[Makes, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)


def _by_our_names(makes: Makes) -> dict[str, dict[str, Any]]:
    """For senders whose fields we can ask to be called as ours are."""
    names = FIELDS[makes] - CONSTANTS - {"timezone"}
    must = NEEDED[makes]
    return {
        name: {"pointer": f"/{name}"} | ({} if name in must else {"optional": True})
        for name in sorted(names)
    }


_OURS = {makes: _by_our_names(makes) for makes in Makes}
_RECORD = {makes: {"case": {"pointer": "/data/record_id"}} for makes in Makes}
RECIPES: Mapping[Recipe, Preset] = {
    Recipe.KOBO: Preset(KeyBy.ID, "/_uuid", _OURS),
    Recipe.PRIMERO: Preset(KeyBy.ID_AND_FACTS, "/data/record_id", _RECORD),
    Recipe.N8N: Preset(KeyBy.ID, "/id", _OURS),
    Recipe.CUSTOM: Preset(),
}
