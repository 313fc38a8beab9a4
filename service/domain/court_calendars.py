"""Is this a court day, and which is the next or previous one.

A calendar is dated data; outside the years it was loaded for it refuses, it never guesses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import accumulate

from service.errors import Code, Refusal

ONE_DAY = timedelta(days=1)
#: Days without a court day before a search is given up.
PATIENCE = 1100


class DayOff(StrEnum):
    """Why a day is no court day."""

    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    CLOSURE = "closure"


@dataclass(frozen=True)
class CourtYear:
    """The days of one year, in order: those on which the court sits, and those on which it does not.
    `begins`: the ordinal of 1 January; `sat`: for each day of the year, and for the day after its
    last, how many days on which the court sits lie before it."""

    begins: int
    sits: tuple[date, ...]
    off: tuple[date, ...]
    sat: tuple[int, ...]


@dataclass(frozen=True)
class CourtCalendar:
    """The court days of one forum.

    `weekend` holds weekday numbers (Monday is 0). `days_off` maps a date to the name of the day,
    `court_days` are weekend days or holidays on which the court sits all the same (moved
    workdays), `closures` are inclusive ranges that do not count at all (court recess).

    The data do not change once a day has been asked for: years are sorted out once and kept.
    """

    code: str
    version: str
    first_year: int
    last_year: int
    weekend: frozenset[int] = frozenset({5, 6})
    days_off: Mapping[date, str] = field(default_factory=dict)
    court_days: frozenset[date] = frozenset()
    closures: tuple[tuple[date, date], ...] = ()
    _years: dict[int, CourtYear] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

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
        """The first court day at or after `on` (before, where `step` is negative); the days skipped.

        Raises Refusal `outside_calendar` beyond the loaded years, and where the court never sits.
        """
        day = self.nearest_court_day(on, step)
        return day, () if day == on else tuple(self.days_off_between(on, day))

    def nearest_court_day(self, on: date, step: timedelta) -> date:
        """As `court_day_from`, for those who do not ask for the days skipped."""
        if self.is_court_day(on):
            return on
        day = self.nth_court_day(on, 1, step.days)
        if day is not None:
            return day
        for _ in range(PATIENCE):
            on += step
            if self.is_court_day(on):
                return on
        raise never_sits()

    def nth_court_day(self, on: date, amount: int, sign: int) -> date | None:
        """The court day number `amount` (1 or more) from `on` on, itself included; back in time,
        where `sign` is negative. Arithmetic on tables of whole years, however large the amount.

        None where a year on the way has no court day at all: whether so long an absence still is
        one to wait for is judged by a walk. Raises Refusal `outside_calendar` beyond the loaded
        years, OverflowError beyond the years that there are.
        """
        year = self._year(on)
        sits, number = year.sits, on.toordinal() - year.begins
        at = year.sat[number] + amount - 1 if sign > 0 else year.sat[number + 1] - amount
        while sits:
            if at < 0:
                on = date(on.year, 1, 1) - ONE_DAY
                sits = self._year(on).sits
                at += len(sits)
            elif at >= len(sits):
                at -= len(sits)
                on = date(on.year, 12, 31) + ONE_DAY
                sits = self._year(on).sits
            else:
                return sits[at]
        return None

    def days_off_between(self, first: date, last: date) -> list[date]:
        """The days without a court from `first` to `last`, both included, in the order of the way
        (back in time, where `last` is the earlier one). Raises Refusal `outside_calendar`."""
        forward = first <= last
        begin, end = (first, last) if forward else (last, first)
        found: list[date] = []
        while begin.year < end.year:
            year = self._year(begin)
            number = begin.toordinal() - year.begins
            found += year.off[number - year.sat[number] :]
            begin = date(begin.year + 1, 1, 1)
        year = self._year(end)
        number, after = begin.toordinal() - year.begins, end.toordinal() - year.begins + 1
        found += year.off[number - year.sat[number] : after - year.sat[after]]
        return found if forward else found[::-1]

    def _year(self, on: date) -> CourtYear:
        known = self._years.get(on.year)
        if known is None:
            self.day_off(on)  # refuses a year that was not loaded
            known = self._years[on.year] = self._sorted_out(on.year)
        return known

    def _sorted_out(self, year: int) -> CourtYear:
        """Says of every day what `day_off` says of it, without asking for each."""
        days = _days_of(year)
        to_monday = -days[0].weekday()
        off = {day for number in self.weekend for day in days[(to_monday + number) % 7 :: 7]}
        off.update(self.days_off)
        off -= self.court_days
        if self.closures:
            off.update(filter(self.closed, days))
        return CourtYear(
            days[0].toordinal(),
            tuple(day for day in days if day not in off),
            tuple(day for day in days if day in off),
            tuple(accumulate((day not in off for day in days), initial=0)),
        )


def never_sits() -> Refusal:
    """What is said of a calendar in which no court day can be found."""
    return Refusal(Code.OUTSIDE_CALENDAR, "The court never sits for three years.", "calendar")


@lru_cache(maxsize=128)
def _days_of(year: int) -> tuple[date, ...]:
    first = date(year, 1, 1).toordinal()
    return tuple(map(date.fromordinal, range(first, date(year, 12, 31).toordinal() + 1)))
