"""Whose turn it is where much waits: teams are drawn by lot, so that nobody's crowd keeps others waiting.
Claims nothing.
"""

import random
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, TextClause
from sqlalchemy import select as select_columns
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession


async def first_of_teams(
    session: AsyncSession,
    table: Any,
    pending: TextClause,
    due: ColumnElement[bool],
    since: Any,
    most: int,
    lot: Callable[[], float] = random.random,
) -> list[str]:
    """Of as many teams the id of the row that is due and has waited longest by that column. Reads one entry
    of an index on team and column, partial by `pending`, for each team that waits, however much it has."""
    # In order of the team and not by its least: the index serves, whatever the planner expects to find.
    team_id = col(table.team_id)
    some = select_columns(team_id).where(pending).order_by(team_id).limit(1)
    teams = select_columns(some.scalar_subquery().label("id")).cte("teams", recursive=True)
    after = some.where(team_id > teams.c.id).correlate(teams).scalar_subquery()
    teams = teams.union_all(select_columns(after).where(teams.c.id.is_not(None)))
    own = select_columns(col(table.id)).where(due, team_id.between(teams.c.id, teams.c.id))
    longest = own.order_by(team_id, since).limit(1).correlate(teams).scalar_subquery()
    ids = select_columns(longest).select_from(teams).where(teams.c.id.is_not(None))
    found = [row[0] for row in await session.exec(ids) if row[0]]  # type: ignore[call-overload]
    return sorted(found, key=lambda _: lot())[:most]
