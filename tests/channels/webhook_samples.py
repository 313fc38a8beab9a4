"""One draft for each kind of webhook that there is: plain functions, for the tests of their formats."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from service.channels.interface import Draft, Form
from service.channels.webhook.sender import WebhookChannel
from service.domain.access import Level
from service.domain.alerts import AlertState
from service.domain.deadlines import DeadlineKind, DeadlineState
from service.domain.endpoints import News, Report
from service.domain.notifications import (
    ChannelKind,
    EventType,
    Mishap,
    Notice,
    OtherDate,
    SubjectKind,
)
from service.domain.webhooks import Detail, Format
from tests.channels.drafts import DUE, NOW, draft, notice

SOURCE = "https://adquem.example.org"
UWAZI_MAP = (
    '{"template":"58ad7d240d44252fee4e6208","due":"due_date","status":"state","sequence":"news"}'
)
#: As feeds/ renders it: a format only carries it.
ENTRY = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Deadline Feed//1.0//EN\r\nBEGIN:VEVENT\r\n"
    b"UID:0e6c1c7b-3a3f-4f7e-8d0f-5b1a2f9c7e10\r\nDTSTAMP:20260801T100000Z\r\nSEQUENCE:3\r\n"
    b"DTSTART;VALUE=DATE:20260819\r\nSUMMARY:[K-17] Filing: last day\r\nBEGIN:VALARM\r\n"
    b"UID:0e6c1c7b-3a3f-4f7e-8d0f-5b1a2f9c7e10-1\r\nACTION:DISPLAY\r\nTRIGGER:-PT15H\r\n"
    b"DESCRIPTION:Deadline K-17\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
TEMPLATES = {
    "json": '{"text": "{case_code}: {event}", "when": ["{due_at}", "{timezone}"], "n": 1, "{{": "}}"}',
    "text": "{event} of {case_code}: {kind}, due {due_on} ({days_left} days)\n{link}\n",
}
_REPORT_NEWS = {
    EventType.ENDPOINT_FAILING: News.FAILING,
    EventType.ENDPOINT_PAUSED: News.PAUSED,
    EventType.ENDPOINT_DISABLED: News.DISABLED,
    EventType.ENDPOINT_ENABLED: News.ENABLED,
}
_ENDED = {
    EventType.DEADLINE_COMPLETED: DeadlineState.COMPLETED,
    EventType.DEADLINE_MISSED: DeadlineState.MISSED,
    EventType.DEADLINE_WAIVED: DeadlineState.WAIVED,
    EventType.DEADLINE_CANCELLED: DeadlineState.CANCELLED,
    EventType.ALERT_RESOLVED: AlertState.RESOLVED,
    EventType.ESCALATION_RESOLVED: DeadlineState.COMPLETED,
}


def channel() -> WebhookChannel:
    def answered_at(message_id: str) -> str:
        return f"{SOURCE}/r/{message_id}.token"

    return WebhookChannel(SOURCE, (), "adquem/1", answered_at)


def form(kind: Format, detail: Detail = Detail.DATES, template: str | None = None) -> Form:
    """As an endpoint of that format could have it."""
    if template is None and kind is Format.FREE:
        template = TEMPLATES["json"]
    if template is None and kind is Format.UWAZI:
        template = UWAZI_MAP
    return Form(kind, detail, template, "a-topic" if kind is Format.NTFY else "")


def of(event: EventType, level: Level = Level.BASIS, **given: Any) -> Draft:
    """What the event would be in life; `given` is of the draft, and its notice is nobody's own."""
    own = {"form": Form(), "sequence": 7, "reader_zone": None, "step": None} | given
    group = event.partition(".")[0]
    if event is EventType.ENDPOINT_TEST:
        return replace(draft(**own), notice=None, event=event, actor="key_01")
    if group == "recipient":
        return replace(draft(**own), notice=None, event=event, about_user_id="usr_02")
    if group == "endpoint":
        since = NOW - timedelta(hours=2)
        report = Report("end_02", "Room of the team", _REPORT_NEWS[event], "503", since, 4)
        return replace(draft(**own), notice=None, event=event, report=report)
    if group == "notification":
        mishap = Mishap("5.1.1", "usr_02", "msg_02", ChannelKind.EMAIL)
        return draft(deadline(level, event, mishap=mishap), **{"actor": None} | own)
    about = alert(level, event) if group == "alert" else deadline(level, event)
    return draft(about, **{"actor": "usr_01"} | own)


def deadline(level: Level, event: EventType, **given: Any) -> Notice:
    own: dict[str, Any] = {"event": event, "critical": True, "standing": "secondary"}
    own["ended"] = _ENDED.get(event)
    if event is EventType.REMINDER_DUE:
        own["act_by_on"] = date(2026, 3, 6)
    if event is EventType.DATE_CHANGED:
        before = DUE - timedelta(days=4)
        own["previous"] = OtherDate(before.date(), before)
        own["because"] = "The court moved it."
    return notice(level, **own | given)


def alert(level: Level, event: EventType, **given: Any) -> Notice:
    own: dict[str, Any] = {
        "event": event,
        "ended": _ENDED.get(event),
        "subject": SubjectKind.ALERT,
        "subject_id": "alr_01",
        "kind": None,
        "basis": None,
        "title": "Detained at the airport",
        "due_at": NOW,
        "due_on": NOW.date(),
        "provisional": False,
    }
    return notice(level, **own | given)


HOSTILE = {
    "line ends": "K-17\r\nX-Injected: 1\r\n\r\nbody\x00\x1b[2J",
    "places": "{{ case_code }} {title} {% raw %} ${x} {{{{}}}} {",
    "markup": "<script>alert(1)</script> *bold* _it_ ~s~ `c` [x](https://evil.example) | # > \\",
    "mentions": "@channel @here @room <!channel> <@U1> <https://evil.example|click> &amp;",
    "quotes": '"},"case_code":"K-99","x":{"y":"\\',
    "directions": "\u202egnorw\u202c \u2066x\u2069 \u200f",
    "surrogates": "half \ud800 and \udfff",
    "a megabyte": "ж" * 1_000_000,
}


def hostile(event: EventType, text: str, **given: Any) -> Draft:
    """With that text wherever a person's text could stand."""
    words = {"title": text, "forum": text, "basis": text, "because": text, "case_code": text}
    return draft(
        deadline(Level.BASIS, event, **words, kind=DeadlineKind.FILING), **{"sequence": 1} | given
    )
