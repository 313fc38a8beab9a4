"""The envelope of our own: one for all events, with as much inside as the endpoint asked for.

Published by `service/schemas/events.py`, field by field; what is not there is not here.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from service.channels.interface import Draft
from service.channels.webhook.text import shortened
from service.domain.access import Level
from service.domain.endpoints import Report
from service.domain.notifications import EventType, Mishap, Notice, SubjectKind
from service.domain.webhooks import Detail, EndpointState, status_after

SCHEMA_VERSION = "1"
#: From the kind and the id of a subject to the page that shows it.
Pages = Callable[[str, str], str]
#: A body is at most 20 kB, and a title is no novel.
_SHORT, _LONG = 300, 1000
_ENDPOINT_STATES = {
    EventType.ENDPOINT_FAILING: EndpointState.FAILING,
    EventType.ENDPOINT_PAUSED: EndpointState.PAUSED,
    EventType.ENDPOINT_DISABLED: EndpointState.DISABLED,
    EventType.ENDPOINT_ENABLED: EndpointState.ACTIVE,
}
_ACTORS = {"usr": "user", "key": "api_key"}


def envelope(
    draft: Draft, source: str, respond: str | None = None, pages: Pages | None = None
) -> dict[str, Any]:
    """`source` is the address of this installation; `respond` the one at which a person answers who
    reads it."""
    notice = draft.notice
    return {
        "id": draft.event_id,
        "type": draft.event,
        "timestamp": instant(draft.occurred_at),
        "schema_version": SCHEMA_VERSION,
        "source": source,
        "team_id": draft.team_id,
        "subject": subject_of(draft),
        "sequence": draft.sequence,
        "test": draft.example or draft.event is EventType.ENDPOINT_TEST,
        "drill": notice is not None and notice.drill,
        "actor": _actor(draft.actor),
        "links": _links(draft, source, respond, pages),
        "data": data_of(draft),
    }


def subject_of(draft: Draft) -> dict[str, str] | None:
    if draft.notice is not None:
        return {"kind": draft.notice.subject, "id": draft.notice.subject_id}
    if isinstance(draft.report, Report):
        return {"kind": "endpoint", "id": draft.report.endpoint_id}
    return {"kind": "user", "id": draft.about_user_id} if draft.about_user_id else None


def data_of(draft: Draft) -> dict[str, Any]:
    """What the notice's level and the endpoint's detail both allow."""
    notice, detail = draft.notice, draft.form.detail
    if notice is None:
        return _without_notice(draft)
    data: dict[str, Any] = {
        f"{notice.subject}_id": notice.subject_id,
        "version": notice.version,
        "status": status_after(notice),
    }
    if detail is not Detail.THIN:
        data |= _dates(notice, draft.step)
    if detail is Detail.FULL and notice.level >= Level.BASIS:
        data |= _words(notice)
    return data | (_of_mishap(notice.mishap, detail) if notice.mishap else {})


def instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _actor(actor: str | None) -> dict[str, str]:
    if not actor or (kind := _ACTORS.get(actor.partition("_")[0])) is None:
        return {"kind": "system"}
    return {"kind": kind, "id": actor}


def _links(draft: Draft, source: str, respond: str | None, pages: Pages | None) -> dict[str, str]:
    subject = subject_of(draft)
    if subject is None:
        return {}
    links = {"self": f"{source}/api/v1/{subject['kind']}s/{subject['id']}"}
    links |= {"web": pages(subject["kind"], subject["id"])} if pages else {}
    return links | ({"respond": respond} if respond else {})


def _without_notice(draft: Draft) -> dict[str, Any]:
    if draft.event is EventType.ENDPOINT_TEST:
        return {"message": "ping"}
    if isinstance(draft.report, Report):
        return _of_endpoint(draft.report, draft)
    return {"user_id": draft.about_user_id} if draft.about_user_id else {}


def _of_mishap(mishap: Mishap, detail: Detail) -> dict[str, Any]:
    """What is not known, or not for this level, is left out."""
    said = {"message_id": mishap.message_id, "user_id": mishap.user_id}
    if detail is not Detail.THIN:
        said |= {"channel": mishap.channel, "reason": mishap.reason}
    return {name: one for name, one in said.items() if one}


def _of_endpoint(report: Report, draft: Draft) -> dict[str, Any]:
    """Which one, and since when it takes nothing; its address is for administrators."""
    data: dict[str, Any] = {
        "endpoint_id": report.endpoint_id,
        "status": _ENDPOINT_STATES.get(draft.event),
    }
    if draft.form.detail is Detail.THIN:
        return data
    since = instant(report.since) if report.since else None
    return data | {"reason": report.code, "since": since, "held": report.held}


def _dates(notice: Notice, step: int | None) -> dict[str, Any]:
    code = notice.case_code
    data: dict[str, Any] = {
        "case_code": shortened(code, _SHORT) if code else None,
        **(_of_alert(notice) if notice.subject is SubjectKind.ALERT else _of_deadline(notice)),
        "critical": notice.critical,
        "timezone": notice.timezone,
        "planned_at": instant(notice.planned_at),
        "told": list(notice.others_told),
        "next_at": instant(notice.next_at) if notice.next_at else None,
        "next_roles": list(notice.next_roles),
    }
    if step is not None:
        data["step"] = step
    for name, other in (("previous", notice.previous), ("proposed", notice.proposed)):
        if other is not None:
            data[f"{name}_due_on"] = other.due_on.isoformat()
            data[f"{name}_due_at"] = instant(other.due_at)
    return data


def _of_alert(notice: Notice) -> dict[str, Any]:
    return {"raised_at": instant(notice.due_at)}


def _of_deadline(notice: Notice) -> dict[str, Any]:
    return {
        "kind": notice.kind,
        "due_on": notice.due_on.isoformat(),
        "due_at": instant(notice.due_at),
        "act_by_on": notice.act_by_on.isoformat() if notice.act_by_on else None,
        "provisional": notice.provisional,
        "rule_status": notice.standing,
        "tolled_since": notice.tolled_since.isoformat() if notice.tolled_since else None,
    }


def _words(notice: Notice) -> dict[str, Any]:
    said = {"title": (notice.title, _SHORT), "forum": (notice.forum, _SHORT)}
    if notice.subject is SubjectKind.DEADLINE:
        said["basis"] = (notice.basis, _LONG)
    if notice.because is not None:
        said["reason"] = (notice.because, _LONG)
    return {name: shortened(text, most) if text else text for name, (text, most) in said.items()}
