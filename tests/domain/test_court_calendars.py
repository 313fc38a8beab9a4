"""A court calendar says why a day is off, finds the nearest court day, and never guesses."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.court_calendars import ONE_DAY, CourtCalendar, DayOff
from service.errors import Code, Refusal

CALENDAR = CourtCalendar(
    code="KZ",
    version="2",
    first_year=2025,
    last_year=2026,
    days_off={date(2026, 3, 9): "moved from Women's Day", date(2026, 3, 23): "Nauryz"},
    court_days=frozenset({date(2026, 3, 14), date(2026, 7, 18)}),
    closures=((date(2026, 7, 6), date(2026, 7, 19)),),
)
DAYS = st.dates(date(2025, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize(
    ("on", "reason"),
    [
        (date(2026, 3, 10), None),
        (date(2026, 3, 7), DayOff.WEEKEND),
        (date(2026, 3, 9), DayOff.HOLIDAY),
        (date(2026, 3, 14), None),  # a Saturday on which the court sits
        (date(2026, 7, 6), DayOff.CLOSURE),  # the first day of the recess ...
        (date(2026, 7, 19), DayOff.CLOSURE),  # ... and the last are inside
        (date(2026, 7, 18), DayOff.CLOSURE),  # a moved workday does not break the recess
        (date(2026, 7, 20), None),
    ],
)
def test_every_day_off_has_its_reason(on: date, reason: DayOff | None) -> None:
    assert CALENDAR.day_off(on) is reason


def test_another_country_may_have_another_weekend() -> None:
    calendar = CourtCalendar("AE", "1", 2026, 2026, weekend=frozenset({4, 5}))
    assert calendar.day_off(date(2026, 3, 6)) is DayOff.WEEKEND  # Friday
    assert calendar.day_off(date(2026, 3, 8)) is None  # Sunday


@pytest.mark.parametrize("on", [date(2024, 12, 31), date(2027, 1, 1)])
def test_a_year_that_was_not_loaded_is_refused(on: date) -> None:
    with pytest.raises(Refusal) as refused:
        CALENDAR.day_off(on)
    assert refused.value.code is Code.OUTSIDE_CALENDAR


def test_looking_for_a_court_day_beyond_the_last_year_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        CourtCalendar("XX", "1", 2026, 2026, weekend=frozenset(range(7))).court_day_from(
            date(2026, 12, 30), ONE_DAY
        )
    assert refused.value.code is Code.OUTSIDE_CALENDAR


def test_the_nearest_court_day_names_the_days_skipped() -> None:
    saturday, sunday, monday = (date(2026, 3, day) for day in (7, 8, 9))
    assert CALENDAR.court_day_from(saturday, ONE_DAY) == (
        date(2026, 3, 10),
        (saturday, sunday, monday),
    )
    assert CALENDAR.court_day_from(monday, -ONE_DAY) == (
        date(2026, 3, 6),
        (monday, sunday, saturday),
    )


@given(DAYS.filter(lambda on: on < date(2026, 12, 20)), st.sampled_from([ONE_DAY, -ONE_DAY]))
def test_rolling_twice_is_rolling_once(on: date, step: timedelta) -> None:
    try:
        rolled, skipped = CALENDAR.court_day_from(on, step)
    except Refusal:  # the first days of the first year, backwards
        return
    assert CALENDAR.court_day_from(rolled, step) == (rolled, ())
    assert rolled == on + len(skipped) * step
    assert all(CALENDAR.day_off(day) for day in skipped)
