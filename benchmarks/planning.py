"""The plan of one deadline, out of a docket of many, against a tenth of a millisecond."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from benchmarks.rows import Row, against_limit
from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import DeadlineState
from service.domain.escalation import EVERYBODY, Response, ResponseKind, Role, Step, Trigger
from service.domain.plan import PlanFacts, plan
from service.domain.reminders import QuietHours

_ALMATY = ZoneInfo("Asia/Almaty")
#: Deadlines that end with the days of a year and a half.
_DUE = [datetime(2026, 1, 1, 19, tzinfo=UTC) + timedelta(days=n) for n in range(500)]
_DAYS = (60, 45, 30, 21, 14, 10, 7, 5, 3, 2, 1)
#: Steps that have told two people each: twenty messages.
_TOLD = 10
#: 100 microseconds for each.
_LIMIT = 10_000


def rows() -> list[Row]:
    docket = [_facts(due_at) for due_at in _DUE]

    def ours() -> int:
        for facts in docket:
            plan(facts, facts.fired[_TOLD - 1] + timedelta(minutes=1))
        return len(docket)

    name = "plan of a deadline with 12 marks, silence between them, and 20 past messages"
    return [against_limit(name, ours, "100 microseconds each", _LIMIT)]


def _facts(due_at: datetime) -> PlanFacts:
    """Twelve marks with a silence after each but the last, quiet hours, a calendar, one answer."""
    steps = []
    for days in _DAYS:
        steps.append(Step(Trigger.BEFORE_DUE, timedelta(days=days), (Role.OWNER,)))
        steps.append(Step(Trigger.NO_RESPONSE_FOR, timedelta(hours=4), (Role.DEPUTY,)))
    steps.append(Step(Trigger.AFTER_DUE, timedelta(), EVERYBODY))
    begun = {order: due_at - timedelta(days=_DAYS[order // 2]) for order in range(_TOLD)}
    fired = {order: at + timedelta(hours=4) * (order % 2) for order, at in begun.items()}
    return PlanFacts(
        state=DeadlineState.OPEN,
        due_at=due_at,
        zone=_ALMATY,
        entered_at=due_at - timedelta(days=90),
        steps=tuple(steps),
        fired=fired,
        responses=(Response(ResponseKind.ACKNOWLEDGE, fired[1] + timedelta(hours=1), "usr_1"),),
        lapses=True,
        told={order: frozenset({"usr_1", "usr_2"}) for order in fired},
        quiet={role: (QuietHours(_ALMATY, time(21), time(7)),) for role in Role},
        calendar=CourtCalendar("KZ", "1", 2020, 2030),
    )
