"""Sees in every test that nothing of what calendars show becomes different without its counter: by it what
is kept is known again, and feeds are told.
"""

from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.orm import Session

from service.store.cases import Case
from service.store.deadlines import Deadline
from service.store.facts import SHOWN_OF_CASE, SHOWN_OF_DEADLINE

_SHOWN = {Deadline: SHOWN_OF_DEADLINE, Case: SHOWN_OF_CASE}
#: Under this name a session remembers the columns that changed, by row.
_CHANGED = "columns shown otherwise"


def watch_counters() -> None:
    """For the rest of this process."""
    event.listen(Session, "before_flush", _note)
    event.listen(Session, "before_commit", _look)


def _note(session: Session, *_: Any) -> None:
    for row in session.dirty:
        if not isinstance(row, Deadline | Case):
            continue
        attributes = inspect(row).attrs
        changed = {name for name in _SHOWN[type(row)] if attributes[name].history.has_changes()}
        session.info.setdefault(_CHANGED, {}).setdefault(row.id, set()).update(changed)


def _look(session: Session) -> None:
    session.flush()
    if session.in_nested_transaction():
        return
    for row_id, changed in session.info.pop(_CHANGED, {}).items():
        assert not changed or "shown" in changed, f"{row_id}: {changed} changed, and no counter"
