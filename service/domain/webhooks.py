"""What an endpoint asks for, and how it fares: from its first failure in a row to being left alone.

Events for an endpoint that cannot be reached are held, never dropped; whoever looks after it is told by
another route. This file decides; nothing here sends or stores.
"""

from enum import StrEnum


class Format(StrEnum):
    """How a webhook is written. Chats read text, unsigned; the last two are other systems' own interfaces."""

    STANDARD = "standard"
    CLOUDEVENTS = "cloudevents"
    FREE = "free"
    SLACK = "slack"
    MATTERMOST = "mattermost"
    MATRIX_HOOKSHOT = "matrix_hookshot"
    NTFY = "ntfy"
    CIVICRM = "civicrm"
    UWAZI = "uwazi"


#: People read these in a room: short, in their language, without names, one message a second.
CHATS = frozenset({Format.SLACK, Format.MATTERMOST, Format.MATRIX_HOOKSHOT, Format.NTFY})
#: The receiver checks no signature there, because it knows none.
UNSIGNED = CHATS | {Format.CIVICRM, Format.UWAZI}


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
