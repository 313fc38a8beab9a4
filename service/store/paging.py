"""How every list is walled and paged: by team, and by an id or due date that only grows."""

from collections.abc import Iterable
from typing import Any, TypeVar

from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from service.domain.access import Reach
from service.store.columns import one_of

Row = TypeVar("Row", bound=SQLModel)


def within(query: SelectOfScalar[Row], team_id: Any, reach: Reach) -> SelectOfScalar[Row]:
    """Only rows of the teams in reach; `team_id` is the column that names the team."""
    return query if reach.team_ids is None else query.where(col(team_id).in_(reach.team_ids))


async def get_within(
    session: AsyncSession, table: type[Row], row_id: str, reach: Reach, lock: bool = False
) -> Row | None:
    """One row of a table with `id` and `team_id`, None also where it is behind the wall.

    `lock` holds it against every other writer until the transaction ends: whoever compares a
    revision before a change must read it so.
    """
    columns: Any = table
    query = within(select(table).where(columns.id == row_id), columns.team_id, reach)
    return (await session.exec(query.with_for_update() if lock else query)).first()


async def page(
    session: AsyncSession, query: SelectOfScalar[Row], row_id: Any, after: str | None, limit: int
) -> list[Row]:
    """The next `limit` rows after the id `after`, oldest first."""
    if after:
        query = query.where(col(row_id) > after)
    return list(await session.exec(query.order_by(col(row_id)).limit(limit)))


async def those_of_team(
    session: AsyncSession, team_id: str, column: Any, values: Iterable[str]
) -> set[str]:
    """Those of `values` that stand in this column of the team's rows; no statement for none."""
    wanted = set(values)
    query = select(column).where(column.class_.team_id == team_id, one_of(column, wanted))
    return set(await session.exec(query)) if wanted else set()
