"""Is this a court day, and which is the next or previous one.

A calendar is dated data; outside the years it was loaded for it refuses, it never guesses.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from service.errors import Code, Refusal

ONE_DAY = timedelta(days=1)
#: Days without a court day before a search is given up.
_PATIENCE = 1100


class DayOff(StrEnum):
    """Why a day is no court day."""

    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    CLOSURE = "closure"


@dataclass(frozen=True)
class CourtCalendar:
    """The court days of one forum.

    `weekend` holds weekday numbers (Monday is 0). `days_off` maps a date to the name of the day,
    `court_days` are weekend days or holidays on which the court sits all the same (moved
    workdays), `closures` are inclusive ranges that do not count at all (court recess).
    """

    code: str
    version: str
    first_year: int
    last_year: int
    weekend: frozenset[int] = frozenset({5, 6})
    days_off: Mapping[date, str] = field(default_factory=dict)
    court_days: frozenset[date] = frozenset()
    closures: tuple[tuple[date, date], ...] = ()

    def day_off(self, on: date) -> DayOff | None:
        """The reason why the court does not sit, None on a court day.

        Raises Refusal `outside_calendar` for a year that was not loaded.
        """
        if not self.first_year <= on.year <= self.last_year:
            raise Refusal(
                Code.OUTSIDE_CALENDAR,
                f"Calendar {self.code} knows the years {self.first_year} to {self.last_year}; "
                f"{on} lies outside.",
                "calendar",
            )
        if self.closed(on):
            return DayOff.CLOSURE
        if on in self.court_days:
            return None
        if on in self.days_off:
            return DayOff.HOLIDAY
        return DayOff.WEEKEND if on.weekday() in self.weekend else None

    def is_court_day(self, on: date) -> bool:
        """As `day_off`, for those who need no reason: a count asks this for every day."""
        if not self.first_year <= on.year <= self.last_year or self.closures:
            return self.day_off(on) is None
        if on.weekday() in self.weekend or on in self.days_off:
            return on in self.court_days
        return True

    def closed(self, on: date) -> bool:
        """True inside a court recess."""
        return any(first <= on <= last for first, last in self.closures)

    def court_day_from(self, on: date, step: timedelta) -> tuple[date, tuple[date, ...]]:
        """The first court day at or after `on` (before, where `step` is negative); the days skipped."""
        skipped: list[date] = []
        for day in _days(on, step):
            if self.day_off(day) is None:
                return day, tuple(skipped)
            skipped.append(day)
            if len(skipped) > _PATIENCE:
                break
        raise Refusal(Code.OUTSIDE_CALENDAR, "The court never sits for three years.", "calendar")


def _days(on: date, step: timedelta) -> Iterator[date]:
    while True:
        yield on
        on += step
