"""An alert climbs by ten minutes, spares nobody, and is never silent until somebody resolves it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.alerts import ALERT_STEPS, AlertState, check_alert_steps, resolved
from service.domain.escalation import EVERYBODY, Response, ResponseKind, Role, Step, Trigger
from service.domain.insistence import OF_ALERTS
from service.domain.plan import PlanFacts, PlannedStep, Why, plan
from service.errors import Refusal

#: In the night before a day off: nothing of that may matter.
RAISED = datetime(2020, 2, 21, 20, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FACTS = PlanFacts(
    AlertState.OPEN, RAISED, ZoneInfo("Asia/Almaty"), RAISED, ALERT_STEPS, insistence=OF_ALERTS
)


def fired(facts: PlanFacts, due: PlannedStep, at: datetime) -> PlanFacts:
    if due.occurrence:
        return replace(facts, repeats=due.occurrence, repeated_at=at)
    told = {**facts.told, due.order: frozenset({"usr_1"})}
    return replace(facts, fired={**facts.fired, due.order: at}, told=told)


def climbed(
    facts: PlanFacts, until: datetime
) -> tuple[list[tuple[timedelta, PlannedStep]], PlanFacts]:
    """Every step that fires from the raising on, by a clock that never oversleeps."""
    now, told = RAISED, []
    while now <= until:
        decision = plan(facts, now)
        if decision.due is not None:
            told.append((now - RAISED, decision.due))
            facts = fired(facts, decision.due, now)
        following = plan(facts, now).wake_at
        assert following is not None, "an open alert always wakes again"
        now = following
    return told, facts


def test_the_owner_and_the_lead_then_the_deputies_then_everybody_by_ten_minutes() -> None:
    told, _ = climbed(FACTS, RAISED + 20 * MINUTE)
    assert [(after, one.step.targets) for after, one in told] == [
        (0 * MINUTE, (Role.OWNER, Role.LEAD)),
        (10 * MINUTE, (Role.DEPUTY,)),
        (20 * MINUTE, EVERYBODY),
    ]


def test_it_insists_by_quarters_of_an_hour_then_by_hours_then_by_days() -> None:
    told, _ = climbed(FACTS, RAISED + 10 * DAY)
    insisted = [after for after, one in told if one.why is Why.EXHAUSTED]
    pauses = [(a, b - a) for a, b in pairwise(insisted)]
    assert insisted[0] == 35 * MINUTE
    assert {pause for after, pause in pauses if after < 4 * HOUR} == {15 * MINUTE}
    assert {pause for after, pause in pauses if 4 * HOUR <= after < 3 * DAY} == {HOUR}
    assert {pause for after, pause in pauses if after > 4 * DAY} == {DAY}
    assert all(one.step.targets == EVERYBODY for _, one in told if one.why is Why.EXHAUSTED)


@given(st.timedeltas(timedelta(), 400 * DAY), st.timedeltas(timedelta(), 400 * DAY))
def test_it_never_insists_more_often_as_time_goes_on(since: timedelta, longer: timedelta) -> None:
    assert timedelta() < OF_ALERTS.pause(since) <= OF_ALERTS.pause(since + longer) <= DAY


@given(st.integers(0, 600), st.integers(0, 6 * 60))
def test_an_acknowledgement_buys_an_hour_and_nothing_more(after: int, later: int) -> None:
    at = RAISED + after * MINUTE
    _, facts = climbed(FACTS, at)
    said = Response(ResponseKind.ACKNOWLEDGE, at, "usr_1")
    facts = replace(facts, responses=(said,))
    now = at + later * MINUTE
    assert (plan(facts, now).due is None) == (later < 60)
    assert plan(facts, at).wake_at == at + HOUR


def test_a_decline_tells_the_next_at_once() -> None:
    facts = fired(FACTS, _due(FACTS, RAISED), RAISED)
    said = Response(ResponseKind.DECLINE, RAISED + MINUTE, "usr_1")
    due = _due(replace(facts, responses=(said,)), RAISED + MINUTE)
    assert (due.order, due.why) == (1, Why.DECLINED)


def test_a_step_with_nobody_lets_the_next_speak_at_once() -> None:
    facts = fired(FACTS, _due(FACTS, RAISED), RAISED)
    due = _due(replace(facts, not_reached=frozenset({0})), RAISED)
    assert (due.order, due.why) == (1, Why.NOT_REACHED)


@given(st.timedeltas(timedelta(), 400 * DAY))
def test_what_is_resolved_says_nothing_more(later: timedelta) -> None:
    decision = plan(replace(FACTS, state=AlertState.RESOLVED), RAISED + later)
    assert (decision.due, decision.upcoming, decision.wake_at) == (None, (), None)
    assert decision.why is Why.ALERT_RESOLVED


def test_a_ladder_that_looks_ahead_is_refused() -> None:
    with pytest.raises(Refusal, match="before_due"):
        check_alert_steps([Step(Trigger.BEFORE_DUE, DAY, (Role.OWNER,))])
    check_alert_steps(ALERT_STEPS)


def test_it_is_resolved_once() -> None:
    assert resolved(AlertState.OPEN) is AlertState.RESOLVED
    with pytest.raises(Refusal):
        resolved(AlertState.RESOLVED)


def _due(facts: PlanFacts, now: datetime) -> PlannedStep:
    due = plan(facts, now).due
    assert due is not None
    return due
