"""Turns a draft into the bytes of a mail: text complete in itself, HTML beside it, no remote content.

The To line is not among them: the address is read at handover and put in front by the sender.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from email.headerregistry import Address
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from functools import cached_property
from typing import Any

from jinja2 import Environment

from service.channels.email.assembly import Field, assembled, field_of
from service.channels.email.bundle import bundle_id, bundled
from service.channels.email.disclosure import CLEAR_TEXT, ClearText, in_clear
from service.channels.email.neutral import neutral, one_line
from service.channels.email.overview import folder_of, overview_facts, thread_of
from service.channels.email.trouble import report_facts
from service.channels.interface import Draft, Parcel
from service.channels.wording import Wording, worded_templates, wording
from service.domain.access import Level
from service.domain.notifications import OPTIONAL, EventType, Notice, SubjectKind
from service.domain.reminders import is_late

_FOLDERS = {
    EventType.REMINDER_DUE: "reminder",
    EventType.STEP_FIRED: "escalation",
    EventType.ESCALATION_EXHAUSTED: "exhausted",
    EventType.DATE_CHANGED: "changed",
    EventType.SECOND_PERSON_WANTED: "second",
    EventType.DEADLINE_CANCELLED: "cancelled",
}
#: Mails that are answered by opening their link.
_VERIFYING = {
    EventType.ADDRESS_VERIFICATION: "verify",
    EventType.KEY_VERIFICATION: "verify_key",
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
    from a message's id to the address at which its reader answers, `answer_code` to the digits that show
    there that the mail itself was read; `verify_link` to the address at which one is confirmed;
    `unsubscribe` to the List-Unsubscribe of optional mail."""

    def __init__(
        self,
        templates: str,
        sender: str,
        domain: str,
        answer_link: Callable[[str], str],
        answer_code: Callable[[str], str],
        verify_link: Callable[[str], str] = "/v/{}".format,
        unsubscribe: Callable[[str], str] = "</u/{}>".format,
    ) -> None:
        self._templates = templates
        self._answer_link = answer_link
        self._answer_code = answer_code
        self._verify_link = verify_link
        self._unsubscribe = unsubscribe
        self._domain = domain
        name, address = parseaddr(sender)
        written = SMTP.header_factory("From", Address(name, addr_spec=address)).fold(policy=SMTP)
        self._from = written.removeprefix("From: ").rstrip("\r\n")

    @cached_property
    def _environment(self) -> Environment:
        # Here, and not field by field: none can be forgotten.
        # The templates of a running process do not change: asking the disk takes longer than rendering.
        return worded_templates(self._templates).overlay(finalize=neutral, auto_reload=False)

    def compose(self, draft: Draft) -> bytes:
        """CRLF line ends, ASCII only, no To header."""
        words = wording(draft.reader_language)
        if draft.overview is not None:
            facts = overview_facts(draft.overview, words)
            return self._frozen(draft, folder_of(draft.overview), thread_of(draft.overview), facts)
        if draft.event in _VERIFYING:
            facts = {"words": words, "urgent": False, "link": self._verify_link(draft.message_id)}
            return self._frozen(draft, _VERIFYING[draft.event], draft.message_id, facts)
        if draft.report is not None:
            folder, about, facts = report_facts(draft.report, draft.reader_zone or "UTC", words)
            return self._frozen(draft, folder, about, facts)
        if draft.notice is None:
            raise ValueError(f"no mail is written about {draft.event}")
        facts = _facts(draft.notice, draft.reader_zone or draft.notice.timezone, words)
        asks = draft.event in _ASKING
        facts["answer_link"] = self._answer_link(draft.message_id) if asks else None
        coded = asks and draft.notice.critical and draft.notice.subject is SubjectKind.DEADLINE
        facts["answer_code"] = self._answer_code(draft.message_id) if coded else None
        return self._frozen(draft, _folder(draft.notice), draft.notice.subject_id, facts)

    def bundle(self, parcel: Parcel) -> Parcel:
        """What leaves in place of the parcel and of those that go along with it."""
        parcels = (parcel, *parcel.along)
        own_id = bundle_id([one.message_id for one in parcels])
        return replace(
            parcel,
            message_id=own_id,
            content=bundled([one.content for one in parcels], own_id, self.render),
            maybe_repeated=any(one.maybe_repeated for one in parcels),
            along=(),
        )

    def in_clear(self, parcel: Parcel) -> Parcel:
        """What leaves where nothing can be encrypted to the reader's key: at most that there is a date."""
        contents = [one.content for one in (parcel, *parcel.along)]
        own_id = self.bundle(parcel).message_id if parcel.along else parcel.message_id
        return replace(
            parcel, message_id=own_id, content=in_clear(contents, own_id, self.render), along=()
        )

    def _frozen(self, draft: Draft, name: str, about: str, facts: dict[str, Any]) -> bytes:
        """`name`: the folder of the templates; `about`: what the mails of one thread have in common."""
        folder = f"email/{name}"
        prefix = (
            facts["words"].gettext("DRILL") + " " if draft.notice and draft.notice.drill else ""
        )
        subject = prefix + one_line(self.render(f"{folder}/subject.txt", facts))
        return assembled(
            self._head(draft, subject, about, facts),
            self.render(f"{folder}/body.txt", facts),
            self.render(f"{folder}/body.html", facts),
            draft.message_id,
            draft.calendar,
        )

    def _head(
        self, draft: Draft, subject: str, about: str, facts: dict[str, Any]
    ) -> Iterator[Field]:
        if draft.event in OPTIONAL:
            # One click, by RFC 8058.
            where = self._unsubscribe(draft.message_id).replace(", ", ",\r\n ")
            yield "List-Unsubscribe", where
            yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"
        thread = f"<{about}@{self._domain}>"
        yield "From", self._from
        yield field_of("Subject", subject)
        yield "Date", format_datetime(draft.occurred_at)
        yield "Message-ID", f"<{draft.message_id}@{self._domain}>"
        yield "In-Reply-To", thread
        yield "References", thread
        yield "Auto-Submitted", "auto-generated"
        yield "X-Auto-Response-Suppress", "OOF, AutoReply"
        if facts["urgent"]:
            yield "Importance", "high"
        yield "X-Notification-Id", draft.message_id
        if draft.notice:
            yield "X-Deadline-Version", str(draft.notice.version)
        if clear := _clear_text(draft):
            yield CLEAR_TEXT, clear
        yield "Content-Language", facts["words"].language

    def read_in(self) -> None:
        """Every template of a mail."""
        for name in self._environment.list_templates(filter_func=_of_mails):
            self._environment.get_template(name)

    def render(self, name: str, facts: dict[str, Any]) -> str:
        return self._environment.get_template(name).render(facts)


def _of_mails(name: str) -> bool:
    return name.startswith("email/")


def _clear_text(draft: Draft) -> ClearText | None:
    """What may become of the mail where its reader's key cannot be used; None: its content is withheld."""
    if draft.event is EventType.KEY_VERIFICATION:
        return ClearText.NEVER
    bare = draft.notice is not None and draft.notice.level is Level.BARE
    return ClearText.HARMLESS if bare or draft.event is EventType.ADDRESS_VERIFICATION else None


def _folder(notice: Notice) -> str:
    """An alert is one story from its first step to its last."""
    return "alert" if notice.subject is SubjectKind.ALERT else _FOLDERS[notice.event]


def _facts(notice: Notice, reader_zone: str, words: Wording) -> dict[str, Any]:
    """What the templates may use: only strings, numbers and flags, already in the reader's terms, and
    `words` for the texts themselves."""
    left = notice.due_at - notice.released_at
    other_day = notice.act_by_on if notice.act_by_on != notice.due_on else None
    late = is_late(notice.planned_at, notice.released_at)
    return {
        "words": words,
        "code": notice.case_code,
        "level": int(notice.level),
        "kind": words.kind(notice.kind) if notice.kind else None,
        "title": notice.title,
        "forum": notice.forum,
        "basis": words.basis(notice.basis, notice.standing) if notice.basis else None,
        "notes": notice.notes,
        "standing": words.standing(notice.standing),
        "because": words.reason(notice.because) if notice.because else None,
        "proposed_verb": words.verb(notice.proposed_verb) if notice.proposed_verb else None,
        "previous_day": words.long_day(notice.previous.due_on) if notice.previous else None,
        "previous_short": words.day(notice.previous.due_on) if notice.previous else None,
        "tolled_since": words.day(notice.tolled_since) if notice.tolled_since else None,
        "due_day": words.long_day(notice.due_on),
        "act_by": words.long_day(other_day) if other_day else None,
        "due_short": words.day(notice.due_on),
        "due_reader": words.wall_clock(notice.due_at, reader_zone),
        "due_forum": words.wall_clock(notice.due_at, notice.timezone),
        "same_zone": reader_zone == notice.timezone,
        "left": words.left(left),
        "overdue": left <= timedelta(),
        "urgent": left <= timedelta(days=1),
        "provisional": notice.provisional,
        "drill": notice.drill,
        "insists": notice.event is EventType.ESCALATION_EXHAUSTED,
        "late_since": words.wall_clock(notice.planned_at, reader_zone) if late else None,
        "others": words.roles(notice.others_told),
        "next_at": words.wall_clock(notice.next_at, reader_zone) if notice.next_at else None,
        "next_who": words.roles(notice.next_roles),
    }
