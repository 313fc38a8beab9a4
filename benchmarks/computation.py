"""Ten court days in Kazakhstan, with the whole derivation, against a plain walk that explains nothing."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays

from benchmarks.rows import Row, compare
from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import Forum, compute
from service.domain.time_limits import TimeLimit, Unit

_STARTS = [date(2025, 1, 1) + timedelta(days=n) for n in range(600)]


def rows() -> list[Row]:
    source = holidays.country_holidays("KZ", years=range(2024, 2029))
    calendar = CourtCalendar(
        code="KZ",
        version="benchmark",
        first_year=2024,
        last_year=2028,
        weekend=frozenset({5, 6}),
        days_off=dict(source.items()),
        court_days=frozenset(source.weekend_workdays),
    )
    limit, forum = TimeLimit(10, Unit.COURT_DAYS), Forum(ZoneInfo("Asia/Almaty"), calendar)

    def ours() -> int:
        for start in _STARTS:
            compute(start, limit, forum, "benchmark")
        return len(_STARTS)

    def walk() -> int:
        for start in _STARTS:
            day, left = start, 10
            while left:
                day += timedelta(days=1)
                left -= source.is_working_day(day)
        return len(_STARTS)

    assert compute(date(2025, 5, 17), limit, forum).due_at < datetime(2025, 6, 1, tzinfo=UTC)
    return [compare("computation with derivation", ours, "walk over one holidays object", walk, 1)]
