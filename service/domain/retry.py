"""Outcome + attempt + `now` + how long the message is of use = try again then, or give up and why.

The budget is time, never a count: an outage must not burn a reminder that can still help.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Verdict(StrEnum):
    """How one attempt went. `unknown`: the process died before it could write it down."""

    ACCEPTED = "accepted"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"


#: Where a try ended that never left, for this host was short of descriptors, buffers or memory.
HERE = "here"


@dataclass(frozen=True)
class Outcome:
    """`code` is the provider's own ("250", "451", "503", "timeout"), `detail` its words, at most 4096
    characters; `retry_after` what the other side asked for, None where it asked nothing. `remote_id`:
    under which the other side keeps what it was told, where it said so. `at`: the step of the talk at
    which it ended, where the channel knows steps ("connection", "mail", "rcpt", "data"), or `HERE`.
    `address`: what was dialled, None where nothing was. `took`: how long the other side was talked to."""

    verdict: Verdict
    code: str
    detail: str = ""
    retry_after: timedelta | None = None
    remote_id: str | None = None
    at: str | None = None
    address: str | None = None
    took: timedelta = timedelta()

    @property
    def unreached(self) -> bool:
        """The relay itself was away, for every mail, or this host was short of something: such a try says
        nothing of the message, and counts for nothing."""
        return self.at in ("connection", HERE)


class GiveUp(StrEnum):
    """Why a message is not tried again."""

    REFUSED = "refused"
    NO_LONGER_USEFUL = "no_longer_useful"


@dataclass(frozen=True)
class TryAgain:
    at: datetime


def _minutes(*numbers: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(minutes=number) for number in numbers)


#: Pause after the first, second ... failure; the last entry repeats. Mail: greylisting first, then
#: the usual rhythm of a mail queue. Webhooks: the table of the Standard Webhooks specification.
MAIL_PAUSES = _minutes(1, 5, 15, 30, 60, 120, 240, 480, 720)
WEBHOOK_PAUSES = _minutes(5 / 60, 5, 30, 120, 300, 600, 840, 1200, 1440)

#: What says that the other side has too much to do: it is given a minute at least.
OVERLOADED = frozenset({"429", "502", "504", "timeout"})
_REST = timedelta(minutes=1)
#: When a relay was away, a message waits no longer than the relay is left alone at first; no longer either
#: when this host was short of something.
_AWAY = timedelta(seconds=5)

#: A receiver that asks for more patience than this is asked again all the same.
LONGEST_RETRY_AFTER = timedelta(hours=10)


def after_failure(
    outcome: Outcome,
    attempt: int,
    pauses: tuple[timedelta, ...],
    now: datetime,
    useful_until: datetime,
    jitter: float,
) -> TryAgain | GiveUp:
    """What follows failed attempt number `attempt` (from 1). `jitter` (0..1) adds up to a tenth."""
    if outcome.verdict is Verdict.PERMANENT:
        return GiveUp.REFUSED
    spread = 1 + jitter / 10
    pause = pauses[min(attempt, len(pauses)) - 1] * spread
    asked = min(outcome.retry_after or timedelta(), LONGEST_RETRY_AFTER)
    rest = _REST if outcome.code in OVERLOADED else timedelta()
    at = now + (_AWAY * spread if outcome.unreached else max(pause, asked, rest))
    return TryAgain(at) if at <= useful_until else GiveUp.NO_LONGER_USEFUL
