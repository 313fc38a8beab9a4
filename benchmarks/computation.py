"""Due dates in Kazakhstan, alone and with their derivation, against walks that explain nothing and
against numpy's table of business days."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays
import numpy as np
from dateutil.relativedelta import relativedelta

from benchmarks.rows import Row, compare
from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import Forum, compute, due
from service.domain.time_limits import Roll, TimeLimit, Unit

_STARTS = [date(2025, 1, 1) + timedelta(days=n) for n in range(600)]
_ROUNDS = 61  # of a few milliseconds each
_ZONE = ZoneInfo("Asia/Almaty")
_HOLIDAYS = holidays.country_holidays("KZ", years=range(2024, 2029))
_CALENDAR = CourtCalendar(
    code="KZ",
    version="benchmark",
    first_year=2024,
    last_year=2028,
    days_off=dict(_HOLIDAYS.items()),
    court_days=frozenset(_HOLIDAYS.weekend_workdays),
)
_FORUM = Forum(_ZONE, _CALENDAR)
_COURT_DAYS = TimeLimit(10, Unit.COURT_DAYS)
_CHAIN = TimeLimit(3, Unit.MONTHS, roll=Roll.FORWARD, then=TimeLimit(10, Unit.DAYS))
_LOADED = [date(2024, 1, 1) + timedelta(days=n) for n in range(5 * 366 - 3)]
_TABLE = np.busdaycalendar(  # moved workdays have no other place than among all days of the week
    weekmask="1111111", holidays=[day for day in _LOADED if not _HOLIDAYS.is_working_day(day)]
)

_WALK = "walk over one holidays object, date only"
_STEPS = "dateutil and a walk over one holidays object, date and instant"
_NUMPY = "numpy.busday_offset on a ready busdaycalendar, one at a time, date only"


def rows() -> list[Row]:
    """Refuses to measure sides that do not agree."""
    for start in _STARTS:
        alone, derived = due(start, _COURT_DAYS, _FORUM), compute(start, _COURT_DAYS, _FORUM)
        assert alone[0] == derived.due_on == _walked(start) == _looked_up(start)
        alone, derived = due(start, _CHAIN, _FORUM), compute(start, _CHAIN, _FORUM)
        assert alone == (derived.due_on, derived.due_at) == _stepped(start)

    def only(limit: TimeLimit) -> Callable[[date], object]:
        return lambda start: due(start, limit, _FORUM)

    def explained(limit: TimeLimit) -> Callable[[date], object]:
        return lambda start: compute(start, limit, _FORUM, "benchmark")

    ten, chain = "10 court days, KZ", "3 months then 10 days, roll forward, KZ"
    wanted = [
        (f"due date only: {ten}", only(_COURT_DAYS), _WALK, _walked, 3),
        (f"with derivation: {ten}", explained(_COURT_DAYS), _WALK, _walked, 1),
        (f"due date only: {chain}", only(_CHAIN), _STEPS, _stepped, 3),
        (f"with derivation: {chain}", explained(_CHAIN), _STEPS, _stepped, 1),
        ("due date only: 10 court days", only(_COURT_DAYS), _NUMPY, _looked_up, None),
    ]
    return [
        compare(name, _all(ours), against, _all(other), target, rounds=_ROUNDS)
        for name, ours, against, other, target in wanted
    ]


def _all(one: Callable[[date], object]) -> Callable[[], int]:
    def every_start() -> int:
        for start in _STARTS:
            one(start)
        return len(_STARTS)

    return every_start


def _walked(start: date) -> date:
    day, left = start, 10
    while left:
        day += timedelta(days=1)
        left -= _HOLIDAYS.is_working_day(day)
    return day


def _stepped(start: date) -> tuple[date, datetime]:
    day = start + relativedelta(months=3) + timedelta(days=10)
    while not _HOLIDAYS.is_working_day(day):
        day += timedelta(days=1)
    midnight = datetime.combine(day + timedelta(days=1), time(), _ZONE)
    return day, midnight.astimezone(UTC)


def _looked_up(start: date) -> object:
    return np.busday_offset(start, 10, roll="preceding", busdaycal=_TABLE).item()
