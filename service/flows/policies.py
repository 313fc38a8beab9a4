"""Escalation policies: who is told in which order, as a team decides it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Caller
from service.domain.escalation import Step, Trigger, check_steps
from service.errors import not_found
from service.flows.ladders import written_steps
from service.flows.standing import check_precondition
from service.ids import new_id
from service.schemas.escalation_policies import (
    EscalationPolicyIn,
    EscalationPolicyPatch,
    StepShape,
)
from service.store.deadlines import wake_policy_users
from service.store.escalation_policies import EscalationPolicy, get_policy
from service.store.journal import Happening, record
from service.store.teams import existing_team_ids


async def create_policy(
    session: AsyncSession, body: EscalationPolicyIn, caller: Caller, now: datetime
) -> EscalationPolicy:
    team_id = caller.team_for(body.team_id)
    if not await existing_team_ids(session, [team_id]):
        raise not_found("team")
    policy = EscalationPolicy(
        id=new_id("pol", now),
        team_id=team_id,
        name=body.name,
        steps=written_steps(_checked(body.steps)),
        default_for=body.default_for.model_dump() if body.default_for else None,
        created_at=now,
    )
    session.add(policy)
    await session.flush()
    if policy.default_for is not None:
        await wake_policy_users(session, None, policy.team_id, now)
    await _journal(session, policy, caller, "policy.created", now)
    return policy


async def change_policy(
    session: AsyncSession,
    policy_id: str,
    body: EscalationPolicyPatch,
    if_match: str,
    caller: Caller,
    now: datetime,
) -> EscalationPolicy:
    """Ladders that have begun keep their own copy; all others are planned anew by the next tick."""
    policy = await get_policy(session, policy_id, caller.reach, lock=True)
    if policy is None:
        raise not_found("escalation policy")
    check_precondition(policy.id, policy.revision, if_match)
    policy.name = body.name or policy.name
    if body.steps is not None:
        policy.steps = written_steps(_checked(body.steps))
        await wake_policy_users(session, policy.id, policy.team_id, now)
    was_default = policy.default_for is not None
    if "default_for" in body.model_fields_set:
        policy.default_for = body.default_for.model_dump() if body.default_for else None
    if was_default or policy.default_for is not None:
        await wake_policy_users(session, None, policy.team_id, now)
    policy.revision += 1
    session.add(policy)
    await session.flush()
    await _journal(session, policy, caller, "policy.changed", now)
    return policy


def _checked(shapes: Sequence[StepShape]) -> list[Step]:
    steps = [_step(shape) for shape in shapes]
    check_steps(steps)
    return steps


def _step(shape: StepShape) -> Step:
    need = None if shape.need == "all" else shape.need
    targets = tuple(dict.fromkeys(shape.targets))
    for trigger in Trigger:
        days = getattr(shape, f"court_days_{trigger}", None)
        if days is not None:
            return Step(trigger, timedelta(), targets, need, days)
        span = getattr(shape, trigger)
        if span is not None:
            return Step(trigger, span, targets, need)
    raise AssertionError("the shape has exactly one trigger")


async def _journal(
    session: AsyncSession, policy: EscalationPolicy, caller: Caller, action: str, now: datetime
) -> None:
    data = {"steps": policy.steps, "default_for": policy.default_for}
    happening = Happening(policy.team_id, caller.actor, action, policy.id, None, data)
    await record(session, [happening], now)
