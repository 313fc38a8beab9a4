"""The marks on the ladder: which warnings exist before and after a due instant."""

from datetime import datetime, timedelta, tzinfo

from service.domain.counting import to_instant

ONE_DAY = timedelta(days=1)


def mark_at(due_at: datetime, offset: timedelta, zone: tzinfo) -> datetime:
    """The UTC instant that lies `offset` from `due_at` (negative: before it).

    Whole days are counted on the wall clock of the forum's `zone`, so that "two days before
    18:00" is 18:00 through a change of the clock; anything shorter is counted in elapsed time.
    """
    days, rest = divmod(abs(offset), ONE_DAY)
    if rest or not days:
        return due_at + offset
    local = due_at.astimezone(zone).replace(tzinfo=None)
    return to_instant(local + (days * ONE_DAY if offset > timedelta() else -days * ONE_DAY), zone)


def is_late(planned_at: datetime, now: datetime) -> bool:
    """Whether a notice is so late that it must say so (over 15 minutes)."""
    return now - planned_at > timedelta(minutes=15)
