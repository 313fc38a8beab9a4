"""Everything that is due for one deadline at `now`, and the next instant to look again.

The workers and the preview call the same function: what a person is shown is what will happen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from service.domain.deadlines import LIVE_STATES, DeadlineState
from service.domain.escalation import (
    EscalationState,
    Response,
    Step,
    answered_since,
    armed_at,
    state_of,
)
from service.domain.reminders import mark_at


class Why(StrEnum):
    """The reason why a step fires or stays silent."""

    MARK = "mark"
    MERGED = "merged"
    SILENCE = "silence"
    NOT_REACHED = "not_reached"
    ACKNOWLEDGED = "acknowledged"
    DEADLINE_ENDED = "deadline_ended"
    NOTHING_LEFT = "nothing_left"
    CLOCK_STANDS_STILL = "clock_stands_still"


@dataclass(frozen=True)
class PlanFacts:
    """What the plan depends on, and nothing else.

    `entered_at`: when the deadline (or this version of it) came into being. `fired`: step number
    to the instant it fired. `not_reached`: steps of which every message failed or which had nobody.
    `lapses`: when the due instant passes, that itself is to be recorded, once.
    """

    state: DeadlineState
    due_at: datetime
    zone: tzinfo
    entered_at: datetime
    steps: tuple[Step, ...]
    fired: Mapping[int, datetime] = field(default_factory=dict)
    not_reached: frozenset[int] = frozenset()
    responses: tuple[Response, ...] = ()
    lapses: bool = False


@dataclass(frozen=True)
class PlannedStep:
    """Step `order` fires at `at`; `merged` are the missed steps that it speaks for too."""

    order: int
    step: Step
    at: datetime
    why: Why
    merged: tuple[int, ...] = ()


@dataclass(frozen=True)
class Plan:
    """`due`: the step to fire now. `upcoming`: all that follows if nobody answers, in order of time.

    `wake_at` None means that the plan has nothing more to say; `why` tells for what reason.
    `lapsed`: the due instant has passed, which is to be recorded now.
    """

    due: PlannedStep | None
    upcoming: tuple[PlannedStep, ...]
    wake_at: datetime | None
    state: EscalationState
    why: Why
    lapsed: bool = False


def plan(facts: PlanFacts, now: datetime) -> Plan:
    """`now` and all instants are aware UTC."""
    if facts.state not in LIVE_STATES:
        cancelled = facts.state is DeadlineState.CANCELLED
        ended = EscalationState.CANCELLED if cancelled else EscalationState.RESOLVED
        return Plan(None, (), None, ended, Why.DEADLINE_ENDED)
    state = state_of(facts.steps, facts.fired, facts.responses)
    if facts.state is DeadlineState.SUSPENDED:
        return Plan(None, (), None, state, Why.CLOCK_STANDS_STILL)
    lapsed, lapse_at = facts.lapses and facts.due_at <= now, facts.due_at if facts.lapses else None
    coming = _coming(facts, now)
    if not coming:
        return Plan(None, (), lapse_at, state, Why.NOTHING_LEFT, lapsed)
    first, rest = coming[0], tuple(coming[1:])
    if first.at <= now:
        return Plan(first, rest, now, state, first.why, lapsed)
    waiting = Why.ACKNOWLEDGED if state is EscalationState.ACKNOWLEDGED else first.why
    wake_at = min(first.at, lapse_at or first.at)
    return Plan(None, tuple(coming), wake_at, state, waiting, lapsed)


def _coming(facts: PlanFacts, now: datetime) -> list[PlannedStep]:
    """Every step not yet passed, with the instant at which it fires if nobody answers from here.

    Steps already missed become one notice: the newest mark speaks for the marks before it and for
    those whom a silence that really ran out would have reached. Silence after a mark that was
    never told does not count: it runs from the real firing of the step before it.
    """
    position = max(facts.fired, default=-1)
    told_at = facts.fired.get(position)
    marks = _marks_after(position, facts)
    missed = [order for order, at in marks.items() if at <= now]
    coming: list[PlannedStep] = []
    if missed:
        newest = missed[-1]
        merged = tuple(sorted({*missed[:-1], *_missed_silences(facts, position, marks, now)}))
        why = Why.MERGED if merged else Why.MARK
        coming.append(PlannedStep(newest, facts.steps[newest], marks[newest], why, merged))
        position, told_at = newest, now
    silenced = not missed and _answered(facts)
    for order in range(position + 1, len(facts.steps)):
        step = facts.steps[order]
        if step.is_mark:
            told_at, silenced = marks[order], False
            coming.append(PlannedStep(order, step, told_at, Why.MARK))
        elif told_at is not None and not silenced:
            nobody = order - 1 in facts.not_reached
            at = told_at + (timedelta() if nobody else step.after)
            told_at = max(at, now)
            if not _overtaken(order, at, marks):
                why = Why.NOT_REACHED if nobody else Why.SILENCE
                coming.append(PlannedStep(order, step, at, why))
    return coming


def _missed_silences(
    facts: PlanFacts, position: int, marks: Mapping[int, datetime], now: datetime
) -> list[int]:
    """Silent steps right after the last one fired whose turn came while nobody was looking."""
    told_at, found = facts.fired.get(position), []
    if told_at is None or _answered(facts):
        return []
    for order in range(position + 1, min(marks)):
        step = facts.steps[order]
        told_at += timedelta() if order - 1 in facts.not_reached else step.after
        if told_at > now or _overtaken(order, told_at, marks):
            break
        found.append(order)
    return found


def _marks_after(position: int, facts: PlanFacts) -> dict[int, datetime]:
    """Step number to instant; a mark that lay before the deadline was entered counts from entry."""
    marks: dict[int, datetime] = {}
    latest: datetime | None = None
    for order in range(len(facts.steps) - 1, position, -1):
        if facts.steps[order].is_mark:
            at = max(mark_at(facts.due_at, facts.steps[order].offset, facts.zone), facts.entered_at)
            # On a day of 25 hours "24 hours" may fall after "one day": then both speak earlier.
            latest = at if latest is None else min(at, latest)
            marks[order] = latest
    return dict(sorted(marks.items()))


def _answered(facts: PlanFacts) -> bool:
    since = armed_at(facts.steps, facts.fired)
    return since is not None and answered_since(facts.responses, since) is not None


def _overtaken(order: int, at: datetime, marks: Mapping[int, datetime]) -> bool:
    """A silent step whose turn comes only after the next mark has been told is left to that mark."""
    return any(mark <= at for later, mark in marks.items() if later > order)
