"""What a message rests on at the moment when it is handed over."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, null, or_
from sqlalchemy import select as select_columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.store.alerts import Alert
from service.store.cases import CaseRole
from service.store.columns import IDS, one_of, rows_by
from service.store.deadlines import Deadline
from service.store.endpoints import Endpoint
from service.store.installation import Installation
from service.store.messages import Message
from service.store.subjects import Subject
from service.store.users import Membership, User

#: What a message may refer to, beside a deadline, and by which column.
_REFERRED: tuple[tuple[Any, str], ...] = (
    (Alert, "alert_id"),
    (User, "user_id"),
    (Endpoint, "endpoint_id"),
)


@dataclass(frozen=True)
class Standing:
    """What must still hold when a message is handed over, read in the transaction that claims it.
    `subject` None: the message is about neither a deadline nor an alert. `on_case`: the reader has a
    role on the case, or is in the team where there is no case. `in_team`: the reader belongs to the
    message's team. `repeats_before`: what was to be said before then may have left already, from a database
    that a copy took the place of."""

    subject: Subject | None
    user: User | None
    on_case: bool
    endpoint: Endpoint | None
    in_team: bool
    repeats_before: datetime | None


async def standing_of(session: AsyncSession, messages: Sequence[Message]) -> dict[str, Standing]:
    """Message id to what it rests on at this moment, and until the transaction ends: whoever moves a date
    waits for it, and sees in `told_versions` who is being told the old one, or is waited for."""
    deadlines = await _held(session, {one.deadline_id for one in messages if one.deadline_id})
    named = frozenset(key for _, key in _REFERRED if any(getattr(one, key) for one in messages))
    given = {"ids": [one.id for one in messages]}
    rows = await session.exec(_resting_on(named), params=given)  # type: ignore[call-overload]
    return {
        row[0]: Standing(
            subject=deadlines.get(row[1]) or row[5],
            user=row[6],
            on_case=bool(row[2]),
            endpoint=row[7],
            in_team=bool(row[3]),
            repeats_before=row[4],
        )
        for row in rows
    }


@cache
def _resting_on(named: frozenset[str]) -> Select[Any]:
    """Of messages that refer to something in these columns, and to nothing in the other ones: of most
    batches half of what could be read would be empty."""
    role_held = (
        select(CaseRole.user_id)
        .where(CaseRole.case_id == Message.case_id, CaseRole.user_id == Message.user_id)
        .exists()
    )
    in_team = (
        select(Membership.user_id)
        .where(Membership.team_id == Message.team_id, Membership.user_id == Message.user_id)
        .exists()
    )
    on_case = or_(role_held, and_(col(Message.case_id).is_(None), in_team))
    before = select(Installation.repeats_before).scalar_subquery()
    query = select_columns(col(Message.id), col(Message.deadline_id), on_case, in_team, before)
    query = query.where(one_of(col(Message.id), IDS))
    for table, key in _REFERRED:
        if key in named:
            joined = col(getattr(Message, key)) == col(table.id)
            query = query.add_columns(table).outerjoin(table, joined)
        else:
            query = query.add_columns(null())
    return query


async def _held(session: AsyncSession, deadline_ids: Collection[str]) -> dict[str, Deadline]:
    """Id to the deadline as it is, once nobody is moving it."""
    if not deadline_ids:
        return {}
    held = await session.exec(_holding(), params={"ids": deadline_ids})
    return {one.id: one for one in held}


@cache
def _holding() -> Any:
    return rows_by(Deadline.id, Deadline.id).with_for_update(read=True, key_share=True)
