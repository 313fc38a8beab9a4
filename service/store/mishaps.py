"""The deadlines and alerts of messages with which something went wrong. Reads and holds; writes nothing."""

from collections.abc import Iterable
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.store.alerts import Alert
from service.store.deadlines import Deadline
from service.store.subjects import Subject


async def hold_live(session: AsyncSession, subject_ids: Iterable[str]) -> dict[str, Subject]:
    """Those of these that still live, by id, held until the transaction ends; in the order of their ids, so
    that two who hold several wait for each other and never in a ring."""
    ids, found = set(subject_ids), dict[str, Subject]()
    tables: tuple[Any, ...] = (Deadline, Alert)
    for table in tables:
        query = select(table).where(col(table.id).in_(ids)).order_by(col(table.id))
        query = query.with_for_update().execution_options(populate_existing=True)
        found |= {one.id: one for one in await session.exec(query) if one.live}
    return found
