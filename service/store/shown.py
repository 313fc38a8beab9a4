"""What calendars show of deadlines, read in plain columns: a thousand of them make no objects of tables."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Text, and_, case, cast, func, or_, true, type_coerce
from sqlalchemy import select as select_columns
from sqlalchemy.types import NullType
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Reach
from service.domain.deadlines import LIVE_STATES, DeadlineKind, DeadlineState
from service.domain.escalation import Role
from service.domain.feeds import CANCELLED_SHOWN_FOR, ENDED_SHOWN_FOR, Scope, counts
from service.store.cases import Case, CaseRole
from service.store.columns import core_table
from service.store.deadlines import Deadline
from service.store.feeds import Feed

_OF_DEADLINE = (
    "id", "case_id", "title", "notes", "kind", "state", "due_on", "due_at", "whole_day", "timezone",
    "rule_id", "sources", "version", "shown", "shown_at", "entered_at", "ended_at",
)  # fmt: skip
_OF_CASE = ("code", "forum", "ceiling", "shown", "shown_at")


@dataclass(frozen=True, eq=False)
class Facts:
    """Of one deadline and its case, all that a calendar may show or count by. Each is its own equal, and is
    the same one again as long as nothing of it changes."""

    id: str
    case_id: str
    title: str
    notes: str | None
    kind: DeadlineKind
    state: DeadlineState
    due_on: date
    due_at: datetime
    whole_day: bool
    timezone: str
    rule_id: str | None
    sources: list[dict[str, Any]]
    version: int
    shown: int
    shown_at: datetime
    entered_at: datetime
    ended_at: datetime | None
    code: str
    forum: str | None
    ceiling: int
    case_shown: int
    case_shown_at: datetime


def facts_of(deadline: Deadline, of: Case) -> Facts:
    own = (getattr(deadline, name) for name in _OF_DEADLINE)
    return Facts(*own, *(getattr(of, name) for name in _OF_CASE))


def of_feed(feed: Feed) -> ColumnElement[bool]:
    """The deadlines within its scope: of cases on which its person holds a role, and no others."""
    roles = [role for role in Role if counts(feed.scope, role)]
    held = select(CaseRole.case_id).where(
        CaseRole.user_id == feed.user_id, col(CaseRole.role).in_(roles)
    )
    return and_(
        col(Deadline.team_id) == feed.team_id,
        col(Deadline.case_id).in_(held),
        col(Deadline.case_id) == feed.case_id if feed.scope is Scope.CASE else true(),
        col(Deadline.kind).in_(feed.kinds) if feed.kinds else true(),
    )


def of_teams(reach: Reach) -> ColumnElement[bool]:
    return true() if reach.team_ids is None else col(Deadline.team_id).in_(reach.team_ids)


async def facts_shown(
    session: AsyncSession, which: ColumnElement[bool], now: datetime
) -> list[Facts]:
    """Live deadlines, and those that ended lately, soonest first; no drills."""
    query = (
        select_columns(*_raw_columns())
        .join(Case, col(Case.id) == col(Deadline.case_id))
        .where(which, col(Deadline.drill).is_(False))
        .where(or_(col(Deadline.state).in_(LIVE_STATES), col(Deadline.ended_at) > _kept_from(now)))
        .order_by(col(Deadline.due_at), col(Deadline.id))
    )
    connection = await session.connection()
    rows: Iterable[Any] = (await connection.execute(query)).all()
    return [_known(connection.dialect, tuple(row)) for row in rows]


@lru_cache(maxsize=50_000)
def _known(dialect: Dialect, row: tuple[Any, ...]) -> Facts:
    """As the driver gives it, a row is the key, so that nothing kept is ever stale."""
    readers = _readers(dialect)
    return Facts(
        *(read(value) if read else value for read, value in zip(readers, row, strict=True))
    )


@lru_cache(maxsize=8)
def _readers(dialect: Dialect) -> Sequence[Callable[[Any], Any] | None]:
    """What makes of each column what it stands for."""
    types = [(one.key, one.type.dialect_impl(dialect)) for one in _columns()]
    return [
        json.loads if key == "sources" else one.result_processor(dialect, None)
        for key, one in types
    ]


def _columns() -> list[Any]:
    columns = [core_table(Deadline).c[name] for name in _OF_DEADLINE]
    return columns + [core_table(Case).c[name] for name in _OF_CASE]


def _raw_columns() -> list[Any]:
    """As the driver gives them; as text what it would take apart."""
    return [
        cast(one, Text) if one.key == "sources" else type_coerce(one, NullType())
        for one in _columns()
    ]


async def newest_dropped(
    session: AsyncSession, which: ColumnElement[bool], now: datetime
) -> datetime | None:
    """When the last of those left that `facts_shown` leaves out for their age."""
    cancelled = col(Deadline.state) == DeadlineState.CANCELLED
    newest = (
        func.max(case((condition, col(Deadline.ended_at)))) for condition in (cancelled, ~cancelled)
    )
    query = select_columns(*newest).where(
        which, col(Deadline.drill).is_(False), col(Deadline.ended_at) <= _kept_from(now)
    )
    row = (await (await session.connection()).execute(query)).one()
    spans = zip(row, (CANCELLED_SHOWN_FOR, ENDED_SHOWN_FOR), strict=True)
    return max((ended_at + span for ended_at, span in spans if ended_at), default=None)


def _kept_from(now: datetime) -> ColumnElement[datetime]:
    """Whatever ended before has left."""
    cancelled = col(Deadline.state) == DeadlineState.CANCELLED
    return case((cancelled, now - CANCELLED_SHOWN_FOR), else_=now - ENDED_SHOWN_FOR)
