"""Alerts: emergencies that a person raises, and the ladder that each one climbs.

An alert is due when it is raised. Nobody's hours of rest and no closed day put it off.
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

from service.domain.escalation import EVERYBODY, Role, Step, Trigger
from service.errors import Code, Refusal


class AlertState(StrEnum):
    """Whether somebody has it is derived from the answers, never stored."""

    OPEN = "open"
    RESOLVED = "resolved"


#: How long silence is borne before the next people are told.
_SILENCE = timedelta(minutes=10)
#: At once whose case it is, then whoever stands in, then all who can act, the first ones again.
ALERT_STEPS: tuple[Step, ...] = (
    Step(Trigger.AFTER_DUE, timedelta(), (Role.OWNER, Role.LEAD)),
    Step(Trigger.NO_RESPONSE_FOR, _SILENCE, (Role.DEPUTY,)),
    Step(Trigger.NO_RESPONSE_FOR, _SILENCE, EVERYBODY),
)


def check_alert_steps(steps: Sequence[Step]) -> None:
    """Raises Refusal for a ladder that looks ahead: nobody knows of an emergency before it is there."""
    if any(step.trigger is Trigger.BEFORE_DUE for step in steps):
        raise Refusal(
            Code.INVALID_INPUT,
            "An alert climbs by after_due and no_response_for alone: this policy has before_due.",
            "escalation_policy_id",
        )


def resolved(state: AlertState) -> AlertState:
    """Raises Refusal `illegal_state` where somebody has resolved it already."""
    if state is AlertState.RESOLVED:
        raise Refusal(Code.ILLEGAL_STATE, "The alert is resolved already.")
    return AlertState.RESOLVED
