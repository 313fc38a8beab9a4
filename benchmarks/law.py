"""Ten thousand open deadlines held against a new version of their court calendar, against the walk
that computes their dates anew and does nothing else."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterable
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
from service.ids import new_id
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

#: Deadlines that are entered one by one, and how many there are once each has been copied.
_ENTERED, _DEADLINES = 100, 10_000
#: Ten court days, KZ.
_RULE, _AMOUNT = "kz.appc.168.private-complaint", 10
_OPERATOR = Caller("benchmark", Scope.ADMIN, Reach(None))

_Work = Callable[[Runtime], Awaitable[Any]]


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        settings = Settings(home=Path(folder))
        migrations.upgrade(settings.sqlalchemy_url)
        runtime = build_runtime(settings)

        def run(work: _Work) -> Any:
            async def working() -> Any:
                return await work(runtime)

            return runner.run(working())

        try:
            return [_measured(run)]
        finally:
            runner.run(runtime.close())


def _measured(run: Callable[[_Work], Any]) -> Row:
    """Refuses to measure sides that do not agree."""
    dates: dict[date, date] = run(_enter)
    walk = _walk(dates)
    assert walk() == dates
    assert run(tasks.check_law) == _DEADLINES
    years_ahead = max(dates).replace(month=6, day=1, year=max(dates).year + 4)
    far_days = (years_ahead + timedelta(days=number) for number in count())

    def every_date() -> int:
        for _ in range(_DEADLINES // _ENTERED):
            walk()
        return _DEADLINES

    return compare(
        "open deadlines held against a new calendar version, SQLite (wanted: 10000 on one core)",
        lambda: int(run(tasks.check_law)),
        "walk over one holidays object, date only, no database",
        every_date,
        prepare=lambda: run(lambda runtime: _amend(runtime, next(far_days))),
    )


def _walk(starts: Iterable[date]) -> Callable[[], dict[date, date]]:
    """Computes the date of each start, by one `holidays` object for all of them."""
    years = {start.year for start in starts}
    found = holidays.country_holidays("KZ", years=range(min(years), max(years) + 2))

    def counted(day: date) -> date:
        left = _AMOUNT
        while left:
            day += timedelta(days=1)
            left -= found.is_working_day(day)
        return day

    return lambda: {start: counted(start) for start in starts}


async def _amend(runtime: Runtime, day: date) -> None:
    """A day off that moves nobody's date."""
    change = DayChangeIn(on=day, kind="off", name="far away")
    body = AmendmentIn(changes=[change], source="benchmark")
    async with runtime.transaction() as session:
        await calendars.amend_calendar(session, "KZ", body, _OPERATOR, runtime.clock())


async def _enter(runtime: Runtime) -> dict[date, date]:
    """Deadlines by rule, each as if it had been entered; from which day they run, and until when."""
    async with runtime.transaction() as session:
        now = runtime.clock()
        sitting = Sitting(session, runtime.channels, runtime.rules, now)
        case, caller = await _case(sitting)
        dates, events, deadlines = dict[date, date](), [], []
        for number in range(_ENTERED):
            on = now.date() - timedelta(days=number)
            body = TriggerEventIn(kind="ruling", occurred_on=on, rules=[_RULE])
            event, started = await docketing.record_trigger_event(sitting, case, body, caller)
            [deadline] = started.deadlines
            dates[on] = deadline.due_on
            for _ in range(_DEADLINES // _ENTERED - 1):
                copy = new_id("trg", now)
                events.append(event.model_dump() | {"id": copy})
                own = {"id": new_id("dln", now), "trigger_event_id": copy}
                deadlines.append(deadline.model_dump() | own)
        await insert_rows(session, TriggerEvent, events)
        await insert_rows(session, Deadline, deadlines)
    return dates


async def _case(sitting: Sitting) -> tuple[str, Caller]:
    session, now = sitting.session, sitting.now
    team = await enrolment.create_team(session, TeamIn(name="Benchmark"), _OPERATOR, now)
    caller = Caller("benchmark", Scope.ADMIN, Reach(frozenset({team.id})))
    owner = UserIn(name="Owner", email="a@example.org", timezone="UTC", team_ids=[team.id])
    user, _ = await enrolment.create_user(session, owner, caller, now)
    roles = [RoleIn(role=Role.OWNER, user_id=user.id)]
    body = CaseIn(code="B-1", timezone="Asia/Almaty", calendar="KZ", roles=roles)
    case, _ = await casework.open_case(session, body, caller, now)
    return case.id, caller
