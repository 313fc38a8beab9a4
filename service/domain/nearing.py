"""How near a due instant has come: what endpoints are told of once, whether or not anybody is reminded.

Nothing here knows the ladder.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo

from service.domain.counting import midnight
from service.domain.deadlines import local_date
from service.domain.notifications import EventType

#: What is due within this time is due soon.
_SOON = timedelta(days=3)


def nearing(
    due_at: datetime, zone: tzinfo, told_at: datetime | None, now: datetime
) -> tuple[EventType, ...]:
    """What has become true since `told_at` (None: ever) and still is; nothing once it has passed."""
    if now >= due_at:
        return ()
    turns = _turns(due_at, zone, now)
    return tuple(event for event, at in turns if at <= now and (told_at is None or told_at < at))


def next_turn(due_at: datetime, zone: tzinfo, now: datetime) -> datetime:
    """When there is something to record though nobody is told: it comes nearer, or it passes."""
    return min((at for _, at in _turns(due_at, zone, now) if at > now), default=due_at)


def _turns(due_at: datetime, zone: tzinfo, now: datetime) -> Iterator[tuple[EventType, datetime]]:
    """From when on each is true; the second only when the first is. Today is the last day that is not over
    by the due instant, on the wall clock of the forum."""
    yield EventType.DUE_SOON, due_at - _SOON
    if due_at - _SOON <= now:
        yield EventType.DUE_TODAY, midnight(local_date(due_at - timedelta.resolution, zone), zone)
