"""Trigger event + time limit + court calendar = due date, with a derivation a lawyer can follow.

Conventions as in reference to the rules they implement: day and month counting after the
general pattern of procedural codes (day of the event out unless the rule says in; months end on
the corresponding day, else on the month's last), custody terms without roll-over.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from enum import StrEnum
from functools import cached_property

from service.domain.conventions import Conventions, conventions
from service.domain.counting import (
    count_hours,
    midnight,
    to_instant,
)
from service.domain.court_calendars import ONE_DAY, CourtCalendar
from service.domain.derivations import Computation, Derivation
from service.domain.service_of_process import (
    ServiceEffect,
    check_hours,
    count_served,
    needs_calendar,
)
from service.domain.time_limits import END_OF_DAY, TimeLimit
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


class Fate(StrEnum):
    """What becomes of a deadline and can start another clock. `due`: that its end is known, from
    which another limit is counted back; `lapse`: it has passed without the act; `completion`: the
    act was done; `refusal`: done, and against the person who asked."""

    DUE = "due"
    LAPSE = "lapse"
    COMPLETION = "completion"
    REFUSAL = "refusal"


class ExtensionState(StrEnum):
    REQUESTED = "requested"
    GRANTED = "granted"
    REFUSED = "refused"


class DeadlineState(StrEnum):
    """`provisional` until a second person has verified it; reminders run all the same. `suspended`
    while its clock stands still with no end in sight."""

    PROVISIONAL = "provisional"
    OPEN = "open"
    SUSPENDED = "suspended"
    COMPLETED = "completed"
    MISSED = "missed"
    WAIVED = "waived"
    CANCELLED = "cancelled"


#: Not ended: shown in feeds, told when they move. A suspended one reminds nobody until it runs again.
LIVE_STATES = frozenset({DeadlineState.PROVISIONAL, DeadlineState.OPEN, DeadlineState.SUSPENDED})
#: The clock runs towards the due instant.
RUNNING_STATES = LIVE_STATES - {DeadlineState.SUSPENDED}

#: Every legal move; whatever is not here is refused. The ended states keep their deadline visible.
TRANSITIONS: dict[str, tuple[frozenset[DeadlineState], DeadlineState]] = {
    "verify": (frozenset({DeadlineState.PROVISIONAL}), DeadlineState.OPEN),
    **{
        verb: (LIVE_STATES, state)
        for verb, state in (
            ("complete", DeadlineState.COMPLETED),
            ("miss", DeadlineState.MISSED),
            ("waive", DeadlineState.WAIVED),
            ("cancel", DeadlineState.CANCELLED),
        )
    },
}


def live_state(verified: bool, tolled: bool) -> DeadlineState:
    """The state of a deadline that has not ended."""
    if tolled:
        return DeadlineState.SUSPENDED
    return DeadlineState.OPEN if verified else DeadlineState.PROVISIONAL


def next_state(state: DeadlineState, verb: str) -> DeadlineState:
    """Raises Refusal `illegal_state` when `verb` does not apply in `state`."""
    sources, target = TRANSITIONS[verb]
    if state not in sources:
        raise Refusal(Code.ILLEGAL_STATE, f"The deadline is {state}; it cannot {verb} from there.")
    return target


#: What stands still where nothing does.
_RUNS = Standstill()


@dataclass(frozen=True)
class Forum:
    """Where time is counted: the zone, its court calendar (None where no court day matters), what
    tolls the limit, and the day on which one looks (it ends tolling that is open)."""

    zone: tzinfo
    calendar: CourtCalendar | None = None
    tolling: tuple[TollingPeriod, ...] = ()
    as_of: date = date.max

    @cached_property
    def still(self) -> Standstill:
        """The days on which the clock stands still, court recess among them."""
        closures = self.calendar.closures if self.calendar else ()
        if not self.tolling and not closures:
            return _RUNS
        return standstill(self.tolling, closures, self.as_of)


def due(
    trigger: date | datetime, limit: TimeLimit, forum: Forum, served: ServiceEffect | None = None
) -> tuple[date, datetime]:
    """The day and the UTC instant on which `limit` ends, and nothing said of how; refuses as
    `compute` does."""
    return _reckoned(trigger, conventions(limit), forum, served, None)


def compute(
    trigger: date | datetime,
    limit: TimeLimit,
    forum: Forum,
    source: str | None = None,
    served: ServiceEffect | None = None,
) -> Computation:
    """Count `limit` from `trigger`, a local date or an aware instant: `due`, and how it came about.
    With `served`, `trigger` is the day of dispatch where service is deemed.

    Raises Refusal `invalid_instant` for hours without an instant, `unknown_calendar` where court
    days matter and none is given, `outside_calendar` beyond the calendar's years, `invalid_input`
    beyond the years that there are and for days that would follow hours.
    """
    how, told, calendar = conventions(limit), Derivation(forum.zone, source), forum.calendar
    due_on, due_at = _reckoned(trigger, how, forum, served, told)
    since = open_since(forum.tolling, forum.as_of) if forum.tolling else None
    if since is not None:
        told.tolled(since, forum.as_of)
    told.ended(due_on, due_at, None if how.in_hours else limit.cutoff)
    needed = calendar is not None and (how.needs_calendar or needs_calendar(served))
    return Computation(
        due_on,
        due_at,
        str(forum.zone),
        tuple(told.steps),
        calendar.version if calendar is not None and needed else None,
        since,
    )


def stated(
    on: date | None,
    at: datetime | None,
    zone: tzinfo,
    source: str | None,
    tolling: tuple[TollingPeriod, ...] = (),
    as_of: date = date.max,
) -> Computation:
    """A date that a person read off a paper or set: recorded with where it stands, not computed. What
    has stood still since then pushes it on, day by day."""
    told = Derivation(zone, source)
    still, since = standstill(tolling, (), as_of), open_since(tolling, as_of)
    try:
        said_on = on or local_date(_given(at), zone)
        told.stated(said_on, at.astimezone(UTC) if at else None)
        due_on = still.pushed(said_on)
        due_at = (
            end_of_day(due_on, END_OF_DAY, zone) if at is None else _same_hour(at, due_on, zone)
        )
    except OverflowError as error:
        raise _beyond("due_on") from error
    if due_on != said_on:
        told.pushed(said_on, due_on)
    if since is not None:
        told.tolled(since, as_of)
    told.ended(due_on, due_at, END_OF_DAY if on else None)
    return Computation(due_on, due_at, str(zone), tuple(told.steps), None, since)


def _same_hour(at: datetime, on: date, zone: tzinfo) -> datetime:
    """The hour of `at` on the forum's clock, on another day."""
    local = at.astimezone(zone)
    if local.date() == on:
        return at.astimezone(UTC)
    return to_instant(datetime.combine(on, local.time()), zone)


def last_court_day(on: date, calendar: CourtCalendar) -> date:
    """The last court day not after `on`: whoever acts by then is in time on every reading."""
    return calendar.court_day_from(on, -ONE_DAY)[0]


def local_date(moment: date | datetime, zone: tzinfo) -> date:
    """The calendar day of an instant where the forum sits; a bare date is already that."""
    return moment.astimezone(zone).date() if isinstance(moment, datetime) else moment


def end_of_day(on: date, cutoff: str, zone: tzinfo) -> datetime:
    """The UTC instant at which `on` ends: midnight after it, or the cut-off hour."""
    if cutoff == END_OF_DAY:
        return midnight(on + ONE_DAY, zone)
    return to_instant(datetime.combine(on, time.fromisoformat(cutoff)), zone)


def _reckoned(
    trigger: date | datetime,
    how: Conventions,
    forum: Forum,
    served: ServiceEffect | None,
    told: Derivation | None,
) -> tuple[date, datetime]:
    """The one engine; `told` writes its steps down for whoever asks."""
    calendar = forum.calendar
    if calendar is None and (how.needs_calendar or needs_calendar(served)):
        raise Refusal(Code.UNKNOWN_CALENDAR, "This time limit needs a court calendar.", "calendar")
    try:
        if how.in_hours:
            end, due_at = _hours(trigger, how, forum, served, told)
        else:
            start = local_date(trigger, forum.zone)
            end = count_served(start, how, calendar, forum.still, served, told)
            due_at = end_of_day(end, how.limit.cutoff, forum.zone)
    except OverflowError as error:
        raise _beyond("time_limit.amount") from error
    if calendar is not None and calendar.closures:
        calendar.day_off(end)  # refuses beyond the loaded years, whose recesses are not known
    return end, due_at


def _hours(
    trigger: date | datetime,
    how: Conventions,
    forum: Forum,
    served: ServiceEffect | None,
    told: Derivation | None,
) -> tuple[date, datetime]:
    check_hours(served)
    if not isinstance(trigger, datetime):
        raise Refusal(
            Code.INVALID_INSTANT, "A limit in hours needs an instant with an offset.", "occurred_at"
        )
    zone, calendar, local = forum.zone, forum.calendar, trigger.astimezone(forum.zone)
    due_at = count_hours(local, how.limit, zone, calendar, forum.still)
    counted = due_at.astimezone(zone)
    if told is not None:
        told.began_at(local)
        told.counted_hours(how.limit, counted.date(), due_at)
    if how.roll is None or calendar is None:
        return counted.date(), due_at
    end, skipped = calendar.court_day_from(counted.date(), how.roll)
    if skipped:
        due_at = to_instant(datetime.combine(end, counted.time()), zone)
    if skipped and told is not None:
        told.rolled_hours(end, due_at, skipped)
    return end, due_at


def _beyond(field: str) -> Refusal:
    return Refusal(Code.INVALID_INPUT, "The date lies beyond the calendar.", field)


def _given(at: datetime | None) -> datetime:
    if at is None:
        raise Refusal(Code.MISSING_FIELD, "A stated deadline needs due_on or due_at.", "due_on")
    return at
