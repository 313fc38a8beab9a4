"""/coverage: steps to come that would reach nobody, or that rest on one single person"""

from service.api.routing import new_router
from service.dependencies import Page, Reader, Sits
from service.domain.access import Reach
from service.domain.coverage import HORIZON
from service.errors import not_found
from service.flows.coverage import Uncovered, uncovered
from service.schemas import fields
from service.schemas.coverage import GapOut

router = new_router("coverage", "/coverage")


@router.get("")
async def read_coverage(
    sitting: Sits,
    caller: Reader,
    page: Page,
    until: fields.Instant | None = None,
    team: str | None = None,
) -> fields.Page[GapOut]:
    """As of now, for the coming 60 days or until an earlier instant. A page looks at `limit` live
    deadlines, and may hold fewer gaps or none: go on while there is a cursor."""
    reach = caller.reach
    if team is not None:
        if not reach.contains(team):
            raise not_found("team")
        reach = Reach(frozenset({team}))
    horizon = sitting.now + HORIZON
    found, seen = await uncovered(
        sitting, reach, min(until or horizon, horizon), page.after_id, page.limit
    )
    items = [_answer(one) for one in found]
    return fields.Page(items=items, next_cursor=page.next_cursor(seen, lambda row: [row.id]))


def _answer(one: Uncovered) -> GapOut:
    return GapOut(
        deadline_id=one.deadline_id,
        case_code=one.case_code,
        step=one.gap.step,
        at=one.gap.at,
        roles=list(one.gap.roles),
        code=one.gap.code,
        sentence=one.gap.sentence,
    )
