"""What an endpoint asks for, and how it fares: from its first failure in a row to being left alone.

Events for an endpoint that cannot be reached are held, never dropped; whoever looks after it is told by
another route. This file decides; nothing here sends or stores.
"""

from enum import StrEnum

from service.domain.alerts import AlertState
from service.domain.deadlines import DeadlineState
from service.domain.notifications import UNPUBLISHED, EventType, Notice, SubjectKind


class Format(StrEnum):
    """How a webhook is written. Chats read text, unsigned; the last three are other systems."""

    STANDARD = "standard"
    CLOUDEVENTS = "cloudevents"
    FREE = "free"
    SLACK = "slack"
    MATTERMOST = "mattermost"
    MATRIX_HOOKSHOT = "matrix_hookshot"
    NTFY = "ntfy"
    CIVICRM = "civicrm"
    UWAZI = "uwazi"
    CALDAV = "caldav"


#: People read these in a room: short, in their language, without names, one message a second.
CHATS = frozenset({Format.SLACK, Format.MATTERMOST, Format.MATRIX_HOOKSHOT, Format.NTFY})
#: Other systems keep one entry for each deadline, written anew with what becomes of it.
ADAPTERS = frozenset({Format.CIVICRM, Format.UWAZI, Format.CALDAV})
#: The receiver checks no signature there, because it knows none.
UNSIGNED = CHATS | ADAPTERS
#: They are logged in to, with a name and a password.
LOGGED_IN = frozenset({Format.UWAZI, Format.CALDAV})


class Detail(StrEnum):
    """How much the body says: ids and what happened; also dates and the case's code; also titles."""

    THIN = "thin"
    DATES = "dates"
    FULL = "full"


class EndpointState(StrEnum):
    """`failing` is still tried as ever; from `paused` on events are held, and only a probe is sent."""

    ACTIVE = "active"
    FAILING = "failing"
    PAUSED = "paused"
    DISABLED = "disabled"


#: Events are handed over, and not held.
OPEN_STATES = frozenset({EndpointState.ACTIVE, EndpointState.FAILING})
#: What changes such an entry. A reminder does not: it would only say again what stands there.
_KEPT = frozenset(
    {
        EventType.DEADLINE_CREATED,
        EventType.DEADLINE_UPDATED,
        EventType.DATE_CHANGED,
        EventType.DEADLINE_OVERDUE,
        EventType.DEADLINE_COMPLETED,
        EventType.DEADLINE_MISSED,
        EventType.DEADLINE_WAIVED,
        EventType.DEADLINE_CANCELLED,
        EventType.ENDPOINT_TEST,
    }
)


def carries(form: Format, event: EventType) -> bool:
    """Whether an endpoint of that format is written to at all; what it subscribes to is asked besides. A
    calendar is told of no event: it is kept to what stands (flows/mirroring.py)."""
    if form is Format.CALDAV:
        return event is EventType.ENDPOINT_TEST
    return event in _KEPT if form in ADAPTERS else event not in UNPUBLISHED


def status_after(notice: Notice) -> DeadlineState | AlertState:
    """The state that the event leaves its subject in."""
    if notice.ended is not None:
        return notice.ended
    if notice.subject is SubjectKind.ALERT:
        return AlertState.OPEN
    if notice.tolled_since is not None:
        return DeadlineState.SUSPENDED
    return DeadlineState.PROVISIONAL if notice.provisional else DeadlineState.OPEN
