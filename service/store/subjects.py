"""What people are told of and answer to: a deadline or an alert. Rows that belong to either name it in
one of two columns; ids are unique across both, so whoever looks for them needs the id alone."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Reach
from service.store.alerts import Alert, get_alert, wake_alerts
from service.store.columns import IDS, one_of
from service.store.deadlines import Deadline, get_deadline, lock_deadline, wake

Subject = Deadline | Alert


def named(subject: Subject) -> dict[str, Any]:
    """The column that names it in a message, an escalation or a response, with its id."""
    return {f"{subject.subject_kind}_id": subject.id}


def about(table: Any) -> ColumnElement[bool]:
    """The rows of the subjects that are given as `ids`; each of the two columns has its own index."""
    return or_(one_of(col(table.deadline_id), IDS), one_of(col(table.alert_id), IDS))


async def get_subject(
    session: AsyncSession, subject_id: str, reach: Reach, lock: bool = False
) -> Subject | None:
    read = lock_deadline if lock else get_deadline
    return await read(session, subject_id, reach) or await get_alert(
        session, subject_id, reach, lock
    )


async def wake_subjects(session: AsyncSession, subject_ids: Iterable[str], now: datetime) -> None:
    """Let the next tick look at these again, where they still live."""
    if ids := set(subject_ids):
        await wake(session, ids, now)
        await wake_alerts(session, ids, now)


async def hold_live(session: AsyncSession, subject_ids: Iterable[str]) -> dict[str, Subject]:
    """Those of these that still live, by id, held until the transaction ends; in the order of their ids, so
    that two who hold several wait for each other and never in a ring."""
    ids, found = set(subject_ids), dict[str, Subject]()
    tables: tuple[Any, ...] = (Deadline, Alert)
    for table in tables:
        query = select(table).where(one_of(col(table.id), ids)).order_by(col(table.id))
        query = query.with_for_update().execution_options(populate_existing=True)
        found |= {one.id: one for one in await session.exec(query) if one.live}
    return found
