"""Trigger event + time limit + court calendar = the due date a lawyer would find, and why."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import (
    LIVE_STATES,
    DeadlineState,
    Forum,
    end_of_day,
    next_state,
    stated,
    to_instant,
)
from service.domain.deadlines import compute as compute_in
from service.domain.derivations import Computation, StepKey
from service.domain.time_limits import Direction, FirstDay, MonthEnd, Roll, TimeLimit, Unit
from service.errors import Code, Refusal
from service.rules.library import Counting

ALMATY = ZoneInfo("Asia/Almaty")


def compute(
    trigger: date | datetime,
    limit: TimeLimit,
    zone: ZoneInfo,
    calendar: CourtCalendar | None = None,
    source: str | None = None,
) -> Computation:
    return compute_in(trigger, limit, Forum(zone, calendar), source)


PARIS = ZoneInfo("Europe/Paris")
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
BEFORE, INCLUDED = Direction.BEFORE, FirstDay.INCLUDED
WEEKENDS = CourtCalendar("XX", "7", 2000, 2060)
SPRING = CourtCalendar("KZ", "3", 2026, 2026, days_off={date(2026, 3, 9): "Women's Day, moved"})


def due(trigger: date | datetime, limit: TimeLimit, calendar: CourtCalendar | None = None) -> date:
    return compute(trigger, limit, ALMATY, calendar).due_on


class TestCounting:
    @pytest.mark.parametrize(
        ("limit", "expected"),
        [
            (TimeLimit(10, Unit.DAYS), date(2026, 2, 8)),
            (TimeLimit(10, Unit.DAYS, first_day=INCLUDED), date(2026, 2, 7)),
            (TimeLimit(10, Unit.DAYS, BEFORE), date(2026, 1, 19)),
            (TimeLimit(10, Unit.DAYS, BEFORE, INCLUDED), date(2026, 1, 20)),
            (TimeLimit(2, Unit.WEEKS), date(2026, 2, 12)),
            (TimeLimit(2, Unit.WEEKS, first_day=INCLUDED), date(2026, 2, 11)),
            (TimeLimit(1, Unit.MONTHS), date(2026, 2, 28)),
            (TimeLimit(2, Unit.MONTHS), date(2026, 3, 29)),
            (TimeLimit(2, Unit.MONTHS, first_day=INCLUDED), date(2026, 3, 28)),
            (TimeLimit(1, Unit.MONTHS, BEFORE), date(2025, 12, 29)),
            (TimeLimit(1, Unit.YEARS), date(2027, 1, 29)),
            (TimeLimit(1, Unit.YEARS, first_day=INCLUDED), date(2027, 1, 28)),
            (TimeLimit(1, Unit.YEARS, BEFORE), date(2025, 1, 29)),
            (TimeLimit(0, Unit.DAYS), date(2026, 1, 29)),
            (TimeLimit(0, Unit.DAYS, first_day=INCLUDED), date(2026, 1, 29)),
            (TimeLimit(0, Unit.MONTHS, first_day=INCLUDED), date(2026, 1, 29)),
            (TimeLimit(1, Unit.DAYS, first_day=INCLUDED), date(2026, 1, 29)),
        ],
    )
    def test_a_thursday_in_january_is_the_first_day_or_it_is_not(
        self, limit: TimeLimit, expected: date
    ) -> None:
        assert due(date(2026, 1, 29), limit) == expected

    @pytest.mark.parametrize(
        ("trigger", "limit", "expected"),
        [
            (date(2025, 11, 30), TimeLimit(3, Unit.MONTHS), date(2026, 2, 28)),
            (date(2025, 11, 30), TimeLimit(3, Unit.MONTHS, first_day=INCLUDED), date(2026, 2, 28)),
            (date(2023, 11, 30), TimeLimit(3, Unit.MONTHS, first_day=INCLUDED), date(2024, 2, 29)),
            (date(2026, 1, 31), TimeLimit(1, Unit.MONTHS), date(2026, 2, 28)),
            (date(2024, 1, 31), TimeLimit(1, Unit.MONTHS), date(2024, 2, 29)),
            (date(2026, 2, 28), TimeLimit(1, Unit.MONTHS), date(2026, 3, 28)),
            (date(2024, 2, 29), TimeLimit(1, Unit.YEARS), date(2025, 2, 28)),
            (date(2024, 2, 29), TimeLimit(4, Unit.YEARS), date(2028, 2, 29)),
            (date(2026, 3, 31), TimeLimit(1, Unit.MONTHS, BEFORE), date(2026, 2, 28)),
            (date(2026, 3, 1), TimeLimit(1, Unit.MONTHS, first_day=INCLUDED), date(2026, 3, 31)),
        ],
    )
    def test_a_month_without_the_day_ends_on_its_last_day(
        self, trigger: date, limit: TimeLimit, expected: date
    ) -> None:
        assert due(trigger, limit) == expected

    @pytest.mark.parametrize(
        ("limit", "expected"),
        [
            (TimeLimit(1, Unit.COURT_DAYS), date(2026, 3, 10)),
            (TimeLimit(3, Unit.COURT_DAYS), date(2026, 3, 12)),
            (TimeLimit(1, Unit.COURT_DAYS, first_day=INCLUDED), date(2026, 3, 6)),
            (TimeLimit(3, Unit.COURT_DAYS, first_day=INCLUDED), date(2026, 3, 11)),
            (TimeLimit(5, Unit.COURT_DAYS, BEFORE), date(2026, 2, 27)),
        ],
    )
    def test_court_days_pass_over_weekends_and_holidays(
        self, limit: TimeLimit, expected: date
    ) -> None:
        assert due(date(2026, 3, 6), limit, SPRING) == expected

    def test_a_first_day_that_is_no_court_day_does_not_count(self) -> None:
        limit = TimeLimit(1, Unit.COURT_DAYS, first_day=INCLUDED)
        assert due(date(2026, 3, 7), limit, SPRING) == date(2026, 3, 10)

    @pytest.mark.parametrize(
        ("roll", "expected"),
        [
            (Roll.NONE, date(2026, 3, 7)),
            (Roll.FORWARD, date(2026, 3, 10)),
            (Roll.BACKWARD, date(2026, 3, 6)),
        ],
    )
    def test_a_last_day_off_moves_as_the_rule_says(self, roll: Roll, expected: date) -> None:
        assert due(date(2026, 2, 25), TimeLimit(10, Unit.DAYS, roll=roll), SPRING) == expected

    def test_an_instant_counts_on_the_day_it_has_where_the_court_sits(self) -> None:
        late_in_utc = datetime(2026, 1, 28, 20, 0, tzinfo=UTC)  # 01:00 on the 29th in Almaty
        assert due(late_in_utc, TimeLimit(1, Unit.DAYS)) == date(2026, 1, 30)


class TestHours:
    def test_hours_run_on_real_instants_through_kazakhstans_change_of_zone(self) -> None:
        seized = datetime.fromisoformat("2024-02-28T15:40:00+06:00")
        result = compute(seized, TimeLimit(72, Unit.HOURS), ALMATY)
        assert result.due_at == datetime.fromisoformat("2024-03-02T14:40:00+05:00")
        assert result.due_on == date(2024, 3, 2)

    def test_hours_run_on_real_instants_through_summer_time(self) -> None:
        start = datetime(2026, 3, 28, 12, 0, tzinfo=PARIS)
        assert compute(start, TimeLimit(48, Unit.HOURS), PARIS).due_at.astimezone(PARIS).hour == 13
        start = datetime(2026, 10, 24, 12, 0, tzinfo=PARIS)
        assert compute(start, TimeLimit(48, Unit.HOURS), PARIS).due_at.astimezone(PARIS).hour == 11

    def test_hours_counted_back_end_before_the_event(self) -> None:
        hearing = datetime(2026, 6, 3, 10, 0, tzinfo=ALMATY)
        limit = TimeLimit(72, Unit.HOURS, BEFORE)
        assert compute(hearing, limit, ALMATY).due_at == hearing - timedelta(hours=72)

    def test_the_day_of_the_end_is_the_forums_and_not_greenwichs(self) -> None:
        start = datetime(2026, 6, 1, 19, 30, tzinfo=UTC)
        assert due(start, TimeLimit(24, Unit.HOURS)) == date(2026, 6, 3)

    def test_hours_from_a_bare_date_are_refused(self) -> None:
        with pytest.raises(Refusal) as refused:
            due(date(2026, 1, 1), TimeLimit(72, Unit.HOURS))
        assert refused.value.code is Code.INVALID_INSTANT


class TestEndOfTheDay:
    def test_the_last_day_lasts_until_midnight_in_the_forum(self) -> None:
        result = compute(date(2026, 1, 29), TimeLimit(10, Unit.DAYS), ALMATY)
        assert result.due_at == datetime(2026, 2, 8, 19, 0, tzinfo=UTC)

    def test_an_earlier_closing_hour_cuts_the_last_day_off(self) -> None:
        limit = TimeLimit(10, Unit.DAYS, cutoff="18:00")
        result = compute(date(2026, 1, 29), limit, ALMATY)
        assert result.due_on == date(2026, 2, 8)
        assert result.due_at == datetime(2026, 2, 8, 13, 0, tzinfo=UTC)

    def test_a_day_of_twenty_five_hours_lasts_to_its_end(self) -> None:
        midnight = end_of_day(date(2024, 2, 29), "24:00", ALMATY)
        assert midnight == datetime(2024, 2, 29, 19, 0, tzinfo=UTC)

    def test_an_hour_that_the_clock_repeats_is_read_as_the_earlier_one(self) -> None:
        assert to_instant(datetime(2024, 2, 29, 23, 30), ALMATY) == datetime(  # noqa: DTZ001
            2024, 2, 29, 17, 30, tzinfo=UTC
        )

    def test_an_hour_that_the_clock_skips_never_gives_more_time(self) -> None:
        skipped_midnight = end_of_day(date(2018, 11, 3), "24:00", SAO_PAULO)
        assert skipped_midnight <= datetime(2018, 11, 4, 3, 0, tzinfo=UTC)


class TestReckoning:
    def test_every_step_is_there_in_order_with_its_source(self) -> None:
        limit = TimeLimit(10, Unit.DAYS, roll=Roll.BACKWARD)
        result = compute(date(2026, 1, 29), limit, ALMATY, WEEKENDS, "CPC art. 592(1)")
        keys = [step.key for step in result.derivation]
        assert keys == [StepKey.TRIGGER, StepKey.COUNTED, StepKey.ROLLED, StepKey.ENDS]
        _, counted, rolled, ends = result.derivation
        assert (counted.on, counted.source) == (date(2026, 2, 8), "CPC art. 592(1)")
        assert rolled.skipped == (date(2026, 2, 8), date(2026, 2, 7))
        assert (ends.on, ends.at) == (result.due_on, result.due_at)

    def test_days_that_do_not_count_are_named(self) -> None:
        result = compute(date(2026, 3, 6), TimeLimit(1, Unit.COURT_DAYS), ALMATY, SPRING)
        skipped = next(s.skipped for s in result.derivation if s.key is StepKey.COUNTED)
        assert skipped == (date(2026, 3, 7), date(2026, 3, 8), date(2026, 3, 9))

    def test_the_calendars_version_is_kept_where_it_decided_and_only_there(self) -> None:
        rolled = compute(
            date(2026, 3, 2), TimeLimit(1, Unit.DAYS, roll=Roll.FORWARD), ALMATY, SPRING
        )
        plain = compute(date(2026, 3, 2), TimeLimit(1, Unit.DAYS), ALMATY, SPRING)
        assert (rolled.calendar_version, plain.calendar_version) == ("3", None)

    def test_a_stated_date_is_recorded_with_where_it_stands(self) -> None:
        result = stated(date(2026, 2, 8), None, ALMATY, "Letter of 29 January")
        assert result.due_at == datetime(2026, 2, 8, 19, 0, tzinfo=UTC)
        assert [step.key for step in result.derivation] == [StepKey.STATED, StepKey.ENDS]
        assert result.derivation[0].source == "Letter of 29 January"

    def test_a_stated_instant_is_due_on_the_forums_day(self) -> None:
        at = datetime(2026, 2, 8, 20, 0, tzinfo=UTC)
        result = stated(None, at, ALMATY, None)
        assert (result.due_on, result.due_at) == (date(2026, 2, 9), at)


class TestRefusals:
    @pytest.mark.parametrize(
        "limit", [TimeLimit(5, Unit.COURT_DAYS), TimeLimit(5, Unit.DAYS, roll=Roll.FORWARD)]
    )
    def test_court_days_without_a_calendar_are_refused(self, limit: TimeLimit) -> None:
        with pytest.raises(Refusal) as refused:
            due(date(2026, 1, 1), limit)
        assert refused.value.code is Code.UNKNOWN_CALENDAR

    def test_a_date_outside_the_calendars_years_is_refused_and_not_guessed(self) -> None:
        with pytest.raises(Refusal) as refused:
            due(date(2026, 12, 25), TimeLimit(10, Unit.DAYS, roll=Roll.FORWARD), SPRING)
        assert refused.value.code is Code.OUTSIDE_CALENDAR

    def test_a_stated_deadline_without_a_date_is_refused(self) -> None:
        with pytest.raises(Refusal) as refused:
            stated(None, None, ALMATY, None)
        assert refused.value.code is Code.MISSING_FIELD

    @pytest.mark.parametrize(
        ("trigger", "limit"),
        [
            (date(9999, 12, 1), TimeLimit(100, Unit.DAYS)),
            (date(9999, 12, 1), TimeLimit(30, Unit.DAYS)),
            (date(9999, 12, 1), TimeLimit(10_000, Unit.YEARS)),
            (date(1, 1, 1), TimeLimit(10_000, Unit.MONTHS, BEFORE)),
            (date(1, 1, 1), TimeLimit(0, Unit.DAYS, cutoff="00:00")),
            (datetime(9999, 12, 31, tzinfo=UTC), TimeLimit(72, Unit.HOURS)),
            (datetime(9999, 12, 31, 23, tzinfo=UTC), TimeLimit(72, Unit.HOURS, BEFORE)),
            (datetime(9999, 12, 31, 23, tzinfo=UTC), TimeLimit(3, Unit.DAYS, BEFORE)),
        ],
    )
    def test_whatever_lies_beyond_the_years_one_can_count_is_refused(
        self, trigger: date, limit: TimeLimit
    ) -> None:
        with pytest.raises(Refusal) as refused:
            due(trigger, limit)
        assert refused.value.code is Code.INVALID_INPUT

    def test_a_stated_date_beyond_the_years_one_can_count_is_refused(self) -> None:
        with pytest.raises(Refusal) as refused:
            stated(date(9999, 12, 31), None, PARIS, None)
        assert refused.value.code in (Code.INVALID_INPUT, Code.INVALID_DATE)


class TestStates:
    def test_a_second_person_opens_a_provisional_deadline(self) -> None:
        assert next_state(DeadlineState.PROVISIONAL, "verify") is DeadlineState.OPEN

    @pytest.mark.parametrize("state", sorted(LIVE_STATES))
    @pytest.mark.parametrize(
        ("verb", "expected"),
        [
            ("complete", DeadlineState.COMPLETED),
            ("waive", DeadlineState.WAIVED),
            ("cancel", DeadlineState.CANCELLED),
        ],
    )
    def test_a_live_deadline_can_end(
        self, state: DeadlineState, verb: str, expected: DeadlineState
    ) -> None:
        assert next_state(state, verb) is expected

    @pytest.mark.parametrize("state", sorted(set(DeadlineState) - LIVE_STATES))
    @pytest.mark.parametrize("verb", ["verify", "complete", "waive", "cancel"])
    def test_an_ended_deadline_stays_as_it_is(self, state: DeadlineState, verb: str) -> None:
        with pytest.raises(Refusal) as refused:
            next_state(state, verb)
        assert refused.value.code is Code.ILLEGAL_STATE


EXAMPLES = json.loads((Path(__file__).parents[1] / "data/worked-examples.json").read_text("utf-8"))
_WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["id"])
def test_the_published_example_comes_out(example: dict[str, Any]) -> None:
    days = example["calendar"]
    limit = Counting.model_validate(example["time_limit"]).time_limit()
    calendar = CourtCalendar(
        "published",
        "1",
        1980,
        2030,
        weekend=frozenset(_WEEKDAYS.index(day) for day in days["weekend"]),
        days_off={date.fromisoformat(day): "holiday" for day in days["days_off"]},
        closures=tuple(
            (date.fromisoformat(first), date.fromisoformat(last))
            for first, last in days["closures"]
        ),
    )
    zone = ZoneInfo(example.get("timezone", "UTC"))
    result = compute(date.fromisoformat(example["trigger"]), limit, zone, calendar)
    assert result.due_on == date.fromisoformat(example["expected"]), example["source"]


ZONES = st.sampled_from(
    [
        ZoneInfo(key)
        for key in (
            "UTC",
            "Asia/Almaty",
            "Asia/Kathmandu",
            "Europe/Paris",
            "America/New_York",
            "America/Sao_Paulo",
            "Australia/Lord_Howe",
            "Pacific/Apia",
        )
    ]
)
#: Far enough from the ends of WEEKENDS that no amount below leaves it.
TRIGGERS = st.dates(date(2015, 1, 1), date(2040, 12, 31))
INSTANTS = st.datetimes(
    datetime(2015, 1, 1),  # noqa: DTZ001
    datetime(2040, 12, 31),  # noqa: DTZ001
    timezones=ZONES,
)
DAY_UNITS = st.sampled_from([unit for unit in Unit if unit is not Unit.HOURS])


@st.composite
def limits(draw: st.DrawFn) -> TimeLimit:
    unit = draw(DAY_UNITS)
    longest = {Unit.YEARS: 10, Unit.MONTHS: 120, Unit.WEEKS: 500}.get(unit, 2500)
    return TimeLimit(
        draw(st.integers(0, longest)),
        unit,
        draw(st.sampled_from(Direction)),
        first_day := draw(st.sampled_from(FirstDay)),
        clear_days=first_day is FirstDay.EXCLUDED and draw(st.booleans()),
        month_end=draw(st.sampled_from(MonthEnd)),
        roll=draw(st.sampled_from(Roll)),
        cutoff=draw(st.sampled_from(["24:00", "18:00", "09:30"])),
    )


@contextmanager
def server_in(zone: str) -> Iterator[None]:
    """The process believes for a while that its machine stands in `zone`."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        yield
    finally:
        del os.environ["TZ"]
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


class TestForEveryDate:
    @given(TRIGGERS, limits(), ZONES)
    def test_a_longer_limit_never_ends_sooner(
        self, trigger: date, limit: TimeLimit, zone: ZoneInfo
    ) -> None:
        longer = replace(limit, amount=limit.amount + 1)
        shorter_ends, longer_ends = (
            compute(trigger, one, zone, WEEKENDS).due_at for one in (limit, longer)
        )
        if limit.direction is Direction.AFTER:
            assert longer_ends >= shorter_ends
        else:
            assert longer_ends <= shorter_ends

    @given(TRIGGERS, limits(), ZONES)
    def test_counting_the_first_day_never_gives_more_time(
        self, trigger: date, limit: TimeLimit, zone: ZoneInfo
    ) -> None:
        assume(limit.direction is Direction.AFTER)
        outside, inside = (
            TimeLimit(
                limit.amount, limit.unit, first_day=first, roll=limit.roll, cutoff=limit.cutoff
            )
            for first in (FirstDay.EXCLUDED, FirstDay.INCLUDED)
        )
        sooner, later = (compute(trigger, one, zone, WEEKENDS).due_at for one in (inside, outside))
        assert sooner <= later

    @given(TRIGGERS, limits(), ZONES)
    def test_a_rolled_last_day_is_a_court_day_on_the_right_side(
        self, trigger: date, limit: TimeLimit, zone: ZoneInfo
    ) -> None:
        assume(limit.roll is not Roll.NONE)
        result = compute(trigger, limit, zone, WEEKENDS)
        counted = next(step.on for step in result.derivation if step.key is StepKey.COUNTED)
        assert counted is not None
        assert WEEKENDS.day_off(result.due_on) is None
        assert (result.due_on - counted) * (1 if limit.rolls_forward else -1) >= timedelta()

    @given(
        TRIGGERS,
        st.integers(0, 3000),
        st.sampled_from([Unit.DAYS, Unit.WEEKS]),
        st.sampled_from(FirstDay),
    )
    def test_counting_back_undoes_counting_forward(
        self, trigger: date, amount: int, unit: Unit, first_day: FirstDay
    ) -> None:
        there = due(trigger, TimeLimit(amount, unit, first_day=first_day))
        assert due(there, TimeLimit(amount, unit, BEFORE, first_day)) == trigger

    @given(INSTANTS, st.integers(0, 10_000), ZONES)
    def test_hours_are_elapsed_time_wherever_the_court_sits(
        self, trigger: datetime, amount: int, zone: ZoneInfo
    ) -> None:
        there = compute(trigger, TimeLimit(amount, Unit.HOURS), zone).due_at
        assert there - trigger.astimezone(UTC) == timedelta(hours=amount)
        back = compute(there, TimeLimit(amount, Unit.HOURS, BEFORE), zone).due_at
        assert back == trigger.astimezone(UTC)

    @given(TRIGGERS | INSTANTS, limits(), ZONES)
    def test_the_instant_lies_on_the_due_day_or_at_the_midnight_after_it(
        self, trigger: date, limit: TimeLimit, zone: ZoneInfo
    ) -> None:
        result = compute(trigger, limit, zone, WEEKENDS)
        just_before = (result.due_at - timedelta(microseconds=1)).astimezone(zone)
        assert just_before.date() == result.due_on
        assert result.due_at.tzinfo is UTC

    @given(TRIGGERS | INSTANTS, limits(), ZONES)
    def test_the_servers_own_zone_changes_nothing(
        self, trigger: date, limit: TimeLimit, zone: ZoneInfo
    ) -> None:
        def here() -> Computation:
            return compute(trigger, limit, zone, WEEKENDS)

        results = []
        for machine in ("UTC", "Pacific/Kiritimati", "America/Los_Angeles"):
            with server_in(machine):
                results.append(here())
        assert results[0] == results[1] == results[2]
