"""Turns a draft into the bytes of a mail: text complete in itself, HTML beside it, no remote content.

The To line is not among them: the address is read at handover and put in front by the sender.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from service.channels.interface import Draft
from service.domain.notifications import EventType, Notice
from service.domain.reminders import is_late

_FOLDERS = {
    EventType.REMINDER_DUE: "reminder",
    EventType.STEP_FIRED: "escalation",
    EventType.ESCALATION_EXHAUSTED: "exhausted",
    EventType.DATE_CHANGED: "changed",
    EventType.SECOND_PERSON_WANTED: "second",
}
#: What people are asked to answer; the others are answered in another way.
_ASKING = frozenset(
    {
        EventType.REMINDER_DUE,
        EventType.STEP_FIRED,
        EventType.ESCALATION_EXHAUSTED,
        EventType.DATE_CHANGED,
    }
)


class MailContent:
    """Holds the compiled templates; `templates` is the folder that contains `email/`. `answer_link`:
    from a message's id to the address at which its reader answers."""

    def __init__(
        self, templates: str, sender: str, domain: str, answer_link: Callable[[str], str]
    ) -> None:
        self._templates = templates
        self._answer_link = answer_link
        self._domain = domain
        name, address = parseaddr(sender)
        self._from = Address(name, addr_spec=address)

    @cached_property
    def _environment(self) -> Environment:
        return Environment(
            loader=FileSystemLoader(self._templates),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def compose(self, draft: Draft) -> bytes:
        """CRLF line ends, ASCII only, no To header."""
        if draft.notice is None:
            raise ValueError(f"no mail is written about {draft.event}")
        folder = f"email/{_FOLDERS[draft.event]}"
        facts = _facts(draft.notice, draft.reader_zone or draft.notice.timezone)
        asks = draft.event in _ASKING
        facts["answer_link"] = self._answer_link(draft.message_id) if asks else None
        mail = EmailMessage(policy.SMTP)
        mail["From"] = self._from
        mail["Subject"] = self._render(f"{folder}/subject.txt", facts).strip()
        mail["Date"] = format_datetime(draft.occurred_at)
        mail["Message-ID"] = f"<{draft.message_id}@{self._domain}>"
        thread = f"<{draft.notice.deadline_id}@{self._domain}>"
        mail["In-Reply-To"] = thread
        mail["References"] = thread
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "OOF, AutoReply"
        if facts["urgent"]:
            mail["Importance"] = "high"
        mail["X-Notification-Id"] = draft.message_id
        mail["X-Deadline-Version"] = str(draft.notice.version)
        mail.set_content(self._render(f"{folder}/body.txt", facts), cte="quoted-printable")
        html = self._render(f"{folder}/body.html", facts)
        mail.add_alternative(html, subtype="html", cte="quoted-printable")
        # A boundary of our own: the library's is random, and the same draft must give the same bytes.
        mail.set_boundary(f"=_{draft.message_id}")
        return mail.as_bytes()

    def _render(self, name: str, facts: dict[str, Any]) -> str:
        return self._environment.get_template(name).render(facts)


def _facts(notice: Notice, reader_zone: str) -> dict[str, Any]:
    """What the templates may use: only strings, numbers and flags, already in the reader's terms."""
    left = notice.due_at - notice.released_at
    return {
        "code": notice.case_code,
        "level": int(notice.level),
        "kind": notice.kind.replace("_", " ") if notice.kind else None,
        "title": notice.title,
        "forum": notice.forum,
        "basis": notice.basis,
        "notes": notice.notes,
        "standing": _standing(notice.standing),
        "because": notice.because,
        "proposed_verb": notice.proposed_verb,
        "previous_day": long_day(notice.previous.due_on) if notice.previous else None,
        "previous_short": _day(notice.previous.due_on) if notice.previous else None,
        "tolled_since": _day(notice.tolled_since) if notice.tolled_since else None,
        "due_day": long_day(notice.due_on),
        "act_by": long_day(notice.act_by_on)
        if notice.act_by_on and notice.act_by_on != notice.due_on
        else None,
        "due_short": _day(notice.due_on),
        "due_reader": wall_clock(notice.due_at, reader_zone),
        "due_forum": wall_clock(notice.due_at, notice.timezone),
        "same_zone": reader_zone == notice.timezone,
        "left": _left(left),
        "overdue": left <= timedelta(),
        "urgent": left <= timedelta(days=1),
        "provisional": notice.provisional,
        "late_since": wall_clock(notice.planned_at, reader_zone)
        if is_late(notice.planned_at, notice.released_at)
        else None,
        "others": ", ".join(notice.others_told),
        "next_at": wall_clock(notice.next_at, reader_zone) if notice.next_at else None,
        "next_who": ", ".join(notice.next_roles),
    }


def _standing(status: str | None) -> str | None:
    """How far the rule can be relied on; at every level, for it names nobody and nothing."""
    if status is None:
        return "stated by a person"
    verified = "a rule whose text has been verified"
    return verified if status == "verified" else f"a rule that is {status}: confirm before relying"


def long_day(on: date) -> str:
    """The day with its weekday; the page behind the link writes it so too."""
    return f"{on:%A}, {_day(on)}"


def _day(on: Any) -> str:
    return f"{on.day} {on:%B %Y}"


def wall_clock(at: datetime, zone: str) -> str:
    """An instant on the wall clock of a zone. Midnight is written as the end of the day before."""
    local = at.astimezone(ZoneInfo(zone))
    if (local.hour, local.minute) == (0, 0):
        return f"{_day(local - timedelta(days=1))}, 24:00 ({zone})"
    return f"{_day(local)}, {local:%H:%M} ({zone})"


def _left(left: timedelta) -> str:
    hours = abs(left) // timedelta(hours=1)
    amount = f"{hours // 24} days" if hours >= 72 else f"{hours} hours" if hours != 1 else "1 hour"
    return f"{amount} ago" if left <= timedelta() else amount
