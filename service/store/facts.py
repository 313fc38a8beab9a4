"""Of a deadline and its case, all that a calendar may show: known again by its counters, or else read from
a text.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from sqlalchemy import JSON, Boolean, Date

from service.domain.deadlines import DeadlineKind, DeadlineState
from service.store.cases import Case
from service.store.columns import Choice, UtcDateTime, core_table
from service.store.deadlines import Deadline

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
COUNTERS = (
    Deadline.due_at, Deadline.id, Deadline.state,
    Deadline.shown, Deadline.shown_at, Case.shown, Case.shown_at,
)  # fmt: skip
#: By their counters, the oldest first; so many.
_known: dict[str, "Facts"] = {}
_KEPT = 50_000
#: What stands between the parts of a line.
BETWEEN = "\t"


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


def known_by(counters: Sequence[str]) -> list[Facts] | None:
    """None where one of them is not known."""
    try:
        return [_known[one] for one in counters]
    except KeyError:
        return None


def read(line: str) -> Facts:
    """The same one again where it is known."""
    *counters, row = line.split(BETWEEN, len(COUNTERS))
    key = BETWEEN.join(counters)
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
    return [_reader(one.type) for one in columns_shown()]


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


def columns_shown() -> list[Any]:
    columns = [core_table(Deadline).c[name] for name in SHOWN_OF_DEADLINE]
    return columns + [core_table(Case).c[name] for name in SHOWN_OF_CASE]
