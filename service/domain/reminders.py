"""The marks on the ladder: which warnings exist before and after a due instant, and when they are said.

What would be said at night or on a day off is said earlier, never later; what was entered late is
said in less time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo

from service.domain.counting import to_instant
from service.domain.court_calendars import CourtCalendar
from service.domain.escalation import Role, Step
from service.errors import Refusal

ONE_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)
#: How far a mark is moved forward before it is left where it was: no office rests for longer.
_MOST_EARLIER = timedelta(days=14)
#: Silence is not borne for less than this, however late a deadline was entered.
_SHORTEST_SILENCE = timedelta(minutes=15)
#: Where time allows, the last person is told this long before the due instant.
_LAST_CALL = timedelta(hours=4)


@dataclass(frozen=True)
class QuietHours:
    """The hours at which one person is not to be woken, on the clock of their own zone; they may run
    over midnight."""

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
        local = at.astimezone(self.zone).date()
        for first in (local - ONE_DAY, local):
            last = first if self.begin < self.end else first + ONE_DAY
            begin = to_instant(datetime.combine(first, self.begin), self.zone)
            end = to_instant(datetime.combine(last, self.end), self.zone)
            if begin < at < end:
                return begin, end
        return None, None


def mark_at(due_at: datetime, offset: timedelta, zone: tzinfo) -> datetime:
    """The UTC instant that lies `offset` from `due_at` (negative: before it).

    Whole days are counted on the wall clock of the forum's `zone`, so that "two days before
    18:00" is 18:00 through a change of the clock; anything shorter is counted in elapsed time.
    """
    days, rest = divmod(abs(offset), ONE_DAY)
    if rest or not days:
        return due_at + offset
    local = due_at.astimezone(zone).replace(tzinfo=None)
    return to_instant(local + (days * ONE_DAY if offset > timedelta() else -days * ONE_DAY), zone)


def said_by(
    at: datetime, quiet: Iterable[QuietHours], calendar: CourtCalendar | None, zone: tzinfo
) -> datetime:
    """The latest instant not after `at` at which nobody of these rests and the court of the forum sits;
    `at` itself where two weeks hold none."""
    resting, found = tuple(quiet), at
    while at - found <= _MOST_EARLIER:
        begins = [begin for one in resting if (begin := one.began(found)) is not None]
        earlier = min([*begins, _open_day(found, calendar, zone)])
        if earlier == found:
            return found
        found = earlier
    return at


def waking(at: datetime, quiet: Iterable[QuietHours]) -> datetime:
    """The earliest instant not before `at` at which none of these rests; `at` itself where they never
    are awake together."""
    resting, found = tuple(quiet), at
    for _ in range(2 * len(resting) + 1):
        ends = [end for one in resting if (end := one.ends(found)) is not None]
        if not ends:
            return found
        found = max(ends)
    return at


def _open_day(at: datetime, calendar: CourtCalendar | None, zone: tzinfo) -> datetime:
    """The same hour of the last court day not after `at`; midnight is the end of the day before."""
    if calendar is None:
        return at
    local = (at - _INSTANT).astimezone(zone)
    on = _last_court_day(local.date(), calendar)
    if on == local.date():
        return at
    earlier = datetime.combine(on, local.time()) + _INSTANT
    return to_instant(earlier, zone)


def _last_court_day(on: date, calendar: CourtCalendar) -> date:
    """Where the calendar does not know the year, every day is as good as any other."""
    try:
        return calendar.court_day_from(on, -ONE_DAY)[0]
    except Refusal:
        return on


def shortened(
    steps: Sequence[Step], due_at: datetime, entered_at: datetime, zone: tzinfo
) -> tuple[Step, ...]:
    """The ladder of a deadline that was entered (or moved) after its first marks had passed.

    The missed marks become one; those whom silence would have reached meanwhile follow on shorter
    silence, so that the last of them is told before the last quarter of the remaining time begins,
    before the next mark, and, where that is possible, four hours before the due instant. Where even
    a quarter of an hour each is too long, all are told at once.
    """
    marks = {n: mark_at(due_at, s.offset, zone) for n, s in enumerate(steps) if s.is_mark}
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
