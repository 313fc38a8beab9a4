"""A time limit is an amount within bounds, a direction, and whether court days matter."""

import pytest

from service.domain.time_limits import Direction, Roll, TimeLimit, Unit
from service.errors import Code, Refusal


@pytest.mark.parametrize("amount", [0, 1, 10_000])
def test_an_amount_within_bounds_is_accepted(amount: int) -> None:
    assert TimeLimit(amount, Unit.DAYS).amount == amount


@pytest.mark.parametrize("amount", [-1, 10_001])
def test_an_amount_beyond_bounds_is_refused_and_names_the_field(amount: int) -> None:
    with pytest.raises(Refusal) as refused:
        TimeLimit(amount, Unit.DAYS)
    assert (refused.value.code, refused.value.field) == (Code.INVALID_INPUT, "time_limit.amount")


def test_time_runs_forward_from_the_trigger_unless_it_is_counted_back() -> None:
    assert TimeLimit(1, Unit.DAYS).sign == 1
    assert TimeLimit(1, Unit.DAYS, Direction.BEFORE).sign == -1


@pytest.mark.parametrize("unit", Unit)
@pytest.mark.parametrize("roll", Roll)
def test_a_calendar_is_needed_for_court_days_and_for_rolling_only(unit: Unit, roll: Roll) -> None:
    needs = unit is Unit.COURT_DAYS or roll is not Roll.NONE
    assert TimeLimit(1, unit, roll=roll).needs_calendar is needs


def test_the_last_day_is_moved_one_day_at_a_time() -> None:
    assert TimeLimit(1, Unit.DAYS, roll=Roll.FORWARD).rolls_forward
    assert not TimeLimit(1, Unit.DAYS, roll=Roll.BACKWARD).rolls_forward
    assert TimeLimit(1, Unit.DAYS, roll=Roll.SAME_DIRECTION).rolls_forward
    back = TimeLimit(1, Unit.DAYS, Direction.BEFORE, roll=Roll.SAME_DIRECTION)
    assert not back.rolls_forward
