"""/deadlines/{id}/override, tolling, extensions: what people say of a date"""

from datetime import datetime

from fastapi import Depends

from service.api.deadlines import deadline_answer
from service.api.routing import new_router
from service.dependencies import Reader, Session, Sits, Writer, keep_answer
from service.domain.access import Caller
from service.errors import not_found
from service.flows import adjusting
from service.schemas.adjustments import (
    ExtensionDecided,
    ExtensionIn,
    ExtensionOut,
    GrantIn,
    LiftIn,
    OverrideIn,
    RefusalIn,
    TollingIn,
    TollingOut,
    TollingRecorded,
)
from service.schemas.deadlines import DeadlineOut
from service.store.deadlines import Deadline, get_deadline
from service.store.extensions import extensions_of
from service.store.tolling import TollingPeriod, tolling_of

router = new_router("deadlines", "/deadlines/{deadline_id}")


@router.post("/override", dependencies=[Depends(keep_answer)])
async def override(
    deadline_id: str, body: OverrideIn, sitting: Sits, caller: Writer
) -> DeadlineOut:
    """A date on a paper stands over the computed one; a date without a rule moves. Everyone who was
    told the old date is told at once."""
    deadline = await adjusting.override(sitting, deadline_id, body, caller)
    return deadline_answer(deadline, sitting.now)


@router.post("/tolling", status_code=201, dependencies=[Depends(keep_answer)])
async def toll(deadline_id: str, body: TollingIn, sitting: Sits, caller: Writer) -> TollingRecorded:
    """The clock stands still; with no end in sight the deadline is suspended until it is lifted."""
    period, deadline = await adjusting.toll(sitting, deadline_id, body, caller)
    return _recorded(period, deadline, sitting.now)


@router.post("/tolling/{tolling_id}/lift", dependencies=[Depends(keep_answer)])
async def lift(
    deadline_id: str, tolling_id: str, body: LiftIn, sitting: Sits, caller: Writer
) -> TollingRecorded:
    """The clock runs again; what remained of the limit runs on."""
    period, deadline = await adjusting.lift(sitting, deadline_id, tolling_id, body, caller)
    return _recorded(period, deadline, sitting.now)


def _recorded(period: TollingPeriod | None, deadline: Deadline, now: datetime) -> TollingRecorded:
    shown = None if period is None else TollingOut.model_validate(period)
    return TollingRecorded(tolling=shown, deadline=deadline_answer(deadline, now))


@router.get("/tolling")
async def read_tolling(deadline_id: str, session: Session, caller: Reader) -> list[TollingOut]:
    await _check_visible(session, deadline_id, caller)
    rows = (await tolling_of(session, [deadline_id])).get(deadline_id, [])
    return [TollingOut.model_validate(row) for row in rows]


@router.post("/extensions", status_code=201, dependencies=[Depends(keep_answer)])
async def request_extension(
    deadline_id: str, body: ExtensionIn, sitting: Sits, caller: Writer
) -> ExtensionOut:
    """More time was asked for. The date stands until it is granted."""
    extension = await adjusting.request_extension(sitting, deadline_id, body, caller)
    return ExtensionOut.model_validate(extension)


@router.post("/extensions/{extension_id}/grant", dependencies=[Depends(keep_answer)])
async def grant_extension(
    deadline_id: str, extension_id: str, body: GrantIn, sitting: Sits, caller: Writer
) -> ExtensionDecided:
    """The date moves to the one that the order names."""
    extension, deadline = await adjusting.grant_extension(
        sitting, deadline_id, extension_id, body, caller
    )
    return ExtensionDecided(
        **extension.model_dump(include=set(ExtensionOut.model_fields)),
        deadline=deadline_answer(deadline, sitting.now),
    )


@router.post("/extensions/{extension_id}/refuse", dependencies=[Depends(keep_answer)])
async def refuse_extension(
    deadline_id: str, extension_id: str, body: RefusalIn, sitting: Sits, caller: Writer
) -> ExtensionDecided:
    """The date stands as it stood."""
    extension, deadline = await adjusting.refuse_extension(
        sitting, deadline_id, extension_id, body, caller
    )
    return ExtensionDecided(
        **extension.model_dump(include=set(ExtensionOut.model_fields)),
        deadline=deadline_answer(deadline, sitting.now),
    )


@router.get("/extensions")
async def read_extensions(deadline_id: str, session: Session, caller: Reader) -> list[ExtensionOut]:
    await _check_visible(session, deadline_id, caller)
    return [ExtensionOut.model_validate(row) for row in await extensions_of(session, deadline_id)]


async def _check_visible(session: Session, deadline_id: str, caller: Caller) -> None:
    if await get_deadline(session, deadline_id, caller.reach) is None:
        raise not_found("deadline")
