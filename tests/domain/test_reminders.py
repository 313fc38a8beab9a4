"""Marks stand where the wall clock of the forum puts them, and never earlier than that."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.reminders import is_late, mark_at

ALMATY = ZoneInfo("Asia/Almaty")
PARIS = ZoneInfo("Europe/Paris")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def test_two_days_before_six_in_the_evening_is_six_in_the_evening_through_summer_time() -> None:
    due_at = datetime(2026, 3, 30, 18, 0, tzinfo=PARIS)
    assert mark_at(due_at, -2 * DAY, PARIS) == datetime(2026, 3, 28, 18, 0, tzinfo=PARIS)
    assert due_at.astimezone(UTC) - mark_at(due_at, -2 * DAY, PARIS) == timedelta(hours=47)


def test_two_days_before_is_the_same_hour_through_kazakhstans_change_of_zone() -> None:
    due_at = datetime(2024, 3, 2, 18, 0, tzinfo=ALMATY)
    assert mark_at(due_at, -2 * DAY, ALMATY) == datetime(2024, 2, 29, 18, 0, tzinfo=ALMATY)


def test_hours_before_are_elapsed_hours() -> None:
    due_at = datetime(2026, 3, 29, 3, 0, tzinfo=UTC)  # 05:00 in Paris, where two o'clock fell out
    assert mark_at(due_at, -4 * HOUR, PARIS) == datetime(2026, 3, 28, 23, 0, tzinfo=UTC)


def test_a_day_after_is_the_same_hour_of_the_next_day() -> None:
    due_at = datetime(2026, 10, 24, 18, 0, tzinfo=PARIS)
    assert mark_at(due_at, DAY, PARIS) == datetime(2026, 10, 25, 18, 0, tzinfo=PARIS)


def test_the_mark_at_the_due_instant_is_the_due_instant_in_an_hour_that_comes_twice() -> None:
    second_time = datetime(2024, 2, 29, 18, 30, tzinfo=UTC)  # 23:30 in Almaty, again
    assert mark_at(second_time, timedelta(), ALMATY) == second_time


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(1, 400),
    st.sampled_from([ALMATY, PARIS, ZoneInfo("America/New_York"), ZoneInfo("Pacific/Apia")]),
)
def test_a_mark_before_is_before_and_a_mark_after_is_after(
    due_at: datetime, days: int, zone: ZoneInfo
) -> None:
    before, after = (mark_at(due_at, sign * days * DAY, zone) for sign in (-1, 1))
    assert before < due_at < after
    assert abs((due_at - before) - days * DAY) <= 2 * HOUR
    assert abs((after - due_at) - days * DAY) <= 2 * HOUR


@pytest.mark.parametrize(("minutes", "late"), [(-5, False), (0, False), (15, False), (16, True)])
def test_a_notice_is_late_after_a_quarter_of_an_hour(minutes: int, late: bool) -> None:
    planned_at = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
    assert is_late(planned_at, planned_at + timedelta(minutes=minutes)) is late
