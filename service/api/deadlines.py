"""/deadlines: the dates, why they are so, what will happen, what was sent, and what people answer"""

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query, Response

from service.api.messages import message_answers
from service.api.routing import new_router, tag
from service.dependencies import (
    IfMatch,
    Now,
    Page,
    Reader,
    Session,
    Sits,
    Writer,
    keep_answer,
)
from service.domain.access import Caller
from service.domain.deadlines import RUNNING_STATES, DeadlineKind, DeadlineState
from service.domain.escalation import ResponseKind
from service.errors import not_found
from service.flows import acknowledgement, docketing, ending, moving
from service.flows.ending import Ending
from service.flows.foresight import foresee
from service.flows.sitting import Sitting
from service.schemas import fields
from service.schemas.deadlines import (
    AnswerIn,
    DeadlineEnded,
    DeadlineIn,
    DeadlineOut,
    DeadlinePatch,
    DeclineIn,
    DerivationOut,
    PersonIn,
    PlannedStepOut,
    PlanOut,
    ProofIn,
    ReasonIn,
    ResponseOut,
    SnoozeIn,
)
from service.schemas.messages import MessageOut
from service.store.deadlines import Deadline, get_deadline, list_deadlines
from service.store.messages import Message, messages_of

router = new_router("deadlines", "/deadlines")


def deadline_answer(deadline: Deadline, now: datetime) -> DeadlineOut:
    apart = deadline.due_on - deadline.computed_on if deadline.computed_on else None
    return DeadlineOut(
        **deadline.model_dump(include=set(DeadlineOut.model_fields)),
        overdue=deadline.state in RUNNING_STATES and deadline.due_at <= now,
        difference_days=apart.days if apart is not None and deadline.stated else None,
    )


async def _found(session: Session, deadline_id: str, caller: Caller) -> Deadline:
    deadline = await get_deadline(session, deadline_id, caller.reach)
    if deadline is None:
        raise not_found("deadline")
    return deadline


@router.post("", status_code=201, dependencies=[Depends(keep_answer)])
async def state_deadline(
    body: DeadlineIn, sitting: Sits, caller: Writer, response: Response
) -> DeadlineOut:
    """A date that stands on a paper or that the team sets; rules start from a trigger event instead."""
    deadline = await docketing.state_deadline(sitting, body, caller)
    tag(response, deadline.id, deadline.revision)
    return deadline_answer(deadline, sitting.now)


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
    sitting: Sits,
    caller: Writer,
    if_match: IfMatch,
    response: Response,
) -> DeadlineOut:
    deadline = await docketing.change_deadline(sitting, deadline_id, body, if_match, caller)
    tag(response, deadline.id, deadline.revision)
    return deadline_answer(deadline, sitting.now)


@router.get("/{deadline_id}/derivation")
async def read_derivation(deadline_id: str, sitting: Sits, caller: Reader) -> DerivationOut:
    """How the date came about, step by step, with what it rests on."""
    deadline = await _found(sitting.session, deadline_id, caller)
    warnings = []
    if deadline.rule_status not in (None, "verified"):
        warnings.append(f"This rule is {deadline.rule_status}: confirm before relying on the date.")
    lifted = await moving.if_lifted_today(sitting, deadline)
    return DerivationOut(
        deadline_id=deadline.id,
        warnings=warnings,
        if_lifted_today=lifted,
        remaining_days=(lifted - sitting.today(deadline.timezone)).days if lifted else None,
        **deadline.model_dump(include=set(DerivationOut.model_fields)),
    )


@router.get("/{deadline_id}/plan")
async def read_plan(deadline_id: str, sitting: Sits, caller: Reader) -> PlanOut:
    """Who will be told what and when if nobody answers: the function that the workers run."""
    deadline = await _found(sitting.session, deadline_id, caller)
    ahead = await foresee(sitting, deadline)
    return PlanOut(
        deadline_id=deadline.id,
        version=deadline.version,
        state=ahead.decision.state,
        why=ahead.decision.why,
        wake_at=ahead.decision.wake_at,
        fired=dict(ahead.situation.facts.fired),
        due=PlannedStepOut.model_validate(ahead.due) if ahead.due else None,
        upcoming=[PlannedStepOut.model_validate(one) for one in ahead.upcoming],
    )


@router.get("/{deadline_id}/messages")
async def read_messages(
    deadline_id: str, session: Session, caller: Reader, page: Page
) -> fields.Page[MessageOut]:
    """Everything that was said of the deadline, with every attempt."""
    await _found(session, deadline_id, caller)
    rows = await messages_of(session, Message.deadline_id, deadline_id, page.after_id, page.limit)
    items = await message_answers(session, rows, caller)
    return fields.Page(items=items, next_cursor=page.next_cursor(rows, lambda row: [row.id]))


@router.post("/{deadline_id}/acknowledge", status_code=201, dependencies=[Depends(keep_answer)])
async def acknowledge(
    deadline_id: str, body: AnswerIn, sitting: Sits, caller: Writer
) -> ResponseOut:
    """ "I have it": nobody further is told for a day, a quarter of the time that is left, or until the
    next mark, whichever comes first. The deadline stays open."""
    said = acknowledgement.Said(ResponseKind.ACKNOWLEDGE, body.note)
    response = await acknowledgement.respond(sitting, deadline_id, body.user_id, said, caller)
    return ResponseOut.model_validate(response)


@router.post("/{deadline_id}/decline", status_code=201, dependencies=[Depends(keep_answer)])
async def decline(deadline_id: str, body: DeclineIn, sitting: Sits, caller: Writer) -> ResponseOut:
    """ "Not mine", "away", "cannot": the next on the ladder is told at once."""
    said = acknowledgement.Said(ResponseKind.DECLINE, body.note, body.reason)
    response = await acknowledgement.respond(sitting, deadline_id, body.user_id, said, caller)
    return ResponseOut.model_validate(response)


@router.post("/{deadline_id}/snooze", status_code=201, dependencies=[Depends(keep_answer)])
async def snooze(deadline_id: str, body: SnoozeIn, sitting: Sits, caller: Writer) -> ResponseOut:
    """Silence for a while, with a reason: a day at the most, half of the time that is left, and never
    into the last day."""
    said = acknowledgement.Said(ResponseKind.SNOOZE, body.note, body.reason, body.until)
    response = await acknowledgement.respond(sitting, deadline_id, body.user_id, said, caller)
    return ResponseOut.model_validate(response)


@router.post("/{deadline_id}/verify", dependencies=[Depends(keep_answer)])
async def verify(deadline_id: str, body: PersonIn, sitting: Sits, caller: Writer) -> DeadlineOut:
    """A second person has checked the date against its document."""
    deadline = await ending.verify(sitting, deadline_id, body.user_id, caller)
    return deadline_answer(deadline, sitting.now)


@router.post("/{deadline_id}/complete", dependencies=[Depends(keep_answer)])
async def complete(deadline_id: str, body: ProofIn, sitting: Sits, caller: Writer) -> DeadlineEnded:
    """Done, with proof. Only this, a waiver or a cancellation ends the reminders."""
    how = Ending(body.proof, body.done_on, body.served_on, body.refused)
    return await _end(sitting, deadline_id, "complete", body.user_id, how, caller)


@router.post("/{deadline_id}/waive", dependencies=[Depends(keep_answer)])
async def waive(deadline_id: str, body: ReasonIn, sitting: Sits, caller: Writer) -> DeadlineEnded:
    """The team decides not to use it; it stays visible with name and reason."""
    how = Ending(body.reason)
    return await _end(sitting, deadline_id, "waive", body.user_id, how, caller)


@router.post("/{deadline_id}/cancel", dependencies=[Depends(keep_answer)])
async def cancel(deadline_id: str, body: ReasonIn, sitting: Sits, caller: Writer) -> DeadlineEnded:
    """It should never have been, or no longer is; what is counted back from its end goes with it."""
    how = Ending(body.reason)
    return await _end(sitting, deadline_id, "cancel", body.user_id, how, caller)


@router.post("/{deadline_id}/miss", dependencies=[Depends(keep_answer)])
async def miss(deadline_id: str, body: ReasonIn, sitting: Sits, caller: Writer) -> DeadlineEnded:
    """It was not met. Somebody has to say so: an exhausted ladder goes on until somebody does."""
    how = Ending(body.reason)
    return await _end(sitting, deadline_id, "miss", body.user_id, how, caller)


async def _end(
    sitting: Sitting,
    deadline_id: str,
    verb: str,
    user_id: str | None,
    how: Ending,
    caller: Caller,
) -> DeadlineEnded:
    deadline, started = await ending.end(sitting, deadline_id, verb, user_id, how, caller)
    return DeadlineEnded(
        **deadline_answer(deadline, sitting.now).model_dump(),
        started=[deadline_answer(one, sitting.now) for one in started.deadlines],
        not_started=started.not_started,
    )
