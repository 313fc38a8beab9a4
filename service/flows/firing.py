"""What it means that a step fires: whom it tells, what endpoints hear, and what is then true of the plan.
The workers and the preview ask here; nothing is written.
"""

from dataclasses import replace
from datetime import datetime

from service.domain.escalation import Role, Step
from service.domain.notifications import EventType, SubjectKind
from service.domain.plan import PlanFacts, PlannedStep, Why
from service.domain.routes import is_parallel
from service.flows.planning import Situation
from service.store.subjects import Subject
from service.store.users import User


def recipients_of(
    situation: Situation[Subject], due: PlannedStep, steps: tuple[Step, ...], at: datetime
) -> list[tuple[User, Role]]:
    """The step's people at that instant, and those whose answer has run out with whoever comes next.
    Where several must answer, those who have are left alone."""
    recipients = situation.recipients(targets_of(due, steps), at)
    answered = situation.answered(at)
    if due.why is Why.ANSWER_EXPIRED:
        known = {user.id for user, _ in recipients}
        recipients += [one for one in answered if one[0].id not in known]
    elif due.why is Why.SILENCE and due.step.need != 1:
        ids = {user.id for user, _ in answered}
        recipients = [one for one in recipients if one[0].id not in ids] or recipients
    return recipients


def event_of(subject: Subject, due: PlannedStep) -> EventType:
    """What endpoints hear when the step fires. Of an alert nobody is reminded: it was never planned."""
    if due.why is Why.EXHAUSTED:
        return EventType.ESCALATION_EXHAUSTED
    planned = due.step.is_mark and subject.subject_kind is SubjectKind.DEADLINE
    return EventType.REMINDER_DUE if planned else EventType.STEP_FIRED


def events_of(subject: Subject, due: PlannedStep, first: bool, reached: bool) -> list[EventType]:
    """All that endpoints hear then, in order. `first`: nothing was said before."""
    events = [EventType.ESCALATION_STARTED] if first else []
    events += [EventType.ACK_EXPIRED] if due.why is Why.ANSWER_EXPIRED else []
    return [*events, event_of(subject, due), *([] if reached else [EventType.STEP_EMPTY])]


def after_firing(
    facts: PlanFacts, due: PlannedStep, now: datetime, told: frozenset[str], reached: bool
) -> PlanFacts:
    """The facts once `due` has fired and told these people."""
    if due.occurrence:
        told |= facts.told.get(due.order, frozenset())
        everyone = {**facts.told, due.order: told}
        return replace(facts, told=everyone, repeats=due.occurrence, repeated_at=now)
    return replace(
        facts,
        fired={**facts.fired, due.order: now},
        told={**facts.told, due.order: told},
        not_reached=facts.not_reached | (frozenset() if reached else {due.order}),
    )


def targets_of(due: PlannedStep, steps: tuple[Step, ...]) -> tuple[Role, ...]:
    """The step's roles, and those of the missed marks that it speaks for."""
    merged = (role for order in due.merged for role in steps[order].targets)
    return tuple(dict.fromkeys((*due.step.targets, *merged)))


def said_twice(subject: Subject, planned: PlannedStep, at: datetime) -> bool:
    """Whether a step that fires at that instant goes to each person on two ways at once."""
    alert = subject.subject_kind is SubjectKind.ALERT
    left = subject.due_at - at
    return is_parallel(alert, subject.critical, planned.step, planned.occurrence > 0, left)
