"""The marks on the ladder: which warnings exist before and after a due instant, and when they are said.

What would be said at night or on a day off is said earlier, never later; what was entered late is
said in less time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

from service.domain.counting import to_instant
from service.domain.court_calendars import CourtCalendar
from service.domain.escalation import Role, Step, Trigger
from service.errors import Refusal

ONE_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)
_AWAKE = (None, None)
#: How far a mark is moved forward before it is left where it was: no office rests for longer.
_MOST_EARLIER = timedelta(days=14)
#: Silence is not borne for less than this, however late a deadline was entered.
_SHORTEST_SILENCE = timedelta(minutes=15)
#: Where time allows, the last person is told this long before the due instant.
_LAST_CALL = timedelta(hours=4)
#: For a forum whose calendar is not known.
_WEEKDAYS = CourtCalendar("weekdays", "", date.min.year, date.max.year)


class QuietHours(NamedTuple):
    """The hours at which one person is not to be woken, on the clock of their own zone; they may run
    over midnight. Instants are UTC. (A tuple, because plans look nights up by it again and again.)"""

    zone: tzinfo
    begin: time
    end: time

    def began(self, at: datetime) -> datetime | None:
        """When the rest began in which `at` lies, None where the person is awake. The first and the
        last instant of a rest are waking."""
        return self._rest(at)[0]

    def ends(self, at: datetime) -> datetime | None:
        """When the rest ends in which `at` lies."""
        return self._rest(at)[1]

    def _rest(self, at: datetime) -> tuple[datetime | None, datetime | None]:
        for night in _nights(self, at.date()):
            if night[0] < at < night[1]:
                return night
        return _AWAKE


@lru_cache(maxsize=16384)
def _nights(hours: QuietHours, on: date) -> tuple[tuple[datetime, datetime], ...]:
    """Every rest in which an instant of this UTC date may lie: elsewhere it may be a day earlier or
    later, and a rest begins on the day before. Kept: every deadline asks for them."""
    begin = datetime.combine(on, time(), UTC)
    nights = (_night(hours, on + days * ONE_DAY) for days in (-2, -1, 0, 1))
    return tuple(one for one in nights if one[0] < begin + ONE_DAY and one[1] > begin)


def _night(hours: QuietHours, first: date) -> tuple[datetime, datetime]:
    last = first if hours.begin < hours.end else first + ONE_DAY
    begin = to_instant(datetime.combine(first, hours.begin), hours.zone)
    return begin, to_instant(datetime.combine(last, hours.end), hours.zone)


@lru_cache(maxsize=16384)
def mark_at(due_at: datetime, offset: timedelta, zone: tzinfo) -> datetime:
    """The UTC instant that lies `offset` from `due_at` (negative: before it).

    Whole days are counted on the wall clock of the forum's `zone`, so that "two days before
    18:00" is 18:00 through a change of the clock; anything shorter is counted in elapsed time. Kept: a
    deadline's plan is made several times in a row, and most limits end with one of the same days.
    """
    days, rest = divmod(abs(offset), ONE_DAY)
    if rest or not days:
        return due_at + offset
    local = due_at.astimezone(zone).replace(tzinfo=None)
    return to_instant(local + (days * ONE_DAY if offset > timedelta() else -days * ONE_DAY), zone)


def marked_at(
    step: Step, due_at: datetime, zone: tzinfo, calendar: CourtCalendar | None
) -> datetime:
    """The UTC instant of a mark. Court days are counted on the forum's calendar, each at the hour of the
    due instant; where it is not known, all but Saturdays and Sundays are."""
    if not step.court_days:
        return mark_at(due_at, step.offset, zone)
    local = (due_at - _INSTANT).astimezone(zone)
    way = -ONE_DAY if step.trigger is Trigger.BEFORE_DUE else ONE_DAY
    try:
        on = _court_days_from(local.date(), way, step.court_days, calendar or _WEEKDAYS)
    except Refusal:
        on = _court_days_from(local.date(), way, step.court_days, _WEEKDAYS)
    return to_instant(datetime.combine(on, local.time()) + _INSTANT, zone)


def _court_days_from(on: date, way: timedelta, number: int, calendar: CourtCalendar) -> date:
    for _ in range(number):
        on = calendar.nearest_court_day(on + way, way)
    return on


def said_by(
    at: datetime, quiet: Sequence[QuietHours], calendar: CourtCalendar | None, zone: tzinfo
) -> datetime:
    """The latest instant not after `at` at which nobody of these rests and the court of the forum sits;
    `at` itself where two weeks hold none."""
    found, earliest = at, at - _MOST_EARLIER
    while found >= earliest:
        awake = _before_rest(found, quiet, earliest)
        found = _open_day(awake, calendar, zone)
        if found == awake:
            return found if found >= earliest else at
    return at


def _before_rest(at: datetime, quiet: Sequence[QuietHours], earliest: datetime) -> datetime:
    """The latest instant not after `at` at which none of these rests, or one before `earliest`."""
    resting = True
    while resting and at >= earliest:
        resting = False
        for one in quiet:
            began = one.began(at)
            if began is not None:
                at, resting = began, len(quiet) > 1
    return at


def waking(at: datetime, quiet: Sequence[QuietHours]) -> datetime:
    """The earliest instant not before `at` at which none of these rests; `at` itself where they never
    are awake together."""
    found = at
    for _ in range(2 * len(quiet) + 1):
        ends = [end for one in quiet if (end := one.ends(found)) is not None]
        found = max(ends, default=found)
        if not ends or len(quiet) == 1:
            return found
    return at


def _open_day(at: datetime, calendar: CourtCalendar | None, zone: tzinfo) -> datetime:
    """The same hour of the last court day not after `at`; midnight is the end of the day before."""
    if calendar is None:
        return at
    local = (at - _INSTANT).astimezone(zone)
    today = local.date()
    if (on := _last_court_day(today, calendar)) == today:
        return at
    return to_instant(datetime.combine(on, local.time()) + _INSTANT, zone)


def _last_court_day(on: date, calendar: CourtCalendar) -> date:
    """Where the calendar does not know the year, every day is as good as any other."""
    try:
        return calendar.nearest_court_day(on, -ONE_DAY)
    except Refusal:
        return on


def shortened(
    steps: Sequence[Step],
    due_at: datetime,
    entered_at: datetime,
    zone: tzinfo,
    calendar: CourtCalendar | None = None,
) -> tuple[Step, ...]:
    """The ladder of a deadline that was entered (or moved) after its first marks had passed.

    The missed marks become one; those whom silence would have reached meanwhile follow on shorter
    silence, so that the last of them is told before the last quarter of the remaining time begins,
    before the next mark, and, where that is possible, four hours before the due instant. Where even
    a quarter of an hour each is too long, all are told at once.
    """
    marks = {
        number: marked_at(step, due_at, zone, calendar)
        for number, step in enumerate(steps)
        if step.is_mark
    }
    missed = [number for number, at in marks.items() if at <= entered_at]
    if not missed:
        return tuple(steps)
    newest, rest = missed[-1], [number for number in marks if number > missed[-1]]
    following = rest[0] if rest else len(steps)
    targets = [steps[newest].targets, *(steps[number].targets for number in missed[:-1])]
    head = replace(steps[newest], targets=_united(targets))
    silent = _unheard(steps[:following], head.targets)
    ends = [entered_at + (due_at - entered_at) * 3 / 4, *(marks[number] for number in rest[:1])]
    room = min(ends) - entered_at
    wanted = due_at - _LAST_CALL - entered_at
    if wanted >= len(silent) * _SHORTEST_SILENCE:
        room = min(room, wanted)
    if room < len(silent) * _SHORTEST_SILENCE:
        head = replace(head, targets=_united([head.targets, *(one.targets for one in silent)]))
        return (head, *steps[following:])
    return (head, *_squeezed(silent, room), *steps[following:])


def _unheard(steps: Iterable[Step], told: tuple[Role, ...]) -> list[Step]:
    """The silent steps that reach somebody new."""
    heard, found = set(told), []
    for step in steps:
        if not step.is_mark and not set(step.targets) <= heard:
            heard |= set(step.targets)
            found.append(step)
    return found


def _squeezed(silent: Sequence[Step], room: timedelta) -> list[Step]:
    """The same silences in proportion, such that all are over within `room`."""
    total = sum((one.after for one in silent), timedelta())
    if total <= room:
        return list(silent)
    floor = len(silent) * _SHORTEST_SILENCE
    share = (room - floor) / total
    return [replace(one, after=_SHORTEST_SILENCE + one.after * share) for one in silent]


def _united(targets: Iterable[tuple[Role, ...]]) -> tuple[Role, ...]:
    return tuple(dict.fromkeys(role for group in targets for role in group))


def is_late(planned_at: datetime, now: datetime) -> bool:
    """Whether a notice is so late that it must say so (over 15 minutes)."""
    return now - planned_at > timedelta(minutes=15)
