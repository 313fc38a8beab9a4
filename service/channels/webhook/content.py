"""Turns a draft into the JSON bytes of a webhook: one envelope for all events, thin data inside."""

import json
from datetime import datetime
from typing import Any

from service.channels.interface import Draft
from service.domain.access import Level
from service.domain.notifications import EventType, Notice, SubjectKind

SCHEMA_VERSION = "1"


def compose(draft: Draft, source: str, respond: str | None) -> bytes:
    """Minified UTF-8 JSON. `source` is the address of this installation; `respond` the one at which a
    person answers who reads it."""
    notice = draft.notice
    envelope: dict[str, Any] = {
        "id": draft.event_id,
        "type": draft.event,
        "timestamp": _instant(draft.occurred_at),
        "schema_version": SCHEMA_VERSION,
        "source": source,
        "team_id": draft.team_id,
        "subject": _subject(draft),
        "sequence": draft.sequence,
        "test": draft.event is EventType.ENDPOINT_TEST,
        "drill": notice is not None and notice.drill,
        "actor": {"id": draft.actor} if draft.actor else {"kind": "system"},
        "links": _links(draft, source, respond),
        "data": _data(notice, draft.step) if notice else _without_notice(draft),
    }
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()


def _subject(draft: Draft) -> dict[str, str] | None:
    if draft.notice is not None:
        return {"kind": draft.notice.subject, "id": draft.notice.subject_id}
    return {"kind": "user", "id": draft.about_user_id} if draft.about_user_id else None


def _links(draft: Draft, source: str, respond: str | None) -> dict[str, str]:
    """A machine is never given a link by which it could answer in a person's place."""
    subject = _subject(draft)
    if subject is None:
        return {}
    links = {"self": f"{source}/api/v1/{subject['kind']}s/{subject['id']}"}
    asked = draft.notice is not None and draft.reader_zone is not None
    return links | ({"respond": respond} if asked and respond else {})


def _without_notice(draft: Draft) -> dict[str, str]:
    if draft.event is EventType.ENDPOINT_TEST:
        return {"message": "ping"}
    return {"user_id": draft.about_user_id} if draft.about_user_id else {}


def _data(notice: Notice, step: int | None) -> dict[str, Any]:
    data: dict[str, Any] = {
        f"{notice.subject}_id": notice.subject_id,
        "version": notice.version,
        "case_code": notice.case_code,
        **(_of_alert(notice) if notice.subject is SubjectKind.ALERT else _of_deadline(notice)),
        "timezone": notice.timezone,
        "planned_at": _instant(notice.planned_at),
        "told": list(notice.others_told),
        "next_at": _instant(notice.next_at) if notice.next_at else None,
        "next_roles": list(notice.next_roles),
    }
    if step is not None:
        data["step"] = step
    for name, other in (("previous", notice.previous), ("proposed", notice.proposed)):
        if other is not None:
            data[f"{name}_due_on"] = other.due_on.isoformat()
            data[f"{name}_due_at"] = _instant(other.due_at)
    if notice.because is not None:
        data["reason"] = notice.because
    if notice.level >= Level.BASIS:
        data |= {"title": notice.title, "forum": notice.forum}
        data |= {"basis": notice.basis} if notice.subject is SubjectKind.DEADLINE else {}
    return data


def _of_alert(notice: Notice) -> dict[str, Any]:
    return {"raised_at": _instant(notice.due_at)}


def _of_deadline(notice: Notice) -> dict[str, Any]:
    return {
        "kind": notice.kind,
        "due_on": notice.due_on.isoformat(),
        "due_at": _instant(notice.due_at),
        "act_by_on": notice.act_by_on.isoformat() if notice.act_by_on else None,
        "provisional": notice.provisional,
        "rule_status": notice.standing,
        "tolled_since": notice.tolled_since.isoformat() if notice.tolled_since else None,
    }


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
