"""Who is told what, at which redaction level, and the key that keeps anyone from being told twice."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from service.domain.access import Level
from service.domain.alerts import AlertState
from service.domain.deadlines import DeadlineKind, DeadlineState


class ChannelKind(StrEnum):
    EMAIL = "email"
    WEBHOOK = "webhook"


class SubjectKind(StrEnum):
    """What a notice is about; webhooks name it so."""

    DEADLINE = "deadline"
    ALERT = "alert"


class MessageState(StrEnum):
    """`due` waits for its next attempt, `sending` is leased to a worker, `held` waits until its endpoint
    takes something again; the rest is final."""

    DUE = "due"
    SENDING = "sending"
    HELD = "held"
    ACCEPTED = "accepted"
    SUPERSEDED = "superseded"
    FAILED = "failed"
    EXPIRED = "expired"
    BOUNCED = "bounced"


PENDING_STATES = frozenset({MessageState.DUE, MessageState.SENDING})


class EventType(StrEnum):
    """What messages tell of: what webhooks carry, and what is `FOR_PEOPLE`; published names, never
    renamed."""

    DEADLINE_CREATED = "deadline.created"
    DEADLINE_UPDATED = "deadline.updated"
    DATE_CHANGED = "deadline.date_changed"
    DUE_SOON = "deadline.due_soon"
    DUE_TODAY = "deadline.due_today"
    DEADLINE_OVERDUE = "deadline.overdue"
    REVIEW_WAITING = "deadline.review_waiting"
    SECOND_PERSON_WANTED = "deadline.second_person_wanted"
    DEADLINE_COMPLETED = "deadline.completed"
    DEADLINE_WAIVED = "deadline.waived"
    DEADLINE_CANCELLED = "deadline.cancelled"
    REMINDER_DUE = "reminder.due"
    ESCALATION_STARTED = "escalation.started"
    STEP_FIRED = "escalation.step_fired"
    STEP_EMPTY = "escalation.step_empty"
    ESCALATION_ACKNOWLEDGED = "escalation.acknowledged"
    ESCALATION_DECLINED = "escalation.declined"
    ACK_EXPIRED = "escalation.ack_expired"
    ESCALATION_EXHAUSTED = "escalation.exhausted"
    ESCALATION_RESOLVED = "escalation.resolved"
    ESCALATION_CANCELLED = "escalation.cancelled"
    REMINDER_SNOOZED = "reminder.snoozed"
    DEADLINE_MISSED = "deadline.missed"
    COVERAGE_GAP_FOUND = "coverage.gap_found"
    COVERAGE_GAP_CLOSED = "coverage.gap_closed"
    ALERT_RAISED = "alert.raised"
    ALERT_UPDATED = "alert.updated"
    ALERT_ACKNOWLEDGED = "alert.acknowledged"
    ALERT_DECLINED = "alert.declined"
    ALERT_RESOLVED = "alert.resolved"
    RECIPIENT_UNREACHABLE = "recipient.unreachable"
    RECIPIENT_RESTORED = "recipient.restored"
    RECIPIENT_COMPLAINED = "recipient.complained"
    NOTIFICATION_FAILED = "notification.failed"
    NOTIFICATION_BOUNCED = "notification.bounced"
    NOTIFICATION_DELAYED = "notification.delayed"
    ACK_SUSPECT = "notification.ack_suspect"
    ENDPOINT_TEST = "endpoint.test"
    ENDPOINT_FAILING = "endpoint.failing"
    ENDPOINT_PAUSED = "endpoint.paused"
    ENDPOINT_DISABLED = "endpoint.disabled"
    ENDPOINT_ENABLED = "endpoint.enabled"
    ENDPOINT_TROUBLE = "endpoint_trouble"
    INBOUND_TROUBLE = "inbound_trouble"
    FEED_NEWS = "feed_news"
    DIGEST = "digest"
    EXIT_CHECK = "exit_check"
    GAPS_AHEAD = "gaps_ahead"
    ADDRESS_VERIFICATION = "address_verification"
    KEY_VERIFICATION = "openpgp_key_verification"
    ENTRY_WRITTEN = "entry.written"
    ENTRY_WITHDRAWN = "entry.withdrawn"


#: Written for one reader; no endpoint can subscribe to them, not by `*` either.
FOR_PEOPLE = frozenset(
    {
        EventType.DIGEST,
        EventType.EXIT_CHECK,
        EventType.GAPS_AHEAD,
        EventType.ADDRESS_VERIFICATION,
        EventType.KEY_VERIFICATION,
        EventType.ENDPOINT_TROUBLE,
        EventType.INBOUND_TROUBLE,
        EventType.FEED_NEWS,
    }
)
#: No endpoint can hear of these by asking: the last two are how calendars are kept.
UNPUBLISHED = FOR_PEOPLE | {EventType.ENTRY_WRITTEN, EventType.ENTRY_WITHDRAWN}
#: What people may choose not to get.
OPTIONAL = frozenset({EventType.DIGEST, EventType.EXIT_CHECK})


class Superseded(StrEnum):
    """Why a message that was released is not handed over after all."""

    DEADLINE_ENDED = "deadline_ended"
    ALERT_RESOLVED = "alert_resolved"
    VERSION_CHANGED = "version_changed"
    RECIPIENT_LEFT = "recipient_left"
    RECIPIENT_DISABLED = "recipient_disabled"
    ENDPOINT_DISABLED = "endpoint_disabled"


@dataclass(frozen=True)
class Handover:
    """What is true at the moment of handing a message over, read under the claim. `subject`: what it
    is about, in the `version` that it tells of; `current_version` is the one that holds now, `live`
    whether the subject still lives. `on_case`: the reader still belongs to those who may know.
    `personal`: a webhook that carries one person's own notices; `endpoint_active` is for that one."""

    channel: ChannelKind
    subject: SubjectKind
    version: int | None
    current_version: int | None
    live: bool
    on_case: bool
    recipient_enabled: bool
    personal: bool = False
    endpoint_active: bool = True


def why_superseded(facts: Handover) -> Superseded | None:
    """None: it still holds, send it. A webhook tells what has happened, which stays true; to one person it
    is held to what a mail is held to."""
    if facts.channel is ChannelKind.WEBHOOK and not facts.personal:
        return None if facts.recipient_enabled else Superseded.ENDPOINT_DISABLED
    if not facts.live:
        return _ENDED[facts.subject]
    if facts.version != facts.current_version:
        return Superseded.VERSION_CHANGED
    if not facts.on_case:
        return Superseded.RECIPIENT_LEFT
    if not facts.recipient_enabled:
        return Superseded.RECIPIENT_DISABLED
    return None if facts.endpoint_active else Superseded.ENDPOINT_DISABLED


_ENDED = {
    SubjectKind.DEADLINE: Superseded.DEADLINE_ENDED,
    SubjectKind.ALERT: Superseded.ALERT_RESOLVED,
}


@dataclass(frozen=True)
class Notice:
    """All that a message about a deadline or an alert can say, before redaction.

    An alert is due when it is raised: `due_on` and `due_at` say when that was. `drill`: nothing has
    happened, people are practising.
    `planned_at` is when it should have been said, `released_at` when it was; `others_told` names
    roles, never people; `next_at`/`next_roles` say who follows on silence. `standing`: how far the
    rule can be relied on, None for a date that a person stated. `previous`: the date that the
    reader was told before this one, `because` why it moved (the reason itself is for level 2 up);
    `proposed`: the date to which the law would move it, once a person has confirmed;
    `proposed_verb`: what one person wants and a second has to confirm. `tolled_since`: the clock
    stands still, and `due_on` holds only if it runs again at once. `mishap`: of the events that tell
    of a notice. `ended`: the state in which it ended, None while it lives. Instants are UTC.
    """

    event: EventType
    level: Level
    case_code: str | None
    subject_id: str
    version: int
    kind: DeadlineKind | None
    title: str | None
    forum: str | None
    basis: str | None
    notes: str | None
    due_on: date
    due_at: datetime
    timezone: str
    provisional: bool
    planned_at: datetime
    released_at: datetime
    others_told: tuple[str, ...] = ()
    next_at: datetime | None = None
    next_roles: tuple[str, ...] = ()
    act_by_on: date | None = None
    standing: str | None = None
    previous: "OtherDate | None" = None
    proposed: "OtherDate | None" = None
    because: str | None = None
    tolled_since: date | None = None
    proposed_verb: str | None = None
    subject: SubjectKind = SubjectKind.DEADLINE
    drill: bool = False
    critical: bool = False
    ceiling: Level = Level.FULL
    mishap: "Mishap | None" = None
    ended: DeadlineState | AlertState | None = None


@dataclass(frozen=True)
class OtherDate:
    """A due date that no longer holds, or is not yet to hold."""

    due_on: date
    due_at: datetime


@dataclass(frozen=True)
class Mishap:
    """What went wrong with what one person was told, or answered: `reason` is a code. `message_id` and
    `channel` are None where the message is not known any more."""

    reason: str
    user_id: str | None
    message_id: str | None = None
    channel: ChannelKind | None = None


def redacted(notice: Notice, level: Level) -> Notice:
    """The notice with everything above `level`, and above what its case allows, taken out."""
    level = min(level, notice.ceiling)
    hidden: dict[str, Any] = {}
    if level < Level.FULL:
        hidden |= {"notes": None}
    if level < Level.BASIS:
        hidden |= dict.fromkeys(("title", "forum", "basis", "because"))
    if level < Level.CODE:
        hidden |= {"case_code": None, "kind": None}
        if notice.mishap is not None:
            hidden |= {"mishap": replace(notice.mishap, user_id=None)}
    return replace(notice, level=level, **hidden)


def dedupe_key(
    subject_id: str,
    version: int,
    step: str,
    occurrence: int,
    recipient_id: str,
    channel: ChannelKind,
) -> str:
    """Unique in the database: the same thing is never said twice to one person on one channel.

    `step` is the step's number on the ladder, or the event type where no ladder is climbed.
    """
    return f"{subject_id}/{version}/{step}/{occurrence}/{recipient_id}/{channel}"


def useful_until(due_at: datetime, released_at: datetime) -> datetime:
    """A notice helps until a day after the due instant, and is tried for a day in any case."""
    return max(due_at, released_at) + STAYS_USEFUL


#: After the due instant.
STAYS_USEFUL = timedelta(days=1)
