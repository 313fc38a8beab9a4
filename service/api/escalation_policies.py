"""/escalation-policies"""

from datetime import timedelta

from fastapi import Depends, Response

from service.api.routing import new_router, tag
from service.dependencies import IfMatch, Now, Page, Reader, Session, Sits, Writer, keep_answer
from service.domain.escalation import Step
from service.errors import not_found
from service.flows import policies
from service.flows.foresight import simulate
from service.flows.ladders import read_steps
from service.schemas import fields
from service.schemas.escalation_policies import (
    EscalationPolicyIn,
    EscalationPolicyOut,
    EscalationPolicyPatch,
)
from service.schemas.foresight import ForeseenOut, SimulationIn, SimulationOut
from service.store.escalation_policies import EscalationPolicy, get_policy, list_policies

router = new_router("escalation-policies", "/escalation-policies")


def _answer(policy: EscalationPolicy) -> EscalationPolicyOut:
    steps = [
        {
            "targets": list(step.targets),
            **_span(step),
            "need": "all" if step.need is None else step.need,
        }
        for step in read_steps(policy.steps)
    ]
    return EscalationPolicyOut.model_validate(policy.model_dump() | {"steps": steps})


def _span(step: Step) -> dict[str, timedelta | int]:
    if step.court_days:
        return {f"court_days_{step.trigger}": step.court_days}
    return {step.trigger.value: step.after}


@router.post("", status_code=201, dependencies=[Depends(keep_answer)])
async def create_policy(
    body: EscalationPolicyIn, session: Session, caller: Writer, now: Now, response: Response
) -> EscalationPolicyOut:
    policy = await policies.create_policy(session, body, caller, now)
    tag(response, policy.id, policy.revision)
    return _answer(policy)


@router.get("")
async def read_policies(
    session: Session, caller: Reader, page: Page
) -> fields.Page[EscalationPolicyOut]:
    rows = await list_policies(session, caller.reach, page.after_id, page.limit)
    cursor = page.next_cursor(rows, lambda row: [row.id])
    return fields.Page(items=[_answer(row) for row in rows], next_cursor=cursor)


@router.get("/{policy_id}")
async def read_policy(
    policy_id: str, session: Session, caller: Reader, response: Response
) -> EscalationPolicyOut:
    policy = await get_policy(session, policy_id, caller.reach)
    if policy is None:
        raise not_found("escalation policy")
    tag(response, policy.id, policy.revision)
    return _answer(policy)


@router.patch("/{policy_id}")
async def change_policy(
    policy_id: str,
    body: EscalationPolicyPatch,
    session: Session,
    caller: Writer,
    now: Now,
    if_match: IfMatch,
    response: Response,
) -> EscalationPolicyOut:
    policy = await policies.change_policy(session, policy_id, body, if_match, caller, now)
    tag(response, policy.id, policy.revision)
    return _answer(policy)


@router.post("/{policy_id}/simulate", dependencies=[Depends(keep_answer)])
async def simulate_policy(
    policy_id: str, body: SimulationIn, sitting: Sits, caller: Reader
) -> SimulationOut:
    """Who would be told what, when and by which channel if nobody answers; nothing is written."""
    ahead = await simulate(sitting, policy_id, body, caller)
    deadline, decision = ahead.situation.subject, ahead.decision
    turns = [*([ahead.due] if ahead.due else []), *ahead.upcoming]
    return SimulationOut(
        policy_id=policy_id,
        deadline_id=body.deadline_id,
        case_id=deadline.case_id,
        due_on=deadline.due_on,
        due_at=deadline.due_at,
        timezone=deadline.timezone,
        entered_at=deadline.entered_at,
        state=decision.state,
        why=decision.why,
        wake_at=decision.wake_at,
        steps=[ForeseenOut.model_validate(turn) for turn in turns],
    )
