"""When the clock stands still: tolled periods and court recess, and what remains of a limit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from service.errors import Code, Refusal

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class TollingPeriod:
    """Half-open: the clock stands from `from_on` and runs again on `until_on`; None: still tolled."""

    from_on: date
    until_on: date | None = None

    def __post_init__(self) -> None:
        if self.until_on is not None and self.until_on < self.from_on:
            raise Refusal(Code.INVALID_DATE, "Tolling cannot end before it begins.", "tolling")


@dataclass(frozen=True)
class Standstill:
    """Days that do not count: disjoint inclusive ranges in order of time."""

    ranges: tuple[tuple[date, date], ...] = ()

    def holds(self, day: date) -> bool:
        return any(first <= day <= last for first, last in self.ranges)

    def leave(self, day: date, step: timedelta) -> date:
        """The first day from `day` on, in the direction of `step`, that counts again."""
        for first, last in self.ranges:
            if first <= day <= last:
                return (last if step > timedelta() else first) + step
        return day

    def pushed(self, day: date) -> date:
        """Where a day that was fixed before lies once each range has held it back by its length."""
        for first, last in self.ranges:
            if first <= day:
                day += last - first + ONE_DAY
        return day

    def days_within(self, first: date, last: date) -> int:
        """How many of the days from `first` to `last`, both included, do not count."""
        overlaps = ((max(first, start), min(last, end)) for start, end in self.ranges)
        return sum((end - start).days + 1 for start, end in overlaps if start <= end)


def standstill(
    tolling: Iterable[TollingPeriod], closures: Iterable[tuple[date, date]], as_of: date
) -> Standstill:
    """Tolling that has no end yet is taken to be lifted on `as_of`."""
    ranges = list(closures)
    for period in tolling:
        until = period.until_on or max(as_of, period.from_on)
        if until > period.from_on:
            ranges.append((period.from_on, until - ONE_DAY))
    return Standstill(merged(ranges))


def open_since(tolling: Sequence[TollingPeriod], as_of: date) -> date | None:
    """Since when the clock stands still with no end in sight; None where it runs."""
    begun = [p.from_on for p in tolling if p.until_on is None and p.from_on <= as_of]
    return min(begun, default=None)


def merged(ranges: Iterable[tuple[date, date]]) -> tuple[tuple[date, date], ...]:
    """The same days in disjoint ranges, in order of time."""
    joined: list[tuple[date, date]] = []
    for first, last in sorted(ranges):
        if joined and first - ONE_DAY <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)
