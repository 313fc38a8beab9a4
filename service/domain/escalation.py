"""The ladder of people: steps, answers, and what silence does.

A step fires at a mark (so long before or after the due instant) or because nobody has answered
since the step before it. An acknowledgement or a snooze stops the silent steps for a while, or until
the next mark; a decline lets the next one fire at once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
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


#: All who can act; whom an exhausted ladder tells.
EVERYBODY = tuple(role for role in Role if role is not Role.OBSERVER)


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
    DECLINE = "decline"
    SNOOZE = "snooze"


@dataclass(frozen=True)
class Step:
    """`after` is the distance of a mark from the due instant, or how long silence is borne. `need`: how
    many of those told must answer before the silence ends, None for all of them. `court_days`: the
    distance of a mark in days on which the court sits, in place of `after`."""

    trigger: Trigger
    after: timedelta
    targets: tuple[Role, ...]
    need: int | None = 1
    court_days: int = 0

    @property
    def is_mark(self) -> bool:
        return self.trigger is not Trigger.NO_RESPONSE_FOR

    @property
    def offset(self) -> timedelta:
        """A mark's signed distance from the due instant, by the clock."""
        return -self.after if self.trigger is Trigger.BEFORE_DUE else self.after

    @property
    def nominal(self) -> timedelta:
        """Where a mark stands among others: five court days are a week, less is at least as many days."""
        days = (self.court_days + self.court_days // 5 * 2) * timedelta(days=1)
        return self.offset + (-days if self.trigger is Trigger.BEFORE_DUE else days)


@dataclass(frozen=True)
class Response:
    """`until`: how long a snooze is meant to last; None for the other kinds."""

    kind: ResponseKind
    at: datetime
    user_id: str
    until: datetime | None = None


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
    offsets = [(index, step.nominal) for index, step in enumerate(steps) if step.is_mark]
    for (_, earlier), (index, later) in pairwise(offsets):
        if later <= earlier:
            raise Refusal(
                Code.INVALID_INPUT,
                "Marks must stand in the order of time: this one is not after the one before it.",
                f"steps.{index}",
            )


def holds_until(response: Response, due_at: datetime) -> datetime:
    """How long an answer keeps the silent steps away: an acknowledgement for a day or a quarter of the
    time that remains, whichever is less, yet for an hour at least; a snooze for what was asked."""
    if response.kind is ResponseKind.DECLINE:
        return response.at
    if response.until is not None:
        return response.until
    quarter = (due_at - response.at) / 4
    return response.at + max(min(_LONGEST_HOLD, quarter), _SHORTEST_HOLD)


def held_until(
    responses: Iterable[Response],
    since: datetime,
    due_at: datetime,
    need: int | None,
    told: Collection[str],
) -> datetime | None:
    """Until when those who have answered since then keep the silent steps away; None where too few
    have. The newest answer of each person counts; of more than are needed, those that hold longest."""
    newest: dict[str, Response] = {}
    for one in sorted(responses, key=lambda one: one.at):
        if one.at >= since:
            newest[one.user_id] = one
    holding = sorted(
        (
            holds_until(one, due_at)
            for one in newest.values()
            if one.kind is not ResponseKind.DECLINE
        ),
        reverse=True,
    )
    wanted = max(len(told), 1) if need is None else need
    return holding[wanted - 1] if len(holding) >= wanted else None


def declined_at(
    responses: Iterable[Response], since: datetime, told: Collection[str]
) -> datetime | None:
    """When the first of those `told` then said that it is not for them."""
    declines = (one for one in responses if one.kind is ResponseKind.DECLINE)
    return min(
        (one.at for one in declines if one.at >= since and one.user_id in told), default=None
    )


def longest_snooze(due_at: datetime, now: datetime) -> datetime:
    """A snooze ends within a day, within half of the time that remains, and a day before the due
    instant at the latest; not after `now` where no snooze is possible any more."""
    return min(now + _LONGEST_HOLD, now + (due_at - now) / 2, due_at - _LONGEST_HOLD)


def armed_at(steps: Sequence[Step], fired: Mapping[int, datetime]) -> datetime | None:
    """When the newest mark was told: silence is counted, and answers hold, from there."""
    marks = [at for order, at in fired.items() if steps[order].is_mark]
    return max(marks, default=None)


def state_of(
    steps: Sequence[Step], fired: Mapping[int, datetime], held: datetime | None, now: datetime
) -> EscalationState:
    """Where a running escalation stands; derived from what happened, never stored apart from it.
    `held`: until when answers keep the silent steps away."""
    if held is not None and now < held:
        return EscalationState.ACKNOWLEDGED
    if fired and max(fired) == len(steps) - 1:
        return EscalationState.EXHAUSTED
    return EscalationState.ACTIVE


#: No answer holds longer than a day, nor shorter than an hour.
_LONGEST_HOLD, _SHORTEST_HOLD = timedelta(hours=24), timedelta(hours=1)
