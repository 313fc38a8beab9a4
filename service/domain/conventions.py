"""What a time limit says, read once, for the many dates that are counted by it.

Nothing is counted here: `counting.py` does.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from service.domain.time_limits import FirstDay, MonthEnd, Roll, TimeLimit, Unit

_ONE_DAY = timedelta(days=1)
#: How many months the units hold that are counted by the month.
IN_MONTHS = {Unit.MONTHS: 1, Unit.YEARS: 12}


@dataclass(frozen=True, eq=False)  # there is one for each limit: told apart by identity
class Link:
    """One limit of a chain. `step`: one day on its way; `months`: with the sign of that way, 0 for
    days; `plain`: what is added to a day where nothing is passed over and nothing stands still, None
    where that is not known beforehand; `like_day`: it ends on the like day of another month, as such."""

    limit: TimeLimit
    step: timedelta
    months: int
    included: bool
    passes_over: bool
    plain: timedelta | None
    like_day: bool


@dataclass(frozen=True)
class Conventions:
    """A time limit, read once: what every count by it asks. `roll`: the step by which a last day off
    moves, None where it stays; `in_hours`: it ends at an instant, not with a day."""

    limit: TimeLimit
    links: tuple[Link, ...]
    roll: timedelta | None
    needs_calendar: bool
    in_hours: bool


@lru_cache(maxsize=1024)
def conventions(limit: TimeLimit) -> Conventions:
    """Few limits are counted from many dates: reading one takes as long as counting by it."""
    roll = None
    if limit.roll is not Roll.NONE:
        roll = _ONE_DAY if limit.rolls_forward else -_ONE_DAY
    links, in_hours = tuple(map(_link, limit.chain)), limit.unit is Unit.HOURS
    return Conventions(limit, links, roll, limit.needs_calendar, in_hours)


def _link(limit: TimeLimit) -> Link:
    step, included = (
        limit.sign * _ONE_DAY,
        limit.first_day is FirstDay.INCLUDED and limit.amount > 0,
    )
    months = limit.sign * limit.amount * IN_MONTHS.get(limit.unit, 0)
    known = limit.unit in (Unit.DAYS, Unit.WEEKS) and not limit.skips_days_off
    plain = step * (limit.days - included + limit.clear_days) if known else None
    clipped = limit.unit in IN_MONTHS and limit.month_end is MonthEnd.CLIP
    like_day = clipped and not included and not limit.clear_days
    return Link(limit, step, months, included, limit.skips_days_off, plain, like_day)
