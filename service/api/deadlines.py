"""/deadlines: the dates, why they are so, what will happen, what was sent, and what people answer"""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Query, Response

from service.api.messages import message_answers
from service.api.routing import new_router, tag
from service.dependencies import (
    IfMatch,
    Now,
    Page,
    Reader,
    RuntimeNow,
    Session,
    Writer,
    keep_answer,
)
from service.domain.access import Caller
from service.domain.deadlines import LIVE_STATES, DeadlineKind, DeadlineState
from service.domain.notifications import ChannelKind
from service.domain.plan import PlannedStep, plan
from service.errors import not_found
from service.flows import acknowledgement, docketing
from service.flows.planning import Situation, gather
from service.schemas import fields
from service.schemas.deadlines import (
    AnswerIn,
    DeadlineIn,
    DeadlineOut,
    DeadlinePatch,
    DerivationOut,
    PersonIn,
    PlannedStepOut,
    PlanOut,
    ProofIn,
    ReasonIn,
    ResponseOut,
)
from service.schemas.messages import MessageOut
from service.store.deadlines import Deadline, get_deadline, list_deadlines
from service.store.messages import Message, messages_of

router = new_router("deadlines", "/deadlines")


def deadline_answer(deadline: Deadline, now: datetime) -> DeadlineOut:
    overdue = deadline.state in LIVE_STATES and deadline.due_at <= now
    return DeadlineOut(
        **deadline.model_dump(include=set(DeadlineOut.model_fields)), overdue=overdue
    )


async def _found(session: Session, deadline_id: str, caller: Caller) -> Deadline:
    deadline = await get_deadline(session, deadline_id, caller.reach)
    if deadline is None:
        raise not_found("deadline")
    return deadline


@router.post("", status_code=201, dependencies=[Depends(keep_answer)])
async def state_deadline(
    body: DeadlineIn,
    session: Session,
    caller: Writer,
    runtime: RuntimeNow,
    now: Now,
    response: Response,
) -> DeadlineOut:
    """A date that stands on a paper or that the team sets; rules start from a trigger event instead."""
    webhooks = runtime.channels[ChannelKind.WEBHOOK]
    deadline = await docketing.state_deadline(session, webhooks, body, caller, now)
    tag(response, deadline.id, deadline.revision)
    return deadline_answer(deadline, now)


@router.get("")
async def read_deadlines(
    session: Session,
    caller: Reader,
    page: Page,
    now: Now,
    due_after: fields.Instant | None = None,
    due_before: fields.Instant | None = None,
    case: str | None = None,
    status: Annotated[list[DeadlineState] | None, Query()] = None,
    kind: DeadlineKind | None = None,
) -> fields.Page[DeadlineOut]:
    """Soonest first."""
    after = (datetime.fromisoformat(page.after[0]), page.after[1]) if page.after else None
    rows = await list_deadlines(
        session,
        caller.reach,
        due_after=due_after,
        due_before=due_before,
        case_id=case,
        states=status or (),
        kind=kind,
        after=after,
        limit=page.limit,
    )
    cursor = page.next_cursor(rows, lambda row: [row.due_at.isoformat(), row.id])
    return fields.Page(items=[deadline_answer(row, now) for row in rows], next_cursor=cursor)


@router.get("/{deadline_id}")
async def read_deadline(
    deadline_id: str, session: Session, caller: Reader, now: Now, response: Response
) -> DeadlineOut:
    deadline = await _found(session, deadline_id, caller)
    tag(response, deadline.id, deadline.revision)
    return deadline_answer(deadline, now)


@router.patch("/{deadline_id}")
async def change_deadline(
    deadline_id: str,
    body: DeadlinePatch,
    session: Session,
    caller: Writer,
    now: Now,
    if_match: IfMatch,
    response: Response,
) -> DeadlineOut:
    deadline = await docketing.change_deadline(session, deadline_id, body, if_match, caller, now)
    tag(response, deadline.id, deadline.revision)
    return deadline_answer(deadline, now)


@router.get("/{deadline_id}/derivation")
async def read_derivation(deadline_id: str, session: Session, caller: Reader) -> DerivationOut:
    """How the date came about, step by step, with what it rests on."""
    deadline = await _found(session, deadline_id, caller)
    warnings = []
    if deadline.rule_status not in (None, "verified"):
        warnings.append(f"This rule is {deadline.rule_status}: confirm before relying on the date.")
    shown = set(DerivationOut.model_fields) - {"deadline_id", "warnings"}
    return DerivationOut(
        deadline_id=deadline.id, warnings=warnings, **deadline.model_dump(include=shown)
    )


@router.get("/{deadline_id}/plan")
async def read_plan(deadline_id: str, session: Session, caller: Reader, now: Now) -> PlanOut:
    """Who will be told what and when if nobody answers: the function that the workers run."""
    deadline = await _found(session, deadline_id, caller)
    (situation,) = await gather(session, [deadline])
    decision = plan(situation.facts, now)
    return PlanOut(
        deadline_id=deadline.id,
        version=deadline.version,
        state=decision.state,
        why=decision.why,
        wake_at=decision.wake_at,
        fired=dict(situation.facts.fired),
        due=_planned(situation, decision.due) if decision.due else None,
        upcoming=[_planned(situation, step) for step in decision.upcoming],
    )


def _planned(situation: Situation, planned: PlannedStep) -> PlannedStepOut:
    local = planned.at.astimezone(ZoneInfo(situation.deadline.timezone))
    return PlannedStepOut(
        step=planned.order,
        at=planned.at,
        local=f"{local:%Y-%m-%d %H:%M} {situation.deadline.timezone}",
        why=planned.why,
        roles=list(planned.step.targets),
        people=[user.id for user, _ in situation.recipients(planned.step.targets)],
    )


@router.get("/{deadline_id}/messages")
async def read_messages(
    deadline_id: str, session: Session, caller: Reader, page: Page
) -> fields.Page[MessageOut]:
    """Everything that was said of the deadline, with every attempt."""
    await _found(session, deadline_id, caller)
    rows = await messages_of(session, Message.deadline_id, deadline_id, page.after_id, page.limit)
    items = await message_answers(session, rows)
    return fields.Page(items=items, next_cursor=page.next_cursor(rows, lambda row: [row.id]))


@router.post("/{deadline_id}/acknowledge", status_code=201, dependencies=[Depends(keep_answer)])
async def acknowledge(
    deadline_id: str,
    body: AnswerIn,
    session: Session,
    caller: Writer,
    runtime: RuntimeNow,
    now: Now,
) -> ResponseOut:
    """ "I have it": nobody further is told until the next mark. The deadline stays open."""
    webhooks = runtime.channels[ChannelKind.WEBHOOK]
    response = await acknowledgement.acknowledge(
        session, webhooks, deadline_id, body.user_id, body.note, caller, now
    )
    return ResponseOut.model_validate(response)


async def _settle(
    parts: tuple[Session, Caller, RuntimeNow, datetime],
    deadline_id: str,
    verb: str,
    user_id: str | None,
    reason: str | None,
) -> DeadlineOut:
    session, caller, runtime, now = parts
    webhooks = runtime.channels[ChannelKind.WEBHOOK]
    deadline = await acknowledgement.settle(
        session, webhooks, deadline_id, verb, user_id, reason, caller, now
    )
    return deadline_answer(deadline, now)


def _parts(
    session: Session, caller: Writer, runtime: RuntimeNow, now: Now
) -> tuple[Session, Caller, RuntimeNow, datetime]:
    return session, caller, runtime, now


Parts = Annotated[tuple[Session, Caller, RuntimeNow, datetime], Depends(_parts, scope="function")]


@router.post("/{deadline_id}/verify", dependencies=[Depends(keep_answer)])
async def verify(deadline_id: str, body: PersonIn, parts: Parts) -> DeadlineOut:
    """A second person has checked the date against its document."""
    return await _settle(parts, deadline_id, "verify", body.user_id, None)


@router.post("/{deadline_id}/complete", dependencies=[Depends(keep_answer)])
async def complete(deadline_id: str, body: ProofIn, parts: Parts) -> DeadlineOut:
    """Done, with proof. Only this, a waiver or a cancellation ends the reminders."""
    return await _settle(parts, deadline_id, "complete", body.user_id, body.proof)


@router.post("/{deadline_id}/waive", dependencies=[Depends(keep_answer)])
async def waive(deadline_id: str, body: ReasonIn, parts: Parts) -> DeadlineOut:
    """The team decides not to use it; it stays visible with name and reason."""
    return await _settle(parts, deadline_id, "waive", body.user_id, body.reason)


@router.post("/{deadline_id}/cancel", dependencies=[Depends(keep_answer)])
async def cancel(deadline_id: str, body: ReasonIn, parts: Parts) -> DeadlineOut:
    """It should never have been, or no longer is."""
    return await _settle(parts, deadline_id, "cancel", body.user_id, body.reason)
