"""Inbound sources: who may report what, where it stands in their payloads, and under which token.

Receives nothing; see receiving.py.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from service.domain.access import Caller
from service.domain.recipes import (
    CONSTANTS,
    DAYS,
    FIELDS,
    INSTANTS,
    NEEDED,
    RECIPES,
    KeyBy,
    Makes,
    Recipe,
)
from service.errors import Code, Refusal, not_found, shape_fault
from service.flows.docketing import check_policy
from service.flows.sitting import Sitting
from service.flows.standing import check_precondition
from service.ids import new_id
from service.schemas.alerts import AlertIn
from service.schemas.inbound import InboundSourceIn, InboundSourcePatch, PlaceIn
from service.schemas.trigger_events import TriggerEventIn
from service.sealing import fingerprint, new_secret
from service.store.inbound import InboundSource, get_source
from service.store.journal import Happening, record
from service.store.teams import existing_team_ids

_TOKEN = "adqin_"
#: Stands in for what only a payload can say, so that the constants can be looked at.
_AS_IF: Mapping[Makes, Mapping[str, Any]] = {
    Makes.TRIGGER_EVENT: {"kind": "event.some", "occurred_on": "2026-01-01"},
    Makes.ALERT: {"title": "Some"},
}
_SHAPES: Mapping[Makes, type[TriggerEventIn | AlertIn]] = {
    Makes.TRIGGER_EVENT: TriggerEventIn,
    Makes.ALERT: AlertIn,
}


async def create_source(
    sitting: Sitting, body: InboundSourceIn, caller: Caller
) -> tuple[InboundSource, str]:
    """The source, and the token that is shown this once."""
    team_id = caller.team_for(body.team_id)
    if not await existing_team_ids(sitting.session, [team_id]):
        raise not_found("team")
    preset, token = RECIPES[body.recipe], _TOKEN + new_secret()
    pointer = body.id_pointer if body.id_pointer is not None else preset.id_pointer
    source = InboundSource(
        id=new_id("inb", sitting.now),
        team_id=team_id,
        name=body.name,
        recipe=body.recipe,
        makes=body.makes,
        mapping=_whole(body.recipe, body.makes, body.mapping),
        key_by=_key_by(body.recipe, pointer),
        id_pointer=pointer,
        only_if=body.only_if.model_dump() if body.only_if else None,
        fingerprint=fingerprint(token),
        created_at=sitting.now,
    )
    await _check(sitting, source, caller)
    await _kept(sitting, source, caller, "inbound_source.created")
    return source, token


async def change_source(
    sitting: Sitting, source_id: str, body: InboundSourcePatch, if_match: str, caller: Caller
) -> InboundSource:
    """What was received before stays as it was made."""
    source = await _found(sitting, source_id, caller)
    check_precondition(source.id, source.revision, if_match)
    source.name = body.name or source.name
    source.disabled = source.disabled if body.disabled is None else body.disabled
    if body.mapping is not None:
        source.mapping = _whole(source.recipe, source.makes, body.mapping)
    if body.id_pointer is not None:
        source.id_pointer = body.id_pointer
        source.key_by = _key_by(source.recipe, body.id_pointer)
    if "only_if" in body.model_fields_set:
        source.only_if = body.only_if.model_dump() if body.only_if else None
    await _check(sitting, source, caller)
    source.revision += 1
    await _kept(sitting, source, caller, "inbound_source.changed")
    return source


async def rotate_source(
    sitting: Sitting, source_id: str, caller: Caller
) -> tuple[InboundSource, str]:
    """A new token; the old one opens nothing from now on."""
    source, token = await _found(sitting, source_id, caller), _TOKEN + new_secret()
    source.fingerprint, source.revision = fingerprint(token), source.revision + 1
    await _kept(sitting, source, caller, "inbound_source.rotated")
    return source, token


def _key_by(recipe: Recipe, id_pointer: str | None) -> KeyBy:
    """An id that a custom sender has is one of the event."""
    known = RECIPES[recipe].key_by
    return KeyBy.ID if known is KeyBy.BODY and id_pointer is not None else known


def _whole(recipe: Recipe, makes: Makes, given: Mapping[str, PlaceIn | None]) -> dict[str, Any]:
    """The recipe's mapping with the given one over it."""
    recipes = RECIPES[recipe].fields.get(makes, {})
    own = {name: place.kept() if place else None for name, place in given.items()}
    for name in own:
        if name not in FIELDS[makes]:
            known = ", ".join(sorted(FIELDS[makes]))
            raise Refusal(
                Code.UNKNOWN_FIELD, f"There is no such field; there are {known}.", "mapping"
            )
    return {name: dict(place) for name, place in {**recipes, **own}.items() if place is not None}


async def _check(sitting: Sitting, source: InboundSource, caller: Caller) -> None:
    """Whatever can be seen to be wrong before the first payload comes."""
    mapping, constants = source.mapping, dict[str, Any]()
    for name in NEEDED[source.makes]:
        if name not in mapping or mapping[name].get("optional"):
            detail = f"Nothing can be made without this: say where {name} stands."
            raise Refusal(Code.MISSING_FIELD, detail, f"mapping.{name}")
    if source.makes is Makes.TRIGGER_EVENT and not {"occurred_on", "occurred_at"} & set(mapping):
        detail = "Say where the day (occurred_on) or the hour (occurred_at) of the event stands."
        raise Refusal(Code.MISSING_FIELD, detail, "mapping.occurred_on")
    for name, place in mapping.items():
        _check_place(name, place)
        if "value" in place and name != "case":
            constants[name] = place["value"]
    await _check_constants(sitting, source, constants, caller)


def _check_place(name: str, place: Mapping[str, Any]) -> None:
    where = f"mapping.{name}"
    if name in CONSTANTS and "value" not in place:
        detail = "This is for the team to say: give a value, no pointer."
        raise Refusal(Code.INVALID_INPUT, detail, where)
    if name in DAYS | INSTANTS and "value" in place:
        raise Refusal(Code.INVALID_INPUT, "A date comes from the payload: give a pointer.", where)
    if {"timezone", "as"} & set(place) and name not in DAYS | INSTANTS:
        detail = "Only days and times are read in a timezone or as numbers."
        raise Refusal(Code.INVALID_INPUT, detail, where)
    if name in DAYS and "as" in place and "timezone" not in place:
        detail = "Seconds are no day before a timezone says where."
        raise Refusal(Code.INVALID_TIMEZONE, detail, where)
    if name in DAYS | INSTANTS and "values" in place:
        raise Refusal(Code.INVALID_INPUT, "A date is read as it stands, not translated.", where)


async def _check_constants(
    sitting: Sitting, source: InboundSource, constants: Mapping[str, Any], caller: Caller
) -> None:
    try:
        shape = _SHAPES[source.makes].model_validate({**_AS_IF[source.makes], **constants})
    except ValidationError as error:
        one = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise shape_fault(one["type"], ("mapping", *one["loc"]), one["msg"]) from None
    if isinstance(shape, TriggerEventIn):
        for rule in shape.rules or ():
            sitting.library.get(rule, "mapping.rules")
        return
    await check_policy(sitting.session, shape.escalation_policy_id, source.team_id, caller)


async def _found(sitting: Sitting, source_id: str, caller: Caller) -> InboundSource:
    source = await get_source(sitting.session, source_id, caller.reach, lock=True)
    if source is None:
        raise not_found("inbound source")
    return source


async def _kept(sitting: Sitting, source: InboundSource, caller: Caller, action: str) -> None:
    sitting.session.add(source)
    await sitting.session.flush()
    data = {"makes": source.makes, "fields": sorted(source.mapping), "disabled": source.disabled}
    happening = Happening(source.team_id, caller.actor, action, source.id, None, data)
    await record(sitting.session, [happening], sitting.now)
