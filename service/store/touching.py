"""Lets feeds know that what they may show has changed: within the transaction that changes it, as its last
statements, and in the order of ids, so that no two writers wait for each other.

Whatever raises the counter `shown` of a deadline or a case is noticed here by itself; what people may
see is told by `touch_feeds`. The clockwork's own writing (`wake_at`) raises nothing.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, case, event, inspect, or_, update
from sqlalchemy.orm import Session
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from service.store.cases import Case, CaseRole
from service.store.columns import Names, one_of
from service.store.deadlines import Deadline
from service.store.feeds import Feed

#: Under these names a session remembers what its end must tell: ids of cases; ids of people, with when.
_CASES, _PEOPLE = "cases shown otherwise", "people shown otherwise"


def touch_feeds(session: AsyncSession, user_ids: Iterable[str], now: datetime) -> None:
    """What these people may see, or how, has changed: every event of their feeds counts as changed."""
    session.info.setdefault(_PEOPLE, {}).update(dict.fromkeys(user_ids, now))


def touch_cases(session: AsyncSession, case_ids: Iterable[str]) -> None:
    """What came into being there was written past the session."""
    session.info.setdefault(_CASES, set()).update(case_ids)


def _notice(session: Session, *_: Any) -> None:
    new = session.new
    for row in (*new, *session.dirty):
        if not isinstance(row, Deadline | Case):
            continue
        if row in new or inspect(row).attrs.shown.history.has_changes():
            concerned = row.id if isinstance(row, Case) else row.case_id
            session.info.setdefault(_CASES, set()).add(concerned)


def _touch(session: Session) -> None:
    session.flush()
    cases, people = session.info.pop(_CASES, ()), session.info.pop(_PEOPLE, {})
    if not cases and not people:
        return
    ids = list(session.execute(_concerned(), {"people": people, "cases": cases}).scalars())
    if not ids:
        return
    values: dict[str, Any] = {"touched": col(Feed.touched) + 1}
    if people:
        theirs = col(Feed.user_id).in_(people)
        values["shown"] = col(Feed.shown) + case((theirs, 1), else_=0)
        values["shown_at"] = case((theirs, max(people.values())), else_=col(Feed.shown_at))
    of_ids = update(Feed).where(col(Feed.id).in_(ids)).values(**values)
    session.execute(of_ids.execution_options(synchronize_session=False))


@cache
def _concerned() -> SelectOfScalar[str]:
    cases, people = (bindparam(name, type_=Names) for name in ("cases", "people"))
    on_cases = select(CaseRole.user_id).where(one_of(col(CaseRole.case_id), cases))
    concerned = or_(one_of(col(Feed.user_id), people), col(Feed.user_id).in_(on_cases))
    return select(Feed.id).where(concerned).order_by(col(Feed.id)).with_for_update()


event.listen(Session, "before_flush", _notice)
event.listen(Session, "before_commit", _touch)
