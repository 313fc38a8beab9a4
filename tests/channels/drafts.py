"""A notice, a draft of it, and a parcel: plain functions; what a test cares about, it names."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from service.channels.interface import Draft, Parcel
from service.domain.access import Level
from service.domain.deadlines import DeadlineKind, DeadlineState
from service.domain.notifications import EventType, Notice, redacted

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
DUE = datetime(2026, 3, 9, 13, 0, tzinfo=UTC)
#: The key of the test vector in the project's own description of its webhooks.
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


_ENDS = {
    EventType.DEADLINE_COMPLETED: DeadlineState.COMPLETED,
    EventType.DEADLINE_WAIVED: DeadlineState.WAIVED,
    EventType.DEADLINE_CANCELLED: DeadlineState.CANCELLED,
    EventType.DEADLINE_MISSED: DeadlineState.MISSED,
}


def notice(level: Level = Level.FULL, **given: Any) -> Notice:
    """As `redacted` leaves it at the level."""
    own: dict[str, Any] = {
        "event": EventType.REMINDER_DUE,
        "level": Level.FULL,
        "case_code": "K-17",
        "subject_id": "dln_01",
        "version": 3,
        "kind": DeadlineKind.FILING,
        "title": "Appeal against extradition",
        "forum": "kz.criminal",
        "basis": "Criminal Procedure Code, art. 592(1)",
        "notes": "Bring the power of attorney",
        "due_on": date(2026, 3, 9),
        "due_at": DUE,
        "timezone": "Asia/Almaty",
        "provisional": True,
        "planned_at": NOW,
        "released_at": NOW,
        "others_told": ("deputy",),
        "next_at": NOW + timedelta(hours=4),
        "next_roles": ("supervisor", "lead"),
    }
    said = own | given
    return redacted(Notice(**{"ended": _ENDS.get(said["event"])} | said), level)


def draft(about: Notice | None = None, **given: Any) -> Draft:
    about = about or notice()
    own: dict[str, Any] = {
        "message_id": "msg_01",
        "event": about.event,
        "event_id": "evt_01",
        "team_id": "team_01",
        "occurred_at": NOW,
        "notice": about,
        "reader_zone": "Europe/Paris",
        "step": 2,
    }
    return Draft(**own | given)


def parcel(address: str, content: bytes, **given: Any) -> Parcel:
    own: dict[str, Any] = {
        "message_id": "msg_01",
        "event_id": "evt_01",
        "address": address,
        "content": content,
        "attempt": 1,
        "maybe_repeated": False,
        "sent_at": NOW,
    }
    return Parcel(**own | given)
