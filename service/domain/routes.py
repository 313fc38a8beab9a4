"""By which way a person is told, and which comes next because the last one failed. Ways in their order and
outcomes so far go in; the next way, or none, comes out. It sends nothing and knows no address.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from service.domain.escalation import Step

#: The first way of everybody; the others are named by the id of their endpoint.
MAIL = "mail"
#: So many failed attempts are slow.
SLOW_AFTER = 2


class End(StrEnum):
    """How a message to a person ended. `refused`: for a reason that lies in the address."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    LOST = "lost"


@dataclass(frozen=True)
class Try:
    """One message by one way. `said_at`: when it was written; `end` None: it is still being tried, and
    `failures` attempts have failed. `again`: the second mail of one step."""

    way: str
    said_at: datetime
    end: End | None
    failures: int = 0
    again: bool = False


@dataclass(frozen=True)
class Route:
    """One person and one step. `ways`: in the person's order, none where nothing may be said to them any
    more; `tries`: so far, in order of time. `hurry_from`: from when on a way that is slow is not waited
    for, None where that is always so. `suspected_at`: when an answer came that may have been a
    machine's; `settled`: the person has answered, or what was told by then is enough.
    """

    ways: tuple[str, ...]
    tries: tuple[Try, ...]
    hurry_from: datetime | None = None
    suspected_at: datetime | None = None
    settled: bool = False

    @property
    def left(self) -> tuple[str, ...]:
        used = {one.way for one in self.tries}
        return tuple(way for way in self.ways if way not in used)

    @property
    def believed(self) -> tuple[Try, ...]:
        """What was said before a machine answered has perhaps been read by nobody."""
        since = self.suspected_at
        return tuple(one for one in self.tries if since is None or one.said_at >= since)

    @property
    def pending(self) -> bool:
        """Somebody waits for a way that is still being tried, and there is another one."""
        ends = {one.end for one in self.believed}
        return bool(self.left) and None in ends and End.ACCEPTED not in ends and not self.settled


@dataclass(frozen=True)
class Turn:
    """`way` is next. `again`: it has been used for this step, and there is no other."""

    way: str
    again: bool = False


def next_way(route: Route, now: datetime) -> Turn | None:
    """None: somebody is reached, or may be before long, or no way is left. No way is used twice, but for
    one mail more where the only ways that there are were answered by what may be a machine."""
    if route.settled or not route.ways:
        return None
    ends = {one.end for one in route.believed}
    if End.ACCEPTED in ends:
        return None
    if None in ends:
        slow = (at := slow_at(route)) is not None and at <= now
        return Turn(route.left[0]) if slow else None
    if route.left:
        return Turn(route.left[0])
    once_more = route.suspected_at is not None and not any(one.again for one in route.tries)
    return Turn(MAIL, again=True) if once_more else None


def slow_at(route: Route) -> datetime | None:
    """From when on what is still being tried is not waited for any longer: when each has failed twice or
    has had its ten minutes. None where there is nothing to wait for, or nothing else to try."""
    if not route.pending:
        return None
    trying = [one for one in route.believed if one.end is None]
    patience = max(
        one.said_at + (timedelta() if one.failures >= SLOW_AFTER else _PATIENCE) for one in trying
    )
    return max(patience, route.hurry_from or patience)


def out_of_reach(route: Route) -> bool:
    """Whether every way to the person has failed for good."""
    ends = {one.end for one in route.tries}
    return not route.left and not ends & {None, End.ACCEPTED}


def at_fault(route: Route) -> bool:
    """Whether no way is left because of an address, and not because a relay was away."""
    refused = any(one.end is End.REFUSED for one in route.tries)
    return refused and out_of_reach(route)


def hurried_from(due_at: datetime | None) -> datetime | None:
    """`due_at`: of a deadline; None for an alert, where nobody ever waits."""
    return due_at - _NEAR if due_at else None


def is_parallel(alert: bool, critical: bool, step: Step, repeats: bool, left: timedelta) -> bool:
    """Whether mail and the first way of the person's own are used at once: of an alert at each step, of a
    critical deadline at the marks of its last day. `repeats`: it was said before; `left`: until the due
    instant, at the firing. A mark that stands in the last day counts where it was moved out of it."""
    if alert:
        return True
    return critical and step.is_mark and not repeats and min(left, -step.nominal) <= _LAST


def first_ways(ways: tuple[str, ...], parallel: bool) -> tuple[str, ...]:
    return ways[: 2 if parallel else 1]


#: So much time without an attempt that was accepted is slow.
_PATIENCE = timedelta(minutes=10)
#: A deadline that is due within this time has no patience with a slow way.
_NEAR = timedelta(hours=48)
_LAST = timedelta(hours=24)
