"""Lists: every row once, page by page; and nothing from behind another team's wall."""

from datetime import datetime
from typing import Any

import pytest
from sqlmodel import SQLModel, select

from service.domain.access import Reach
from service.store.api_keys import list_api_keys
from service.store.cases import Case, list_cases
from service.store.deadlines import list_deadlines
from service.store.endpoints import list_endpoints
from service.store.escalation_policies import list_policies
from service.store.feeds import list_feeds
from service.store.messages import Message, messages_of
from service.store.paging import get_within, page, within
from service.store.teams import Team, get_team, list_teams
from service.store.trigger_events import list_trigger_events
from service.store.users import Membership, get_user, list_users
from tests.store import factories
from tests.store.factories import DAY, Docket, put, put_docket
from tests.store.opened import Opened

EVERYWHERE = Reach(None)
WALLED = {
    mapper.class_.__tablename__: mapper.class_
    for mapper in SQLModel._sa_registry.mappers
    if "team_id" in mapper.columns
}


def of(docket: Docket) -> Reach:
    return Reach(frozenset({docket.team.id}))


async def furnish(session: Any) -> Docket:
    """A team with a row in every table that names a team."""
    docket = await put_docket(session)
    due = factories.deadline(docket.case)
    await put(
        session,
        due,
        factories.alert(docket.case),
        factories.trigger_event(docket.case),
        factories.policy(docket.team),
        factories.escalation(due),
        factories.response(due, docket.user),
        factories.endpoint(docket.team),
        factories.feed(docket.team, docket.user),
        factories.inbound_source(docket.team),
        factories.api_key(docket.team),
        factories.mail(docket.user, due),
        factories.tolling_period(due),
        factories.extension(due),
        factories.review(due),
        factories.coverage_gap(due),
        factories.unreachable(docket.team, docket.user),
    )
    return docket


@pytest.mark.parametrize("table", sorted(WALLED))
async def test_the_wall_hides_the_rows_of_other_teams(sqlite: Opened, table: str) -> None:
    kind = WALLED[table]
    async with sqlite.transaction() as session:
        ours, theirs = await furnish(session), await furnish(session)
    async with sqlite.reading() as session:
        everything = (await session.exec(select(kind))).all()
        assert {row.team_id for row in everything} == {ours.team.id, theirs.team.id}
        for docket in (ours, theirs):
            seen = (await session.exec(within(select(kind), kind.team_id, of(docket)))).all()
            assert {row.team_id for row in seen} == {docket.team.id}
        nowhere = Reach(frozenset())
        assert (await session.exec(within(select(kind), kind.team_id, nowhere))).all() == []


@pytest.mark.parametrize("table", sorted(set(WALLED) - {"memberships", "unreachable"}))
async def test_a_row_behind_the_wall_is_as_good_as_none(sqlite: Opened, table: str) -> None:
    kind = WALLED[table]
    async with sqlite.transaction() as session:
        ours, theirs = await furnish(session), await furnish(session)
    async with sqlite.reading() as session:
        query = select(kind).where(kind.team_id == theirs.team.id)
        row = (await session.exec(query)).one()
        assert await get_within(session, kind, row.id, of(ours)) is None
        assert await get_within(session, kind, row.id, of(theirs)) is not None
        assert await get_within(session, kind, row.id, EVERYWHERE) is not None


async def test_teams_and_people_of_other_teams_are_behind_the_wall_too(database: Opened) -> None:
    async with database.transaction() as session:
        ours, theirs = await furnish(session), await furnish(session)
    async with database.reading() as session:
        assert await get_team(session, theirs.team.id, of(ours)) is None
        assert await get_user(session, theirs.user.id, of(ours)) is None
        assert [team.id for team in await list_teams(session, of(ours), None, 9)] == [ours.team.id]
        assert [user.id for user in await list_users(session, of(ours), None, 9)] == [ours.user.id]


async def test_somebody_in_two_teams_is_seen_from_both_and_once(database: Opened) -> None:
    async with database.transaction() as session:
        ours, theirs = await put_docket(session), await put_docket(session)
        await put(session, Membership(team_id=ours.team.id, user_id=theirs.user.id))
    async with database.reading() as session:
        both = Reach(frozenset({ours.team.id, theirs.team.id}))
        for reach in (of(ours), both):
            seen = [user.id for user in await list_users(session, reach, None, 9)]
            assert sorted(seen) == sorted([ours.user.id, theirs.user.id])


async def test_pages_by_id_walk_every_row_once(database: Opened, docket: Docket) -> None:
    cases = [factories.case(docket.team) for _ in range(23)]
    async with database.transaction() as session:
        session.add_all(cases)
    walked: list[Case] = []
    async with database.reading() as session:
        while rows := await page(
            session, select(Case), Case.id, walked[-1].id if walked else None, 5
        ):
            walked += rows
    wanted = sorted([docket.case.id, *(case.id for case in cases)])
    assert [case.id for case in walked] == wanted


async def test_pages_by_due_instant_walk_every_row_once_soonest_first(
    database: Opened, docket: Docket
) -> None:
    """Also where many fall due at the same instant."""
    due = factories.deadline(docket.case).due_at
    rows = [factories.deadline(docket.case, due_at=due + (n % 3) * DAY) for n in range(20)]
    async with database.transaction() as session:
        session.add_all(rows)
    walked: list[tuple[datetime, str]] = []
    async with database.reading() as session:
        while found := await list_deadlines(
            session, EVERYWHERE, after=walked[-1] if walked else None, limit=6
        ):
            walked += [(one.due_at, one.id) for one in found]
    assert walked == sorted((row.due_at, row.id) for row in rows)


async def test_every_list_ends_at_the_wall(database: Opened) -> None:
    async with database.transaction() as session:
        ours, _ = await furnish(session), await furnish(session)
    async with database.reading() as session:
        for lister in (list_api_keys, list_cases, list_endpoints, list_policies, list_feeds):
            rows = await lister(session, of(ours), None, 9)
            assert {row.team_id for row in rows} == {ours.team.id}, lister.__name__
        rows = await list_deadlines(session, of(ours), limit=9)
        assert {row.team_id for row in rows} == {ours.team.id}
        events = await list_trigger_events(session, ours.case.id, None, 9)
        assert {event.case_id for event in events} == {ours.case.id}
        mails = await messages_of(session, Message.user_id, ours.user.id, None, 9)
        assert {mail.team_id for mail in mails} == {ours.team.id}


async def test_the_operator_reaches_every_team(database: Opened) -> None:
    async with database.transaction() as session:
        dockets = [await put_docket(session) for _ in range(3)]
    async with database.reading() as session:
        seen = {team.id for team in await list_teams(session, EVERYWHERE, None, 9)}
        assert seen == {docket.team.id for docket in dockets}
        assert await get_team(session, dockets[0].team.id, EVERYWHERE) == await session.get(
            Team, dockets[0].team.id
        )
