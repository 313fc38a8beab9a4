"""A ladder that cannot be climbed is refused; where one stands follows from what happened."""

from datetime import UTC, datetime, timedelta

import pytest

from service.domain.escalation import (
    EscalationState,
    Response,
    ResponseKind,
    Role,
    Step,
    Trigger,
    armed_at,
    check_steps,
    held_until,
    state_of,
)
from service.errors import Code, Refusal

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def mark(hours: float, trigger: Trigger = Trigger.BEFORE_DUE) -> Step:
    return Step(trigger, timedelta(hours=hours), (Role.OWNER,))


def silence(hours: float) -> Step:
    return Step(Trigger.NO_RESPONSE_FOR, timedelta(hours=hours), (Role.DEPUTY,))


@pytest.mark.parametrize(
    ("steps", "field"),
    [
        ([], "steps"),
        ([silence(1), mark(24)], "steps.0"),
        ([mark(24), mark(48)], "steps.1"),
        ([mark(24), mark(24)], "steps.1"),
        ([mark(24), silence(1), mark(0, Trigger.AFTER_DUE), mark(1)], "steps.3"),
    ],
)
def test_a_ladder_that_cannot_be_climbed_is_refused_at_the_faulty_step(
    steps: list[Step], field: str
) -> None:
    with pytest.raises(Refusal) as refused:
        check_steps(steps)
    assert (refused.value.code, refused.value.field) == (Code.INVALID_INPUT, field)


STEPS = (mark(24), silence(1), mark(2))


def answer(hours: float) -> Response:
    return Response(ResponseKind.ACKNOWLEDGE, NOON + hours * HOUR, "usr_1")


@pytest.mark.parametrize(
    ("fired", "answers", "state"),
    [
        ({}, [], EscalationState.ACTIVE),
        ({0: NOON}, [], EscalationState.ACTIVE),
        ({0: NOON}, [answer(0)], EscalationState.ACKNOWLEDGED),
        ({0: NOON}, [answer(-1)], EscalationState.ACTIVE),  # an answer to something earlier
        ({0: NOON, 1: NOON + HOUR}, [answer(2)], EscalationState.ACKNOWLEDGED),
        ({0: NOON, 2: NOON + 3 * HOUR}, [answer(2)], EscalationState.EXHAUSTED),
        ({0: NOON, 2: NOON + 3 * HOUR}, [answer(4)], EscalationState.ACKNOWLEDGED),
    ],
)
def test_where_the_ladder_stands_follows_from_what_happened(
    fired: dict[int, datetime], answers: list[Response], state: EscalationState
) -> None:
    now = max([*fired.values(), *(one.at for one in answers), NOON])
    since = armed_at(STEPS, fired)
    held = held_until(answers, since, NOON + 30 * HOUR, 1, ()) if since else None
    assert state_of(STEPS, fired, held, now) is state
