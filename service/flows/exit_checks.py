"""Gathers what the exit check shows to each of many readers: all that was ticked off on their cases, once
more before the lights go out, and what is still open at the door. Nothing here writes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from service.domain.access import Reach
from service.domain.deadlines import DeadlineState, local_date
from service.domain.digest import Entry, How, Line, Overview, Section, due_by_tomorrow
from service.domain.escalation import ResponseKind
from service.domain.notifications import EventType
from service.flows.overviews import Reader, line_of, overview
from service.flows.readers import Company, company, shown_to
from service.flows.sitting import Sitting
from service.store.deadlines import Deadline
from service.store.digests import answers_since, deadlines_touched, moves_since
from service.store.journal import JournalEntry
from service.store.responses import Response

_INSTANT = timedelta(microseconds=1)
#: The day after tomorrow has begun somewhere else: which of them are near, each reader's day decides.
_AHEAD = timedelta(days=4)
_ENDED = {
    DeadlineState.COMPLETED: How.COMPLETED,
    DeadlineState.WAIVED: How.WAIVED,
    DeadlineState.CANCELLED: How.CANCELLED,
    DeadlineState.MISSED: How.MISSED,
}
_ANSWERED = {ResponseKind.ACKNOWLEDGE: How.ACKNOWLEDGED, ResponseKind.SNOOZE: How.SNOOZED}


async def exit_checks(
    sitting: Sitting, readers: Sequence[Reader], reach: Reach
) -> dict[str, Overview]:
    """User id to what was ticked off on that person's cases, and what is still open at the door."""
    session, now = sitting.session, sitting.now
    seen = await shown_to(session, [one.user.id for one in readers], reach)
    allowed = {
        user_id: {case_id: one for case_id, one in cases.items() if one.acting}
        for user_id, cases in seen.items()
    }
    case_ids = {case_id for cases in allowed.values() for case_id in cases}
    since, until = min(one.since for one in readers), max(one.until for one in readers)
    moves = await moves_since(session, case_ids, since, until)
    answers = await answers_since(session, case_ids, since, until)
    named = {one.subject_id for one in moves} | {one.subject_id for one in answers}
    deadlines = await deadlines_touched(session, case_ids, since, until + _AHEAD, named)
    people = await company(session, case_ids)
    codes = {one.case.id: one.case.code for held in allowed.values() for one in held.values()}
    lines = {one.id: (one, line_of(one, codes[one.case_id], now)) for one in deadlines}
    ticked = _Ticked(people, lines)
    found = [*ticked.ended(), *ticked.moved(moves), *ticked.answered(answers)]
    return {
        one.user.id: overview(
            EventType.EXIT_CHECK,
            one,
            allowed[one.user.id],
            _by_case([*_within(found, one), *ticked.open(one)]),
            people,
            now,
        )
        for one in readers
    }


@dataclass(frozen=True)
class _Ticked:
    """The deadlines of a day, by id, each with its line, and what happened to them."""

    people: Company
    deadlines: Mapping[str, tuple[Deadline, Line]]

    def ended(self) -> Iterator[Entry]:
        for deadline, line in self.deadlines.values():
            how = _ENDED.get(deadline.state)
            if how is not None and deadline.ended_at is not None:
                because = deadline.ended_because
                yield self._entry(line, how, deadline.ended_by, deadline.ended_at, because=because)

    def moved(self, moves: Iterable[JournalEntry]) -> Iterator[Entry]:
        """To a later date, or to none while the clock stands still."""
        for one in moves:
            if one.subject_id not in self.deadlines:
                continue
            deadline, line = self.deadlines[one.subject_id]
            old, new = (
                datetime.fromisoformat(one.data[f"{name}_due_at"]) for name in ("old", "new")
            )
            if new > old or one.data["tolled_since"]:
                old_on = local_date(old - _INSTANT, ZoneInfo(deadline.timezone))
                because = _reason_of(deadline, one.data["version"] - 1)
                yield self._entry(
                    line, How.MOVED_LATER, one.actor, one.at, because=because, other_on=old_on
                )

    def answered(self, answers: Iterable[Response]) -> Iterator[Entry]:
        for one in answers:
            if one.subject_id in self.deadlines:
                _, line = self.deadlines[one.subject_id]
                how = _ANSWERED[one.kind]
                yield self._entry(line, how, one.user_id, one.at, because=one.reason)

    def open(self, reader: Reader) -> Iterator[Entry]:
        """What is due on the reader's day or the next, and what was due that day and is still open."""
        zone = ZoneInfo(reader.user.timezone)
        for deadline, line in self.deadlines.values():
            running = deadline.state in (DeadlineState.OPEN, DeadlineState.PROVISIONAL)
            near = due_by_tomorrow(deadline.due_on, deadline.due_at, reader.turn.on, zone)
            if running and near:
                yield Section.OPEN, line

    def _entry(self, line: Line, how: How, actor: str | None, at: datetime, **more: Any) -> Entry:
        who = self.people.roles_of(line.case_id, [actor])
        return Section.TICKED_OFF, replace(line, what=how.value, who=who, at=at, **more)


def _reason_of(deadline: Deadline, version: int) -> str | None:
    """Why a version of the date gave way to the next."""
    found = (one["because"] for one in deadline.earlier_dates if one["version"] == version)
    return next(found, None)


def _within(found: Iterable[Entry], reader: Reader) -> Iterator[Entry]:
    for section, line in found:
        if line.at is not None and reader.since <= line.at < reader.until:
            yield section, line


def _by_case(found: Iterable[Entry]) -> dict[str, list[Entry]]:
    by_case: dict[str, list[Entry]] = {}
    for section, line in found:
        by_case.setdefault(line.case_id, []).append((section, line))
    return by_case
