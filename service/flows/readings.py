"""A rule may be read in several ways: each is computed, and the earliest is the safe one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.deadlines import (
    Computation,
    DeadlineKind,
    Forum,
    compute,
    last_court_day,
    local_date,
)
from service.domain.time_limits import TimeLimit, Unit
from service.errors import Code, Refusal
from service.flows.calendars import court_calendar
from service.rules.library import CountedFrom, Rule, Version
from service.store.cases import Case
from service.store.trigger_events import TriggerEvent

Moment = date | datetime
#: What a trigger event says of itself; a moment that is not known is left out.
Moments = Mapping[CountedFrom, Moment]

_FIELDS = {
    CountedFrom.OCCURRENCE: "occurred_on",
    CountedFrom.SERVICE: "served_on",
    CountedFrom.RULING: "ruled_on",
}


@dataclass(frozen=True)
class Read:
    """One reading: the date, how it was counted, and the argument for it."""

    computation: Computation
    limit: TimeLimit
    reason: str


def read_rule(rule: Rule, version: Version, moments: Moments, forum: Forum) -> list[Read]:
    """All readings, the earliest first. Raises Refusal `missing_field` where the rule's own count
    lacks its date; another reading that lacks one is left out."""
    if rule.counted_from not in moments:
        field = _FIELDS[rule.counted_from]
        raise Refusal(
            Code.MISSING_FIELD,
            f"Rule {rule.id} runs from {rule.counted_from}: give {field}.",
            field,
        )
    own = version.reason or f"{rule.id}, {rule.status}"
    found = [_read(moments[rule.counted_from], version.time_limit.time_limit(), forum, rule, own)]
    for reading in version.readings:
        limit = reading.time_limit.time_limit()
        moment = moments.get(reading.counted_from or rule.counted_from)
        if moment is None or (limit.unit is Unit.HOURS and not isinstance(moment, datetime)):
            continue
        found.append(_read(moment, limit, forum, rule, reading.reason))
    return sorted(found, key=lambda read: read.computation.due_at)


def act_by(due_on: date, limit: TimeLimit, forum: Forum, custody: bool) -> date | None:
    """The last court day not after the date; a custody clock ends when it ends, court day or not."""
    if forum.calendar is None or custody or limit.unit is Unit.HOURS:
        return None
    return last_court_day(due_on, forum.calendar)


def _read(moment: Moment, limit: TimeLimit, forum: Forum, rule: Rule, reason: str) -> Read:
    return Read(compute(moment, limit, forum, rule.citation), limit, reason)


@dataclass(frozen=True)
class Found:
    """The readings of one rule for one event, the earliest first, and the day to act by."""

    reads: list[Read]
    act_by_on: date | None
    calendar_version: str | None


async def read_event(
    session: AsyncSession, rule: Rule, event: TriggerEvent, case: Case, now: datetime
) -> Found:
    """The law in force when the event occurred decides; the limit runs from the date the rule says."""
    version = rule.version_on(event.occurred_on)
    counts = [version.time_limit, *(reading.time_limit for reading in version.readings)]
    code = case.calendar or rule.calendar
    needed = rule.calendar or any(one.time_limit().needs_calendar for one in counts)
    calendar = await court_calendar(session, code, now) if needed and code else None
    zone = ZoneInfo(rule.timezone)
    forum = Forum(zone, calendar, as_of=local_date(now, zone))
    reads = read_rule(rule, version, _moments(event), forum)
    custody = rule.kind is DeadlineKind.CUSTODY
    safe = reads[0]
    act_by_on = act_by(safe.computation.due_on, safe.limit, forum, custody)
    return Found(reads, act_by_on, calendar.version if calendar else None)


def _moments(event: TriggerEvent) -> dict[CountedFrom, date | datetime]:
    known: dict[CountedFrom, date | datetime | None] = {
        CountedFrom.OCCURRENCE: event.occurred_at or event.occurred_on,
        CountedFrom.SERVICE: event.served_on,
        CountedFrom.RULING: event.ruled_on,
    }
    return {name: moment for name, moment in known.items() if moment is not None}
