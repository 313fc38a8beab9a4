"""What will happen if nobody answers: the plan walked from one waking to the next, as the workers walk it.

The plan of a deadline, the simulation of a policy and the command line all ask here. Writes nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic
from zoneinfo import ZoneInfo

from service.domain.access import Caller
from service.domain.deadlines import DeadlineKind, DutyHolder, Force, stated
from service.domain.notifications import ChannelKind
from service.domain.plan import Plan, PlanFacts, PlannedStep, Why, plan, recorded
from service.errors import Code, Refusal, not_found
from service.flows.firing import after_firing, event_of, recipients_of, said_twice, targets_of
from service.flows.planning import About, Given, Situation, gather
from service.flows.reckoning import date_values
from service.flows.sitting import Sitting
from service.flows.starting import new_deadline
from service.flows.tools import wants
from service.ids import new_id
from service.schemas.foresight import SimulationIn
from service.store.cases import get_case
from service.store.deadlines import Deadline, get_deadline
from service.store.endpoints import Endpoint, team_endpoints
from service.store.escalation_policies import EscalationPolicy, get_policy
from service.store.subjects import Subject
from service.store.users import User

#: Nothing of what is imagined is entered by anybody.
_NOBODY = "simulation"


@dataclass(frozen=True)
class Foreseen:
    """One step to come: who, when, by which channel and why. `at`: when it is told; `shifted_from`: where
    the mark would stand if nobody ever rested; `merged`: the missed steps that it speaks for too;
    `told`: the people and the roles in which they are told."""

    step: int
    at: datetime
    local: str
    why: Why
    occurrence: int
    shifted_from: datetime | None
    merged: list[int]
    roles: list[str]
    told: list[tuple[User, str]]
    channels: list[ChannelKind]

    @property
    def people(self) -> list[str]:
        return [user.id for user, _ in self.told]


@dataclass(frozen=True)
class Foresight(Generic[About]):
    """`due`: what is to be told at that very instant; `upcoming`: all that follows if nobody answers, of
    an exhausted ladder's repetitions the next alone."""

    situation: Situation[About]
    decision: Plan
    due: Foreseen | None
    upcoming: list[Foreseen]


async def foresee(sitting: Sitting, subject: Given) -> Foresight[Given]:
    """From the instant of the sitting on, by the functions that the workers run."""
    (situation,) = await gather(sitting, [subject])
    endpoints = await team_endpoints(sitting.session, [subject.team_id])
    walk = _Walk(situation, endpoints.get(subject.team_id, []))
    decision = plan(situation.facts, sitting.now)
    turns = list(walk.turns(sitting.now))
    if decision.due is None:
        return Foresight(situation, decision, None, turns)
    # What is late says so: it keeps the instant at which it was to be told.
    return Foresight(situation, decision, replace(turns[0], at=decision.due.at), turns[1:])


class _Walk:
    """One deadline or alert on its way from waking to waking."""

    def __init__(self, situation: Situation[Subject], endpoints: Sequence[Endpoint]) -> None:
        self._situation = situation
        self._endpoints = endpoints
        self._zone = situation.subject.timezone

    def turns(self, now: datetime) -> Iterator[Foreseen]:
        """Each step with those whom it reaches; one that reaches nobody lets the next one fire at once."""
        facts, at = self._situation.facts, now
        if not self._situation.people:
            yield from self._untold(facts, now)
            return
        while True:
            facts = self._situation.facts_at(facts, at)
            decision = seen = plan(facts, at)
            while decision.due is not None:
                turn = self._turn(decision.due, facts, at)
                yield turn
                if turn.occurrence:
                    return
                told = frozenset(turn.people)
                facts = after_firing(facts, decision.due, at, told, reached=bool(told))
                decision = plan(facts, at)
            facts = recorded(facts, seen, at)
            wake_at = plan(facts, at).wake_at
            if wake_at is None:
                return
            at = wake_at

    def _untold(self, facts: PlanFacts, now: datetime) -> Iterator[Foreseen]:
        """With nobody on the case the plan waits; shown is what it waits with."""
        decision = plan(facts, now)
        for planned in (*([decision.due] if decision.due else []), *decision.upcoming):
            yield self._turn(planned, facts, planned.at)

    def _turn(self, planned: PlannedStep, facts: PlanFacts, at: datetime) -> Foreseen:
        told = recipients_of(self._situation, planned, facts.steps, at)
        event = event_of(self._situation.subject, planned)
        heard = any(wants(one, event, self._situation.subject) for one in self._endpoints)
        twice = said_twice(self._situation.subject, planned, at)
        heard |= twice and any(user.id in self._situation.endpoints for user, _ in told)
        return Foreseen(
            step=planned.order,
            at=at,
            local=f"{at.astimezone(ZoneInfo(self._zone)):%Y-%m-%d %H:%M} {self._zone}",
            why=planned.why,
            occurrence=planned.occurrence,
            shifted_from=planned.shifted_from,
            merged=list(planned.merged),
            roles=list(targets_of(planned, facts.steps)),
            told=[(user, role) for user, role in told],
            channels=[ChannelKind.EMAIL] * bool(told) + [ChannelKind.WEBHOOK] * heard,
        )


async def simulate(
    sitting: Sitting, policy_id: str, body: SimulationIn, caller: Caller
) -> Foresight[Deadline]:
    """The time line of a policy for a deadline that is there, or for one that might be; of the former
    nothing has been told and nothing answered yet.

    Raises Refusal `not_found`, `unknown_reference` for what is not of the policy's team.
    """
    policy = await get_policy(sitting.session, policy_id, caller.reach)
    if policy is None:
        raise not_found("escalation policy")
    at = body.at or body.entered_at or sitting.now
    imagined = (
        await _as_if(sitting, body.deadline_id, policy, caller)
        if body.deadline_id
        else await _might_be(replace(sitting, now=body.entered_at or at), body, policy, caller)
    )
    return await foresee(replace(sitting, now=at), imagined)


async def _as_if(
    sitting: Sitting, deadline_id: str, policy: EscalationPolicy, caller: Caller
) -> Deadline:
    """A copy under an id of its own, so that no running escalation and no answer is found for it."""
    found = await get_deadline(sitting.session, deadline_id, caller.reach)
    if found is None or found.team_id != policy.team_id:
        raise Refusal(Code.UNKNOWN_REFERENCE, "There is no such deadline.", "deadline_id")
    given = {"id": new_id("dln", sitting.now), "escalation_policy_id": policy.id}
    return Deadline(**found.model_dump() | given)


async def _might_be(
    sitting: Sitting, body: SimulationIn, policy: EscalationPolicy, caller: Caller
) -> Deadline:
    """As stating a deadline makes it, and never kept."""
    case = await get_case(sitting.session, body.case_id or "", caller.reach)
    if case is None or case.team_id != policy.team_id:
        raise Refusal(Code.UNKNOWN_REFERENCE, "There is no such case.", "case_id")
    return new_deadline(
        sitting,
        case,
        _NOBODY,
        date_values(None, stated(body.due_on, body.due_at, ZoneInfo(case.timezone), None)),
        title=_NOBODY,
        kind=DeadlineKind.INTERNAL,
        force=Force.INTERNAL,
        duty_holder=DutyHolder.TEAM,
        whole_day=body.due_on is not None,
        escalation_policy_id=policy.id,
    )
