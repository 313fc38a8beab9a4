"""Trigger event + time limit + court calendar = due date, with a derivation a lawyer can follow.

Conventions as in reference to the rules they implement: day and month counting after the
general pattern of procedural codes (day of the event out unless the rule says in; months end on
the corresponding day, else on the month's last), custody terms without roll-over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from enum import StrEnum

from service.domain.counting import count, count_hours, to_instant
from service.domain.court_calendars import ONE_DAY, CourtCalendar
from service.domain.time_limits import END_OF_DAY, Roll, TimeLimit, Unit
from service.domain.tolling import Standstill, TollingPeriod, open_since, standstill
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
    TOLLED = "tolled"
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
    """A due date and how it came about. `due_at` is an aware UTC instant: the end of the limit.

    `tolled_since`: the clock stands still with no end in sight, and the date would hold if it were
    lifted on the day for which it was computed.
    """

    due_on: date
    due_at: datetime
    timezone: str
    derivation: tuple[DerivationStep, ...]
    calendar_version: str | None = None
    tolled_since: date | None = None


@dataclass(frozen=True)
class Forum:
    """Where time is counted: the zone, its court calendar (None where no court day matters), what
    tolls the limit, and the day on which one looks (it ends tolling that is open)."""

    zone: tzinfo
    calendar: CourtCalendar | None = None
    tolling: tuple[TollingPeriod, ...] = ()
    as_of: date = date.max

    @property
    def still(self) -> Standstill:
        closures = self.calendar.closures if self.calendar else ()
        return standstill(self.tolling, closures, self.as_of)


def compute(
    trigger: date | datetime, limit: TimeLimit, forum: Forum, source: str | None = None
) -> Computation:
    """Count `limit` from `trigger`: a local date, or an aware instant.

    Raises Refusal `invalid_instant` for hours without an instant, `unknown_calendar` where court
    days matter and none is given, `outside_calendar` beyond the calendar's years.
    """
    if limit.needs_calendar and forum.calendar is None:
        raise Refusal(Code.UNKNOWN_CALENDAR, "This time limit needs a court calendar.", "calendar")
    try:
        if limit.unit is Unit.HOURS:
            return _hours(trigger, limit, forum, source)
        return _dated(local_date(trigger, forum.zone), limit, forum, source)
    except OverflowError as error:
        raise _beyond("time_limit.amount") from error


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


def last_court_day(on: date, calendar: CourtCalendar) -> date:
    """The last court day not after `on`: whoever acts by then is in time on every reading."""
    return calendar.court_day_from(on, -ONE_DAY)[0]


def local_date(moment: date | datetime, zone: tzinfo) -> date:
    """The calendar day of an instant where the forum sits; a bare date is already that."""
    return moment.astimezone(zone).date() if isinstance(moment, datetime) else moment


def end_of_day(on: date, cutoff: str, zone: tzinfo) -> datetime:
    """The UTC instant at which `on` ends: midnight after it, or the cut-off hour."""
    if cutoff == END_OF_DAY:
        return to_instant(datetime.combine(on + ONE_DAY, time()), zone)
    return to_instant(datetime.combine(on, time.fromisoformat(cutoff)), zone)


def _dated(start: date, limit: TimeLimit, forum: Forum, source: str | None) -> Computation:
    """Each limit of the chain from the end of the one before; then the roll, once."""
    steps = [DerivationStep(StepKey.TRIGGER, f"The trigger event falls on {start}.", on=start)]
    end, still = start, forum.still
    for link in limit.chain:
        if link.unit is Unit.HOURS:
            raise Refusal(Code.INVALID_INPUT, "Hours cannot follow days.", "time_limit.then")
        counted = count(end, link, forum.calendar, still)
        end = counted.end
        steps.append(
            DerivationStep(StepKey.COUNTED, _spoken(link), end, None, counted.skipped, source)
        )
    end, rolled = _roll(end, limit, forum.calendar)
    if rolled:
        text = f"{rolled[0]} is no court day: moved {limit.roll.replace('_', ' ')} to {end}."
        steps.append(DerivationStep(StepKey.ROLLED, text, end, None, rolled, source))
    due_at = end_of_day(end, limit.cutoff, forum.zone)
    return _computation(end, due_at, limit, limit.cutoff, forum, steps)


def _hours(
    trigger: date | datetime, limit: TimeLimit, forum: Forum, source: str | None
) -> Computation:
    if not isinstance(trigger, datetime):
        raise Refusal(
            Code.INVALID_INSTANT, "A limit in hours needs an instant with an offset.", "occurred_at"
        )
    zone = forum.zone
    due_at = count_hours(trigger, limit, zone, forum.calendar, forum.still)
    wall = f"{trigger.astimezone(zone):%Y-%m-%d %H:%M} ({zone})"
    counted_on = due_at.astimezone(zone).date()
    steps = [
        DerivationStep(
            StepKey.TRIGGER, f"The trigger event happened at {wall}.", at=trigger.astimezone(UTC)
        ),
        DerivationStep(StepKey.COUNTED, _spoken(limit), counted_on, due_at, (), source),
    ]
    end, rolled = _roll(counted_on, limit, forum.calendar)
    if rolled:
        clock = due_at.astimezone(zone).time()
        due_at = to_instant(datetime.combine(end, clock), zone)
        text = f"{rolled[0]} is no court day: moved to the same hour of {end}."
        steps.append(DerivationStep(StepKey.ROLLED, text, end, due_at, rolled, source))
    return _computation(end, due_at, limit, None, forum, steps)


def _computation(
    end: date,
    due_at: datetime,
    limit: TimeLimit,
    cutoff: str | None,
    forum: Forum,
    steps: Sequence[DerivationStep],
) -> Computation:
    if forum.calendar is not None and forum.calendar.closures:
        forum.calendar.day_off(end)  # refuses beyond the loaded years, whose recesses are not known
    since = open_since(forum.tolling, forum.as_of)
    tolled: tuple[DerivationStep, ...] = ()
    if since is not None:
        text = f"The clock stands still since {since}: the date holds if it runs again on {forum.as_of}."
        tolled = (DerivationStep(StepKey.TOLLED, text, since),)
    needed = forum.calendar is not None and limit.needs_calendar
    return Computation(
        end,
        due_at,
        str(forum.zone),
        (*steps, *tolled, _ends(end, due_at, cutoff, forum.zone)),
        forum.calendar.version if forum.calendar and needed else None,
        since,
    )


def _roll(
    end: date, limit: TimeLimit, calendar: CourtCalendar | None
) -> tuple[date, tuple[date, ...]]:
    if limit.roll is Roll.NONE or calendar is None:
        return end, ()
    return calendar.court_day_from(end, ONE_DAY if limit.rolls_forward else -ONE_DAY)


def _beyond(field: str) -> Refusal:
    return Refusal(Code.INVALID_INPUT, "The date lies beyond the calendar.", field)


def _given(at: datetime | None) -> datetime:
    if at is None:
        raise Refusal(Code.MISSING_FIELD, "A stated deadline needs due_on or due_at.", "due_on")
    return at


def _spoken(limit: TimeLimit) -> str:
    unit = limit.unit.replace("_", " ")
    if limit.unit is Unit.HOURS:
        by = "" if limit.hours_by == "elapsed" else " by the clock on the wall"
        return f"{limit.amount} {unit}{by} {limit.direction} the trigger event."
    ends = "both ends left out" if limit.clear_days else f"day of the event {limit.first_day}"
    passed = ", days off passed over" if limit.skips_days_off else ""
    return f"{limit.amount} {unit} {limit.direction}, {ends}{passed}."


def _ends(on: date, due_at: datetime, cutoff: str | None, zone: tzinfo) -> DerivationStep:
    hour = cutoff or f"{due_at.astimezone(zone):%H:%M}"
    return DerivationStep(
        StepKey.ENDS, f"The time limit ends on {on} at {hour} ({zone}).", on, due_at
    )
