"""While the clock stands still no time is lost, and none is given twice."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import Forum, compute
from service.domain.derivations import Computation, StepKey
from service.domain.time_limits import Direction, FirstDay, HoursBy, MonthEnd, Roll, TimeLimit, Unit
from service.domain.tolling import TollingPeriod
from service.errors import Code, Refusal

ALMATY = ZoneInfo("Asia/Almaty")
BEFORE, INCLUDED = Direction.BEFORE, FirstDay.INCLUDED
WEEKENDS = CourtCalendar("XX", "1", 2000, 2080)
ONE_DAY = timedelta(days=1)
THE_FIRST = date(2026, 6, 1)  # a Monday
LATER = date(2026, 12, 31)


def computed(
    limit: TimeLimit,
    *tolling: TollingPeriod,
    trigger: date | datetime = THE_FIRST,
    as_of: date = LATER,
) -> Computation:
    return compute(trigger, limit, Forum(ALMATY, WEEKENDS, tolling, as_of))


def due(
    limit: TimeLimit, *tolling: TollingPeriod, trigger: date = THE_FIRST, as_of: date = LATER
) -> date:
    return computed(limit, *tolling, trigger=trigger, as_of=as_of).due_on


def june(first: int, until: int) -> TollingPeriod:
    return TollingPeriod(date(2026, 6, first), date(2026, 6, until))


@st.composite
def limits(draw: st.DrawFn) -> TimeLimit:
    unit = draw(st.sampled_from([unit for unit in Unit if unit is not Unit.HOURS]))
    longest = {Unit.YEARS: 2, Unit.MONTHS: 12, Unit.WEEKS: 12}.get(unit, 60)
    first_day = draw(st.sampled_from(FirstDay))
    return TimeLimit(
        draw(st.integers(1, longest)),
        unit,
        draw(st.sampled_from(Direction)),
        first_day,
        clear_days=first_day is FirstDay.EXCLUDED and draw(st.booleans()),
        skip_non_court_days_under=draw(st.sampled_from([None, 6, 15])),
        month_end=draw(st.sampled_from(MonthEnd)),
        roll=draw(st.sampled_from(Roll)),
    )


TRIGGERS = st.dates(date(2019, 1, 1), date(2031, 12, 31))
PERIODS = st.tuples(st.integers(-100, 100), st.integers(0, 60))


def period(trigger: date, when: tuple[int, int]) -> TollingPeriod:
    begins = trigger + when[0] * ONE_DAY
    return TollingPeriod(begins, begins + when[1] * ONE_DAY)


class TestForEveryLimit:
    @given(TRIGGERS, limits(), st.lists(PERIODS, max_size=3))
    def test_tolling_never_shortens(
        self, trigger: date, limit: TimeLimit, when: list[tuple[int, int]]
    ) -> None:
        plain = due(limit, trigger=trigger)
        tolled = due(limit, *(period(trigger, one) for one in when), trigger=trigger)
        assert (tolled - plain) * limit.sign >= timedelta()

    @given(TRIGGERS, limits(), PERIODS, st.integers(1, 30))
    def test_longer_tolling_never_shortens(
        self, trigger: date, limit: TimeLimit, when: tuple[int, int], more: int
    ) -> None:
        short = due(limit, period(trigger, when), trigger=trigger)
        long = due(limit, period(trigger, (when[0], when[1] + more)), trigger=trigger)
        assert (long - short) * limit.sign >= timedelta()

    @given(TRIGGERS, limits(), st.integers(0, 200), st.integers(0, 60))
    def test_tolling_that_was_over_before_the_trigger_changes_nothing(
        self, trigger: date, limit: TimeLimit, gap: int, length: int
    ) -> None:
        limit = replace(limit, direction=Direction.AFTER)
        until = trigger - gap * ONE_DAY
        past = TollingPeriod(until - length * ONE_DAY, until)
        assert computed(limit, past, trigger=trigger) == computed(limit, trigger=trigger)

    @given(TRIGGERS, limits(), st.integers(1, 200), st.integers(0, 60))
    def test_tolling_that_begins_after_the_end_changes_nothing(
        self, trigger: date, limit: TimeLimit, gap: int, length: int
    ) -> None:
        limit = replace(limit, direction=Direction.AFTER, roll=Roll.NONE)
        plain = computed(limit, trigger=trigger)
        begins = plain.due_on + gap * ONE_DAY
        future = TollingPeriod(begins, begins + length * ONE_DAY)
        assert computed(limit, future, trigger=trigger) == plain

    @given(TRIGGERS, limits(), st.integers(1, 200), st.integers(0, 60))
    def test_tolling_after_the_event_that_is_counted_back_from_changes_nothing(
        self, trigger: date, limit: TimeLimit, gap: int, length: int
    ) -> None:
        limit = replace(limit, direction=BEFORE)
        begins = trigger + gap * ONE_DAY
        future = TollingPeriod(begins, begins + length * ONE_DAY)
        assert computed(limit, future, trigger=trigger) == computed(limit, trigger=trigger)

    @given(TRIGGERS, limits(), PERIODS, PERIODS)
    def test_days_tolled_twice_count_once(
        self, trigger: date, limit: TimeLimit, one: tuple[int, int], other: tuple[int, int]
    ) -> None:
        first, second = period(trigger, one), period(trigger, other)
        assume(first.from_on <= (second.until_on or LATER))
        assume(second.from_on <= (first.until_on or LATER))
        both = TollingPeriod(
            min(first.from_on, second.from_on),
            max(first.until_on or LATER, second.until_on or LATER),
        )
        assert due(limit, first, second, trigger=trigger) == due(limit, both, trigger=trigger)
        assert due(limit, second, first, trigger=trigger) == due(limit, both, trigger=trigger)

    @given(TRIGGERS, limits(), PERIODS)
    def test_open_tolling_is_counted_as_if_lifted_on_the_day_one_looks(
        self, trigger: date, limit: TimeLimit, when: tuple[int, int]
    ) -> None:
        closed = period(trigger, when)
        still_open = TollingPeriod(closed.from_on)
        assert closed.until_on is not None
        result = computed(limit, still_open, trigger=trigger, as_of=closed.until_on)
        assert result.due_on == due(limit, closed, trigger=trigger)
        assert result.tolled_since == closed.from_on


class TestOpenTolling:
    @pytest.mark.parametrize(
        "limit",
        [
            TimeLimit(10, Unit.DAYS),
            TimeLimit(10, Unit.DAYS, first_day=INCLUDED),
            TimeLimit(3, Unit.WEEKS),
            TimeLimit(1, Unit.MONTHS),
            TimeLimit(1, Unit.YEARS, first_day=INCLUDED),
            TimeLimit(10, Unit.DAYS, clear_days=True),
            TimeLimit(10, Unit.DAYS, then=TimeLimit(5, Unit.DAYS)),
        ],
        ids=str,
    )
    def test_each_further_day_moves_the_end_by_one_day(self, limit: TimeLimit) -> None:
        tolled = TollingPeriod(date(2026, 6, 4))
        plain = due(limit)
        for days in range(40):
            as_of = date(2026, 6, 4) + days * ONE_DAY
            assert due(limit, tolled, as_of=as_of) == plain + days * ONE_DAY

    def test_each_further_day_moves_hours_by_a_day_of_hours(self) -> None:
        start = datetime(2026, 6, 1, 15, 0, tzinfo=ALMATY)
        limit = TimeLimit(72, Unit.HOURS)
        for days in range(10):
            as_of = date(2026, 6, 2) + days * ONE_DAY
            result = computed(limit, TollingPeriod(date(2026, 6, 2)), trigger=start, as_of=as_of)
            assert result.due_at == start + timedelta(days=3 + days)

    @pytest.mark.parametrize("clear_days", [False, True])
    def test_the_last_day_itself_can_stand_still(self, clear_days: bool) -> None:
        limit = TimeLimit(9 if clear_days else 10, Unit.DAYS, clear_days=clear_days)
        assert due(limit) == date(2026, 6, 11)
        assert due(limit, june(11, 21)) == date(2026, 6, 21)

    def test_thirty_clear_days_and_a_clear_month_of_thirty_days_are_the_same(self) -> None:
        days = TimeLimit(30, Unit.DAYS, clear_days=True)
        month = TimeLimit(1, Unit.MONTHS, clear_days=True, month_end=MonthEnd.THIRTY_DAYS)
        tolled = TollingPeriod(date(2026, 7, 2), date(2026, 7, 20))
        assert due(days) == due(month) == date(2026, 7, 2)
        assert (due(days, tolled), due(month, tolled)) == (date(2026, 7, 20), date(2026, 7, 20))

    def test_the_reader_is_told_since_when(self) -> None:
        limit = TimeLimit(10, Unit.DAYS)
        result = computed(
            limit,
            TollingPeriod(date(2026, 6, 9)),
            TollingPeriod(date(2026, 6, 4)),
            as_of=date(2026, 6, 20),
        )
        assert result.tolled_since == date(2026, 6, 4)
        assert StepKey.TOLLED in [step.key for step in result.derivation]

    def test_tolling_with_an_end_leaves_nothing_open(self) -> None:
        result = computed(TimeLimit(10, Unit.DAYS), june(4, 9))
        assert result.tolled_since is None
        assert StepKey.TOLLED not in [step.key for step in result.derivation]

    def test_tolling_that_is_still_to_come_is_not_open_yet(self) -> None:
        limit = TimeLimit(10, Unit.DAYS)
        result = computed(limit, TollingPeriod(date(2026, 6, 9)), as_of=date(2026, 6, 4))
        assert (result.due_on, result.tolled_since) == (date(2026, 6, 11), None)


class TestUnits:
    @pytest.mark.parametrize(
        ("limit", "plain", "tolled"),
        [
            (TimeLimit(10, Unit.DAYS), date(2026, 6, 11), date(2026, 6, 16)),
            (TimeLimit(10, Unit.COURT_DAYS), date(2026, 6, 15), date(2026, 6, 18)),
            (TimeLimit(2, Unit.WEEKS), date(2026, 6, 15), date(2026, 6, 20)),
            (TimeLimit(1, Unit.MONTHS), date(2026, 7, 1), date(2026, 7, 6)),
            (TimeLimit(1, Unit.YEARS), date(2027, 6, 1), date(2027, 6, 6)),
        ],
    )
    def test_five_days_from_thursday_to_monday_are_added(
        self, limit: TimeLimit, plain: date, tolled: date
    ) -> None:
        assert (due(limit), due(limit, june(4, 9))) == (plain, tolled)

    def test_days_lost_on_the_way_can_lead_into_further_tolling(self) -> None:
        month = TimeLimit(1, Unit.MONTHS)
        later = TollingPeriod(date(2026, 7, 3), date(2026, 7, 10))
        assert due(month, june(4, 9), later) == date(2026, 7, 13)

    def test_what_is_left_of_a_limit_counted_back_is_counted_before_the_tolling(self) -> None:
        limit = TimeLimit(10, Unit.DAYS, BEFORE)
        assert due(limit, trigger=date(2026, 6, 20)) == date(2026, 6, 10)
        assert due(limit, june(12, 17), trigger=date(2026, 6, 20)) == date(2026, 6, 5)

    def test_the_first_day_does_not_count_when_it_is_tolled(self) -> None:
        limit = TimeLimit(1, Unit.DAYS, first_day=INCLUDED)
        assert due(limit, june(1, 4)) == date(2026, 6, 4)

    def test_each_limit_of_a_chain_is_tolled_in_its_turn(self) -> None:
        chain = TimeLimit(5, Unit.DAYS, then=TimeLimit(5, Unit.DAYS))
        assert due(chain, june(4, 6), june(10, 13)) == date(2026, 6, 16)

    @pytest.mark.parametrize("hours_by", HoursBy)
    def test_hours_run_until_the_clock_stops_and_on_from_midnight(self, hours_by: HoursBy) -> None:
        limit = TimeLimit(24, Unit.HOURS, hours_by=hours_by)
        start = datetime(2026, 6, 1, 15, 0, tzinfo=ALMATY)
        result = computed(limit, june(2, 5), trigger=start)
        assert result.due_at == datetime(2026, 6, 5, 15, 0, tzinfo=ALMATY)
        assert result.due_on == date(2026, 6, 5)

    @pytest.mark.parametrize("hours_by", HoursBy)
    def test_hours_counted_back_stop_where_the_tolling_ended(self, hours_by: HoursBy) -> None:
        limit = TimeLimit(24, Unit.HOURS, BEFORE, hours_by=hours_by)
        hearing = datetime(2026, 6, 5, 15, 0, tzinfo=ALMATY)
        result = computed(limit, june(2, 5), trigger=hearing)
        assert result.due_at == datetime(2026, 6, 1, 15, 0, tzinfo=ALMATY)

    def test_hours_that_begin_while_the_clock_stands_wait(self) -> None:
        start = datetime(2026, 6, 1, 15, 0, tzinfo=ALMATY)
        result = computed(TimeLimit(24, Unit.HOURS), june(1, 5), trigger=start)
        assert result.due_at == datetime(2026, 6, 6, 0, 0, tzinfo=ALMATY)

    def test_hours_pass_over_a_weekend_after_the_tolling_as_over_one_before(self) -> None:
        limit = TimeLimit(48, Unit.HOURS, skip_non_court_days_under=10)
        start = datetime(2026, 6, 1, 15, 0, tzinfo=ALMATY)
        result = computed(limit, june(2, 19), trigger=start)  # runs again on a Friday
        assert result.due_at == datetime(2026, 6, 22, 15, 0, tzinfo=ALMATY)

    @pytest.mark.parametrize(("amount", "day"), [(24, 3), (48, 2), (72, 1)])
    def test_hours_counted_back_pass_over_a_weekend_inside_the_tolling_once(
        self, amount: int, day: int
    ) -> None:
        limit = TimeLimit(amount, Unit.HOURS, BEFORE, skip_non_court_days_under=10)
        hearing = datetime(2026, 6, 12, 15, 0, tzinfo=ALMATY)  # a Friday
        result = computed(limit, june(4, 12), trigger=hearing)
        assert result.due_at == datetime(2026, 6, day, 15, 0, tzinfo=ALMATY)


class TestLongTolling:
    @pytest.mark.parametrize(
        ("limit", "expected"),
        [
            (TimeLimit(1, Unit.MONTHS), date(2029, 7, 5)),
            (TimeLimit(30, Unit.DAYS), date(2029, 7, 5)),
            (TimeLimit(21, Unit.COURT_DAYS), date(2029, 7, 4)),
        ],
        ids=str,
    )
    def test_a_case_that_was_stayed_for_years_runs_on(
        self, limit: TimeLimit, expected: date
    ) -> None:
        stayed = TollingPeriod(date(2022, 6, 3), date(2029, 6, 7))
        assert due(limit, stayed, trigger=date(2022, 6, 1)) == expected


class TestRefusals:
    def test_tolling_that_ends_before_it_begins_is_refused(self) -> None:
        with pytest.raises(Refusal) as refused:
            TollingPeriod(date(2026, 6, 2), date(2026, 6, 1))
        assert (refused.value.code, refused.value.field) == (Code.INVALID_DATE, "tolling")

    def test_tolling_that_is_lifted_on_the_day_it_began_stops_nothing(self) -> None:
        limit = TimeLimit(10, Unit.DAYS)
        assert computed(limit, june(4, 4)) == computed(limit)

    def test_a_clock_that_never_runs_again_is_refused(self) -> None:
        forever = TollingPeriod(THE_FIRST, date(9999, 12, 31))
        for unit in (Unit.DAYS, Unit.MONTHS):
            with pytest.raises(Refusal):
                due(TimeLimit(10, unit), forever)
        with pytest.raises(Refusal):
            computed(TimeLimit(72, Unit.HOURS), forever, trigger=datetime(2026, 6, 2, tzinfo=UTC))
