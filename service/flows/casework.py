"""Opening a case and changing who is on it."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Caller
from service.errors import Code, Refusal, not_found
from service.flows.calendars import check_calendar
from service.flows.docket import Docket
from service.flows.docketing import check_policy
from service.flows.known import known
from service.flows.standing import check_precondition
from service.flows.starting import check_people
from service.ids import new_id
from service.schemas.cases import CaseIn, CasePatch, RoleIn
from service.store.cases import Case, CaseRole, get_case, roles_of, set_roles
from service.store.deadlines import check_anew, live_deadlines_of
from service.store.journal import Happening, record
from service.store.teams import existing_team_ids
from service.store.touching import touch_feeds
from service.store.users import members_among


async def open_case(
    session: AsyncSession, body: CaseIn, caller: Caller, now: datetime
) -> tuple[Case, list[CaseRole]]:
    """Raises Refusal `duplicate` where the team has a case of that code or external id."""
    team_id = caller.team_for(body.team_id)
    if not await existing_team_ids(session, [team_id]):
        raise not_found("team")
    (await known(session, team_id, cases=[body])).check_case(body)
    await _check_people(session, team_id, body.roles)
    docket = Docket(session, now)
    case = opened(docket, team_id, body, caller)
    await docket.write()
    return case, list(await docket.roles(case.id))


def opened(docket: Docket, team_id: str, body: CaseIn, caller: Caller) -> Case:
    """What the body names is known to be there, and its code and external id to be free."""
    case = Case(
        id=new_id("cas", docket.now),
        team_id=team_id,
        shown_at=docket.now,
        created_at=docket.now,
        **body.model_dump(exclude={"team_id", "roles"}),
    )
    given = sorted({(one.role, one.user_id) for one in body.roles})
    roles = [CaseRole(case_id=case.id, user_id=user, role=role) for role, user in given]
    docket.open(case, roles)
    docket.happenings.append(_happening(case, caller, "case.opened", roles))
    return case


async def change_case(
    session: AsyncSession,
    case_id: str,
    body: CasePatch,
    if_match: str,
    caller: Caller,
    now: datetime,
) -> tuple[Case, list[CaseRole]]:
    """Whoever gains or loses the case sees it in the next fetch of their feeds."""
    case = await get_case(session, case_id, caller.reach, lock=True)
    if case is None:
        raise not_found("case")
    check_precondition(case.id, case.revision, if_match)
    changes = body.model_dump(exclude_unset=True, exclude={"roles"})
    if {"calendar", "respondent_state"} & set(changes):
        await check_anew(session, case.id, now)
    if "escalation_policy_id" in changes:
        await check_policy(session, body.escalation_policy_id, case.team_id, caller)
    if body.calendar:
        await check_calendar(session, body.calendar)
    for name, value in changes.items():
        setattr(case, name, value)
    case.shown, case.shown_at = case.shown + 1, now
    case.revision += 1
    session.add(case)
    await session.flush()
    roles = (await roles_of(session, [case.id])).get(case.id, [])
    if body.roles is not None:
        await _check_people(session, case.team_id, body.roles)
        before = {role.user_id for role in roles}
        roles = await _give_roles(session, case, body.roles)
        live = await live_deadlines_of(session, case.id)
        if live:
            check_people(roles, any(one.critical for one in live))
        touch_feeds(session, before | {role.user_id for role in roles}, now)
    await record(session, [_happening(case, caller, "case.changed", roles)], now)
    return case, roles


async def _give_roles(
    session: AsyncSession, case: Case, wanted: Sequence[RoleIn]
) -> list[CaseRole]:
    await set_roles(session, case.id, [(one.role, one.user_id) for one in wanted])
    return (await roles_of(session, [case.id])).get(case.id, [])


async def _check_people(session: AsyncSession, team_id: str, roles: Sequence[RoleIn]) -> None:
    known = await members_among(session, team_id, (one.user_id for one in roles))
    for index, one in enumerate(roles):
        if one.user_id not in known:
            raise Refusal(
                Code.UNKNOWN_REFERENCE,
                "That person is not in the team.",
                f"roles.{index}.user_id",
            )


def _happening(case: Case, caller: Caller, action: str, roles: Sequence[CaseRole]) -> Happening:
    people = [[role.role, role.user_id] for role in roles]
    return Happening(case.team_id, caller.actor, action, case.id, case.id, {"roles": people})
