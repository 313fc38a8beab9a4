"""What calendars show of deadlines. Of each its counters are read first, by which it is known again: a
thousand that are known cost one short text, and others a longer one, but no objects of tables.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, reduce
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

#: The columns that calendars show, or count by.
SHOWN_OF_DEADLINE = (
    "id", "case_id", "title", "notes", "kind", "state", "due_on", "due_at", "whole_day", "timezone",
    "rule_id", "sources", "version", "shown", "shown_at", "entered_at", "ended_at",
)  # fmt: skip
SHOWN_OF_CASE = ("code", "forum", "ceiling", "shown", "shown_at")
#: By what facts are known again. Whatever changes what is shown raises a counter, as feeds rely on it to be
#: told; the instants tell two courses of events apart, where a backup was restored between. When it is due,
#: and whether it still runs, is as the database says, whatever the counters do. Sorted as texts they are
#: the soonest first: databases write an instant so that texts sort as instants do.
_COUNTERS = (
    Deadline.due_at, Deadline.id, Deadline.state,
    Deadline.shown, Deadline.shown_at, Case.shown, Case.shown_at,
)  # fmt: skip
#: By their counters, the oldest first; so many.
_known: dict[str, "Facts"] = {}
_KEPT, _BETWEEN = 50_000, "\t"


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
    own = (getattr(deadline, name) for name in SHOWN_OF_DEADLINE)
    return Facts(*own, *(getattr(of, name) for name in SHOWN_OF_CASE))


class Sight(NamedTuple):
    """What lies before whoever looks at a feed: their language, their roles by case id, the deadlines, and
    when the last left of those that are left out for their age."""

    language: Language
    roles: Mapping[str, Sequence[Role]]
    facts: Sequence[Facts]
    dropped_at: datetime | None


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
    [counters] = await _row(session, _counters(which.condition), which, now)
    return await _facts(session, counters, which, now)


async def sight_of(session: AsyncSession, feed: Feed, now: datetime) -> Sight | None:
    """None where its person is disabled, or has left the team."""
    which = of_feed(feed)
    counters, *ended, language, held = await _row(session, _in_sight(which.condition), which, now)
    if language is None:
        return None
    spans = zip(ended, (CANCELLED_SHOWN_FOR, ENDED_SHOWN_FOR), strict=True)
    dropped_at = max((at + span for at, span in spans if at), default=None)
    facts = await _facts(session, counters, which, now)
    return Sight(language, _roles(held), facts, dropped_at)


def _roles(lines: str | None) -> dict[str, list[Role]]:
    roles: dict[str, list[Role]] = {}
    for line in lines.split("\n") if lines else ():
        case_id, _, role = line.partition(_BETWEEN)
        roles.setdefault(case_id, []).append(Role(role))
    return roles


async def _row(
    session: AsyncSession, asked: Select[Any], which: Which, now: datetime
) -> Sequence[Any]:
    connection = await session.connection()
    result = await connection.execute(asked, {**which.values, **_kept_from(now)})
    row: Sequence[Any] = result.one()
    return row


async def _facts(
    session: AsyncSession, counters: str | None, which: Which, now: datetime
) -> list[Facts]:
    """All are read in full where one is not known: what was read last is told, whatever came between."""
    asked = sorted(counters.split("\n") if counters else ())
    try:
        return [_known[one] for one in asked]
    except KeyError:
        in_full = _in_full(which.condition, session.get_bind().dialect.name)
        [lines] = await _row(session, in_full, which, now)
        return list(map(_read, sorted(lines.split("\n") if lines else ())))


_CANCELLED = col(Deadline.state) == DeadlineState.CANCELLED
#: Whatever ended before has left.
_KEPT_FROM: ColumnElement[datetime] = case(
    (_CANCELLED, bindparam("cancelled_from", type_=UtcDateTime)),
    else_=bindparam("ended_from", type_=UtcDateTime),
)


def _kept_from(now: datetime) -> dict[str, datetime]:
    return {"cancelled_from": now - CANCELLED_SHOWN_FOR, "ended_from": now - ENDED_SHOWN_FOR}


@cache
def _counters(which: ColumnElement[bool]) -> Select[str]:
    return _lines(which, _counter_texts())


@cache
def _in_full(which: ColumnElement[bool], dialect: str) -> Select[str]:
    """And after the counters all else: no text in JSON holds the end of a line."""
    array = func.json_build_array if dialect == "postgresql" else func.json_array
    as_they_are = (cast(one, Text) if isinstance(one.type, JSON) else one for one in _columns())
    return _lines(which, [*_counter_texts(), cast(array(*as_they_are), Text)])


def _counter_texts() -> list[ColumnElement[str]]:
    return [cast(col(one), Text) for one in _COUNTERS]


def _lines(which: ColumnElement[bool], parts: Sequence[ColumnElement[str]]) -> Select[str]:
    """All in one text, a line each."""
    line = reduce(lambda before, part: before + _BETWEEN + part, parts)
    return (
        select_columns(func.aggregate_strings(line, "\n"))
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
def _viewer() -> Select[Language, str]:
    """The language of the feed's person, none where they are gone; a line for each role."""
    role = col(CaseRole.case_id) + _BETWEEN + cast(col(CaseRole.role), Text)
    return (
        select_columns(func.max(User.language), func.aggregate_strings(role, "\n"))
        .join_from(User, Membership, col(Membership.user_id) == col(User.id))
        .outerjoin(CaseRole, col(CaseRole.user_id) == col(User.id))
        .where(
            col(User.id) == bindparam("user_id"), col(Membership.team_id) == bindparam("team_id")
        )
        .where(col(User.disabled_at).is_(None))
    )


@cache
def _in_sight(which: ColumnElement[bool]) -> Select[Any]:
    """One row of what are one row each."""
    parts = _counters(which), _dropped(which), _viewer()
    shown, dropped, viewer = (one.subquery() for one in parts)
    every = select_columns(shown, dropped, viewer)
    return every.select_from(shown.join(dropped, true()).join(viewer, true()))


def _read(line: str) -> Facts:
    """The same one again where it is known."""
    *counters, row = line.split(_BETWEEN, len(_COUNTERS))
    key = _BETWEEN.join(counters)
    known = _known.pop(key, None) or _facts_in(row)
    while len(_known) >= _KEPT:
        del _known[next(iter(_known))]
    _known[key] = known
    return known


def _facts_in(row: str) -> Facts:
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
    columns = [core_table(Deadline).c[name] for name in SHOWN_OF_DEADLINE]
    return columns + [core_table(Case).c[name] for name in SHOWN_OF_CASE]
