"""What calendars show of deadlines, read as one text each: a thousand of them make no objects of tables,
and those that are known are not even taken apart.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    Date,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    or_,
    true,
)
from sqlalchemy import select as select_columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Reach
from service.domain.deadlines import LIVE_STATES, DeadlineKind, DeadlineState
from service.domain.escalation import Role
from service.domain.feeds import CANCELLED_SHOWN_FOR, ENDED_SHOWN_FOR, Scope, counts
from service.languages import Language
from service.store.cases import Case, CaseRole
from service.store.columns import Choice, UtcDateTime, core_table
from service.store.deadlines import Deadline
from service.store.feeds import Feed
from service.store.users import Membership, User

_OF_DEADLINE = (
    "id", "case_id", "title", "notes", "kind", "state", "due_on", "due_at", "whole_day", "timezone",
    "rule_id", "sources", "version", "shown", "shown_at", "entered_at", "ended_at",
)  # fmt: skip
_OF_CASE = ("code", "forum", "ceiling", "shown", "shown_at")
#: What is asked under a condition, in the dialect of that name.
_Query = Callable[[ColumnElement[bool], str], Select[Any]]


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


class Viewer(NamedTuple):
    """Who looks at a feed. `roles`: by case id."""

    language: Language
    roles: Mapping[str, Sequence[Role]]


async def viewer_of(session: AsyncSession, feed: Feed) -> Viewer | None:
    """None where its person is disabled, or has left the team."""
    asked = {"team_id": feed.team_id, "user_id": feed.user_id}
    rows = (await (await session.connection()).execute(_viewer(), asked)).all()
    roles: dict[str, list[Role]] = {}
    for _, case_id, role in rows:
        roles.setdefault(case_id, []).append(role)
    return Viewer(rows[0][0], roles) if rows else None


@cache
def _viewer() -> Select[Language, str, Role]:
    """A row for each role, and one where there is none."""
    shown = col(User.language), col(CaseRole.case_id), col(CaseRole.role)
    return (
        select_columns(*shown)
        .join_from(User, Membership, col(Membership.user_id) == col(User.id))
        .outerjoin(CaseRole, col(CaseRole.user_id) == col(User.id))
        .where(
            col(User.id) == bindparam("user_id"), col(Membership.team_id) == bindparam("team_id")
        )
        .where(col(User.disabled_at).is_(None))
    )


class Which(NamedTuple):
    """A condition on deadlines, and what it asks for. There are few of them, and each is made once."""

    condition: ColumnElement[bool]
    values: Mapping[str, Any]


def of_feed(feed: Feed) -> Which:
    """The deadlines within its scope: of cases on which its person holds a role, and no others."""
    asked = {name: getattr(feed, name) for name in ("team_id", "user_id", "case_id", "kinds")}
    return Which(_within(feed.scope, bool(feed.kinds)), asked)


@cache
def _within(scope: Scope, some_kinds: bool) -> ColumnElement[bool]:
    roles = [role for role in Role if counts(scope, role)]
    held = select(CaseRole.case_id).where(
        CaseRole.user_id == bindparam("user_id"), col(CaseRole.role).in_(roles)
    )
    return and_(
        col(Deadline.team_id) == bindparam("team_id"),
        col(Deadline.case_id).in_(held),
        col(Deadline.case_id) == bindparam("case_id") if scope is Scope.CASE else true(),
        col(Deadline.kind).in_(bindparam("kinds", expanding=True)) if some_kinds else true(),
    )


_ALL: ColumnElement[bool] = true()
_OF_TEAMS = col(Deadline.team_id).in_(bindparam("team_ids", expanding=True))


def of_teams(reach: Reach) -> Which:
    if reach.team_ids is None:
        return Which(_ALL, {})
    return Which(_OF_TEAMS, {"team_ids": sorted(reach.team_ids)})


async def facts_shown(session: AsyncSession, which: Which, now: datetime) -> list[Facts]:
    """Live deadlines, and those that ended lately, soonest first; no drills."""
    [lines] = await _row(session, _shown, which, now)
    return _facts(lines)


async def facts_and_newest_dropped(
    session: AsyncSession, which: Which, now: datetime
) -> tuple[list[Facts], datetime | None]:
    """`facts_shown`, and when the last of those left that it leaves out for their age: in one read."""
    lines, *ended = await _row(session, _shown_and_dropped, which, now)
    spans = zip(ended, (CANCELLED_SHOWN_FOR, ENDED_SHOWN_FOR), strict=True)
    return _facts(lines), max((at + span for at, span in spans if at), default=None)


async def _row(session: AsyncSession, asked: _Query, which: Which, now: datetime) -> Sequence[Any]:
    connection = await session.connection()
    query = asked(which.condition, connection.dialect.name)
    return (await connection.execute(query, {**which.values, **_kept_from(now)})).one()


def _facts(lines: str | None) -> list[Facts]:
    known = map(_known, lines.split("\n") if lines else ())
    return sorted(known, key=attrgetter("due_at", "id"))


_CANCELLED = col(Deadline.state) == DeadlineState.CANCELLED
#: Whatever ended before has left.
_KEPT_FROM: ColumnElement[datetime] = case(
    (_CANCELLED, bindparam("cancelled_from", type_=UtcDateTime)),
    else_=bindparam("ended_from", type_=UtcDateTime),
)


def _kept_from(now: datetime) -> dict[str, datetime]:
    return {"cancelled_from": now - CANCELLED_SHOWN_FOR, "ended_from": now - ENDED_SHOWN_FOR}


@cache
def _shown(which: ColumnElement[bool], dialect: str) -> Select[str]:
    """All in one text, a line each: no text in JSON holds the end of a line."""
    array = func.json_build_array if dialect == "postgresql" else func.json_array
    as_they_are = (cast(one, Text) if isinstance(one.type, JSON) else one for one in _columns())
    return (
        select_columns(func.aggregate_strings(cast(array(*as_they_are), Text), "\n"))
        .join_from(Deadline, Case, col(Case.id) == col(Deadline.case_id))
        .where(which, col(Deadline.drill).is_(False))
        .where(or_(col(Deadline.state).in_(LIVE_STATES), col(Deadline.ended_at) > _KEPT_FROM))
    )


@cache
def _dropped(which: ColumnElement[bool]) -> Select[Any]:
    newest = (
        func.max(case((condition, col(Deadline.ended_at))))
        for condition in (_CANCELLED, ~_CANCELLED)
    )
    # That most have not ended is known to a planner; of the comparison alone it believes a third.
    ended = and_(col(Deadline.ended_at).is_not(None), col(Deadline.ended_at) <= _KEPT_FROM)
    return select_columns(*newest).where(which, col(Deadline.drill).is_(False), ended)


@cache
def _shown_and_dropped(which: ColumnElement[bool], dialect: str) -> Select[Any]:
    shown, dropped = _shown(which, dialect).subquery(), _dropped(which).subquery()
    return select_columns(shown, dropped).join_from(shown, dropped, true())


@lru_cache(maxsize=50_000)
def _known(row: str) -> Facts:
    """All that was read is the key, so that nothing kept is ever stale."""
    values = zip(_readers(), json.loads(row), strict=True)
    return Facts(*(read(value) if read and value is not None else value for read, value in values))


@cache
def _readers() -> Sequence[Callable[[Any], Any] | None]:
    """What makes of the JSON of each column what it stands for."""
    return [_reader(one.type) for one in _columns()]


def _reader(kind: Any) -> Callable[[Any], Any] | None:
    match kind:
        case UtcDateTime():
            return _instant
        case Choice():
            return kind.kind
        case Date():
            return date.fromisoformat
        case Boolean():
            return bool
        case JSON():
            return json.loads
        case _:
            return None


def _instant(text: str) -> datetime:
    """SQLite keeps no zone."""
    at = datetime.fromisoformat(text)
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _columns() -> list[Any]:
    columns = [core_table(Deadline).c[name] for name in _OF_DEADLINE]
    return columns + [core_table(Case).c[name] for name in _OF_CASE]
