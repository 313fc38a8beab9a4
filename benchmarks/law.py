"""Ten thousand open deadlines held against a new version of their court calendar, against the walk
that computes their dates anew and does nothing else."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import holidays

from benchmarks.rows import Row, compare
from service.domain.access import Caller, Reach, Scope
from service.domain.escalation import Role
from service.flows import calendars, casework, docketing, enrolment
from service.flows.sitting import Sitting
from service.ids import Kind, new_id
from service.runtime import Runtime, build_runtime
from service.schemas.calendars import AmendmentIn, DayChangeIn
from service.schemas.cases import CaseIn, RoleIn
from service.schemas.teams import TeamIn
from service.schemas.trigger_events import TriggerEventIn
from service.schemas.users import UserIn
from service.settings import Settings
from service.store import migrations
from service.store.columns import insert_rows
from service.store.deadlines import Deadline
from service.store.trigger_events import TriggerEvent
from workers import tasks

#: Deadlines that are entered one by one, and how often each of them is copied.
_ENTERED, _COPIES = 100, 99
_DEADLINES = _ENTERED * (_COPIES + 1)
#: Ten court days, KZ.
_RULE, _AMOUNT = "kz.appc.168.private-complaint", 10
_OPERATOR = Caller("benchmark", Scope.ADMIN, Reach(None))
_Rows = tuple[TriggerEvent, Deadline]


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder))
        migrations.upgrade(settings.sqlalchemy_url)
        with asyncio.Runner() as runner:
            runtime = build_runtime(settings)
            try:
                return [_row(runtime, lambda work: runner.run(work(runtime)))]
            finally:
                runner.run(runtime.close())


def _row(runtime: Runtime, run: Callable[[Callable[[Runtime], Awaitable[Any]]], Any]) -> Row:
    """Refuses to measure sides that do not agree."""
    entered: list[_Rows] = run(_enter)
    walk = _walk([event.occurred_on for event, _ in entered])
    assert [deadline.due_on for _, deadline in entered] == list(walk())
    days_off = _far_days(runtime)

    async def amend(runtime: Runtime) -> None:
        await _amend(runtime, next(days_off))
    ...
