"""/alerts: emergencies that people raise, what will happen, what was sent, and what people answer"""

from typing import Annotated

from fastapi import Depends, Query, Response

from service.api.messages import message_answers
from service.api.routing import new_router, tag
from service.dependencies import IfMatch, Page, Reader, Session, Sits, Writer, keep_answer
from service.domain.access import Caller
from service.domain.alerts import AlertState
from service.domain.escalation import ResponseKind
from service.errors import not_found
from service.flows import alerting
from service.flows.acknowledgement import Said
from service.flows.foresight import foresee
from service.flows.sitting import Sitting
from service.schemas import fields
from service.schemas.alerts import AlertIn, AlertOut, AlertPatch
from service.schemas.deadlines import (
    AnswerIn,
    DeclineIn,
    PlannedStepOut,
    PlanOut,
    ReasonIn,
    ResponseOut,
)
from service.schemas.messages import MessageOut
from service.store.alerts import Alert, get_alert, list_alerts
from service.store.messages import Message, messages_of

router = new_router("alerts", "/alerts")


def _shape(shown: alerting.Shown) -> AlertOut:
    own = set(AlertOut.model_fields) - {"acknowledged", "answers"}
    return AlertOut(
        **shown.alert.model_dump(include=own),
        acknowledged=shown.acknowledged,
        answers=[ResponseOut.model_validate(one) for one in shown.answers],
    )


async def _answer(sitting: Sitting, alert: Alert, response: Response) -> AlertOut:
    tag(response, alert.id, alert.revision)
    (shown,) = await alerting.shown(sitting, [alert])
    return _shape(shown)


async def _found(session: Session, alert_id: str, caller: Caller) -> Alert:
    alert = await get_alert(session, alert_id, caller.reach)
    if alert is None:
        raise not_found("alert")
    return alert


@router.post("", status_code=201, dependencies=[Depends(keep_answer)])
async def raise_alert(body: AlertIn, sitting: Sits, caller: Writer, response: Response) -> AlertOut:
    """ "Detained now": the owner and the lead of the case are told at once, after ten minutes without an
    answer the deputies, ten minutes later everybody, and so on until somebody resolves it."""
    alert = await alerting.raise_alert(sitting, body, caller)
    return await _answer(sitting, alert, response)


@router.get("")
async def read_alerts(
    sitting: Sits,
    caller: Reader,
    page: Page,
    case: str | None = None,
    state: Annotated[list[AlertState] | None, Query()] = None,
) -> fields.Page[AlertOut]:
    """Oldest first."""
    rows = await list_alerts(
        sitting.session,
        caller.reach,
        case_id=case,
        states=state or (),
        after=page.after_id,
        limit=page.limit,
    )
    cursor = page.next_cursor(rows, lambda row: [row.id])
    items = [_shape(one) for one in await alerting.shown(sitting, rows)]
    return fields.Page(items=items, next_cursor=cursor)


@router.get("/{alert_id}")
async def read_alert(alert_id: str, sitting: Sits, caller: Reader, response: Response) -> AlertOut:
    return await _answer(sitting, await _found(sitting.session, alert_id, caller), response)


@router.patch("/{alert_id}")
async def change_alert(
    alert_id: str,
    body: AlertPatch,
    sitting: Sits,
    caller: Writer,
    if_match: IfMatch,
    response: Response,
) -> AlertOut:
    """The title, the notes, or the case, once it is known: its people are then told from the first step
    on."""
    alert = await alerting.change_alert(sitting, alert_id, body, if_match, caller)
    return await _answer(sitting, alert, response)


@router.get("/{alert_id}/plan")
async def read_alert_plan(alert_id: str, sitting: Sits, caller: Reader) -> PlanOut:
    """Who will be told what and when if nobody answers: the function that the workers run."""
    alert = await _found(sitting.session, alert_id, caller)
    ahead = await foresee(sitting, alert)
    return PlanOut(
        alert_id=alert.id,
        version=alert.version,
        state=ahead.decision.state,
        why=ahead.decision.why,
        wake_at=ahead.decision.wake_at,
        fired=dict(ahead.situation.facts.fired),
        due=PlannedStepOut.model_validate(ahead.due) if ahead.due else None,
        upcoming=[PlannedStepOut.model_validate(one) for one in ahead.upcoming],
    )


@router.get("/{alert_id}/messages")
async def read_alert_messages(
    alert_id: str, session: Session, caller: Reader, page: Page
) -> fields.Page[MessageOut]:
    """Everything that was said of the alert, with every attempt."""
    await _found(session, alert_id, caller)
    rows = await messages_of(session, Message.alert_id, alert_id, page.after_id, page.limit)
    items = await message_answers(session, rows, caller)
    return fields.Page(items=items, next_cursor=page.next_cursor(rows, lambda row: [row.id]))


@router.post("/{alert_id}/acknowledge", status_code=201, dependencies=[Depends(keep_answer)])
async def acknowledge_alert(
    alert_id: str, body: AnswerIn, sitting: Sits, caller: Writer
) -> ResponseOut:
    """ "I have it": nobody further is told for an hour; then the ladder goes on. Only resolving ends it."""
    said = Said(ResponseKind.ACKNOWLEDGE, body.note)
    response = await alerting.respond(sitting, alert_id, body.user_id, said, caller)
    return ResponseOut.model_validate(response)


@router.post("/{alert_id}/decline", status_code=201, dependencies=[Depends(keep_answer)])
async def decline_alert(
    alert_id: str, body: DeclineIn, sitting: Sits, caller: Writer
) -> ResponseOut:
    """ "Not mine", "away", "cannot": the next on the ladder is told at once."""
    said = Said(ResponseKind.DECLINE, body.note, body.reason)
    response = await alerting.respond(sitting, alert_id, body.user_id, said, caller)
    return ResponseOut.model_validate(response)


@router.post("/{alert_id}/resolve", dependencies=[Depends(keep_answer)])
async def resolve_alert(
    alert_id: str, body: ReasonIn, sitting: Sits, caller: Writer, response: Response
) -> AlertOut:
    """It is over, for a reason; nobody is told any more."""
    alert = await alerting.resolve(sitting, alert_id, body.user_id, body.reason, caller)
    return await _answer(sitting, alert, response)
