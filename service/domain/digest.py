"""The two mails of a person's day: when each is due on their own clock, and what stands in which section.

Facts and `now` in, lines out; it reads no clock, knows no address and words nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from service.domain.access import Level
from service.domain.counting import to_instant
from service.domain.deadlines import DeadlineKind, DeadlineState, local_date
from service.domain.escalation import Role
from service.domain.notifications import EventType

_DAY, _INSTANT = timedelta(days=1), timedelta(microseconds=1)
_WEEK, _MONTH = 7, 30


@dataclass(frozen=True)
class Turn:
    """`on`: the person's own day that a mail is for; `at`: when it is due."""

    on: date
    at: datetime


def turn_on(on: date, wall: time, zone: tzinfo) -> Turn:
    """An hour that the clock skips is the last instant before the jump, of a doubled one the first."""
    local = datetime.combine(on, wall)
    at = to_instant(local, zone)
    if at.astimezone(zone).replace(tzinfo=None) == local:
        return Turn(on, at)
    # `at` counts by the offset after the jump and so lies before it; by the other one it lies after.
    before, after = at, local.replace(tzinfo=UTC) - _offset(at, zone)
    while after - before > _INSTANT:
        middle = before + (after - before) / 2
        if _offset(middle, zone) == _offset(at, zone):
            before = middle
        else:
            after = middle
    return Turn(on, before)


def _offset(at: datetime, zone: tzinfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def next_turn(wall: time, zone: tzinfo, after: datetime) -> Turn:
    """The first one later than `after`."""
    return next(one for one in _turns(wall, zone, after) if one.at > after)


def last_turn(wall: time, zone: tzinfo, now: datetime) -> Turn:
    """The newest one that has come."""
    return [one for one in _turns(wall, zone, now) if one.at <= now][-1]


def _turns(wall: time, zone: tzinfo, around: datetime) -> list[Turn]:
    first = local_date(around, zone) - 2 * _DAY
    return [turn_on(first + number * _DAY, wall, zone) for number in range(5)]


def rescheduled(pending_on: date | None, wall: time, zone: tzinfo, now: datetime) -> datetime:
    """When the next mail is due after the hour or the zone has changed. `pending_on`: the day whose mail
    was still to come; where the new clock has passed its hour already, it is late, not skipped."""
    turn = next_turn(wall, zone, now)
    return now if pending_on is not None and pending_on < turn.on else turn.at


class Section(StrEnum):
    """In the order in which they are told; the last two are those of the exit check."""

    OVERDUE = "overdue"
    WEEK = "due_within_7_days"
    MONTH = "due_within_30_days"
    UNVERIFIED = "unverified"
    UNANSWERED = "unanswered"
    SNOOZED = "snoozed"
    ACKNOWLEDGED = "acknowledged"
    DECISIONS = "to_decide"
    UNREACHABLE = "unreachable"
    GAPS = "gaps"
    STANDING_STILL = "clock_stands_still"
    TICKED_OFF = "ticked_off"
    OPEN = "due_today_or_tomorrow"


#: Of use to those alone who can act.
_FOR_ACTING = frozenset({Section.UNREACHABLE, Section.GAPS})


class How(StrEnum):
    """How something was ticked off."""

    COMPLETED = "completed"
    WAIVED = "waived"
    CANCELLED = "cancelled"
    MISSED = "missed"
    MOVED_LATER = "moved_later"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"


@dataclass(frozen=True)
class Line:
    """One entry of a section. `instead_of`: the roles of those who are away and for whom the reader stands
    in. `days_left` on the forum's calendar. `what`: a verb, a code or a `How`; `who`: roles, never people;
    `at`: since or until when; `other_on`: the date that it had, or would have."""

    case_id: str
    case_code: str | None
    level: Level = Level.FULL
    deadline_id: str | None = None
    version: int | None = None
    kind: DeadlineKind | None = None
    title: str | None = None
    due_on: date | None = None
    due_at: datetime | None = None
    timezone: str | None = None
    days_left: int | None = None
    instead_of: tuple[Role, ...] = ()
    what: str | None = None
    who: tuple[Role, ...] = ()
    at: datetime | None = None
    because: str | None = None
    other_on: date | None = None


Entry = tuple[Section, Line]
Sections = tuple[tuple[Section, tuple[Line, ...]], ...]


def shown(line: Line, level: Level, instead_of: tuple[Role, ...]) -> Line:
    """The line with everything above `level` taken out."""
    line = replace(line, level=level, instead_of=instead_of)
    if level < Level.BASIS:
        line = replace(line, title=None, because=None)
    return line if level >= Level.CODE else replace(line, case_code=None, kind=None)


@dataclass(frozen=True)
class Answer:
    """The newest answer of one person. `snoozed_until` None: an acknowledgement."""

    who: tuple[Role, ...]
    at: datetime
    snoozed_until: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Standing:
    """One live deadline. `told`: the roles that its ladder told last, and when, None where it has not
    begun; `held`: answers keep its silence. `waiting`: what a person has to decide, `gaps`: the steps
    that would reach nobody, each as a line already."""

    line: Line
    state: DeadlineState
    verified: bool
    told: tuple[tuple[Role, ...], datetime] | None = None
    held: bool = False
    answers: tuple[Answer, ...] = ()
    waiting: tuple[Line, ...] = ()
    gaps: tuple[Line, ...] = ()


def entries(standing: Standing, now: datetime) -> Iterator[Entry]:
    """Every section in which a deadline stands; one that is overdue never leaves its section by age."""
    line = standing.line
    by_date = _by_date(standing, now)
    if by_date is not None:
        yield by_date, line
    if not standing.verified:
        yield Section.UNVERIFIED, line
    running = standing.state is not DeadlineState.SUSPENDED
    if standing.told is not None and not standing.held and running:
        who, at = standing.told
        yield Section.UNANSWERED, replace(line, who=who, at=at)
    for one in standing.answers:
        if one.snoozed_until is None:
            yield Section.ACKNOWLEDGED, replace(line, who=one.who, at=one.at)
        elif one.snoozed_until > now:
            snooze = replace(line, who=one.who, at=one.snoozed_until, because=one.reason)
            yield Section.SNOOZED, snooze
    for waiting in standing.waiting:
        yield Section.DECISIONS, waiting
    for gap in standing.gaps:
        yield Section.GAPS, gap


def _by_date(standing: Standing, now: datetime) -> Section | None:
    """A date whose clock stands still is no date."""
    due_at, left = standing.line.due_at, standing.line.days_left
    if standing.state is DeadlineState.SUSPENDED:
        return Section.STANDING_STILL
    if due_at is None or left is None:
        return None
    if due_at <= now:
        return Section.OVERDUE
    return Section.WEEK if left <= _WEEK else Section.MONTH if left <= _MONTH else None


def due_by_tomorrow(due_on: date, due_at: datetime, on: date, zone: tzinfo) -> bool:
    """Whether it falls on `on` or the day after, by the forum's calendar or by the reader's."""
    near = (on, on + _DAY)
    return due_on in near or local_date(due_at - _INSTANT, zone) in near


@dataclass(frozen=True)
class Overview:
    """One mail: to one reader, for one day of theirs, with what that reader may see and no more.
    `planned_at`: when it should have been said, `as_of` when it was."""

    event: EventType
    reader_id: str
    on: date
    timezone: str
    planned_at: datetime
    as_of: datetime
    sections: Sections = ()
    levels: dict[str, Level] = field(default_factory=dict)

    @property
    def listed(self) -> dict[str, dict[str, int]]:
        """Each case with its level and each deadline with its version: what must hold at handover."""
        lines = [line for _, lines in self.sections for line in lines]
        versions = {
            one.deadline_id: one.version for one in lines if one.deadline_id and one.version
        }
        levels = {case_id: int(level) for case_id, level in self.levels.items()}
        return {"cases": levels, "deadlines": versions}

    @property
    def worth_telling(self) -> bool:
        """A clock that stands still for years is no reason to write every day."""
        return any(section is not Section.STANDING_STILL for section, _ in self.sections)


def arranged(found: Iterable[Entry], acting: frozenset[str]) -> tuple[Sections, dict[str, Level]]:
    """The sections that are not empty, each soonest first, and every case in them with the level at which
    it is shown. `acting`: the cases on which the reader can act."""
    by_section: dict[Section, list[Line]] = {}
    levels: dict[str, Level] = {}
    for section, line in found:
        if section in _FOR_ACTING and line.case_id not in acting:
            continue
        by_section.setdefault(section, []).append(line)
        levels[line.case_id] = line.level
    sections = tuple(
        (one, tuple(sorted(by_section[one], key=_order))) for one in Section if one in by_section
    )
    return sections, levels


def _order(line: Line) -> tuple[datetime, str, str, datetime]:
    last = datetime.max.replace(tzinfo=UTC)
    return (
        line.due_at or last,
        line.case_code or "",
        line.deadline_id or line.case_id,
        line.at or last,
    )
