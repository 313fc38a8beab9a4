"""What a room is told of an event: a headline, a few facts, and where to answer.

In the reader's language. Ids, codes, days and roles alone: no names, no titles. Nothing is marked up here.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from service.channels.interface import Draft
from service.channels.webhook.text import plain
from service.channels.wording import Wording, wording
from service.domain.deadlines import LIVE_STATES
from service.domain.notifications import EventType, Notice, SubjectKind
from service.domain.webhooks import Detail, status_after
from service.languages import marked

_HEADLINES = {
    EventType.DEADLINE_CREATED: marked("chat", "A deadline has been entered"),
    EventType.DEADLINE_UPDATED: marked("chat", "A deadline has been changed"),
    EventType.DATE_CHANGED: marked("chat", "The date of a deadline has changed"),
    EventType.DUE_SOON: marked("chat", "A deadline is due within three days"),
    EventType.DUE_TODAY: marked("chat", "A deadline is due today"),
    EventType.DEADLINE_OVERDUE: marked("chat", "A deadline has passed and is still open"),
    EventType.REVIEW_WAITING: marked("chat", "A new date waits for a decision"),
    EventType.SECOND_PERSON_WANTED: marked("chat", "A second person is wanted"),
    EventType.DEADLINE_COMPLETED: marked("chat", "A deadline has been completed"),
    EventType.DEADLINE_WAIVED: marked("chat", "A deadline has been given up on purpose"),
    EventType.DEADLINE_CANCELLED: marked("chat", "A deadline has been cancelled"),
    EventType.DEADLINE_MISSED: marked("chat", "A deadline has been recorded as missed"),
    EventType.REMINDER_DUE: marked("chat", "Reminder of a deadline"),
    EventType.REMINDER_SNOOZED: marked("chat", "A reminder has been put off"),
    EventType.ESCALATION_STARTED: marked("chat", "People are told: answers are awaited"),
    EventType.STEP_FIRED: marked("chat", "No answer yet: more people are told"),
    EventType.STEP_EMPTY: marked("chat", "A step has reached nobody"),
    EventType.ESCALATION_ACKNOWLEDGED: marked("chat", "Somebody has a deadline in hand"),
    EventType.ESCALATION_DECLINED: marked("chat", "Somebody has declined a deadline"),
    EventType.ACK_EXPIRED: marked("chat", "An answer has run out: people are told again"),
    EventType.ESCALATION_EXHAUSTED: marked("chat", "Everybody has been told and nobody answers"),
    EventType.ESCALATION_RESOLVED: marked("chat", "It is settled: nobody is asked any more"),
    EventType.ESCALATION_CANCELLED: marked("chat", "It holds no more: nobody is asked about it"),
    EventType.COVERAGE_GAP_FOUND: marked("chat", "A step of a deadline would reach nobody"),
    EventType.COVERAGE_GAP_CLOSED: marked("chat", "A step would reach somebody again"),
    EventType.ALERT_RAISED: marked("chat", "ALERT: somebody has raised an alert"),
    EventType.ALERT_UPDATED: marked("chat", "An alert has been changed"),
    EventType.ALERT_ACKNOWLEDGED: marked("chat", "Somebody has an alert in hand"),
    EventType.ALERT_DECLINED: marked("chat", "Somebody has declined an alert"),
    EventType.ALERT_RESOLVED: marked("chat", "An alert has been resolved"),
    EventType.RECIPIENT_UNREACHABLE: marked("chat", "A person cannot be reached"),
    EventType.RECIPIENT_RESTORED: marked("chat", "A person can be reached again"),
    EventType.RECIPIENT_COMPLAINED: marked("chat", "A person calls our mail unwanted"),
    EventType.NOTIFICATION_FAILED: marked("chat", "A notice to a person could not be delivered"),
    EventType.NOTIFICATION_BOUNCED: marked("chat", "A mail to a person has come back"),
    EventType.NOTIFICATION_DELAYED: marked("chat", "A mail to a person is delayed"),
    EventType.ACK_SUSPECT: marked(
        "chat", "An answer may have come from a machine: it does not count"
    ),
    EventType.ENDPOINT_TEST: marked("chat", "This is a test: notices arrive here"),
    EventType.ENDPOINT_FAILING: marked("chat", "A tool takes no notices at present"),
    EventType.ENDPOINT_PAUSED: marked("chat", "A tool takes no notices: they wait for it"),
    EventType.ENDPOINT_DISABLED: marked("chat", "A tool is not told of anything any more"),
    EventType.ENDPOINT_ENABLED: marked("chat", "A tool takes notices again"),
}


@dataclass(frozen=True)
class Saying:
    """Each text on one line. `facts`: labels and values."""

    headline: str
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    link: str | None = None
    link_label: str = ""
    overdue: bool = False


def said(draft: Draft, link: str | None) -> Saying:
    """`link`: where its reader answers, or where there is more to see."""
    words, notice = wording(draft.reader_language), draft.notice
    text = _HEADLINES.get(draft.event, draft.event)
    headline = words.pgettext("chat", text)
    if draft.example:
        headline = f"{words.pgettext('chat', 'EXAMPLE')}: {headline}"
    asked = draft.reader_zone is not None
    label = words.gettext("Answer") if asked else words.pgettext("chat", "Open")
    saying = Saying(headline, link=link, link_label=label)
    if notice is None:
        tool = draft.report.name if draft.report and draft.form.detail is not Detail.THIN else ""
        facts = [(words.pgettext("chat", "Tool"), plain(tool, 100))] if tool else []
        return replace(saying, facts=tuple(facts))
    if notice.drill:
        saying = replace(saying, headline=f"{words.gettext('DRILL')}: {headline}")
    if draft.form.detail is Detail.THIN:
        facts = [(_subject(notice, words), plain(notice.subject_id))]
    else:
        facts = _facts(notice, draft.reader_zone or notice.timezone, words)
    return replace(
        saying,
        facts=tuple(facts),
        notes=tuple(_notes(draft, notice, words)),
        overdue=notice.subject is SubjectKind.DEADLINE and notice.due_at <= notice.released_at,
    )


def _subject(notice: Notice, words: Wording) -> str:
    alert = notice.subject is SubjectKind.ALERT
    return words.gettext("Alert") if alert else words.gettext("Deadline")


def _facts(notice: Notice, zone: str, words: Wording) -> list[tuple[str, str]]:
    code = [(words.gettext("Case"), plain(notice.case_code, 100))] if notice.case_code else []
    if notice.subject is SubjectKind.ALERT:
        return [*code, (words.gettext("Raised"), words.wall_clock(notice.due_at, zone))]
    return [*code, *_of_deadline(notice, words)]


def _of_deadline(notice: Notice, words: Wording) -> list[tuple[str, str]]:
    """On the wall clock of the court: whoever reads a room may be anywhere."""
    facts = [(words.gettext("Kind"), words.kind(notice.kind))] if notice.kind else []
    due = words.wall_clock(notice.due_at, notice.timezone)
    if notice.tolled_since is not None:
        still = words.gettext("not known while the clock stands still; if it ran again today:")
        return [*facts, (words.gettext("Due"), f"{still} {due}")]
    facts.append((words.gettext("Due"), due))
    if notice.previous is not None:
        facts.append((words.gettext("Before"), words.day(notice.previous.due_on)))
    if status_after(notice) not in LIVE_STATES:
        return facts
    left = notice.due_at - notice.released_at
    label = words.pgettext("overdue", "Left") if left <= timedelta() else words.gettext("Left")
    return [*facts, (label, words.left(left))]


def _notes(draft: Draft, notice: Notice, words: Wording) -> list[str]:
    notes = []
    if notice.drill:
        drill = "This is a drill: nothing has happened, and your answer is for practice."
        notes.append(words.gettext(drill))
    if draft.form.detail is Detail.THIN:
        return notes
    if notice.provisional and status_after(notice) in LIVE_STATES:
        notes.append(words.gettext("(not yet verified by a second person)"))
    if notice.next_at is not None and notice.next_roles:
        at = words.wall_clock(notice.next_at, draft.reader_zone or notice.timezone)
        told = words.gettext("If nobody answers, %(roles)s will be told: %(at)s.")
        notes.append(told % {"roles": words.roles(notice.next_roles), "at": at})
    return notes
