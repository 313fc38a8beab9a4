"""Everything that is due for one deadline or alert at `now`, and the next instant to look again.

The workers and the preview call the same function: what a person is shown is what will happen.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from service.domain.alerts import AlertState
from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import LIVE_STATES, DeadlineState
from service.domain.escalation import (
    EVERYBODY,
    EscalationState,
    Response,
    Role,
    Step,
    Trigger,
    armed_at,
    declined_at,
    held_until,
    state_of,
)
from service.domain.insistence import Insistence
from service.domain.nearing import nearing, next_turn
from service.domain.notifications import EventType
from service.domain.reminders import QuietHours, marked_at, said_by, waking

_DAY = timedelta(days=1)
#: A mark this near the due instant, or nearer, is said at its hour whoever sleeps.
_NEAR = _DAY
#: Silence is held back overnight while more than this remains.
_PATIENT = 2 * _DAY


class Why(StrEnum):
    """The reason why a step fires or stays silent."""

    MARK = "mark"
    MERGED = "merged"
    SILENCE = "silence"
    NOT_REACHED = "not_reached"
    DECLINED = "declined"
    ANSWER_EXPIRED = "answer_expired"
    EXHAUSTED = "exhausted"
    ACKNOWLEDGED = "acknowledged"
    DEADLINE_ENDED = "deadline_ended"
    ALERT_RESOLVED = "alert_resolved"
    NOTHING_LEFT = "nothing_left"
    CLOCK_STANDS_STILL = "clock_stands_still"


@dataclass(frozen=True)
class PlanFacts:
    """What the plan depends on, and nothing else.

    `due_at`: for an alert, when it was raised. `entered_at`: when the deadline or the alert (or this
    version of it) came into being. `fired`: step number
    to the instant it fired. `not_reached`: steps of which every message failed or which had nobody.
    `lapses`: when the due instant passes, that itself is to be recorded, once, and before that how near
    it is; `neared_at`: when this was last done. `told`: step number
    to the ids of those it told. `quiet`: the hours of rest of whoever holds a role; `calendar`: the
    court days of the forum; both are left out where nothing is put off. `insistence`: how an exhausted
    ladder goes on until somebody decides; `repeats` and `repeated_at`: how often and when last it did.
    """

    state: DeadlineState | AlertState
    due_at: datetime
    zone: tzinfo
    entered_at: datetime
    steps: tuple[Step, ...]
    fired: Mapping[int, datetime] = field(default_factory=dict)
    not_reached: frozenset[int] = frozenset()
    responses: tuple[Response, ...] = ()
    lapses: bool = False
    neared_at: datetime | None = None
    told: Mapping[int, frozenset[str]] = field(default_factory=dict)
    quiet: Mapping[Role, tuple[QuietHours, ...]] = field(default_factory=dict)
    calendar: CourtCalendar | None = None
    insistence: Insistence | None = None
    repeats: int = 0
    repeated_at: datetime | None = None


class PlannedStep(NamedTuple):
    """Step `order` fires at `at`; `merged` are the missed steps that it speaks for too. `occurrence`
    counts the repetitions of the last step of an exhausted ladder. `shifted_from`: where a mark would
    stand if nobody ever slept."""

    order: int
    step: Step
    at: datetime
    why: Why
    merged: tuple[int, ...] = ()
    occurrence: int = 0
    shifted_from: datetime | None = None


@dataclass(frozen=True)
class Plan:
    """`due`: the step to fire now. `wake_at` None means that the plan has nothing more to say; `why` tells
    for what reason. `lapsed`: the due instant has passed, which is to be recorded now; `near`: how near it
    has come since that was last told. `seen`: what it was made from, where steps follow."""

    due: PlannedStep | None
    wake_at: datetime | None
    state: EscalationState
    why: Why
    lapsed: bool = False
    near: tuple[EventType, ...] = ()
    seen: "_Seen | None" = field(default=None, repr=False)

    @cached_property
    def upcoming(self) -> tuple[PlannedStep, ...]:
        """All that follows `due` if nobody answers, in order of time; of an exhausted ladder's repetitions
        the next alone. Worked out when asked for: a tick asks what is due, and when to look again."""
        return tuple(self._following())

    @property
    def next(self) -> PlannedStep | None:
        """The first of `upcoming`."""
        return next(self._following(), None)

    def _following(self) -> Iterator[PlannedStep]:
        return (
            islice(_coming(*self.seen), int(self.due is not None), None) if self.seen else iter(())
        )


def plan(facts: PlanFacts, now: datetime) -> Plan:
    """`now` and all instants are aware UTC."""
    if (end := ended(facts.state)) is not None:
        return Plan(None, None, *end)
    held = _held(facts)
    state = state_of(facts.steps, facts.fired, held, now)
    if facts.state is DeadlineState.SUSPENDED:
        return Plan(None, None, state, Why.CLOCK_STANDS_STILL)
    lapsed, near, turn_at = _turn(facts, now)
    seen = _Seen(facts, held, now)
    first = next(_coming(*seen), None)
    if first is None:
        return Plan(None, turn_at, state, Why.NOTHING_LEFT, lapsed, near)
    if first.at <= now:
        return Plan(first, now, state, first.why, lapsed, near, seen)
    waiting = Why.ACKNOWLEDGED if state is EscalationState.ACKNOWLEDGED else first.why
    wake_at = min(first.at, turn_at or first.at)
    return Plan(None, wake_at, state, waiting, lapsed, near, seen)


def _turn(facts: PlanFacts, now: datetime) -> tuple[bool, tuple[EventType, ...], datetime | None]:
    """What is to be recorded though nobody is told: that it has passed, how near it is; and when there will
    be more of that."""
    if not facts.lapses:
        return False, (), None
    due_at, zone = facts.due_at, facts.zone
    near = nearing(due_at, zone, facts.neared_at, now)
    return due_at <= now, near, next_turn(due_at, zone, now)


class _Seen(NamedTuple):
    """`held`: until when answers keep the silent steps away."""

    facts: PlanFacts
    held: datetime | None
    now: datetime


def recorded(facts: PlanFacts, told: Plan, now: datetime) -> PlanFacts:
    """The facts once what was to be recorded then is; the same where nothing was."""
    if not (told.near or told.lapsed):
        return facts
    neared_at = now if told.near else facts.neared_at
    return replace(facts, lapses=facts.lapses and not told.lapsed, neared_at=neared_at)


def ended(state: DeadlineState | AlertState) -> tuple[EscalationState, Why] | None:
    """How the ladder ended with what it was climbed for; None while that lives."""
    if isinstance(state, AlertState):
        return (
            (EscalationState.RESOLVED, Why.ALERT_RESOLVED) if state is AlertState.RESOLVED else None
        )
    if state in LIVE_STATES:
        return None
    cancelled = state is DeadlineState.CANCELLED
    return EscalationState.CANCELLED if cancelled else EscalationState.RESOLVED, Why.DEADLINE_ENDED


def _coming(facts: PlanFacts, held: datetime | None, now: datetime) -> Iterator[PlannedStep]:
    """Every step not yet passed, with the instant at which it fires if nobody answers from here; last, the
    next time that an exhausted ladder speaks."""
    one = None
    for one in _climbed(facts, held, now):
        yield one
    if facts.insistence is not None:
        yield _repetition(facts, facts.insistence, one, held, now)


def _climbed(facts: PlanFacts, held: datetime | None, now: datetime) -> Iterator[PlannedStep]:
    """Steps already missed become one notice: the newest mark speaks for the marks before it and for
    those whom a silence that really ran out would have reached. Silence after a mark that was
    never told does not count: it runs from the real firing of the step before it.
    """
    position = max(facts.fired, default=-1)
    marks = _marks_after(position, facts)
    ahead = dict(zip((position, *marks), (*marks, len(facts.steps)), strict=True))
    missed = [order for order, mark in marks.items() if mark.at <= now]
    running = []
    if position >= 0:
        running = _running(facts, _run(position, ahead, marks), held, now)
    if missed:
        newest = missed[-1]
        spoken = [one.order for one in running if one.at <= now]
        merged = tuple(sorted({*missed[:-1], *spoken}))
        why = Why.MERGED if merged else Why.MARK
        yield _said(facts, newest, marks[newest], why, merged)
        yield from _fresh(facts, _run(newest, ahead, marks), now, now)
    else:
        yield from running
    for order, mark in marks.items():
        if mark.at > now:
            yield _said(facts, order, mark, Why.MARK)
            yield from _fresh(facts, _run(order, ahead, marks), mark.at, now)


class _Mark(NamedTuple):
    """`plain`: where it stands; `at`: when it is said, because somebody rests or something came late."""

    plain: datetime
    at: datetime


def _said(
    facts: PlanFacts, order: int, mark: _Mark, why: Why, merged: tuple[int, ...] = ()
) -> PlannedStep:
    shifted = mark.plain if mark.at < mark.plain else None
    return PlannedStep(order, facts.steps[order], mark.at, why, merged, 0, shifted)


class _Run(NamedTuple):
    """The silent steps between one mark (or the last step told) and the next mark, said `before` then:
    a silent step whose turn comes only after the next mark has been told is left to that mark."""

    orders: range
    before: datetime | None

    def holds(self, at: datetime) -> bool:
        return self.before is None or at < self.before


def _run(order: int, ahead: Mapping[int, int], marks: Mapping[int, _Mark]) -> _Run:
    """`ahead`: the number of a mark, or of the last step told, to that of the next mark, or to the end."""
    end = ahead[order]
    return _Run(range(order + 1, end), marks[end].at if end in marks else None)


def _running(
    facts: PlanFacts, run: _Run, held: datetime | None, now: datetime
) -> list[PlannedStep]:
    """The silent steps right after the last one fired, as answers hold them back or bring them on."""
    position = run.orders.start - 1
    told_at = facts.fired[position]
    declined = declined_at(facts.responses, told_at, facts.told.get(position, ()))
    found = []
    for order in run.orders:
        step, nobody = facts.steps[order], order - 1 in facts.not_reached
        at, why = told_at + (timedelta() if nobody else step.after), Why.SILENCE
        if declined is not None and declined < at:
            at, why = max(declined, told_at), Why.DECLINED
        if nobody:
            why = Why.NOT_REACHED
        if held is not None and at <= held:
            at, why = held, Why.ANSWER_EXPIRED
        held = declined = None
        at = _awake(facts, step, at)
        told_at = max(at, now)
        if run.holds(at):
            found.append(PlannedStep(order, step, at, why))
    return found


def _fresh(facts: PlanFacts, run: _Run, told_at: datetime, now: datetime) -> Iterator[PlannedStep]:
    """The silent steps that follow a mark which is still to be told."""
    for order in run.orders:
        step = facts.steps[order]
        at = _awake(facts, step, told_at + step.after)
        told_at = max(at, now)
        if run.holds(at):
            yield PlannedStep(order, step, at, Why.SILENCE)


def _awake(facts: PlanFacts, step: Step, at: datetime) -> datetime:
    """Far from the due instant, silence waits for the morning; near it, nobody is spared."""
    if facts.due_at - at <= _PATIENT:
        return at
    later = waking(at, _resting(facts, step.targets))
    return later if facts.due_at - later > _PATIENT else at


def _resting(facts: PlanFacts, targets: tuple[Role, ...]) -> tuple[QuietHours, ...]:
    if len(targets) == 1:
        return facts.quiet.get(targets[0], ())
    return tuple(one for role in targets for one in facts.quiet.get(role, ()))


def _marks_after(position: int, facts: PlanFacts) -> dict[int, _Mark]:
    """By step number; a mark that lay before the deadline was entered counts from entry."""
    marks: dict[int, _Mark] = {}
    latest: datetime | None = None
    for order in range(len(facts.steps) - 1, position, -1):
        step = facts.steps[order]
        if step.is_mark:
            plain = marked_at(step, facts.due_at, facts.zone, facts.calendar)
            at = max(_spoken(facts, step, plain), facts.entered_at)
            # On a day of 25 hours "24 hours" may fall after "one day": then both speak earlier.
            latest = at if latest is None else min(at, latest)
            marks[order] = _Mark(plain, latest)
    return dict(reversed(marks.items()))


def _spoken(facts: PlanFacts, step: Step, plain: datetime) -> datetime:
    """A mark in hours of rest or on a closed day is said earlier; one in the last day at its hour."""
    near = not step.court_days and step.after < _NEAR
    if near or step.trigger is Trigger.AFTER_DUE:
        return plain
    return said_by(plain, _resting(facts, step.targets), facts.calendar, facts.zone)


def _held(facts: PlanFacts) -> datetime | None:
    """Until when answers keep the silent steps away: those given since the newest mark was told."""
    since = armed_at(facts.steps, facts.fired)
    if since is None:
        return None
    position = max(facts.fired)
    need, told = facts.steps[position].need, facts.told.get(position, frozenset())
    return held_until(facts.responses, since, facts.due_at, need, told)


def _repetition(
    facts: PlanFacts,
    insistence: Insistence,
    latest: PlannedStep | None,
    held: datetime | None,
    now: datetime,
) -> PlannedStep:
    """The next time that an exhausted ladder speaks; `latest`: the last step still to come."""
    last = len(facts.steps) - 1
    if latest is not None:
        told_at, held = max(latest.at, now), None
    else:
        told_at = facts.repeated_at or max(facts.fired.values())
    left = facts.due_at - told_at
    at = max(told_at + insistence.pause(-left), held or told_at)
    step = replace(facts.steps[last], targets=EVERYBODY)
    if left > _DAY:
        at = waking(at, _resting(facts, step.targets))
    return PlannedStep(last, step, at, Why.EXHAUSTED, (), facts.repeats + 1)
