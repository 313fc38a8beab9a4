"""One example of each event that webhooks carry, for whoever builds what takes them. None of it has
happened, and none of it is of any case.
"""

from datetime import datetime, timedelta
from typing import Any

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
    redacted,
)

_DAY = timedelta(days=1)
_NOBODY = "usr_example"
_ENDED: dict[EventType, DeadlineState | AlertState] = {
    EventType.DEADLINE_COMPLETED: DeadlineState.COMPLETED,
    EventType.DEADLINE_MISSED: DeadlineState.MISSED,
    EventType.DEADLINE_WAIVED: DeadlineState.WAIVED,
    EventType.DEADLINE_CANCELLED: DeadlineState.CANCELLED,
    EventType.ALERT_RESOLVED: AlertState.RESOLVED,
    EventType.ESCALATION_RESOLVED: DeadlineState.COMPLETED,
}
_NEWS = {
    EventType.ENDPOINT_FAILING: News.FAILING,
    EventType.ENDPOINT_PAUSED: News.PAUSED,
    EventType.ENDPOINT_DISABLED: News.DISABLED,
    EventType.ENDPOINT_ENABLED: News.ENABLED,
}


def example_of(event: EventType, level: Level, now: datetime) -> dict[str, Any]:
    """What a draft of the event holds beside what every draft has."""
    group = event.partition(".")[0]
    if event is EventType.ENDPOINT_TEST:
        return {}
    if group == "recipient":
        return {"about_user_id": _NOBODY if level >= Level.CODE else None, "example": True}
    if group == "endpoint":
        report = Report("end_example", "Example", _NEWS[event], "503", now - _DAY, 4)
        return {"report": report, "example": True}
    notice = _alert(event, now) if group == "alert" else _deadline(event, now)
    return {"notice": redacted(notice, level), "example": True}


def _deadline(event: EventType, now: datetime) -> Notice:
    due_at = (now + 10 * _DAY).replace(minute=0, second=0, microsecond=0)
    before = OtherDate((due_at - 4 * _DAY).date(), due_at - 4 * _DAY)
    mishap = Mishap("5.1.1", _NOBODY, "msg_example", ChannelKind.EMAIL)
    return Notice(
        event=event,
        level=Level.FULL,
        case_code="EXAMPLE-1",
        subject_id="dln_example",
        version=2,
        kind=DeadlineKind.FILING,
        title="Example",
        forum=None,
        basis="stated by a person",
        notes=None,
        due_on=due_at.date(),
        due_at=due_at,
        timezone="UTC",
        provisional=False,
        planned_at=now,
        released_at=now,
        previous=before if event is EventType.DATE_CHANGED else None,
        mishap=mishap if event.startswith("notification.") else None,
        ended=_ENDED.get(event),
    )


def _alert(event: EventType, now: datetime) -> Notice:
    return Notice(
        event=event,
        level=Level.FULL,
        case_code="EXAMPLE-1",
        subject=SubjectKind.ALERT,
        subject_id="alr_example",
        version=1,
        kind=None,
        title="Example",
        forum=None,
        basis=None,
        notes=None,
        due_on=now.date(),
        due_at=now,
        timezone="UTC",
        provisional=False,
        planned_at=now,
        released_at=now,
        ended=_ENDED.get(event),
    )
