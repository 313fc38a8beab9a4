"""What a stranger's payload says, by the mapping of its source: its key, its facts, and what differs from
what was said before. Touches no table and makes nothing; see receiving.py.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from service.domain.mapping import Condition, Place, holds, read_document, read_facts, sender_id
from service.domain.recipes import KeyBy
from service.errors import Refusal
from service.sealing import fingerprint
from service.store.inbound import InboundReceipt, InboundSource


@dataclass(frozen=True)
class Payload:
    """What the mapping makes of it, and `said`, the sender's part. `key` None: not even that could be read;
    `record_id`: where one record may report several events."""

    body_hash: str
    key: str | None = None
    record_id: str | None = None
    said: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[Refusal, ...] = ()
    passed_over: bool = False


def understand(source: InboundSource, raw: bytes) -> Payload:
    """Reads it by the mapping of the source."""
    body_hash = _hash(raw)
    try:
        document = read_document(raw)
        condition = source.only_if
        if condition is not None and not holds(document, _condition(condition)):
            return Payload(body_hash, f"sha256:{body_hash}", passed_over=True)
        known = source.key_by is not KeyBy.BODY and source.id_pointer is not None
        key = sender_id(document, source.id_pointer or "") if known else f"sha256:{body_hash}"
    except Refusal as refusal:
        return unreadable(raw, refusal)
    read = read_facts(document, {name: _place(one) for name, one in source.mapping.items()})
    record_id = key if source.key_by is KeyBy.ID_AND_FACTS else None
    if record_id is not None:
        # A record is saved many times: only what we read of it makes it another event.
        rest = body_hash if read.faults else _hash(_canonical(read.said))
        key = f"{record_id}.{rest[:32]}"
    return Payload(body_hash, key, record_id, read.said, read.values, read.faults)


def unreadable(raw: bytes, why: Refusal) -> Payload:
    return Payload(_hash(raw), faults=(why,))


def differing(source: InboundSource, receipt: InboundReceipt, payload: Payload) -> list[str]:
    """Fields that were read then and are read now, and do not say the same."""
    then, now = receipt.facts, fingerprints(source, payload)
    return sorted(name for name in then.keys() & now.keys() if then[name] != now[name])


def fingerprints(source: InboundSource, payload: Payload) -> dict[str, str]:
    """By field, whether it says the same, and not what."""
    return {
        name: fingerprint(f"{source.id} {_canonical({name: value}).decode()}")[:16]
        for name, value in payload.said.items()
    }


def fingerprint_of_all(source: InboundSource, payload: Payload) -> str:
    return _hash(_canonical(fingerprints(source, payload)))


def _place(stored: Mapping[str, Any]) -> Place:
    zone = stored.get("timezone")
    return Place(
        pointer=stored.get("pointer"),
        constant=stored.get("value"),
        zone=ZoneInfo(zone) if zone else None,
        epoch=stored.get("as") == "epoch_seconds",
        optional=bool(stored.get("optional")),
        values=stored.get("values"),
    )


def _condition(stored: Mapping[str, Any]) -> Condition:
    values = stored.get("values")
    return Condition(stored["pointer"], None if values is None else frozenset(values))


def _canonical(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
