"""Which ladder a deadline climbs: its own, its case's, its team's for such deadlines, or the built-in one.

Also how steps stand in a row. It never tells anybody.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import DeadlineKind, Force
from service.domain.escalation import Role, Step, Trigger
from service.domain.ladders import Scope, ladder_for, narrowest
from service.domain.reminders import shortened
from service.ids import new_id
from service.store.cases import Case
from service.store.deadlines import Deadline
from service.store.escalation_policies import EscalationPolicy
from service.store.escalations import Escalation
from service.store.subjects import Subject, named


def own_policy_id(deadline: Deadline, case: Case) -> str | None:
    """What was chosen for this deadline or this case."""
    return deadline.escalation_policy_id or case.escalation_policy_id


def ladder_of(
    deadline: Deadline,
    case: Case,
    escalation: Escalation | None,
    policies: Mapping[str, EscalationPolicy],
    calendar: CourtCalendar | None,
) -> tuple[Step, ...]:
    """A running escalation keeps the ladder that it began on; what is entered late has a shorter one.
    `policies`: by id, those chosen and the defaults of the team."""
    if escalation is not None:
        return read_steps(escalation.steps)
    policy = policies.get(own_policy_id(deadline, case) or _default_id(deadline, policies) or "")
    steps = (
        read_steps(policy.steps)
        if policy
        else ladder_for(deadline.kind, deadline.force, deadline.critical)
    )
    zone = ZoneInfo(deadline.timezone)
    return shortened(steps, deadline.due_at, deadline.entered_at, zone, calendar)


def _default_id(deadline: Deadline, policies: Mapping[str, EscalationPolicy]) -> str | None:
    scopes = [
        (policy.id, read_scope(policy.default_for))
        for policy in policies.values()
        if policy.default_for is not None and policy.team_id == deadline.team_id
    ]
    return narrowest(scopes, deadline.kind, deadline.force, deadline.critical)


def read_scope(row: Mapping[str, Any]) -> Scope:
    return Scope(
        frozenset(map(DeadlineKind, row["kinds"])),
        frozenset(map(Force, row["forces"])),
        row["critical"],
    )


def written_steps(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Steps as they stand in a row."""
    return [
        {
            "trigger": step.trigger,
            "seconds": step.after.total_seconds(),
            "court_days": step.court_days,
            "targets": list(step.targets),
            "need": step.need,
        }
        for step in steps
    ]


def read_steps(rows: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
    return tuple(
        Step(
            Trigger(row["trigger"]),
            timedelta(seconds=row["seconds"]),
            tuple(Role(target) for target in row["targets"]),
            row.get("need", 1),
            row.get("court_days", 0),
        )
        for row in rows
    )


def begun(subject: Subject, steps: Iterable[Step], now: datetime) -> Escalation:
    """An escalation of which nothing has been told yet, with its own copy of the ladder."""
    return Escalation(
        id=new_id("esc", now),
        team_id=subject.team_id,
        version=subject.version,
        steps=written_steps(steps),
        fired={},
        started_at=now,
        **named(subject),
    )
