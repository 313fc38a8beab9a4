"""Every change of a clock on the wall in ten years, and the instants that hang on it, by a rule of its own:
what the service answers is held against this, and nothing is asked of the service here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import service.clock  # noqa: F401  (zones as the service reads them)

#: From Venezuela's half hour to Paraguay's last change; three leap days, on one of which Almaty's clocks
#: went back.
BEGIN, END = datetime(2016, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
_WEEK, _DAY, _SECOND = timedelta(days=7), timedelta(days=1), timedelta(seconds=1)
_LEAP_DAYS = tuple(date(year, 2, 29) for year in (2016, 2020, 2024))


@dataclass(frozen=True)
class Change:
    """At that instant the clock of a zone leaps from one distance to UTC to another."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def is_gap(self) -> bool:
        return self.after > self.before

    @property
    def twisted(self) -> tuple[datetime, datetime]:
        """From and until when, on the wall, a time does not exist or comes twice."""
        wall = self.at.replace(tzinfo=None)
        return wall + min(self.before, self.after), wall + max(self.before, self.after)


@dataclass(frozen=True)
class Moment:
    """Something to be said at `at`. `why`: what the clock does then. `due_on` None: it is said two days
    ahead of an hour, `due_at`, by the clock on the wall; else when that day is over."""

    at: datetime
    zone: str
    why: str
    due_on: date | None = None
    due_at: datetime | None = None


def moments() -> list[Moment]:
    """Of one zone for each history that any zone has had, in order of time."""
    found = [
        moment
        for name, changes in _histories().items()
        for moment in (*_twisted(name, changes), *_ends_of_days(name, changes))
    ]
    return sorted(found, key=lambda moment: (moment.at, moment.zone))


def _twisted(name: str, changes: tuple[Change, ...]) -> Iterator[Moment]:
    """In the middle of each gap and of each fold."""
    zone = ZoneInfo(name)
    for change in changes:
        begin, end = change.twisted
        wall = begin + (end - begin) / 2
        due_at = _earlier(wall + 2 * _DAY, zone)
        why = "gap" if change.is_gap else "fold"
        yield Moment(_earlier(wall, zone), name, why, due_at=due_at)


def _ends_of_days(name: str, changes: tuple[Change, ...]) -> Iterator[Moment]:
    """Of each leap day, and of each whose end is skipped or comes twice."""
    days = dict.fromkeys(_LEAP_DAYS, "leap day")
    for begin, end in (change.twisted for change in changes):
        midnight = datetime.combine(end.date(), time())
        if begin <= midnight < end:
            days[midnight.date() - _DAY] = "midnight"
    for on, why in days.items():
        at = _earlier(datetime.combine(on + _DAY, time()), ZoneInfo(name))
        yield Moment(at, name, why, due_on=on)


def _earlier(wall: datetime, zone: ZoneInfo) -> datetime:
    """Of the two instants that a time on the wall may mean."""
    return min(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))


def _histories() -> dict[str, tuple[Change, ...]]:
    """By the first of the zones that share it, of those that are named by a place."""
    names: dict[tuple[Change, ...], str] = {}
    for name in sorted(name for name in available_timezones() if "/" in name):
        names.setdefault(tuple(_changes(ZoneInfo(name))), name)
    return {name: changes for changes, name in names.items() if changes}


def _changes(zone: ZoneInfo) -> Iterator[Change]:
    at, before = BEGIN, _ahead(BEGIN, zone)
    while at < END:
        after = _ahead(at + _WEEK, zone)
        if after != before:
            yield Change(_turn(at, zone), before, after)
        at, before = at + _WEEK, after


def _turn(begin: datetime, zone: ZoneInfo) -> datetime:
    """The first instant of the week at which the clock is another one."""
    before, seconds, most = _ahead(begin, zone), 0, int(_WEEK / _SECOND)
    while most - seconds > 1:
        middle = (seconds + most) // 2
        if _ahead(begin + middle * _SECOND, zone) == before:
            seconds = middle
        else:
            most = middle
    return begin + most * _SECOND


def _ahead(at: datetime, zone: ZoneInfo) -> timedelta:
    ahead = at.astimezone(zone).utcoffset()
    assert ahead is not None
    return ahead
