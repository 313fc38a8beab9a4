"""Cases and the people on them."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import UniqueConstraint, delete
from sqlmodel import Field, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Level, Reach
from service.domain.escalation import Role
from service.store.columns import Choice, Row, UtcDateTime, one_of, rows_by
from service.store.paging import get_within, page, within


class Case(Row, table=True):
    """Known by its `code`, never by a client's name. `calendar` is the code of its court calendar,
    `mail_level` how much its mails show, up to `ceiling`, `respondent_state` (ISO 3166) the State
    against which it is brought, where there is one.

    `shown` counts the changes that alter what feeds show of the case's deadlines.
    """

    __tablename__ = "cases"
    __table_args__ = (
        UniqueConstraint("team_id", "code"),
        UniqueConstraint("team_id", "external_id"),
    )

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id")
    code: str
    external_id: str | None = None
    forum: str | None = None
    timezone: str
    calendar: str | None = None
    ceiling: int = Level.BASIS
    mail_level: int = Level.CODE
    respondent_state: str | None = None
    escalation_policy_id: str | None = Field(default=None, foreign_key="escalation_policies.id")
    shown: int = 0
    shown_at: datetime = Field(sa_type=UtcDateTime)
    revision: int = 1
    created_at: datetime = Field(sa_type=UtcDateTime)


class CaseRole(Row, table=True):
    """One person may hold several roles, and a role several persons."""

    __tablename__ = "case_roles"

    case_id: str = Field(primary_key=True, foreign_key="cases.id")
    user_id: str = Field(primary_key=True, foreign_key="users.id", index=True)
    role: Role = Field(primary_key=True, sa_type=Choice(Role))


async def get_case(
    session: AsyncSession, case_id: str, reach: Reach, lock: bool = False
) -> Case | None:
    return await get_within(session, Case, case_id, reach, lock)


async def list_cases(
    session: AsyncSession, reach: Reach, after: str | None, limit: int
) -> list[Case]:
    return await page(session, within(select(Case), Case.team_id, reach), Case.id, after, limit)


async def find_case(
    session: AsyncSession, team_id: str, *, code: str | None = None, external_id: str | None = None
) -> Case | None:
    query = select(Case).where(Case.team_id == team_id)
    query = query.where(Case.code == code if code else Case.external_id == external_id)
    return (await session.exec(query)).first()


async def cases_by_id(session: AsyncSession, case_ids: Iterable[str]) -> dict[str, Case]:
    rows = await session.exec(rows_by(Case.id), params={"ids": case_ids})
    return {case.id: case for case in rows}


async def cases_of_team(session: AsyncSession, team_id: str, case_ids: Iterable[str]) -> set[str]:
    """Those of `case_ids` that are the team's."""
    query = select(Case.id).where(Case.team_id == team_id, one_of(col(Case.id), case_ids))
    return set(await session.exec(query))


async def roles_of(session: AsyncSession, case_ids: Iterable[str]) -> dict[str, list[CaseRole]]:
    """Case id to its roles, in a stable order."""
    query = rows_by(CaseRole.case_id, CaseRole.role, CaseRole.user_id)
    roles: dict[str, list[CaseRole]] = {}
    for role in await session.exec(query, params={"ids": case_ids}):
        roles.setdefault(role.case_id, []).append(role)
    return roles


async def set_roles(session: AsyncSession, case_id: str, roles: Iterable[tuple[Role, str]]) -> None:
    await session.exec(delete(CaseRole).where(col(CaseRole.case_id) == case_id))
    session.add_all(CaseRole(case_id=case_id, user_id=user, role=role) for role, user in set(roles))
    await session.flush()


async def roles_held(session: AsyncSession, user_id: str) -> dict[str, list[Role]]:
    """Case id to the roles that a person holds there."""
    held: dict[str, list[Role]] = {}
    for one in await session.exec(select(CaseRole).where(CaseRole.user_id == user_id)):
        held.setdefault(one.case_id, []).append(one.role)
    return held
