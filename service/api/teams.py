"""/teams"""

from fastapi import Depends, Response

from service.api.routing import new_router, tag
from service.dependencies import Admin, IfMatch, Now, Page, Reader, Session, keep_answer
from service.errors import not_found
from service.flows import enrolment
from service.schemas import fields
from service.schemas.teams import TeamIn, TeamOut
from service.store.teams import get_team, list_teams

router = new_router("teams", "/teams")


@router.post("", status_code=201, dependencies=[Depends(keep_answer)])
async def create_team(
    body: TeamIn, session: Session, caller: Admin, now: Now, response: Response
) -> TeamOut:
    team = await enrolment.create_team(session, body, caller, now)
    tag(response, team.id, team.revision)
    return TeamOut.model_validate(team)


@router.get("")
async def read_teams(session: Session, caller: Reader, page: Page) -> fields.Page[TeamOut]:
    rows = await list_teams(session, caller.reach, page.after_id, page.limit)
    items = [TeamOut.model_validate(row) for row in rows]
    return fields.Page(items=items, next_cursor=page.next_cursor(rows, lambda row: [row.id]))


@router.get("/{team_id}")
async def read_team(team_id: str, session: Session, caller: Reader, response: Response) -> TeamOut:
    team = await get_team(session, team_id, caller.reach)
    if team is None:
        raise not_found("team")
    tag(response, team.id, team.revision)
    return TeamOut.model_validate(team)


@router.patch("/{team_id}")
async def change_team(
    team_id: str,
    body: TeamIn,
    session: Session,
    caller: Admin,
    if_match: IfMatch,
    response: Response,
) -> TeamOut:
    team = await enrolment.rename_team(session, team_id, body, if_match, caller)
    tag(response, team.id, team.revision)
    return TeamOut.model_validate(team)
