"""Whose turn it is where much waits: teams are drawn by lot, so that nobody's crowd keeps others waiting.
Claims nothing.
"""

import random
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, TextClause, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession


def first_of_teams(
    table: Any, pending: TextClause, due: ColumnElement[bool], since: Any
) -> Select[tuple[str | None]]:
    """Of each team the id of the row that is due and has waited longest by that column. Reads one entry of
    an index on team and column, partial by `pending`, for each team that waits, however much it has."""
    # In order of the team and not by its least: the index serves, whatever the planner expects to find.
    team_id = col(table.team_id)
    some = select(team_id).where(pending).order_by(team_id).limit(1)
    teams = select(some.scalar_subquery().label("id")).cte("teams", recursive=True)
    after = some.where(team_id > teams.c.id).correlate(teams).scalar_subquery()
    teams = teams.union_all(select(after).where(teams.c.id.is_not(None)))
    own = select(col(table.id)).where(due, team_id.between(teams.c.id, teams.c.id))
    longest = own.order_by(team_id, since).limit(1).correlate(teams).scalar_subquery()
    return select(longest).select_from(teams).where(teams.c.id.is_not(None))


async def draw(
    session: AsyncSession,
    firsts: Select[Any],
    given: Mapping[str, Any],
    most: int,
    lot: Callable[[], float] = random.random,
) -> list[str]:
    """Up to so many of the first ones of teams, by lot."""
    found = await (await session.connection()).scalars(firsts, given)
    return sorted(filter(None, found), key=lambda _: lot())[:most]
