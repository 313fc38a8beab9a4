"""Gathers what the plan of a deadline depends on; the same for the workers and for the preview."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from service.domain.court_calendars import CourtCalendar
from service.domain.escalation import (
    DEFAULT_STEPS,
    Response,
    ResponseKind,
    Role,
    Step,
    Trigger,
)
from service.domain.plan import PlanFacts
from service.domain.reminders import QuietHours, shortened
from service.flows.sitting import Sitting
from service.store.cases import Case, CaseRole, cases_by_id, roles_of
from service.store.deadlines import Deadline
from service.store.escalation_policies import EscalationPolicy, policies_by_id
from service.store.escalations import Escalation, escalations_of
from service.store.messages import reached_steps
from service.store.responses import Response as Answer
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

    def recipients(self, roles: Iterable[Role], at: datetime) -> list[tuple[User, Role]]:
        """Each person once, with the first of the named roles that they hold; whoever is away at that
        instant is replaced."""
        found: dict[str, tuple[User, Role]] = {}
        for role in roles:
            for user in self.people.get(role, ()):
                for present in self._present(user, at):
                    found.setdefault(present.id, (present, role))
        return list(found.values())

    def _present(self, user: User, at: datetime) -> list[User]:
        """The person, or whoever stands in: the one they named, where that one is on the case, else the
        case's deputies who are there."""
        if not user.away(at):
            return [user]
        on_case = {one.id: one for group in self.people.values() for one in group}
        named = on_case.get(user.deputy_id or "")
        if named is not None and not named.away(at):
            return [named]
        return [one for one in self.people.get(Role.DEPUTY, ()) if not one.away(at)]

    def answered(self, at: datetime) -> list[tuple[User, Role]]:
        """Those on the case who have acknowledged or snoozed this version."""
        ids = {one.user_id for one in self.facts.responses if one.kind is not ResponseKind.DECLINE}
        return [(user, role) for user, role in self.recipients(Role, at) if user.id in ids]


async def gather(sitting: Sitting, deadlines: Sequence[Deadline]) -> list[Situation]:
    """The situations in the order of the deadlines, by a fixed number of queries."""
    around = await _around(sitting, deadlines)
    return [_situation(deadline, around) for deadline in deadlines]


@dataclass(frozen=True)
class _Around:
    """What was read for a whole batch, by id."""

    cases: dict[str, Case]
    roles: dict[str, list[CaseRole]]
    users: dict[str, User]
    escalations: dict[tuple[str, int], Escalation]
    responses: dict[str, list[Answer]]
    reached: set[tuple[str, int, str]]
    policies: dict[str, EscalationPolicy]
    calendars: dict[str, CourtCalendar]
    now: datetime


async def _around(sitting: Sitting, deadlines: Sequence[Deadline]) -> _Around:
    session = sitting.session
    ids = [deadline.id for deadline in deadlines]
    cases = await cases_by_id(session, (deadline.case_id for deadline in deadlines))
    roles = await roles_of(session, cases)
    escalations = await escalations_of(session, ids)
    chosen = (policy_of(deadline, cases[deadline.case_id]) for deadline in deadlines)
    return _Around(
        cases=cases,
        roles=roles,
        users=await users_by_id(session, (one.user_id for all_ in roles.values() for one in all_)),
        escalations=escalations,
        responses=await responses_to(session, ids),
        reached=await reached_steps(session, ids) if escalations else set(),
        policies=await policies_by_id(session, (policy for policy in chosen if policy)),
        calendars={
            code: calendar
            for code in {case.calendar for case in cases.values() if case.calendar}
            if (calendar := await sitting.known_calendar(code)) is not None
        },
        now=sitting.now,
    )


def _situation(deadline: Deadline, around: _Around) -> Situation:
    case = around.cases[deadline.case_id]
    key = (deadline.id, deadline.version)
    escalation = around.escalations.get(key)
    fired, people = _fired(escalation), _people(case, around)
    policy = around.policies.get(policy_of(deadline, case) or "")
    facts = PlanFacts(
        state=deadline.state,
        due_at=deadline.due_at,
        zone=ZoneInfo(deadline.timezone),
        entered_at=deadline.entered_at,
        steps=_steps(escalation, policy, deadline),
        fired=fired,
        not_reached=frozenset(order for order in fired if (*key, str(order)) not in around.reached),
        responses=tuple(
            Response(one.kind, one.at, one.user_id, one.until)
            for one in around.responses.get(deadline.id, ())
            if one.version == deadline.version and one.counts_for(deadline.critical)
        ),
        lapses=deadline.lapsed_at is None,
        told={int(order): frozenset(ids) for order, ids in escalation.told.items()}
        if escalation
        else {},
        quiet=resting(people, around.now),
        calendar=around.calendars.get(case.calendar or ""),
        insists=True,
        repeats=escalation.repeats if escalation else 0,
        repeated_at=escalation.repeated_at if escalation else None,
    )
    return Situation(deadline, case, people, escalation, facts)


def _people(case: Case, around: _Around) -> dict[Role, list[User]]:
    people: dict[Role, list[User]] = {}
    for held in around.roles.get(case.id, ()):
        user = around.users[held.user_id]
        if user.disabled_at is None:
            people.setdefault(held.role, []).append(user)
    return people


def resting(people: Mapping[Role, list[User]], now: datetime) -> dict[Role, tuple[QuietHours, ...]]:
    """Role to the hours of rest of its people who are there."""
    return {role: _quiet(users, now) for role, users in people.items()}


def _quiet(users: Iterable[User], now: datetime) -> tuple[QuietHours, ...]:
    """The hours of rest of those who are there."""
    return tuple(
        QuietHours(
            ZoneInfo(user.timezone),
            time.fromisoformat(user.quiet_from),
            time.fromisoformat(user.quiet_until),
        )
        for user in users
        if user.quiet_from and user.quiet_until and not user.away(now)
    )


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
            "need": step.need,
        }
        for step in steps
    ]


def read_steps(rows: Iterable[dict[str, Any]]) -> tuple[Step, ...]:
    return tuple(
        Step(
            Trigger(row["trigger"]),
            timedelta(seconds=row["seconds"]),
            tuple(Role(target) for target in row["targets"]),
            row.get("need", 1),
        )
        for row in rows
    )


def _steps(
    escalation: Escalation | None, policy: EscalationPolicy | None, deadline: Deadline
) -> tuple[Step, ...]:
    """A running escalation keeps the ladder that it began on; what is entered late has a shorter one."""
    if escalation is not None:
        return read_steps(escalation.steps)
    steps = read_steps(policy.steps) if policy else DEFAULT_STEPS
    zone = ZoneInfo(deadline.timezone)
    return shortened(steps, deadline.due_at, deadline.entered_at, zone)


def _fired(escalation: Escalation | None) -> dict[int, datetime]:
    if escalation is None:
        return {}
    return {int(order): datetime.fromisoformat(at) for order, at in escalation.fired.items()}
