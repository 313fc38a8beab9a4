"""/reviews: what a change of the law would move, and what people decide of it"""

from typing import Annotated

from fastapi import Depends, Query

from service.api.routing import new_router
from service.dependencies import Page, Reader, Session, Sits, Writer, keep_answer
from service.flows import reviewing
from service.schemas import fields
from service.schemas.reviews import DecisionIn, ReviewOut
from service.store.reviews import ReviewState, list_reviews

router = new_router("reviews", "/reviews")


@router.get("")
async def read_reviews(
    session: Session,
    caller: Reader,
    page: Page,
    status: Annotated[list[ReviewState] | None, Query()] = None,
    case: str | None = None,
    asked_by: fields.LocalDate | None = None,
) -> fields.Page[ReviewOut]:
    """Oldest first. `asked_by`: leaves out what a person has put off beyond that day."""
    rows = await list_reviews(
        session,
        caller.reach,
        states=status or (),
        case_id=case,
        put_off_until=asked_by,
        after=page.after_id,
        limit=page.limit,
    )
    items = [ReviewOut.model_validate(row) for row in rows]
    return fields.Page(items=items, next_cursor=page.next_cursor(rows, lambda row: [row.id]))


@router.post("/decisions", dependencies=[Depends(keep_answer)])
async def decide(body: DecisionIn, sitting: Sits, caller: Writer) -> list[ReviewOut]:
    """Apply, keep or ask again later; on many at once, all of them or none."""
    rows = await reviewing.decide(sitting, body, caller)
    return [ReviewOut.model_validate(row) for row in rows]
