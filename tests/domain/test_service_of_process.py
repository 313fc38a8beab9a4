"""The manner of service moves the beginning of a limit, or its end, as the law at hand says."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import Forum, compute
from service.domain.derivations import StepKey
from service.domain.service_of_process import ServiceEffect
from service.domain.time_limits import Direction, FirstDay, MonthEnd, Roll, TimeLimit, Unit
from service.domain.tolling import TollingPeriod
from service.errors import Code, Refusal

ALMATY = ZoneInfo("Asia/Almaty")
WEEKENDS = CourtCalendar("XX", "7", 2000, 2200)
FORUM = Forum(ALMATY, WEEKENDS)
THREE_DAYS = TimeLimit(3, Unit.DAYS)
FRIDAY = date(2026, 3, 6)
TEN_DAYS = TimeLimit(10, Unit.DAYS, roll=Roll.FORWARD)
DEEMED, ADDED = ServiceEffect(deemed=THREE_DAYS), ServiceEffect(added=THREE_DAYS)
AFTER_ROLL = replace(ADDED, added_after_roll=True)


class TestDeemed:
    def test_the_limit_runs_from_the_day_on_which_the_paper_counts_as_served(self) -> None:
        result = compute(FRIDAY, TEN_DAYS, FORUM, "a rule", DEEMED)
        assert result.due_on == date(2026, 3, 19)
        trigger, served, counted, _ = result.derivation
        assert (trigger.key, trigger.on) == (StepKey.TRIGGER, FRIDAY)
        assert (served.key, served.on, served.source) == (
            StepKey.SERVED,
            date(2026, 3, 9),
            "a rule",
        )
        assert served.text.startswith("Counts as served on 2026-03-09: 3 days after")
        assert (counted.key, counted.on) == (StepKey.COUNTED, date(2026, 3, 19))

    def test_the_deemed_day_rolls_by_its_own_roll_and_names_the_days_passed_over(self) -> None:
        effect = ServiceEffect(deemed=TimeLimit(2, Unit.DAYS, roll=Roll.FORWARD))
        result = compute(FRIDAY, TimeLimit(1, Unit.DAYS), FORUM, served=effect)
        served = result.derivation[1]
        assert (served.on, served.skipped) == (date(2026, 3, 9), (date(2026, 3, 8),))
        assert (result.due_on, result.calendar_version) == (date(2026, 3, 10), "7")

    def test_the_post_comes_while_the_limit_stands_still(self) -> None:
        forum = replace(FORUM, tolling=(TollingPeriod(FRIDAY, date(2026, 3, 20)),))
        assert compute(FRIDAY, TEN_DAYS, forum, served=DEEMED).due_on == date(2026, 3, 30)


class TestAdded:
    def test_days_are_added_before_the_roll(self) -> None:
        result = compute(date(2026, 3, 4), TEN_DAYS, FORUM, "a rule", ADDED)
        assert result.due_on == date(2026, 3, 17)  # from Saturday the 14th
        assert [step.key for step in result.derivation[1:-1]] == [StepKey.COUNTED, StepKey.ADDED]

    def test_days_are_added_after_the_roll_and_the_end_rolls_once_more(self) -> None:
        result = compute(date(2026, 3, 3), TEN_DAYS, FORUM, None, AFTER_ROLL)
        assert result.due_on == date(2026, 3, 16)  # Friday the 13th, then Monday
        result = compute(date(2026, 3, 4), TEN_DAYS, FORUM, None, AFTER_ROLL)
        assert result.due_on == date(2026, 3, 19)  # Saturday the 14th, Monday, and three days
        result = compute(date(2026, 3, 3), TimeLimit(4, Unit.DAYS, roll=Roll.FORWARD), FORUM)
        assert result.due_on == date(2026, 3, 9)
        keys = [step.key for step in compute(FRIDAY, TEN_DAYS, FORUM, None, AFTER_ROLL).derivation]
        assert keys[1:3] == [StepKey.COUNTED, StepKey.ADDED]  # Monday the 16th: nothing to roll

    def test_both_can_hold(self) -> None:
        both = ServiceEffect(THREE_DAYS, THREE_DAYS)
        assert compute(FRIDAY, TEN_DAYS, FORUM, served=both).due_on == date(2026, 3, 23)

    def test_the_end_that_is_put_off_keeps_its_hour(self) -> None:
        limit = replace(TEN_DAYS, cutoff="18:00")
        result = compute(date(2026, 3, 4), limit, FORUM, served=ADDED)
        assert result.due_at == datetime(2026, 3, 17, 13, 0, tzinfo=UTC)


COURT_DAYS, HOURS = TimeLimit(2, Unit.COURT_DAYS), TimeLimit(24, Unit.HOURS)


class TestRefusals:
    @pytest.mark.parametrize(
        ("served", "code"),
        [(DEEMED, Code.INVALID_INSTANT), (ADDED, Code.INVALID_INPUT)],
    )
    def test_hours_know_no_service(self, served: ServiceEffect, code: Code) -> None:
        at = datetime(2026, 3, 6, 15, 40, tzinfo=UTC)
        assert refusal(at, TimeLimit(72, Unit.HOURS), FORUM, served).code is code

    @pytest.mark.parametrize("served", [ServiceEffect(HOURS), ServiceEffect(None, HOURS)])
    def test_service_knows_no_hours(self, served: ServiceEffect) -> None:
        assert refusal(FRIDAY, TEN_DAYS, FORUM, served).code is Code.INVALID_INPUT

    @pytest.mark.parametrize("served", [ServiceEffect(COURT_DAYS), ServiceEffect(None, COURT_DAYS)])
    def test_court_days_of_service_need_a_calendar_too(self, served: ServiceEffect) -> None:
        limit = TimeLimit(10, Unit.DAYS)
        assert refusal(FRIDAY, limit, Forum(ALMATY), served).code is Code.UNKNOWN_CALENDAR
        assert compute(FRIDAY, limit, FORUM, served=served).calendar_version == "7"

    def test_what_is_added_rolls_with_the_limit_and_needs_no_calendar_of_its_own(self) -> None:
        served = ServiceEffect(added=replace(THREE_DAYS, roll=Roll.FORWARD))
        result = compute(FRIDAY, TimeLimit(5, Unit.DAYS), Forum(ALMATY), served=served)
        assert (result.due_on, result.calendar_version) == (date(2026, 3, 14), None)


def refusal(
    trigger: date | datetime, limit: TimeLimit, forum: Forum, served: ServiceEffect
) -> Refusal:
    with pytest.raises(Refusal) as refused:
        compute(trigger, limit, forum, None, served)
    return refused.value


TRIGGERS = st.dates(date(2015, 1, 1), date(2040, 12, 31))
UNITS = st.sampled_from([unit for unit in Unit if unit is not Unit.HOURS])


@st.composite
def limits(draw: st.DrawFn) -> TimeLimit:
    first_day = draw(st.sampled_from(FirstDay))
    return TimeLimit(
        draw(st.integers(0, 30)),
        draw(UNITS),
        Direction.AFTER,
        first_day,
        clear_days=first_day is FirstDay.EXCLUDED and draw(st.booleans()),
        month_end=draw(st.sampled_from(MonthEnd)),
        roll=draw(st.sampled_from([Roll.NONE, Roll.FORWARD, Roll.SAME_DIRECTION])),
    )


EFFECTS = st.builds(ServiceEffect, st.none() | limits(), st.none() | limits(), st.booleans())


class TestForEveryLimit:
    @given(TRIGGERS, limits(), EFFECTS)
    def test_service_never_takes_time_away(
        self, trigger: date, limit: TimeLimit, served: ServiceEffect
    ) -> None:
        without = compute(trigger, limit, FORUM)
        assert compute(trigger, limit, FORUM, None, served).due_at >= without.due_at

    @given(TRIGGERS, limits(), EFFECTS)
    def test_the_steps_lead_to_the_date(
        self, trigger: date, limit: TimeLimit, served: ServiceEffect
    ) -> None:
        result = compute(trigger, limit, FORUM, None, served)
        *steps, ends = result.derivation
        days = [step.on for step in steps if step.on is not None]
        assert (days[0], days[-1]) == (trigger, result.due_on)
        assert days == sorted(days)
        assert (ends.key, ends.on, ends.at) == (StepKey.ENDS, result.due_on, result.due_at)

    @given(TRIGGERS, limits(), limits())
    def test_a_deemed_day_is_the_day_from_which_the_same_limit_would_run(
        self, trigger: date, limit: TimeLimit, deemed: TimeLimit
    ) -> None:
        served_on = compute(trigger, deemed, FORUM).due_on
        through = compute(trigger, limit, FORUM, None, ServiceEffect(deemed))
        assert through.due_on == compute(served_on, limit, FORUM).due_on

    @given(TRIGGERS, limits(), limits())
    def test_what_is_added_before_the_roll_is_one_more_limit_of_the_chain(
        self, trigger: date, limit: TimeLimit, added: TimeLimit
    ) -> None:
        chain = replace(limit, then=added)
        through = compute(trigger, limit, FORUM, None, ServiceEffect(added=added))
        assert through.due_on == compute(trigger, chain, FORUM).due_on

    @given(TRIGGERS, limits(), limits())
    def test_what_is_added_after_the_roll_is_counted_from_the_rolled_end(
        self, trigger: date, limit: TimeLimit, added: TimeLimit
    ) -> None:
        rolled = compute(trigger, limit, FORUM).due_on
        expected = compute(rolled, replace(added, roll=limit.roll), FORUM).due_on
        effect = ServiceEffect(added=added, added_after_roll=True)
        assert compute(trigger, limit, FORUM, None, effect).due_on == expected
