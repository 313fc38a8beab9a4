"""The ladder of people: steps, answers, and what silence does.

A step fires at a mark (so long before or after the due instant) or because nobody has answered
since the step before it. An acknowledgement stops the silent steps until the next mark.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from service.errors import Code, Refusal


class Role(StrEnum):
    """A person's part in a case; steps name roles, which become people when the step fires."""

    LEAD = "lead"
    OWNER = "owner"
    DEPUTY = "deputy"
    SUPERVISOR = "supervisor"
    OBSERVER = "observer"


class Trigger(StrEnum):
    BEFORE_DUE = "before_due"
    AFTER_DUE = "after_due"
    NO_RESPONSE_FOR = "no_response_for"


class EscalationState(StrEnum):
    ACTIVE = "active"
    ACKNOWLEDGED = "acknowledged"
    EXHAUSTED = "exhausted"
    RESOLVED = "resolved"
    CANCELLED = "cancelled"


class ResponseKind(StrEnum):
    ACKNOWLEDGE = "acknowledge"


@dataclass(frozen=True)
class Step:
    """`after` is the distance of a mark from the due instant, or how long silence is borne."""

    trigger: Trigger
    after: timedelta
    targets: tuple[Role, ...]

    @property
    def is_mark(self) -> bool:
        return self.trigger is not Trigger.NO_RESPONSE_FOR

    @property
    def offset(self) -> timedelta:
        """A mark's signed distance from the due instant."""
        return -self.after if self.trigger is Trigger.BEFORE_DUE else self.after


@dataclass(frozen=True)
class Response:
    kind: ResponseKind
    at: datetime
    user_id: str


def check_steps(steps: Sequence[Step]) -> None:
    """Raises Refusal for a ladder nobody can climb: empty, silent first, marks out of order."""
    if not steps:
        raise Refusal(Code.INVALID_INPUT, "An escalation policy needs at least one step.", "steps")
    if not steps[0].is_mark:
        raise Refusal(
            Code.INVALID_INPUT,
            "The first step must be a mark (before_due or after_due): silence begins when one is told.",
            "steps.0",
        )
    for index, step in enumerate(steps):
        if set(step.targets) <= {Role.OBSERVER}:
            raise Refusal(
                Code.INVALID_INPUT,
                "An observer cannot act: name somebody who can.",
                f"steps.{index}",
            )
    offsets = [(index, step.offset) for index, step in enumerate(steps) if step.is_mark]
    for (_, earlier), (index, later) in pairwise(offsets):
        if later <= earlier:
            raise Refusal(
                Code.INVALID_INPUT,
                "Marks must stand in the order of time: this one is not after the one before it.",
                f"steps.{index}",
            )


def answered_since(responses: Iterable[Response], since: datetime) -> Response | None:
    """The first acknowledgement at or after `since`."""
    later = (one for one in responses if one.at >= since and one.kind is ResponseKind.ACKNOWLEDGE)
    return min(later, key=lambda one: one.at, default=None)


def armed_at(steps: Sequence[Step], fired: Mapping[int, datetime]) -> datetime | None:
    """When the newest mark was told: silence is counted, and answers hold, from there."""
    marks = [at for order, at in fired.items() if steps[order].is_mark]
    return max(marks, default=None)


def state_of(
    steps: Sequence[Step], fired: Mapping[int, datetime], responses: Iterable[Response]
) -> EscalationState:
    """Where a running escalation stands; derived from what happened, never stored apart from it."""
    since = armed_at(steps, fired)
    if since is not None and answered_since(responses, since):
        return EscalationState.ACKNOWLEDGED
    if fired and max(fired) == len(steps) - 1:
        return EscalationState.EXHAUSTED
    return EscalationState.ACTIVE


def _hours(number: float) -> timedelta:
    return timedelta(hours=number)


#: What happens where a team has set nothing: the owner is warned in good time, then on silence
#: the deputy, the supervisor; near the end everybody.
DEFAULT_STEPS: tuple[Step, ...] = (
    Step(Trigger.BEFORE_DUE, _hours(30 * 24), (Role.OWNER,)),
    Step(Trigger.BEFORE_DUE, _hours(14 * 24), (Role.OWNER,)),
    Step(Trigger.BEFORE_DUE, _hours(7 * 24), (Role.OWNER,)),
    Step(Trigger.NO_RESPONSE_FOR, _hours(24), (Role.DEPUTY,)),
    Step(Trigger.NO_RESPONSE_FOR, _hours(24), (Role.SUPERVISOR, Role.LEAD)),
    Step(Trigger.BEFORE_DUE, _hours(3 * 24), (Role.OWNER, Role.DEPUTY)),
    Step(Trigger.NO_RESPONSE_FOR, _hours(8), (Role.SUPERVISOR, Role.LEAD)),
    Step(Trigger.BEFORE_DUE, _hours(24), (Role.OWNER, Role.DEPUTY)),
    Step(Trigger.NO_RESPONSE_FOR, _hours(2), (Role.SUPERVISOR, Role.LEAD)),
    Step(Trigger.BEFORE_DUE, _hours(4), (Role.OWNER, Role.DEPUTY, Role.SUPERVISOR, Role.LEAD)),
    Step(Trigger.AFTER_DUE, _hours(0), (Role.OWNER, Role.DEPUTY, Role.SUPERVISOR, Role.LEAD)),
    Step(Trigger.AFTER_DUE, _hours(24), (Role.OWNER, Role.DEPUTY, Role.SUPERVISOR, Role.LEAD)),
)
