"""Which mails that are due at one moment reach a person together, so that none is lost among hundreds.

Nothing waits for company: what is due alone leaves alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from service.domain.notifications import EventType

#: Up to so many at one moment reach a person one by one.
APART = 3
#: A mail longer than this many notices is no longer read.
MOST = 100
#: What is due this soon does not stand among what can wait.
_URGENT = timedelta(days=1)


@dataclass(frozen=True)
class Due:
    """A message that is about to leave. `reader_id` None: for a machine. `about_deadline`: of one deadline,
    rather than an alert or an overview of many. `left`: until its due instant. `event`: what it tells."""

    message_id: str
    reader_id: str | None
    about_deadline: bool
    left: timedelta
    event: EventType


def together(messages: Iterable[Due]) -> list[list[str]]:
    """The ids of those that leave as one, each id once, the soonest first. Alerts, overviews and what goes
    to machines leave alone; of the rest, what is urgent stands by itself, and a changed date not among
    reminders, where its subject would be overlooked."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for one in sorted(messages, key=lambda one: one.left):
        alone = one.reader_id is None or not one.about_deadline
        key = (one.message_id,) if alone else (one.reader_id, one.event, one.left < _URGENT)
        groups.setdefault(key, []).append(one.message_id)
    return [part for group in groups.values() for part in _parts(group)]


def _parts(group: list[str]) -> list[list[str]]:
    size = MOST if len(group) > APART else 1
    return [group[first : first + size] for first in range(0, len(group), size)]
