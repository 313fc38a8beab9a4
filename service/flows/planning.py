"""Gathers what the plan of a deadline depends on; the same for the workers and for the preview."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.escalation import DEFAULT_STEPS, Response, Role, Step, Trigger
from service.domain.plan import PlanFacts
from service.store.cases import Case, cases_by_id, roles_of
from service.store.deadlines import Deadline
from service.store.escalation_policies import EscalationPolicy, policies_by_id
from service.store.escalations import Escalation, escalations_of
from service.store.messages import reached_steps
from service.store.responses import responses_to
from service.store.users import User, users_by_id


@dataclass(frozen=True)
class Situation:
    """One deadline with everything around it. `people`: the users behind each role, not disabled."""

    deadline: Deadline
    case: Case
    people: dict[Role, list[User]]
    escalation: Escalation | None
    facts: PlanFacts

    def recipients(self, roles: Iterable[Role]) -> list[tuple[User, Role]]:
        """Each person once, with the first of the named roles that they hold."""
        found: dict[str, tuple[User, Role]] = {}
        for role in roles:
            for user in self.people.get(role, ()):
                found.setdefault(user.id, (user, role))
        return list(found.values())


async def gather(session: AsyncSession, deadlines: Sequence[Deadline]) -> list[Situation]:
    """The situations in the order of the deadlines; a fixed number of queries however many there are."""
    ids = [deadline.id for deadline in deadlines]
    cases = await cases_by_id(session, (deadline.case_id for deadline in deadlines))
    roles = await roles_of(session, cases)
    users = await users_by_id(session, (one.user_id for many in roles.values() for one in many))
    escalations = await escalations_of(session, ids)
    responses = await responses_to(session, ids)
    reached = await reached_steps(session, ids) if escalations else set()
    policies = await policies_by_id(
        session,
        (
            policy
            for deadline in deadlines
            if (policy := policy_of(deadline, cases[deadline.case_id]))
        ),
    )
    situations = []
    for deadline in deadlines:
        case = cases[deadline.case_id]
        escalation = escalations.get((deadline.id, deadline.version))
        fired = _fired(escalation)
        told = {step for one, version, step in reached if (one, version) == _key(deadline)}
        facts = PlanFacts(
            state=deadline.state,
            due_at=deadline.due_at,
            zone=ZoneInfo(deadline.timezone),
            entered_at=deadline.entered_at,
            steps=_steps(escalation, policies.get(policy_of(deadline, case) or "")),
            fired=fired,
            not_reached=frozenset(order for order in fired if str(order) not in told),
            responses=tuple(
                Response(one.kind, one.at, one.user_id)
                for one in responses.get(deadline.id, ())
                if one.version == deadline.version
            ),
        )
        people: dict[Role, list[User]] = {}
        for held in roles.get(case.id, ()):
            user = users[held.user_id]
            if user.disabled_at is None:
                people.setdefault(held.role, []).append(user)
        situations.append(Situation(deadline, case, people, escalation, facts))
    return situations


def policy_of(deadline: Deadline, case: Case) -> str | None:
    """The deadline's own policy, else the case's; None: the built-in ladder."""
    return deadline.escalation_policy_id or case.escalation_policy_id


def written_steps(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Steps as they stand in a row."""
    return [
        {
            "trigger": step.trigger,
            "seconds": step.after.total_seconds(),
            "targets": list(step.targets),
        }
        for step in steps
    ]


def read_steps(rows: Iterable[dict[str, Any]]) -> tuple[Step, ...]:
    return tuple(
        Step(
            Trigger(row["trigger"]),
            timedelta(seconds=row["seconds"]),
            tuple(Role(target) for target in row["targets"]),
        )
        for row in rows
    )


def _steps(escalation: Escalation | None, policy: EscalationPolicy | None) -> tuple[Step, ...]:
    """A running escalation keeps the ladder that it began on."""
    if escalation is not None:
        return read_steps(escalation.steps)
    return read_steps(policy.steps) if policy else DEFAULT_STEPS


def _fired(escalation: Escalation | None) -> dict[int, datetime]:
    if escalation is None:
        return {}
    return {int(order): datetime.fromisoformat(at) for order, at in escalation.fired.items()}


def _key(deadline: Deadline) -> tuple[str, int]:
    return deadline.id, deadline.version
