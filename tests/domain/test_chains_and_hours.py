"""Limits counted from the end of another, hours through every change of the clock, and refusals."""

import time
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import Forum, compute
from service.domain.derivations import Computation, StepKey
from service.domain.time_limits import Direction, FirstDay, HoursBy, MonthEnd, Roll, TimeLimit, Unit
from service.errors import Code, Refusal

ALMATY = ZoneInfo("Asia/Almaty")
BERLIN = ZoneInfo("Europe/Berlin")
LUXEMBOURG = ZoneInfo("Europe/Luxembourg")
NEW_YORK = ZoneInfo("America/New_York")
BEFORE, INCLUDED = Direction.BEFORE, FirstDay.INCLUDED
DAYS, HOURS, MONTHS = Unit.DAYS, Unit.HOURS, Unit.MONTHS
WEEKENDS = CourtCalendar("XX", "1", 2000, 2060)
NEVER = CourtCalendar("NO", "1", 2000, 2060, weekend=frozenset(range(7)))
RECESS = CourtCalendar("RE", "1", 2000, 2060, closures=((date(2000, 1, 1), date(2060, 12, 31)),))


def counted(
    trigger: date | datetime,
    limit: TimeLimit,
    zone: ZoneInfo = ALMATY,
    calendar: CourtCalendar | None = WEEKENDS,
) -> Computation:
    return compute(trigger, limit, Forum(zone, calendar))


def due(trigger: date, limit: TimeLimit) -> date:
    return counted(trigger, limit).due_on


class TestChains:
    def test_distance_days_follow_the_months_and_the_end_is_moved_once(self) -> None:
        """Sunday 18 January is not moved before the ten days are added to it."""
        limit = TimeLimit(2, MONTHS, roll=Roll.FORWARD, then=TimeLimit(10, DAYS))
        result = counted(date(2025, 11, 18), limit, LUXEMBOURG)
        assert result.due_on == date(2026, 1, 28)
        keys = [step.key for step in result.derivation]
        assert keys == [StepKey.TRIGGER, StepKey.COUNTED, StepKey.COUNTED, StepKey.ENDS]

    def test_the_end_of_distance_days_on_a_saturday_is_moved_to_monday(self) -> None:
        limit = TimeLimit(2, MONTHS, roll=Roll.FORWARD, then=TimeLimit(10, DAYS))
        result = counted(date(2026, 1, 18), limit, LUXEMBOURG)  # 18 March, 28 March
        assert result.due_on == date(2026, 3, 30)
        assert result.due_at == datetime(2026, 3, 31, tzinfo=LUXEMBOURG)

    def test_days_before_months_are_not_months_before_days(self) -> None:
        service_first = TimeLimit(10, DAYS, then=TimeLimit(4, MONTHS))
        months_first = TimeLimit(4, MONTHS, then=TimeLimit(10, DAYS))
        assert due(date(2026, 1, 25), service_first) == date(2026, 6, 4)
        assert due(date(2026, 10, 31), months_first) == date(2027, 3, 10)
        assert due(date(2026, 10, 31), service_first) == date(2027, 3, 10)
        assert due(date(2026, 10, 21), service_first) == date(2027, 2, 28)

    def test_roll_and_cutoff_of_the_outer_limit_hold_for_the_end(self) -> None:
        inner = TimeLimit(1, DAYS, roll=Roll.BACKWARD, cutoff="09:00")
        limit = TimeLimit(4, DAYS, roll=Roll.FORWARD, cutoff="17:30", then=inner)
        result = counted(date(2026, 6, 1), limit)  # Saturday the 6th
        assert result.due_at == datetime(2026, 6, 8, 17, 30, tzinfo=ALMATY)

    def test_a_chain_may_turn_back(self) -> None:
        limit = TimeLimit(40, DAYS, then=TimeLimit(10, DAYS, BEFORE))
        assert due(date(2026, 6, 1), limit) == date(2026, 7, 1)

    def test_a_chain_of_five_is_counted(self) -> None:
        limit = None
        for _ in range(5):
            limit = TimeLimit(1, DAYS, then=limit)
        assert limit is not None
        assert due(date(2026, 6, 1), limit) == date(2026, 6, 6)


class TestHoursAndTheChangeOfTheClock:
    FRIDAY = datetime(2007, 11, 2, 10, 23, tzinfo=NEW_YORK)

    def test_real_hours_end_an_hour_sooner_on_the_wall_when_summer_time_ends(self) -> None:
        result = counted(self.FRIDAY, TimeLimit(72, HOURS), NEW_YORK)
        assert result.due_at == datetime(2007, 11, 5, 9, 23, tzinfo=NEW_YORK)
        assert result.due_on == date(2007, 11, 5)

    def test_hours_on_the_wall_end_at_the_same_hour(self) -> None:
        limit = TimeLimit(72, HOURS, hours_by=HoursBy.CLOCK)
        result = counted(self.FRIDAY, limit, NEW_YORK)
        assert result.due_at == datetime(2007, 11, 5, 10, 23, tzinfo=NEW_YORK)

    @pytest.mark.parametrize(("by", "hour"), [(HoursBy.ELAPSED, 11), (HoursBy.CLOCK, 10)])
    def test_the_same_holds_when_summer_time_begins(self, by: HoursBy, hour: int) -> None:
        start = datetime(2026, 3, 6, 10, 0, tzinfo=NEW_YORK)
        result = counted(start, TimeLimit(72, HOURS, hours_by=by), NEW_YORK)
        assert result.due_at == datetime(2026, 3, 9, hour, 0, tzinfo=NEW_YORK)

    @pytest.mark.parametrize(("by", "hour"), [(HoursBy.ELAPSED, 14), (HoursBy.CLOCK, 15)])
    def test_almaty_gave_up_an_hour_on_the_first_of_march_2024(
        self, by: HoursBy, hour: int
    ) -> None:
        start = datetime.fromisoformat("2024-02-28T15:40:00+06:00")
        result = counted(start, TimeLimit(72, HOURS, hours_by=by))
        assert result.due_at == datetime.fromisoformat(f"2024-03-02T{hour}:40:00+05:00")

    @pytest.mark.parametrize(("by", "hour"), [(HoursBy.ELAPSED, 11), (HoursBy.CLOCK, 10)])
    def test_counted_back_through_the_end_of_summer_time(self, by: HoursBy, hour: int) -> None:
        hearing = datetime(2007, 11, 5, 10, 0, tzinfo=NEW_YORK)
        result = counted(hearing, TimeLimit(48, HOURS, BEFORE, hours_by=by), NEW_YORK)
        assert result.due_at == datetime(2007, 11, 3, hour, 0, tzinfo=NEW_YORK)

    def test_an_hour_that_the_clock_repeats_is_the_earlier_one(self) -> None:
        limit = TimeLimit(24, HOURS, hours_by=HoursBy.CLOCK)
        result = counted(datetime(2007, 11, 3, 1, 30, tzinfo=NEW_YORK), limit, NEW_YORK)
        assert result.due_at == datetime.fromisoformat("2007-11-04T01:30:00-04:00")

    def test_twelve_hours_before_the_seventy_two_run_out(self) -> None:
        end = datetime(2026, 6, 4, 9, 0, tzinfo=ALMATY)
        result = counted(end, TimeLimit(12, HOURS, BEFORE))
        assert result.due_at == datetime(2026, 6, 3, 21, 0, tzinfo=ALMATY)
        assert result.due_on == date(2026, 6, 3)


class TestHoursAndDaysOff:
    FRIDAY = datetime(2026, 6, 5, 15, 0, tzinfo=BERLIN)

    @pytest.mark.parametrize("by", HoursBy)
    def test_hours_that_skip_days_off_go_from_friday_to_monday(self, by: HoursBy) -> None:
        limit = TimeLimit(24, HOURS, skip_non_court_days_under=1000, hours_by=by)
        result = counted(self.FRIDAY, limit, BERLIN)
        assert result.due_at == datetime(2026, 6, 8, 15, 0, tzinfo=BERLIN)

    @pytest.mark.parametrize("by", HoursBy)
    def test_hours_that_skip_days_off_go_back_from_monday_to_friday(self, by: HoursBy) -> None:
        limit = TimeLimit(24, HOURS, BEFORE, skip_non_court_days_under=1000, hours_by=by)
        monday = datetime(2026, 6, 8, 15, 0, tzinfo=BERLIN)
        assert counted(monday, limit, BERLIN).due_at == self.FRIDAY

    def test_hours_that_begin_on_a_day_off_wait_for_monday(self) -> None:
        limit = TimeLimit(24, HOURS, skip_non_court_days_under=1000)
        saturday = datetime(2026, 6, 6, 15, 0, tzinfo=BERLIN)
        result = counted(saturday, limit, BERLIN)
        assert result.due_at == datetime(2026, 6, 9, 0, 0, tzinfo=BERLIN)

    @pytest.mark.parametrize(("amount", "day"), [(47, 8), (48, 6)])
    def test_the_threshold_in_days_holds_for_hours(self, amount: int, day: int) -> None:
        """Forty-eight hours are two days, no fewer: they run through the weekend."""
        limit = TimeLimit(amount, HOURS, skip_non_court_days_under=2)
        thursday = datetime(2026, 6, 4, 15, 0, tzinfo=BERLIN)
        assert counted(thursday, limit, BERLIN).due_on == date(2026, 6, day)

    def test_an_end_on_a_day_off_moves_to_the_same_hour_of_the_next_court_day(self) -> None:
        result = counted(self.FRIDAY, TimeLimit(24, HOURS, roll=Roll.FORWARD), BERLIN)
        assert result.due_at == datetime(2026, 6, 8, 15, 0, tzinfo=BERLIN)

    def test_the_same_hour_is_the_one_on_the_wall(self) -> None:
        friday = datetime(2026, 3, 27, 15, 0, tzinfo=BERLIN)  # summer time begins on Sunday
        result = counted(friday, TimeLimit(24, HOURS, roll=Roll.FORWARD), BERLIN)
        assert result.due_at == datetime(2026, 3, 30, 15, 0, tzinfo=BERLIN)

    def test_the_same_direction_for_hours_counted_back_is_back(self) -> None:
        monday = datetime(2026, 6, 8, 15, 0, tzinfo=BERLIN)
        limit = TimeLimit(24, HOURS, BEFORE, roll=Roll.SAME_DIRECTION)
        assert counted(monday, limit, BERLIN).due_at == self.FRIDAY

    def test_hours_stand_still_in_a_recess(self) -> None:
        recess = CourtCalendar(
            "R", "1", 2026, 2026, closures=((date(2026, 6, 6), date(2026, 6, 9)),)
        )
        result = counted(self.FRIDAY, TimeLimit(24, HOURS), BERLIN, recess)
        assert result.due_at == datetime(2026, 6, 10, 15, 0, tzinfo=BERLIN)


class TestMonthsAndClearDays:
    @pytest.mark.parametrize(
        ("trigger", "limit", "expected"),
        [
            (date(2026, 1, 31), TimeLimit(1, MONTHS, month_end=MonthEnd.CLIP), date(2026, 2, 28)),
            (date(2024, 1, 31), TimeLimit(1, MONTHS, month_end=MonthEnd.CLIP), date(2024, 2, 29)),
            (date(2026, 2, 28), TimeLimit(1, MONTHS, month_end=MonthEnd.CLIP), date(2026, 3, 28)),
            (date(2026, 2, 28), TimeLimit(1, MONTHS, month_end=MonthEnd.STICKY), date(2026, 3, 31)),
            (date(2024, 2, 28), TimeLimit(1, MONTHS, month_end=MonthEnd.STICKY), date(2024, 3, 28)),
            (date(2026, 2, 27), TimeLimit(1, MONTHS, month_end=MonthEnd.STICKY), date(2026, 3, 27)),
            (
                date(2023, 2, 28),
                TimeLimit(1, Unit.YEARS, month_end=MonthEnd.STICKY),
                date(2024, 2, 29),
            ),
            (
                date(2026, 9, 30),
                TimeLimit(3, MONTHS, month_end=MonthEnd.WHOLE_MONTHS),
                date(2026, 12, 31),
            ),
            (
                date(2026, 9, 15),
                TimeLimit(3, MONTHS, month_end=MonthEnd.WHOLE_MONTHS),
                date(2026, 12, 15),
            ),
            (
                date(2026, 1, 30),
                TimeLimit(1, MONTHS, month_end=MonthEnd.WHOLE_MONTHS),
                date(2026, 2, 28),
            ),
            (
                date(2026, 1, 1),
                TimeLimit(1, MONTHS, month_end=MonthEnd.THIRTY_DAYS),
                date(2026, 1, 31),
            ),
            (
                date(2026, 1, 31),
                TimeLimit(2, MONTHS, month_end=MonthEnd.THIRTY_DAYS),
                date(2026, 4, 1),
            ),
            (
                date(2026, 1, 1),
                TimeLimit(1, MONTHS, first_day=INCLUDED, month_end=MonthEnd.THIRTY_DAYS),
                date(2026, 1, 30),
            ),
            (date(2025, 11, 30), TimeLimit(3, MONTHS, first_day=INCLUDED), date(2026, 2, 28)),
            (date(2026, 1, 10), TimeLimit(1, MONTHS, first_day=INCLUDED), date(2026, 2, 9)),
            (date(2026, 1, 20), TimeLimit(3, DAYS, BEFORE, clear_days=True), date(2026, 1, 16)),
            (date(2026, 1, 16), TimeLimit(3, DAYS, clear_days=True), date(2026, 1, 20)),
        ],
        ids=str,
    )
    def test_the_examples_of_the_contract_come_out(
        self, trigger: date, limit: TimeLimit, expected: date
    ) -> None:
        assert due(trigger, limit) == expected

    @pytest.mark.parametrize("month", range(1, 13))
    def test_a_whole_month_back_from_the_first_is_the_month_before(self, month: int) -> None:
        """As one whole month from the last of a month is the month after."""
        limit = TimeLimit(1, MONTHS, BEFORE, month_end=MonthEnd.WHOLE_MONTHS)
        first = date(2026, month, 1)
        assert due(first, limit) == (first - timedelta(days=1)).replace(day=1)

    @pytest.mark.parametrize("month_end", [MonthEnd.CLIP, MonthEnd.STICKY, MonthEnd.THIRTY_DAYS])
    def test_the_first_day_in_is_one_day_fewer_where_the_month_has_the_day(
        self, month_end: MonthEnd
    ) -> None:
        """From 30 April the corresponding day is 30 May, or 31 May where the last day stays last."""
        out = TimeLimit(1, MONTHS, month_end=month_end)
        within = TimeLimit(1, MONTHS, first_day=INCLUDED, month_end=month_end)
        assert due(date(2026, 4, 30), out) - due(date(2026, 4, 30), within) == timedelta(days=1)

    def test_three_clear_days_pass_over_the_weekend_in_a_short_period(self) -> None:
        limit = TimeLimit(3, DAYS, BEFORE, clear_days=True, skip_non_court_days_under=6)
        assert due(date(2026, 7, 20), limit) == date(2026, 7, 14)


class TestContradictions:
    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"amount": -1}, "amount"),
            ({"amount": 10_001}, "amount"),
            ({"clear_days": True, "first_day": INCLUDED}, "clear_days"),
            ({"clear_days": True, "unit": HOURS}, "clear_days"),
            ({"unit": HOURS, "then": TimeLimit(1, DAYS)}, "then"),
            *(
                ({"cutoff": cutoff}, "cutoff")
                for cutoff in ("", "24:01", "25:00", "9:30", "17:60", "17:30\n", " 17:30", "١٧:٣٠")
            ),
        ],
    )
    def test_fields_that_contradict_each_other_are_refused_by_name(
        self, fields: dict[str, object], field: str
    ) -> None:
        with pytest.raises(Refusal) as refused:
            TimeLimit(**({"amount": 1, "unit": DAYS} | fields))  # type: ignore[arg-type]
        assert refused.value.code is Code.INVALID_INPUT
        assert refused.value.field == f"time_limit.{field}"

    def test_a_chain_longer_than_five_is_refused(self) -> None:
        limit = None
        for _ in range(5):
            limit = TimeLimit(1, DAYS, then=limit)
        with pytest.raises(Refusal) as refused:
            TimeLimit(1, DAYS, then=limit)
        assert (refused.value.code, refused.value.field) == (Code.INVALID_INPUT, "time_limit.then")

    def test_hours_do_not_follow_days(self) -> None:
        with pytest.raises(Refusal) as refused:
            due(date(2026, 6, 1), TimeLimit(1, DAYS, then=TimeLimit(1, HOURS)))
        assert (refused.value.code, refused.value.field) == (Code.INVALID_INPUT, "time_limit.then")


class TestBounds:
    """What can never end is refused, and soon."""

    NOON = datetime(2026, 6, 1, 12, 0, tzinfo=ALMATY)

    @pytest.mark.parametrize("direction", Direction)
    @pytest.mark.parametrize(
        ("unit", "fields"),
        [
            (Unit.COURT_DAYS, {}),
            (DAYS, {"skip_non_court_days_under": 6}),
            (DAYS, {"roll": Roll.FORWARD}),
            (MONTHS, {"roll": Roll.BACKWARD}),
            (HOURS, {"roll": Roll.SAME_DIRECTION}),
            (HOURS, {"skip_non_court_days_under": 6}),
        ],
        ids=str,
    )
    def test_a_court_that_never_sits_is_refused(
        self, direction: Direction, unit: Unit, fields: dict[str, object]
    ) -> None:
        limit = TimeLimit(2, unit, direction, **fields)  # type: ignore[arg-type]
        self.refused_soon(limit, NEVER)

    @pytest.mark.parametrize("direction", Direction)
    @pytest.mark.parametrize("unit", Unit)
    def test_a_recess_that_covers_every_day_is_refused(
        self, direction: Direction, unit: Unit
    ) -> None:
        self.refused_soon(TimeLimit(2, unit, direction), RECESS)

    @pytest.mark.parametrize("unit", Unit)
    def test_a_recess_without_end_is_refused(self, unit: Unit) -> None:
        endless = CourtCalendar("E", "1", 1, 9999, closures=((date.min, date.max),))
        self.refused_soon(TimeLimit(2, unit), endless)

    @pytest.mark.parametrize("direction", Direction)
    @pytest.mark.parametrize("unit", [Unit.YEARS, Unit.COURT_DAYS, Unit.WEEKS, DAYS, MONTHS])
    def test_ten_thousand_of_anything_are_counted_or_refused(
        self, direction: Direction, unit: Unit
    ) -> None:
        limit = TimeLimit(10_000, unit, direction, roll=Roll.FORWARD)
        self.refused_soon(limit, CourtCalendar("S", "1", 2026, 2026))

    @pytest.mark.parametrize("month_end", MonthEnd)
    @pytest.mark.parametrize("direction", Direction)
    def test_ten_thousand_years_name_the_amount(
        self, direction: Direction, month_end: MonthEnd
    ) -> None:
        limit = TimeLimit(10_000, Unit.YEARS, direction, month_end=month_end)
        refusal = self.refused_soon(limit, None)
        assert (refusal.code, refusal.field) == (Code.INVALID_INPUT, "time_limit.amount")

    def refused_soon(self, limit: TimeLimit, calendar: CourtCalendar | None) -> Refusal:
        began = time.monotonic()
        with pytest.raises(Refusal) as refused:
            counted(self.NOON, limit, ALMATY, calendar)
        assert time.monotonic() - began < 2
        return refused.value
