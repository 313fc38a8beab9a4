"""What a form or a case system reports becomes a trigger event or an alert, once, by the team's mapping.

What cannot be mapped is written down, for nobody reads the sender's log. No date that was made is ever
moved by what comes later; people are told instead. Keeps nothing of what a payload says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import ValidationError

from service.domain.access import Caller, Reach, Scope
from service.domain.recipes import Makes
from service.errors import Code, Refusal, not_found, shape_fault
from service.flows import alerting, docketing
from service.flows.sitting import Sitting
from service.flows.starting import Started
from service.flows.understanding import (
    Payload,
    differing,
    fingerprint_of_all,
    fingerprints,
    understand,
    unreadable,
)
from service.ids import new_id
from service.schemas.alerts import AlertIn
from service.schemas.fields import Shape
from service.schemas.trigger_events import TriggerEventIn
from service.store.cases import Case, find_case
from service.store.inbound import (
    InboundReceipt,
    InboundSource,
    ReceiptState,
    find_receipt,
    get_source,
    held_receipt,
    made_of_record,
)
from service.store.journal import Happening, record

#: What differs in these moves no date.
_WORDS = {"note", "notes", "title"}
_CHANGED = "A form was sent again with other facts: hold its deadlines against the paper"
_CASE_UNKNOWN = "The case that the sender named was not found: the whole team is told."
_NOBODY = "Nobody is on the case: the whole team is told."

Wanted = TypeVar("Wanted", bound=Shape)


@dataclass(frozen=True)
class Made:
    """What came into being, from the shape that a person would have sent."""

    id: str
    wanted: TriggerEventIn | AlertIn
    case_id: str | None
    started: Started = field(default_factory=Started)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Received:
    """`first`: this very request made it. `refusal`: it made nothing, which stands in the receipt too."""

    source: InboundSource
    receipt: InboundReceipt
    first: bool = False
    changed: bool = False
    refusal: Refusal | None = None


@dataclass(frozen=True)
class Tried:
    """What a payload would do. `known`: an event under its key has made something already."""

    payload: Payload
    known: bool = False
    made: Made | None = None
    faults: Sequence[Refusal] = ()


async def receive(
    sitting: Sitting, source: InboundSource, raw: bytes, unlooked: Refusal | None = None
) -> Received:
    """Answers a refusal rather than raise it: what is written of it must stay. `unlooked`: why the body
    cannot be looked at."""
    payload = unreadable(raw, unlooked) if unlooked else understand(source, raw)
    payload = await _recognised(sitting, source, payload)
    receipt = await held_receipt(sitting.session, _blank(sitting, source, payload))
    receipt.tries, receipt.seen_at = receipt.tries + 1, sitting.now
    sitting.session.add(receipt)
    if payload.faults:
        return await _refused(sitting, source, receipt, _all_of(payload.faults))
    if receipt.made_id is not None:
        return await _again(sitting, source, receipt, payload)
    if payload.passed_over:
        receipt.state, receipt.code, receipt.field = ReceiptState.PASSED_OVER, None, None
        return Received(source, receipt)
    try:
        async with sitting.session.begin_nested():
            made = await _make(sitting, source, payload.facts)
    except Refusal as refusal:
        return await _refused(sitting, source, receipt, refusal)
    return await _kept(sitting, source, receipt, payload, made)


async def attempt(sitting: Sitting, source_id: str, raw: bytes, caller: Caller) -> Tried:
    """As `receive`, to the last step; nothing of it remains."""
    source = await get_source(sitting.session, source_id, caller.reach)
    if source is None:
        raise not_found("inbound source")
    payload = await _recognised(sitting, source, understand(source, raw))
    receipt = await find_receipt(sitting.session, source.id, payload.key or "")
    known = receipt is not None and receipt.made_id is not None
    if payload.faults or payload.passed_over:
        return Tried(payload, known, None, payload.faults)
    savepoint = await sitting.session.begin_nested()
    try:
        return Tried(payload, known, await _make(sitting, source, payload.facts))
    except Refusal as refusal:
        return Tried(payload, known, None, refusal.faults or (refusal,))
    finally:
        await savepoint.rollback()


async def _recognised(sitting: Sitting, source: InboundSource, payload: Payload) -> Payload:
    """Under the key of the event that its record has reported already, also where the mapping reads more
    or less of it by now."""
    if payload.record_id is None or payload.faults:
        return payload
    for receipt in await made_of_record(sitting.session, source.id, payload.record_id):
        if not differing(source, receipt, payload):
            return replace(payload, key=receipt.key)
    return payload


async def _make(sitting: Sitting, source: InboundSource, facts: Mapping[str, Any]) -> Made:
    if source.makes is Makes.ALERT:
        return await _raise(sitting, source, facts)
    case = await _case(sitting, source, str(facts["case"]))
    if case is None:
        detail = "The team has no case of this code or external id."
        raise Refusal(Code.UNKNOWN_REFERENCE, detail, "case")
    wanted = _shaped(TriggerEventIn, facts)
    event, started = await docketing.record_trigger_event(sitting, case.id, wanted, _caller(source))
    if not started.deadlines:
        # A person would see that nothing counts down; a form would never know.
        detail = "No rule of the library starts from such an event in the forum of the case."
        reasons = [f"{rule}: {why}" for rule, why in started.not_started.items()]
        raise Refusal(Code.RULE_NOT_APPLICABLE, " ".join(reasons) or detail, "kind")
    return Made(event.id, wanted, case.id, started)


async def _raise(sitting: Sitting, source: InboundSource, facts: Mapping[str, Any]) -> Made:
    """An emergency waits for no case code: where the case is not found, or nobody is on it, the whole team
    is told."""
    named = facts.get("case")
    case = await _case(sitting, source, str(named)) if named is not None else None
    wanted = _shaped(AlertIn, facts)
    warnings = (_CASE_UNKNOWN,) if named is not None and case is None else ()
    if case is not None:
        on_case = wanted.model_copy(update={"case_id": case.id})
        try:
            async with sitting.session.begin_nested():
                alert = await alerting.raise_alert(sitting, on_case, _caller(source))
            return Made(alert.id, on_case, case.id)
        except Refusal as refusal:
            if refusal.code is not Code.OWNER_REQUIRED:
                raise
            warnings = (_NOBODY,)
    to_all = wanted.model_copy(update={"team_id": source.team_id})
    alert = await alerting.raise_alert(sitting, to_all, _caller(source))
    return Made(alert.id, to_all, None, warnings=warnings)


async def _again(
    sitting: Sitting, source: InboundSource, receipt: InboundReceipt, payload: Payload
) -> Received:
    """What was made stays as it is. Where the facts differ, that is written down and told, once."""
    differ = differing(source, receipt, payload)
    receipt.code, receipt.field = None, None
    if not differ:
        receipt.changed_to = None
        return Received(source, receipt)
    told = fingerprint_of_all(source, payload)
    if receipt.changed_to != told:
        receipt.changed_to, receipt.changed_fields = told, differ
        receipt.changed_at, receipt.changes = sitting.now, receipt.changes + 1
        data = {"receipt": receipt.id, "made": receipt.made_id, "fields": differ}
        await _journal(sitting, source, "inbound.changed", receipt.case_id, data)
        if source.makes is Makes.TRIGGER_EVENT and set(differ) - _WORDS:
            await _tell_of_change(sitting, source, receipt)
    return Received(source, receipt, changed=True)


async def _tell_of_change(sitting: Sitting, source: InboundSource, receipt: InboundReceipt) -> None:
    """The right date may be an earlier one, so somebody must look: an alert on the case, which moves no
    date and ends when a person says so. With nobody to tell, the journal and the receipt must do."""
    body = AlertIn(
        title=_CHANGED,
        case_id=receipt.case_id,
        external_id=f"inbound:{receipt.id}:{receipt.changes}",
        notes=f"{source.name}: {', '.join(receipt.changed_fields)}. {receipt.made_id}",
    )
    try:
        async with sitting.session.begin_nested():
            await alerting.raise_alert(sitting, body, _caller(source))
    except Refusal as refusal:
        if refusal.code is not Code.OWNER_REQUIRED:
            raise


async def _kept(
    sitting: Sitting,
    source: InboundSource,
    receipt: InboundReceipt,
    payload: Payload,
    made: Made,
) -> Received:
    receipt.state, receipt.code, receipt.field = ReceiptState.MADE, None, None
    receipt.made_id, receipt.case_id = made.id, made.case_id
    receipt.deadlines = len(made.started.deadlines)
    receipt.not_started = sorted(made.started.not_started)
    receipt.facts, receipt.body_hash = fingerprints(source, payload), payload.body_hash
    data = {"receipt": receipt.id, "made": made.id, "told_team": bool(made.warnings)}
    await _journal(sitting, source, "inbound.received", made.case_id, data)
    return Received(source, receipt, first=True)


async def _refused(
    sitting: Sitting, source: InboundSource, receipt: InboundReceipt, refusal: Refusal
) -> Received:
    """Journalled when the reason is a new one, not at each of the sender's tries."""
    if (receipt.code, receipt.field) != (refusal.code, refusal.field):
        receipt.code, receipt.field = refusal.code, refusal.field
        data = {"receipt": receipt.id, "code": refusal.code, "field": refusal.field}
        await _journal(sitting, source, "inbound.refused", receipt.case_id, data)
    if receipt.made_id is None:
        receipt.state = ReceiptState.REFUSED
    return Received(source, receipt, refusal=refusal)


async def _journal(
    sitting: Sitting, source: InboundSource, action: str, case_id: str | None, data: dict[str, Any]
) -> None:
    happening = Happening(source.team_id, source.id, action, source.id, case_id, data)
    await record(sitting.session, [happening], sitting.now)


async def _case(sitting: Sitting, source: InboundSource, named: str) -> Case | None:
    """By its code, else by the sender's own id of it; never beyond the team."""
    by_code = await find_case(sitting.session, source.team_id, code=named)
    return by_code or await find_case(sitting.session, source.team_id, external_id=named)


def _caller(source: InboundSource) -> Caller:
    """The source acts as a key that may write in its team; the journal names it."""
    return Caller(source.id, Scope.WRITE, Reach(frozenset({source.team_id})))


def _shaped(shape: type[Wanted], facts: Mapping[str, Any]) -> Wanted:
    """What a person would have sent. Raises Refusal with the field at fault."""
    try:
        return shape.model_validate({name: facts[name] for name in facts if name != "case"})
    except ValidationError as error:
        faults = [
            shape_fault(one["type"], one["loc"], one["msg"])
            for one in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise _all_of(faults) from None


def _all_of(faults: Sequence[Refusal]) -> Refusal:
    """The first, with all of them where there are several."""
    first = faults[0]
    return Refusal(first.code, first.detail, first.field, faults if len(faults) > 1 else ())


def _blank(sitting: Sitting, source: InboundSource, payload: Payload) -> InboundReceipt:
    return InboundReceipt(
        id=new_id("inr", sitting.now),
        source_id=source.id,
        key=payload.key or f"sha256:{payload.body_hash}",
        body_hash=payload.body_hash,
        received_at=sitting.now,
        seen_at=sitting.now,
    )
