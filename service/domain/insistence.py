"""How often an exhausted ladder speaks again: never silent by itself, only less and less often.

It knows no ladder and no person; the plan asks it for one pause at a time.
"""

from dataclasses import dataclass
from datetime import timedelta

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Insistence:
    """`stages`, in order of time: until so long after the due instant, the pause between two
    repetitions; `at_last`: the pause once all of them are over."""

    stages: tuple[tuple[timedelta, timedelta], ...]
    at_last: timedelta

    def pause(self, since_due: timedelta) -> timedelta:
        """After a repetition that was said so long after the due instant, negative for before it."""
        return next((pause for until, pause in self.stages if since_due < until), self.at_last)


#: Every four hours of the day, every hour from the last day until three days after the due instant.
OF_DEADLINES = Insistence(((-_DAY, 4 * _HOUR), (3 * _DAY, _HOUR)), _DAY)
#: From the raising on: every quarter of an hour for four hours, every hour for three days more.
OF_ALERTS = Insistence(((4 * _HOUR, 15 * _MINUTE), (3 * _DAY + 4 * _HOUR, _HOUR)), _DAY)
