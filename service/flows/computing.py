"""The calculator: a trigger and a time limit or a rule, without a case and without a trace."""

import hashlib
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from service.clock import zone_data_version
from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import DeadlineKind, Forum, compute, local_date
from service.domain.time_limits import TimeLimit
from service.domain.tolling import TollingPeriod
from service.errors import Code, Refusal
from service.flows.calendars import court_calendar
from service.flows.readings import Read, act_by, read_rule
from service.rules.library import Rule, RuleLibrary, Status
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
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Calculator:
    """Answers computations; stored calendars are read once, however many ask for them."""

    def __init__(self, session: AsyncSession, library: RuleLibrary, now: datetime) -> None:
        self._session, self._library, self._now = session, library, now
        self._calendars: dict[str, CourtCalendar] = {}

    async def answer(self, body: ComputationIn) -> ComputationOut:
        """Raises Refusal with the field at fault."""
        rule = self._library.get(body.rule) if body.rule else None
        wanted = body.calendar or (rule.calendar if rule else None)
        if isinstance(wanted, CalendarIn):
            return computed(body, rule, _inline(wanted), self._now)
        return computed(body, rule, await self._stored(wanted), self._now)

    async def _stored(self, code: str | None) -> CourtCalendar | None:
        if code is None:
            return None
        if code not in self._calendars:
            self._calendars[code] = await court_calendar(self._session, code, self._now)
        return self._calendars[code]


def computed(
    body: ComputationIn, rule: Rule | None, calendar: CourtCalendar | None, now: datetime
) -> ComputationOut:
    """The answer to one computation, its calendar at hand."""
    zone = ZoneInfo(body.timezone or (rule.timezone if rule else "UTC"))
    tolling = tuple(TollingPeriod(first, until) for first, until in body.tolling)
    forum = Forum(zone, calendar, tolling, body.as_of or local_date(now, zone))
    reads = _reads(body, rule, forum)
    first = reads[0].computation
    if first.due_on.year > _LAST_YEAR:
        stopped = body.tolling or (calendar is not None and calendar.closures)
        field = "calendar" if stopped else "time_limit.amount"
        raise Refusal(Code.OUTSIDE_CALENDAR, f"The limit ends beyond {_LAST_YEAR}.", field)
    custody = rule is not None and rule.kind is DeadlineKind.CUSTODY
    return ComputationOut(
        due_on=first.due_on,
        due_at=first.due_at,
        timezone=first.timezone,
        earliest_on=first.due_on,
        act_by_on=act_by(first.due_on, reads[0].limit, forum, custody),
        readings=[
            ReadingOut(
                due_on=read.computation.due_on, due_at=read.computation.due_at, reason=read.reason
            )
            for read in reads
        ],
        derivation=[DerivationStepOut.model_validate(step) for step in first.derivation],
        calendar_version=calendar.version if calendar else None,
        zone_data_version=zone_data_version(),
        tolled_since=first.tolled_since,
        sources=[source.model_dump(mode="json") for source in rule.sources] if rule else [],
        rule_status=rule.status if rule else None,
        warnings=_warnings(rule, body, zone, first.tolled_since),
    )


def _reads(body: ComputationIn, rule: Rule | None, forum: Forum) -> list[Read]:
    """For a rule, the trigger is the date that it runs from; no other date is known here."""
    if rule is not None:
        version = rule.version_on(local_date(body.trigger, forum.zone))
        return read_rule(rule, version, {rule.counted_from: body.trigger}, forum)
    if body.time_limit is None:
        raise Refusal(Code.MISSING_FIELD, "Give either time_limit or rule.", "time_limit")
    limit = time_limit(body.time_limit)
    return [Read(compute(body.trigger, limit, forum), limit, "the limit as given")]


def time_limit(shape: TimeLimitIn) -> TimeLimit:
    """Raises Refusal where the fields contradict each other."""
    plain = shape.model_dump(exclude={"then"})
    return TimeLimit(**plain, then=time_limit(shape.then) if shape.then else None)


def _warnings(
    rule: Rule | None, body: ComputationIn, zone: ZoneInfo, tolled_since: date | None
) -> list[str]:
    warnings = []
    if rule is not None:
        note = rule.version_on(local_date(body.trigger, zone)).note
        if rule.status is not Status.VERIFIED:
            warnings.append(f"This rule is {rule.status}: confirm before relying on this.")
        if note:
            warnings.append(note)
    if tolled_since is not None:
        warnings.append(f"The clock stands still since {tolled_since}; the date is provisional.")
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
