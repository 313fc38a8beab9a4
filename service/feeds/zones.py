"""VTIMEZONE definitions from the pinned zone data, in the plainest form that every client reads.

One block for each change of the clock, begun at the local time before the change as RFC 5545,
3.6.5 asks: no RDATE lists and no RRULE, which some clients read wrongly.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=256)
def definition(name: str, first_year: int, last_year: int) -> bytes:
    """The zone from the first day of `first_year` to the last of `last_year`, by its own clock."""
    zone = ZoneInfo(name)
    begin = datetime(first_year, 1, 1, tzinfo=zone).astimezone(UTC)
    timezone = Timezone()
    timezone.add("tzid", name)
    timezone.add_component(_block(begin, begin, zone))
    for change in _changes(zone, begin, datetime(last_year + 1, 1, 1, tzinfo=UTC)):
        timezone.add_component(_block(change - _SECOND, change, zone))
    rendered: bytes = timezone.to_ical(sorted=False)
    return rendered


def _block(before: datetime, at: datetime, zone: ZoneInfo) -> TimezoneStandard | TimezoneDaylight:
    """What holds from the instant `at`; `before` lies just ahead of it."""
    old, new = before.astimezone(zone), at.astimezone(zone)
    offset = old.utcoffset() or timedelta()
    block = TimezoneDaylight() if new.dst() else TimezoneStandard()
    block.add("dtstart", (at + offset).replace(tzinfo=None))
    block.add("tzname", new.tzname() or str(zone))
    block.add("tzoffsetfrom", offset)
    block.add("tzoffsetto", new.utcoffset() or timedelta())
    return block


def _changes(zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[datetime]:
    """The instants at which the offset from UTC changes, found by halving the day around each."""
    day = begin
    while day < end:
        following = day + timedelta(days=1)
        if _offset(day, zone) != _offset(following, zone):
            low, high = day, following
            while high - low > _SECOND:
                middle = low + (high - low) // 2 // _SECOND * _SECOND
                if _offset(middle, zone) == _offset(low, zone):
                    low = middle
                else:
                    high = middle
            yield high
        day = following


def _offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    return at.astimezone(zone).utcoffset()
