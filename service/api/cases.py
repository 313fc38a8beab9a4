"""/cases, with their trigger events and journal"""

from collections.abc import Sequence

from fastapi import Depends, Response

from service.api.deadlines import deadline_answer
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
from service.errors import not_found
from service.flows import casework, docketing
from service.schemas import fields
from service.schemas.cases import CaseIn, CaseOut, CasePatch, JournalEntryOut
from service.schemas.trigger_events import TriggerEventIn, TriggerEventOut, TriggerEventRecorded
from service.store.cases import Case, CaseRole, get_case, list_cases, roles_of
from service.store.journal import case_journal
from service.store.trigger_events import list_trigger_events

router = new_router("cases", "/cases")


def _answer(case: Case, roles: Sequence[CaseRole]) -> CaseOut:
    return CaseOut.model_validate(case.model_dump() | {"roles": list(roles)})


@router.post("", status_code=201, dependencies=[Depends(keep_answer)])
async def open_case(
    body: CaseIn, session: Session, caller: Writer, now: Now, response: Response
) -> CaseOut:
    case, roles = await casework.open_case(session, body, caller, now)
    tag(response, case.id, case.revision)
    return _answer(case, roles)


@router.get("")
async def read_cases(session: Session, caller: Reader, page: Page) -> fields.Page[CaseOut]:
    rows = await list_cases(session, caller.reach, page.after_id, page.limit)
    roles = await roles_of(session, (row.id for row in rows))
    items = [_answer(row, roles.get(row.id, [])) for row in rows]
    return fields.Page(items=items, next_cursor=page.next_cursor(rows, lambda row: [row.id]))


@router.get("/{case_id}")
async def read_case(case_id: str, session: Session, caller: Reader, response: Response) -> CaseOut:
    case = await get_case(session, case_id, caller.reach)
    if case is None:
        raise not_found("case")
    tag(response, case.id, case.revision)
    return _answer(case, (await roles_of(session, [case.id])).get(case.id, []))


@router.patch("/{case_id}")
async def change_case(
    case_id: str,
    body: CasePatch,
    session: Session,
    caller: Writer,
    now: Now,
    if_match: IfMatch,
    response: Response,
) -> CaseOut:
    case, roles = await casework.change_case(session, case_id, body, if_match, caller, now)
    tag(response, case.id, case.revision)
    return _answer(case, roles)


@router.post("/{case_id}/trigger-events", status_code=201, dependencies=[Depends(keep_answer)])
async def record_trigger_event(
    case_id: str,
    body: TriggerEventIn,
    sitting: Sits,
    caller: Writer,
) -> TriggerEventRecorded:
    """Starts the clocks: the answer holds every deadline that follows, each with its derivation."""
    event, started = await docketing.record_trigger_event(sitting, case_id, body, caller)
    deadlines, not_started = started.deadlines, started.not_started
    return TriggerEventRecorded(
        **event.model_dump(exclude={"team_id"}),
        deadlines=[deadline_answer(deadline, sitting.now) for deadline in deadlines],
        not_started=not_started,
        warnings=[]
        if deadlines or not_started
        else [f"No rule of the library starts from {event.kind!r} in this forum."],
    )


@router.get("/{case_id}/trigger-events")
async def read_trigger_events(
    case_id: str, session: Session, caller: Reader, page: Page
) -> fields.Page[TriggerEventOut]:
    if await get_case(session, case_id, caller.reach) is None:
        raise not_found("case")
    rows = await list_trigger_events(session, case_id, page.after_id, page.limit)
    items = [TriggerEventOut.model_validate(row) for row in rows]
    return fields.Page(items=items, next_cursor=page.next_cursor(rows, lambda row: [row.id]))


@router.get("/{case_id}/journal")
async def read_journal(
    case_id: str, session: Session, caller: Reader, page: Page
) -> fields.Page[JournalEntryOut]:
    """What happened in the case, oldest first; `adquem verify-journal` checks the chain."""
    if await get_case(session, case_id, caller.reach) is None:
        raise not_found("case")
    after = int(page.after[0]) if page.after else None
    rows = await case_journal(session, case_id, after, page.limit)
    items = [JournalEntryOut.model_validate(row) for row in rows]
    return fields.Page(
        items=items, next_cursor=page.next_cursor(rows, lambda row: [str(row.number)])
    )
