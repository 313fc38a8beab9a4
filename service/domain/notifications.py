"""Who is told what, at which redaction level, and the key that keeps anyone from being told twice."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from service.domain.access import Level
from service.domain.deadlines import DeadlineKind


class ChannelKind(StrEnum):
    EMAIL = "email"
    WEBHOOK = "webhook"


class MessageState(StrEnum):
    """`due` waits for its next attempt, `sending` is leased to a worker; the rest is final."""

    DUE = "due"
    SENDING = "sending"
    ACCEPTED = "accepted"
    SUPERSEDED = "superseded"
    FAILED = "failed"
    EXPIRED = "expired"


PENDING_STATES = frozenset({MessageState.DUE, MessageState.SENDING})


class EventType(StrEnum):
    """What webhooks carry; published names, never renamed."""

    DEADLINE_CREATED = "deadline.created"
    DEADLINE_UPDATED = "deadline.updated"
    DATE_CHANGED = "deadline.date_changed"
    DEADLINE_OVERDUE = "deadline.overdue"
    REVIEW_WAITING = "deadline.review_waiting"
    SECOND_PERSON_WANTED = "deadline.second_person_wanted"
    DEADLINE_COMPLETED = "deadline.completed"
    DEADLINE_WAIVED = "deadline.waived"
    DEADLINE_CANCELLED = "deadline.cancelled"
    REMINDER_DUE = "reminder.due"
    STEP_FIRED = "escalation.step_fired"
    STEP_EMPTY = "escalation.step_empty"
    ESCALATION_ACKNOWLEDGED = "escalation.acknowledged"
    ESCALATION_DECLINED = "escalation.declined"
    ESCALATION_EXHAUSTED = "escalation.exhausted"
    REMINDER_SNOOZED = "reminder.snoozed"
    DEADLINE_MISSED = "deadline.missed"
    COVERAGE_GAP_FOUND = "coverage.gap_found"
    COVERAGE_GAP_CLOSED = "coverage.gap_closed"
    ENDPOINT_TEST = "endpoint.test"


class Superseded(StrEnum):
    """Why a message that was released is not handed over after all."""

    DEADLINE_ENDED = "deadline_ended"
    VERSION_CHANGED = "version_changed"
    RECIPIENT_LEFT = "recipient_left"
    RECIPIENT_DISABLED = "recipient_disabled"
    ENDPOINT_DISABLED = "endpoint_disabled"


@dataclass(frozen=True)
class Handover:
    """What is true at the moment of handing a message over, read under the claim."""

    channel: ChannelKind
    version: int | None
    deadline_version: int | None
    deadline_live: bool
    on_case: bool
    recipient_enabled: bool


def why_superseded(facts: Handover) -> Superseded | None:
    """None: it still holds, send it. A webhook tells what has happened, which stays true."""
    if facts.channel is ChannelKind.WEBHOOK:
        return None if facts.recipient_enabled else Superseded.ENDPOINT_DISABLED
    if not facts.deadline_live:
        return Superseded.DEADLINE_ENDED
    if facts.version != facts.deadline_version:
        return Superseded.VERSION_CHANGED
    if not facts.on_case:
        return Superseded.RECIPIENT_LEFT
    return None if facts.recipient_enabled else Superseded.RECIPIENT_DISABLED


@dataclass(frozen=True)
class Notice:
    """All that a message about a deadline can say, before redaction.

    `planned_at` is when it should have been said, `released_at` when it was; `others_told` names
    roles, never people; `next_at`/`next_roles` say who follows on silence. `standing`: how far the
    rule can be relied on, None for a date that a person stated. `previous`: the date that the
    reader was told before this one, `because` why it moved (the reason itself is for level 2 up);
    `proposed`: the date to which the law would move it, once a person has confirmed;
    `proposed_verb`: what one person wants and a second has to confirm. `tolled_since`: the clock
    stands still, and `due_on` holds only if it runs again at once. Instants are UTC.
    """

    event: EventType
    level: Level
    case_code: str | None
    deadline_id: str
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


@dataclass(frozen=True)
class OtherDate:
    """A due date that no longer holds, or is not yet to hold."""

    due_on: date
    due_at: datetime


def redacted(notice: Notice, level: Level) -> Notice:
    """The notice with everything above `level` taken out."""
    shown = replace(notice, level=level)
    if level < Level.FULL:
        shown = replace(shown, notes=None)
    if level < Level.BASIS:
        shown = replace(shown, title=None, forum=None, basis=None, because=None)
    if level < Level.CODE:
        shown = replace(shown, case_code=None, kind=None)
    return shown


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
    return max(due_at, released_at) + timedelta(days=1)
