"""CiviCRM, API v4: one activity of the type "Legal deadline" for each deadline, kept as it stands.

It needs the custom fields `Adquem.deadline_id` (text) and `Adquem.sequence` (integer) on activities: by the
first an activity is found again when an answer was lost, by the second older news never undoes newer.
"""

import json
from datetime import timedelta
from html import escape
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from service.channels.interface import Draft, Parcel
from service.channels.webhook.answers import Answer, Ask, unclear, verdict
from service.channels.webhook.envelope import data_of
from service.channels.webhook.text import as_json, plain
from service.domain.deadlines import DeadlineState
from service.domain.notifications import EventType, SubjectKind
from service.domain.retry import Outcome, Verdict
from service.domain.webhooks import Detail, status_after

ACTIVITY_TYPE = "Legal deadline"
_OWN_ID, _SEQUENCE = "Adquem.deadline_id", "Adquem.sequence"
#: By the names that every installation has from the start.
_STATUSES = {
    DeadlineState.COMPLETED: "Completed",
    DeadlineState.CANCELLED: "Cancelled",
    DeadlineState.WAIVED: "Not Required",
}
_MOST = 65_536


def compose(draft: Draft, source: str) -> bytes:
    """The record to save. A test has none: it asks whether the fields exist."""
    notice = draft.notice
    if draft.event is EventType.ENDPOINT_TEST:
        return as_json({})
    if notice is None or notice.subject is not SubjectKind.DEADLINE:
        raise ValueError(f"CiviCRM is not told of {draft.event}")
    data, state = data_of(draft), status_after(notice)
    record: dict[str, Any] = {
        "activity_type_id:name": ACTIVITY_TYPE,
        "status_id:name": _STATUSES.get(DeadlineState(state), "Scheduled"),
        "priority_id:name": "Urgent" if notice.critical else "Normal",
        "source_contact_id": "user_contact_id",
        "subject": _subject(data, notice.drill),
        "details": _details(data, f"{source}/api/v1/deadlines/{notice.subject_id}"),
        _OWN_ID: notice.subject_id,
        _SEQUENCE: draft.sequence,
    }
    if draft.form.detail is not Detail.THIN:
        # It has no zone there: what stands in the record is the wall clock of the court. The end of a day
        # is shown within that day: "the 9th, 00:00" would be read as one day more.
        local = notice.due_at.astimezone(ZoneInfo(notice.timezone))
        if local.date() > notice.due_on:
            local -= timedelta(seconds=1)
        record["activity_date_time"] = local.strftime("%Y-%m-%d %H:%M:%S")
    return as_json(record)


async def hand_over(ask: Ask, parcel: Parcel) -> Outcome:
    """Looks for the activity first: an answer that was lost must not make a second one."""
    record = json.loads(parcel.content)
    wanted = [_OWN_ID, "=", record.get(_OWN_ID, "")]
    if parcel.remote_id and parcel.remote_id.isdigit():
        wanted = ["id", "=", int(parcel.remote_id)]
    query = {"select": ["id", _SEQUENCE], "where": [wanted], "limit": 1}
    answer = await _call(ask, parcel, "get", query)
    if (refused := _refused(answer, parcel)) or not record:
        return refused or verdict(answer, parcel.address, parcel.sent_at)
    found: dict[str, Any] = next(iter(answer.parsed["values"]), {})
    if (found.get(_SEQUENCE) or 0) > record[_SEQUENCE]:
        detail = "Something newer stands there already."
        return Outcome(Verdict.ACCEPTED, "200", detail, remote_id=str(found["id"]))
    if found:
        record = {"id": found["id"]} | record
        del record["source_contact_id"]
    answer = await _call(ask, parcel, "save", {"records": [record], "match": [_OWN_ID]})
    if refused := _refused(answer, parcel):
        return refused
    remote_id = str(answer.parsed["values"][0].get("id", "")) or None
    return Outcome(Verdict.ACCEPTED, str(answer.status), answer.excerpt, remote_id=remote_id)


async def _call(ask: Ask, parcel: Parcel, action: str, params: dict[str, Any]) -> Answer:
    """The parameters are one field of a form, in which stands JSON."""
    key = parcel.credentials[1] if parcel.credentials else ""
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-requested-with": "XMLHttpRequest",
        "x-civi-auth": key if " " in key else f"Bearer {key}",
    }
    top = parcel.address.partition("/Activity")[0].rstrip("/")
    form = urlencode({"params": as_json(params)}).encode()
    return await ask("POST", f"{top}/Activity/{action}", headers, form, _MOST)


def _refused(answer: Answer, parcel: Parcel) -> Outcome | None:
    """Errors may sit inside a 200."""
    outcome, said = verdict(answer, parcel.address, parcel.sent_at), answer.parsed
    if outcome.verdict is not Verdict.ACCEPTED:
        return outcome
    if not isinstance(said, dict):
        return unclear(answer, "CiviCRM did not answer in JSON: is this the address of its API v4?")
    if said.get("error_code") or said.get("error_message") or said.get("is_error"):
        text = f"{said.get('error_code', '')} {said.get('error_message', '')}".strip()
        return Outcome(Verdict.TEMPORARY, "error_in_200", text[:500])
    values = said.get("values")
    if not isinstance(values, list) or not all(isinstance(one, dict) for one in values):
        return unclear(answer, "CiviCRM did not answer with values:")
    return None


def _subject(data: dict[str, Any], drill: bool) -> str:
    """Angle brackets have no business there, for not every page of it escapes them."""
    parts = ["DRILL" if drill else "", ACTIVITY_TYPE, data.get("case_code") or ""]
    text = " ".join(part for part in parts if part)
    text += f": {data['title']}" if data.get("title") else ""
    return plain(text, 250).replace("<", "‹").replace(">", "›")


def _details(data: dict[str, Any], link: str) -> str:
    """HTML, as the field is there."""
    names = ("due_on", "due_at", "timezone", "kind", "status", "rule_status", "forum", "basis")
    rows = [f"{name}: {plain(str(data[name]), 1000)}" for name in names if data.get(name)]
    lines = "".join(f"<li>{escape(row)}</li>" for row in rows)
    return f'<ul>{lines}</ul><p><a href="{escape(link)}">{escape(link)}</a></p>'
