"""The calculator: a trigger and a time limit or a rule, without a case and without a trace."""

import hashlib
from datetime import date, datetime
from zoneinfo import ZoneInfo

from service.clock import zone_data_version
from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import Forum, compute, local_date
from service.domain.time_limits import TimeLimit
from service.domain.tolling import TollingPeriod
from service.errors import Code, Refusal
from service.flows.readings import Basis, Found, Read, act_by, read
from service.flows.sitting import Sitting
from service.rules.library import Rule, Status
from service.schemas.computations import (
    CalendarIn,
    ComputationIn,
    ComputationOut,
    DerivationStepOut,
    ReadingOut,
    TimeLimitIn,
)

#: Nobody can vouch for a date beyond this year; a recess without end leads there.
_LAST_YEAR = 2099
#: What only a rule can make use of.
_OF_A_RULE = ("applies_on", "respondent_state", "facts_on", "service_method")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


async def answer(sitting: Sitting, body: ComputationIn) -> ComputationOut:
    """Raises Refusal with the field at fault."""
    rule = sitting.library.get(body.rule) if body.rule else None
    wanted = body.calendar or (rule.calendar if rule else None)
    if isinstance(wanted, CalendarIn):
        return computed(body, rule, _inline(wanted), sitting.now)
    return computed(body, rule, await sitting.calendar(wanted), sitting.now)


def computed(
    body: ComputationIn, rule: Rule | None, calendar: CourtCalendar | None, now: datetime
) -> ComputationOut:
    """The answer to one computation, its calendar at hand."""
    zone = ZoneInfo(body.timezone or (rule.timezone if rule else "UTC"))
    tolling = tuple(TollingPeriod(first, until) for first, until in body.tolling)
    forum = Forum(zone, calendar, tolling, body.as_of or local_date(now, zone))
    decided_on = body.applies_on or local_date(body.trigger, zone)
    found = _read_rule(rule, body, decided_on, forum) if rule else _read_limit(body, forum)
    safe = found.safe.computation
    _check_year(safe.due_on, body, calendar)
    warnings = _warnings_of_rule(rule, body, decided_on) if rule else []
    if safe.tolled_since is not None:
        since = safe.tolled_since
        warnings.append(f"The clock stands still since {since}; the date is provisional.")
    return ComputationOut(
        due_on=safe.due_on,
        due_at=safe.due_at,
        timezone=safe.timezone,
        earliest_on=safe.due_on,
        act_by_on=found.act_by_on,
        readings=[_reading(read) for read in found.reads],
        derivation=[DerivationStepOut.model_validate(step) for step in safe.derivation],
        calendar_version=found.calendar_version,
        zone_data_version=zone_data_version(),
        tolled_since=safe.tolled_since,
        sources=[source.model_dump(mode="json") for source in rule.sources] if rule else [],
        rule_status=rule.status_with(body.service_method) if rule else None,
        warnings=warnings,
    )


def unconfirmed(status: Status) -> str | None:
    """What to say of a rule that is not verified."""
    if status is Status.VERIFIED:
        return None
    return f"This rule is {status}: confirm before relying on this."


def time_limit(shape: TimeLimitIn) -> TimeLimit:
    """Raises Refusal where the fields contradict each other."""
    plain = shape.model_dump(exclude={"then"})
    return TimeLimit(**plain, then=time_limit(shape.then) if shape.then else None)


def _read_rule(rule: Rule, body: ComputationIn, decided_on: date, forum: Forum) -> Found:
    """The trigger is the date that the rule runs from, or, where service is deemed, that of dispatch;
    no other date is known here but that of the decision whose law applies."""
    effect = rule.service_effect(body.service_method)
    basis = Basis(
        moments={rule.counted_from: body.trigger},
        as_of=forum.as_of,
        applies_on=decided_on,
        sent_on=local_date(body.trigger, forum.zone) if effect and effect.deemed else None,
        service_method=body.service_method,
        facts_on=body.facts_on,
        respondent_state=body.respondent_state,
        tolling=forum.tolling,
    )
    if body.timezone:
        rule = rule.model_copy(update={"timezone": body.timezone})
    return read(rule, basis, forum.calendar)


def _read_limit(body: ComputationIn, forum: Forum) -> Found:
    if body.time_limit is None:
        raise Refusal(Code.MISSING_FIELD, "Give either time_limit or rule.", "time_limit")
    for name in _OF_A_RULE:
        if getattr(body, name) is not None:
            raise Refusal(Code.INVALID_INPUT, f"Only a rule knows what to do with {name}.", name)
    limit = time_limit(body.time_limit)
    reads = [Read(compute(body.trigger, limit, forum), limit, "the limit as given")]
    act_by_on = act_by(reads[0].computation.due_on, limit, forum.calendar, None)
    return Found(reads, act_by_on, forum.calendar.version if forum.calendar else None)


def _check_year(due_on: date, body: ComputationIn, calendar: CourtCalendar | None) -> None:
    if due_on.year > _LAST_YEAR:
        stopped = body.tolling or (calendar is not None and calendar.closures)
        field = "calendar" if stopped else "time_limit.amount"
        raise Refusal(Code.OUTSIDE_CALENDAR, f"The limit ends beyond {_LAST_YEAR}.", field)


def _reading(read: Read) -> ReadingOut:
    found = read.computation
    return ReadingOut(due_on=found.due_on, due_at=found.due_at, reason=read.reason)


def _warnings_of_rule(rule: Rule, body: ComputationIn, decided_on: date) -> list[str]:
    """What a person should know before relying on the date."""
    warnings = []
    method = body.service_method
    if unsure := unconfirmed(rule.status_with(method)):
        warnings.append(unsure)
    if note := rule.version_on(decided_on).note:
        warnings.append(note)
    if method and method not in rule.service:
        warnings.append(f"The rule says nothing of service by {method}: nothing was added for it.")
    elif method and (note := rule.service[method].note):
        warnings.append(note)
    if rule.states_left and not body.respondent_state:
        states = ", ".join(left.state for left in rule.states_left)
        warnings.append(
            f"The rule has an end, or no place, against {states}: give respondent_state."
        )
    if rule.applies_by is not rule.counted_from and len(rule.versions) > 1 and not body.applies_on:
        warnings.append(
            f"The law of {decided_on} was applied; what counts is the day of {rule.applies_by}: give "
            f"applies_on where it is another day."
        )
    return warnings


def _inline(shape: CalendarIn) -> CourtCalendar:
    """A calendar that the caller vouches for: it knows every year."""
    digest = hashlib.sha256(shape.model_dump_json().encode()).hexdigest()[:12]
    return CourtCalendar(
        code="inline",
        version=f"inline+{digest}",
        first_year=date.min.year,
        last_year=date.max.year,
        weekend=frozenset(_WEEKDAYS.index(day) for day in shape.weekend),
        days_off=dict.fromkeys(shape.days_off, "day off"),
        court_days=frozenset(shape.court_days),
        closures=tuple(shape.closures),
    )
