"""The queries for what calendars show. Of each deadline its counters are read first, by which it is known
again: a thousand that are known cost one short text, and others a longer one, but no objects of tables.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, reduce
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    ColumnElement,
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
from service.domain.deadlines import LIVE_STATES, DeadlineState
from service.domain.escalation import Role
from service.domain.feeds import CANCELLED_SHOWN_FOR, ENDED_SHOWN_FOR, Scope, counts
from service.languages import Language
from service.store.cases import Case, CaseRole
from service.store.columns import UtcDateTime
from service.store.deadlines import Deadline
from service.store.facts import BETWEEN, COUNTERS, Facts, columns_shown, known_by, read
from service.store.feeds import Feed
from service.store.users import Membership, User


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
        case_id, _, role = line.partition(BETWEEN)
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
    known = known_by(sorted(counters.split("\n") if counters else ()))
    if known is not None:
        return known
    in_full = _in_full(which.condition, session.get_bind().dialect.name)
    [lines] = await _row(session, in_full, which, now)
    return list(map(read, sorted(lines.split("\n") if lines else ())))


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
    as_they_are = (
        cast(one, Text) if isinstance(one.type, JSON) else one for one in columns_shown()
    )
    return _lines(which, [*_counter_texts(), cast(array(*as_they_are), Text)])


def _counter_texts() -> list[ColumnElement[str]]:
    return [cast(col(one), Text) for one in COUNTERS]


def _lines(which: ColumnElement[bool], parts: Sequence[ColumnElement[str]]) -> Select[str]:
    """All in one text, a line each."""
    line = reduce(lambda before, part: before + BETWEEN + part, parts)
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
    role = col(CaseRole.case_id) + BETWEEN + cast(col(CaseRole.role), Text)
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
