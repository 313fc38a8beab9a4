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


def by_hand(calendar: CourtCalendar, on: date, amount: int, step: timedelta) -> list[date]:
    """Every day from `on` to the court day number `amount`, one after the other."""
    passed = []
    while amount:
        passed.append(on)
        amount -= calendar.day_off(on) is None
        on += step
    return passed


WHOLE = CourtCalendar(
    "WHOLE",
    "1",
    2000,
    2040,
    days_off={date(year, 1, day): "holiday" for year in range(2000, 2041) for day in range(1, 9)},
    court_days=frozenset({date(2026, 1, 3), date(2026, 1, 8), date(2028, 2, 29)}),
    closures=((date(2025, 12, 20), date(2026, 1, 3)), (date(2027, 2, 1), date(2028, 5, 1))),
)


@given(
    st.dates(date(2010, 1, 1), date(2030, 12, 31)),
    st.integers(1, 300),
    st.sampled_from([ONE_DAY, -ONE_DAY]),
)
def test_the_table_knows_what_a_walk_finds(on: date, amount: int, step: timedelta) -> None:
    passed = by_hand(WHOLE, on, amount, step)
    assert WHOLE.nth_court_day(on, amount, step.days) == passed[-1]
    assert WHOLE.days_off_between(on, passed[-1]) == [day for day in passed if WHOLE.day_off(day)]


@pytest.mark.parametrize(("on", "sign"), [(date(2026, 12, 30), 1), (date(2025, 1, 3), -1)])
def test_counting_beyond_the_loaded_years_is_refused(on: date, sign: int) -> None:
    with pytest.raises(Refusal) as refused:
        CALENDAR.nth_court_day(on, 10, sign)
    assert refused.value.code is Code.OUTSIDE_CALENDAR
    assert str(date(2027, 1, 1) if sign > 0 else date(2024, 12, 31)) in refused.value.detail


@pytest.mark.parametrize(("on", "sign"), [(date(9999, 12, 1), 1), (date(1, 1, 20), -1)])
def test_counting_beyond_all_years_overflows(on: date, sign: int) -> None:
    every = CourtCalendar("inline", "1", 1, 9999)
    with pytest.raises(OverflowError):
        every.nth_court_day(on, 100, sign)


def test_ten_thousand_court_days_that_come_once_a_year_are_found_or_refused_soon() -> None:
    once = frozenset(date(year, 6, 1) for year in range(1, 10_000))
    rare = CourtCalendar("rare", "1", 1, 9999, weekend=frozenset(range(7)), court_days=once)
    assert rare.nth_court_day(date(2026, 1, 1), 100, 1) == date(2125, 6, 1)
    with pytest.raises(OverflowError):
        rare.nth_court_day(date(1, 1, 1), 10_000, 1)


def test_a_court_that_never_sits_is_refused_in_both_directions() -> None:
    never = CourtCalendar("never", "1", 1, 9999, weekend=frozenset(range(7)))
    for step in (ONE_DAY, -ONE_DAY):
        assert never.nth_court_day(date(2026, 1, 1), 1, step.days) is None
        with pytest.raises(Refusal) as refused:
            never.court_day_from(date(2026, 1, 1), step)
        assert refused.value.detail == "The court never sits for three years."


@pytest.mark.parametrize(("away", "found"), [(1099, True), (1100, True), (1101, False)])
def test_an_absence_of_three_years_is_waited_for_and_no_longer(away: int, found: bool) -> None:
    first = date(2026, 1, 1)
    absent = {first + n * ONE_DAY: "away" for n in range(away)}
    calendar = CourtCalendar("away", "1", 1, 9999, weekend=frozenset(), days_off=absent)
    if found:
        back = first + away * ONE_DAY
        assert calendar.court_day_from(first, ONE_DAY) == (back, tuple(absent))
        return
    with pytest.raises(Refusal):
        calendar.court_day_from(first, ONE_DAY)
