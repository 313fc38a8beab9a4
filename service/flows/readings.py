"""A rule may be read in several ways: each is computed, and the earliest is the safe one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from operator import itemgetter
from typing import Protocol
from zoneinfo import ZoneInfo

from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import (
    DeadlineKind,
    Forum,
    compute,
    due,
    last_court_day,
    local_date,
)
from service.domain.derivations import Computation
from service.domain.service_of_process import ServiceEffect, ServiceMethod
from service.domain.time_limits import TimeLimit, Unit
from service.domain.tolling import TollingPeriod
from service.errors import Code, Refusal
from service.rules.library import CountedFrom, Moment, Moments, Rule


class EventDates(Protocol):
    """What a trigger event's row, or a part of it, says."""

    occurred_on: date
    occurred_at: datetime | None
    sent_on: date | None
    served_on: date | None
    service_method: ServiceMethod | None
    ruled_on: date | None
    facts_on: date | None


class Ground(Protocol):
    """What a case's row says of where it is brought, and against whom."""

    calendar: str | None
    respondent_state: str | None


@dataclass(frozen=True)
class Basis:
    """What the readings of a rule rest on. `moments`: what the trigger event says of itself; one that
    is not known is left out. `calendar`: code of the case's own court calendar. `as_of`: the day on
    which tolling that is open is taken to be lifted."""

    moments: Moments
    as_of: date
    applies_on: date | None = None
    sent_on: date | None = None
    service_method: ServiceMethod | None = None
    facts_on: date | None = None
    respondent_state: str | None = None
    calendar: str | None = None
    tolling: tuple[TollingPeriod, ...] = ()


@dataclass(frozen=True)
class Read:
    """One reading: the date, how it was counted, and the argument for it."""

    computation: Computation
    limit: TimeLimit
    reason: str


@dataclass(frozen=True)
class Found:
    """The readings of one rule for one event, the earliest first, and the day to act by."""

    reads: Sequence[Read]
    act_by_on: date | None
    calendar_version: str | None

    @property
    def safe(self) -> Read:
        return self.reads[0]


@dataclass(frozen=True)
class _Count:
    """One way to count: from when, what, lengthened by what, and why so."""

    moment: Moment
    limit: TimeLimit
    served: ServiceEffect | None
    reason: str


def basis_of(
    event: EventDates, case: Ground, tolling: tuple[TollingPeriod, ...], as_of: date
) -> Basis:
    """What is known of an entered trigger event."""
    known: dict[CountedFrom, Moment | None] = {
        CountedFrom.OCCURRENCE: event.occurred_at or event.occurred_on,
        CountedFrom.SERVICE: event.served_on,
        CountedFrom.RULING: event.ruled_on,
    }
    return Basis(
        moments={name: moment for name, moment in known.items() if moment is not None},
        as_of=as_of,
        sent_on=event.sent_on,
        service_method=event.service_method,
        facts_on=event.facts_on,
        respondent_state=case.respondent_state,
        calendar=case.calendar,
        tolling=tolling,
    )


def calendar_code(rule: Rule, basis: Basis) -> str | None:
    """The calendar that tells court days where the case is; whether they decide is the rule's matter."""
    return basis.calendar or rule.calendar


def read(rule: Rule, basis: Basis, calendar: CourtCalendar | None) -> Found:
    """All readings, each with its derivation. Raises Refusal: `missing_field` where the rule's own
    count lacks its date (a reading that lacks one is left out), `rule_not_in_force`,
    `rule_not_applicable`, and whatever the computation refuses."""
    forum = _forum(rule, basis, calendar)
    found = [
        Read(
            compute(one.moment, one.limit, forum, rule.citation, one.served), one.limit, one.reason
        )
        for one in _counts(rule, basis, forum.zone)
    ]
    found.sort(key=lambda one: one.computation.due_at)
    act_by_on = act_by(found[0].computation.due_on, found[0].limit, calendar, rule)
    told = act_by_on is not None or rule.needs_calendar
    return Found(found, act_by_on, calendar.version if calendar and told else None)


def safe_date(
    rule: Rule, basis: Basis, calendar: CourtCalendar | None
) -> tuple[datetime, date, date | None]:
    """The earliest reading alone, unexplained, as instant and day, and the day to act by; raises as
    `read`."""
    forum = _forum(rule, basis, calendar)
    found = [
        (*due(one.moment, one.limit, forum, one.served), one.limit)
        for one in _counts(rule, basis, forum.zone)
    ]
    due_on, due_at, limit = min(found, key=itemgetter(1))
    return due_at, due_on, act_by(due_on, limit, calendar, rule)


def act_by(
    due_on: date, limit: TimeLimit, calendar: CourtCalendar | None, rule: Rule | None
) -> date | None:
    """The last court day not after the date. None for a custody clock, which ends when it ends, and for
    a date that rests on no court day and lies beyond the years that the calendar knows."""
    custody = rule is not None and rule.kind is DeadlineKind.CUSTODY
    if calendar is None or custody or limit.unit is Unit.HOURS:
        return None
    try:
        return last_court_day(due_on, calendar)
    except Refusal:
        if rule is None or rule.needs_calendar:
            raise
        return None


def _forum(rule: Rule, basis: Basis, calendar: CourtCalendar | None) -> Forum:
    """A recess of the court stops no clock that court days do not decide."""
    decisive = calendar if rule.needs_calendar else None
    return Forum(ZoneInfo(rule.timezone), decisive, basis.tolling, basis.as_of)


def _counts(rule: Rule, basis: Basis, zone: tzinfo) -> Iterator[_Count]:
    if rule.counted_from not in basis.moments and not _dispatched(rule, basis):
        field = rule.counted_from.field
        raise Refusal(
            Code.MISSING_FIELD,
            f"Rule {rule.id} runs from {rule.counted_from}: give {field}.",
            field,
        )
    moments = basis.moments
    occurred = moments.get(CountedFrom.OCCURRENCE) or moments.get(rule.counted_from, basis.as_of)
    applies_on = basis.applies_on or local_date(occurred, zone)
    rule.check_applies(basis.respondent_state, basis.facts_on, applies_on)
    by_event = basis.applies_on is None
    version = rule.version_for(moments) if by_event else rule.version_on(applies_on)
    own = version.reason or f"{rule.id}, {rule.status}"
    yield _count(rule, basis, rule.counted_from, version.time_limit.time_limit(), own)
    for reading in version.readings:
        limit, counted_from = (
            reading.time_limit.time_limit(),
            reading.counted_from or rule.counted_from,
        )
        moment = basis.moments.get(counted_from)
        if moment is None or (limit.unit is Unit.HOURS and not isinstance(moment, datetime)):
            continue
        yield _count(rule, basis, counted_from, limit, reading.reason)


def _count(
    rule: Rule, basis: Basis, counted_from: CountedFrom, limit: TimeLimit, reason: str
) -> _Count:
    """Where the law fixes the day on which a paper counts as served, that day and not its receipt."""
    effect = rule.service_effect(basis.service_method)
    if effect is None:
        return _Count(basis.moments[counted_from], limit, None, reason)
    if _dispatched(rule, basis) and counted_from is rule.counted_from and basis.sent_on:
        return _Count(basis.sent_on, limit, effect, reason)
    kept = replace(effect, deemed=None) if effect.added else None
    return _Count(basis.moments[counted_from], limit, kept, reason)


def _dispatched(rule: Rule, basis: Basis) -> bool:
    """Whether the limit runs from the day that the law deems to follow dispatch."""
    effect = rule.service_effect(basis.service_method)
    return effect is not None and effect.deemed is not None and basis.sent_on is not None
