"""Which mails reach a person together, so that none is lost among hundreds, and which wait for their turn.

Nothing waits for company; only what can wait does, while its reader has just had enough.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.domain.notifications import STAYS_USEFUL, ChannelKind, EventType

#: Up to so many that cannot wait reach a person one by one, where they are due at one moment.
APART = 3
#: A mail longer than this many notices is no longer read.
MOST = 100
#: What is due within this time waits for nothing, and does not stand among what can wait. From then on a
#: way that takes ten minutes is too slow, and another would be taken.
_NEAR = timedelta(days=2)
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)

#: What reminds of a date, or takes one back. Where a date has moved, nobody has answered or somebody is
#: wanted, nothing waits.
PATIENT = frozenset({EventType.REMINDER_DUE, EventType.DEADLINE_CANCELLED})


@dataclass(frozen=True)
class Pace:
    """So many mails one person gets, before what can wait has to. `resting`: by these nothing leaves just
    now."""

    per_minute: int
    per_hour: int
    resting: frozenset[ChannelKind] = frozenset()


def turn_at(begun: Collection[datetime], pace: Pace, now: datetime) -> datetime:
    """When the next mail that can wait may leave; `now` for at once. `begun`: when mails left for that
    person in the last hour, or were on their way."""
    newest = sorted(begun, reverse=True)
    spans = ((pace.per_minute, _MINUTE), (pace.per_hour, _HOUR))
    return max([now, *(newest[most - 1] + span for most, span in spans if len(newest) >= most)])


def patient_from(now: datetime) -> datetime:
    """What is of use until then, or longer, is not near."""
    return now + _NEAR + STAYS_USEFUL


@dataclass(frozen=True)
class Due:
    """A message that is about to leave. `reader_id` None: for a machine. `about_deadline`: of one deadline,
    rather than an alert or an overview of many. `left`: until its due instant. `event`: what it tells."""

    message_id: str
    reader_id: str | None
    about_deadline: bool
    left: timedelta
    event: EventType

    @property
    def can_wait(self) -> bool:
        return self.event in PATIENT and self.left >= _NEAR


def together(messages: Iterable[Due]) -> list[list[str]]:
    """The ids of those that leave as one, each id once, the soonest first. Alerts, overviews and what goes
    to machines leave alone; of the rest, what cannot wait stands by itself, and a changed date not among
    reminders, where its subject would be overlooked."""
    groups: dict[tuple[object, ...], list[str]] = {}
    apart: dict[tuple[object, ...], int] = {}
    for one in sorted(messages, key=lambda one: one.left):
        alone = one.reader_id is None or not one.about_deadline
        key = (one.message_id,) if alone else (one.reader_id, one.event, one.can_wait)
        groups.setdefault(key, []).append(one.message_id)
        apart[key] = 1 if one.can_wait else APART
    return [part for key, group in groups.items() for part in _parts(group, apart[key])]


def _parts(group: list[str], apart: int) -> list[list[str]]:
    size = MOST if len(group) > apart else 1
    return [group[first : first + size] for first in range(0, len(group), size)]
