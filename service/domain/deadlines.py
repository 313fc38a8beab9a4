"""Trigger event + time limit + court calendar = due date, with a derivation a lawyer can follow.

Conventions as in reference to the rules they implement: day and month counting after the
general pattern of procedural codes (day of the event out unless the rule says in; months end on
the corresponding day, else on the month's last), custody terms without roll-over.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from dateutil.relativedelta import relativedelta

from service.domain.court_calendars import ONE_DAY, CourtCalendar
from service.domain.time_limits import END_OF_DAY, FirstDay, Roll, TimeLimit, Unit
from service.errors import Code, Refusal


class DeadlineKind(StrEnum):
    FILING = "filing"
    HEARING = "hearing"
    CUSTODY = "custody"
    WATCH = "watch"
    EXPIRY = "expiry"
    INTERNAL = "internal"


class Force(StrEnum):
    """Where the obligation comes from."""

    STATUTORY = "statutory"
    ORDERED = "ordered"
    INTERNAL = "internal"


class DutyHolder(StrEnum):
    TEAM = "team"
    AUTHORITY = "authority"
    COURT = "court"
    STATE = "state"
    TREATY_BODY = "treaty_body"


class DeadlineState(StrEnum):
    """`provisional` until a second person has verified it; reminders run all the same."""

    PROVISIONAL = "provisional"
    OPEN = "open"
    COMPLETED = "completed"
    MISSED = "missed"
    WAIVED = "waived"
    CANCELLED = "cancelled"


#: Every legal move; whatever is not here is refused. The ended states keep their deadline visible.
TRANSITIONS: dict[str, tuple[frozenset[DeadlineState], DeadlineState]] = {
    "verify": (frozenset({DeadlineState.PROVISIONAL}), DeadlineState.OPEN),
    **{
        verb: (frozenset({DeadlineState.PROVISIONAL, DeadlineState.OPEN}), state)
        for verb, state in (
            ("complete", DeadlineState.COMPLETED),
            ("waive", DeadlineState.WAIVED),
            ("cancel", DeadlineState.CANCELLED),
        )
    },
}

LIVE_STATES = frozenset({DeadlineState.PROVISIONAL, DeadlineState.OPEN})


def next_state(state: DeadlineState, verb: str) -> DeadlineState:
    """Raises Refusal `illegal_state` when `verb` does not apply in `state`."""
    sources, target = TRANSITIONS[verb]
    if state not in sources:
        raise Refusal(Code.ILLEGAL_STATE, f"The deadline is {state}; it cannot {verb} from there.")
    return target


class StepKey(StrEnum):
    """What a derivation step says; the sentence in the reader's language hangs on this key."""

    TRIGGER = "trigger"
    STATED = "stated"
    COUNTED = "counted"
    ROLLED = "rolled"
    ENDS = "ends"


@dataclass(frozen=True)
class DerivationStep:
    """One line of the reckoning.

    `on` or `at` is where the count stands after the step; `skipped` the days that did not count;
    `source` the citation that the step rests on, None where it is plain arithmetic.
    """

    key: StepKey
    text: str
    on: date | None = None
    at: datetime | None = None
    skipped: tuple[date, ...] = ()
    source: str | None = None


@dataclass(frozen=True)
class Computation:
    """A due date and how it came about. `due_at` is an aware UTC instant: the end of the limit."""

    due_on: date
    due_at: datetime
    timezone: str
    derivation: tuple[DerivationStep, ...]
    calendar_version: str | None = None


def compute(
    trigger: date | datetime,
    limit: TimeLimit,
    zone: tzinfo,
    calendar: CourtCalendar | None = None,
    source: str | None = None,
) -> Computation:
    """Count `limit` from `trigger` (a local date, or an aware instant) in the forum's `zone`.

    Raises Refusal `invalid_instant` for hours without an instant, `unknown_calendar` where court
    days matter and none is given, `outside_calendar` beyond the calendar's years.
    """
    if limit.needs_calendar and calendar is None:
        raise Refusal(Code.UNKNOWN_CALENDAR, "This time limit needs a court calendar.", "calendar")
    try:
        if limit.unit is Unit.HOURS:
            return _hours(trigger, limit, zone, source)
        return _dated(local_date(trigger, zone), limit, zone, calendar, source)
    except OverflowError as error:
        raise _beyond("amount") from error


def stated(on: date | None, at: datetime | None, zone: tzinfo, source: str | None) -> Computation:
    """A date that a person read off a paper or set: recorded with where it stands, not computed."""
    try:
        due_on = on or local_date(_given(at), zone)
        due_at = at.astimezone(UTC) if at else end_of_day(due_on, END_OF_DAY, zone)
    except OverflowError as error:
        raise _beyond("due_on") from error
    said = DerivationStep(
        StepKey.STATED, f"Stated: {due_on}.", due_on, due_at if at else None, (), source
    )
    return Computation(
        due_on, due_at, str(zone), (said, _ends(due_on, due_at, END_OF_DAY if on else None, zone))
    )


def local_date(moment: date | datetime, zone: tzinfo) -> date:
    """The calendar day of an instant where the forum sits; a bare date is already that."""
    return moment.astimezone(zone).date() if isinstance(moment, datetime) else moment


def end_of_day(on: date, cutoff: str, zone: tzinfo) -> datetime:
    """The UTC instant at which `on` ends: midnight after it, or the cut-off hour."""
    if cutoff == END_OF_DAY:
        return to_instant(datetime.combine(on + ONE_DAY, time()), zone)
    return to_instant(datetime.combine(on, time.fromisoformat(cutoff)), zone)


def to_instant(wall: datetime, zone: tzinfo) -> datetime:
    """A wall-clock time as UTC; where the clock skips or repeats it, the earlier instant (safer)."""
    return min(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))


def _beyond(field: str) -> Refusal:
    return Refusal(Code.INVALID_INPUT, "The date lies beyond the calendar.", field)


def _given(at: datetime | None) -> datetime:
    if at is None:
        raise Refusal(Code.MISSING_FIELD, "A stated deadline needs due_on or due_at.", "due_on")
    return at


def _hours(
    trigger: date | datetime, limit: TimeLimit, zone: tzinfo, source: str | None
) -> Computation:
    """Hours run on the real instants through any change of the clock."""
    if not isinstance(trigger, datetime):
        raise Refusal(
            Code.INVALID_INSTANT, "A limit in hours needs an instant with an offset.", "occurred_at"
        )
    start = trigger.astimezone(UTC)
    due_at = start + limit.sign * timedelta(hours=limit.amount)
    local = due_at.astimezone(zone)
    wall = f"{trigger.astimezone(zone):%Y-%m-%d %H:%M} ({zone})"
    steps = (
        DerivationStep(StepKey.TRIGGER, f"The trigger event happened at {wall}.", at=start),
        DerivationStep(StepKey.COUNTED, _spoken(limit), local.date(), due_at, (), source),
        _ends(local.date(), due_at, None, zone),
    )
    return Computation(local.date(), due_at, str(zone), steps)


def _dated(
    start: date, limit: TimeLimit, zone: tzinfo, calendar: CourtCalendar | None, source: str | None
) -> Computation:
    """Days, court days, weeks, months, years; then the roll, once."""
    steps = [DerivationStep(StepKey.TRIGGER, f"The trigger event falls on {start}.", on=start)]
    end, skipped = _COUNT[limit.unit](start, limit, calendar)
    steps.append(DerivationStep(StepKey.COUNTED, _spoken(limit), end, None, skipped, source))
    end, rolled = _roll(end, limit, calendar)
    if rolled:
        text = f"{rolled[0]} is no court day: moved {limit.roll} to {end}."
        steps.append(DerivationStep(StepKey.ROLLED, text, end, None, rolled, source))
    due_at = end_of_day(end, limit.cutoff, zone)
    steps.append(_ends(end, due_at, limit.cutoff, zone))
    version = calendar.version if calendar and limit.needs_calendar else None
    return Computation(end, due_at, str(zone), tuple(steps), version)


def _days(start: date, limit: TimeLimit, _: CourtCalendar | None) -> tuple[date, tuple[date, ...]]:
    amount = limit.amount * (7 if limit.unit is Unit.WEEKS else 1)
    inside = 1 if limit.first_day is FirstDay.INCLUDED and amount else 0
    return start + limit.sign * (amount - inside) * ONE_DAY, ()


def _court_days(
    start: date, limit: TimeLimit, calendar: CourtCalendar | None
) -> tuple[date, tuple[date, ...]]:
    assert calendar is not None  # compute() refused otherwise
    step, skipped, day = limit.sign * ONE_DAY, [], start
    remaining = limit.amount
    if limit.first_day is FirstDay.EXCLUDED and remaining:
        day += step
    while remaining:
        if calendar.day_off(day) is None:
            remaining -= 1
        else:
            skipped.append(day)
        if remaining:
            day += step
    return day, tuple(skipped)


def _months(
    start: date, limit: TimeLimit, _: CourtCalendar | None
) -> tuple[date, tuple[date, ...]]:
    """The corresponding day, else the month's last; a first day counted ends it the day before."""
    months = limit.amount * (12 if limit.unit is Unit.YEARS else 1)
    try:
        end = start + relativedelta(months=limit.sign * months)
    except ValueError as error:  # dateutil's word for a year beyond 1..9999
        raise OverflowError from error
    if limit.first_day is FirstDay.INCLUDED and end.day == start.day and months:
        end -= limit.sign * ONE_DAY
    return end, ()


_Count = Callable[[date, TimeLimit, CourtCalendar | None], tuple[date, tuple[date, ...]]]
_COUNT: dict[Unit, _Count] = {
    Unit.DAYS: _days,
    Unit.WEEKS: _days,
    Unit.COURT_DAYS: _court_days,
    Unit.MONTHS: _months,
    Unit.YEARS: _months,
}


def _roll(
    end: date, limit: TimeLimit, calendar: CourtCalendar | None
) -> tuple[date, tuple[date, ...]]:
    if limit.roll is Roll.NONE or calendar is None:
        return end, ()
    return calendar.court_day_from(end, limit.roll_step)


def _spoken(limit: TimeLimit) -> str:
    unit = limit.unit.replace("_", " ")
    if limit.unit is Unit.HOURS:
        return f"{limit.amount} {unit} {limit.direction} the trigger event."
    return f"{limit.amount} {unit} {limit.direction}, day of the event {limit.first_day}."


def _ends(on: date, due_at: datetime, cutoff: str | None, zone: tzinfo) -> DerivationStep:
    hour = cutoff or f"{due_at.astimezone(zone):%H:%M}"
    return DerivationStep(
        StepKey.ENDS, f"The time limit ends on {on} at {hour} ({zone}).", on, due_at
    )
