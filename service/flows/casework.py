"""Opening a case and changing who is on it."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Caller
from service.errors import Code, Refusal, not_found
from service.flows.calendars import check_calendar
from service.flows.docketing import check_policy
from service.flows.standing import check_precondition
from service.flows.starting import check_people
from service.ids import new_id
from service.schemas.cases import CaseIn, CasePatch, RoleIn
from service.store.cases import Case, CaseRole, find_case, get_case, roles_of, set_roles
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
    await _check_unique(session, team_id, body)
    await check_policy(session, body.escalation_policy_id, team_id, caller)
    if body.calendar:
        await check_calendar(session, body.calendar)
    await _check_people(session, team_id, body.roles)
    case = Case(
        id=new_id("cas", now),
        team_id=team_id,
        shown_at=now,
        created_at=now,
        **body.model_dump(exclude={"team_id", "roles"}),
    )
    session.add(case)
    await session.flush()
    roles = await _give_roles(session, case, body.roles)
    await _journal(session, case, caller, "case.opened", now, roles)
    return case, roles


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
        await check_anew(session, case.id)
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
            await check_people(session, case.id, any(one.critical for one in live))
        touch_feeds(session, before | {role.user_id for role in roles}, now)
    await _journal(session, case, caller, "case.changed", now, roles)
    return case, roles


async def _give_roles(
    session: AsyncSession, case: Case, wanted: Sequence[RoleIn]
) -> list[CaseRole]:
    await set_roles(session, case.id, [(one.role, one.user_id) for one in wanted])
    return (await roles_of(session, [case.id])).get(case.id, [])


async def _check_unique(session: AsyncSession, team_id: str, body: CaseIn) -> None:
    if await find_case(session, team_id, code=body.code):
        raise Refusal(Code.DUPLICATE, "The team has a case of this code already.", "code")
    if body.external_id and await find_case(session, team_id, external_id=body.external_id):
        raise Refusal(Code.DUPLICATE, "A case has this external_id already.", "external_id")


async def _check_people(session: AsyncSession, team_id: str, roles: Sequence[RoleIn]) -> None:
    known = await members_among(session, team_id, (one.user_id for one in roles))
    for index, one in enumerate(roles):
        if one.user_id not in known:
            raise Refusal(
                Code.UNKNOWN_REFERENCE,
                "That person is not in the team.",
                f"roles.{index}.user_id",
            )


async def _journal(
    session: AsyncSession,
    case: Case,
    caller: Caller,
    action: str,
    now: datetime,
    roles: Sequence[CaseRole],
) -> None:
    people = [[role.role, role.user_id] for role in roles]
    happening = Happening(case.team_id, caller.actor, action, case.id, case.id, {"roles": people})
    await record(session, [happening], now)
