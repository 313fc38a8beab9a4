"""How far the newest step has come to each person of a deadline or an alert, and by which ways they can be
told. Rows in, routes out; what comes next is decided in `domain/routes.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from service.domain.bounces import BounceClass
from service.domain.notifications import PENDING_STATES, EventType, MessageState
from service.domain.routes import MAIL, End, Route, Try, Turn, hurried_from, out_of_reach
from service.store.alerts import Alert
from service.store.endpoints import Endpoint
from service.store.messages import Message
from service.store.recipients import Tried
from service.store.responses import Response
from service.store.subjects import Subject

_ENDS = {
    MessageState.ACCEPTED: End.ACCEPTED,
    MessageState.FAILED: End.REFUSED,
    MessageState.EXPIRED: End.LOST,
    MessageState.SUPERSEDED: End.LOST,
    MessageState.BOUNCED: End.LOST,
}


@dataclass(frozen=True)
class Asked:
    """What one person was last asked: the step, as it was said, and the route on which it is.
    `message_id`: of the newest message."""

    user_id: str
    step: str
    occurrence: int
    event: EventType
    planned_at: datetime
    message_id: str
    route: Route

    def by(self, turn: Turn, message: Message) -> "Asked":
        """Once that way has been taken too."""
        new = Try(turn.way, message.created_at, None, again=turn.again)
        route = replace(self.route, tries=(*self.route.tries, new))
        return replace(self, message_id=message.id, route=route)


def _end_of(one: Tried) -> End | None:
    """A mail that came back and is tried once more, or that hangs somewhere while time is short, has not
    reached anybody, whatever may still become of it."""
    if one.bounce is BounceClass.HARD and one.state is MessageState.BOUNCED:
        return End.REFUSED
    pending = one.state in PENDING_STATES and one.bounce is not None
    hangs = one.state is MessageState.ACCEPTED and one.bounce is BounceClass.DELAYED
    return End.LOST if pending or hangs else _ENDS.get(one.state)


def ways_of(endpoints: Iterable[Endpoint], mail_last: bool = False) -> tuple[str, ...]:
    """Of somebody who has these. `mail_last`: mails have come back, and a relay says so too late."""
    own = tuple(endpoint.id for endpoint in endpoints)
    return (*own, MAIL) if mail_last else (MAIL, *own)


def asked_of(
    subject: Subject,
    tries: Iterable[Tried],
    ways: Mapping[str, tuple[str, ...]],
    answers: Sequence[Response],
) -> dict[str, Asked]:
    """User id to what that person was last asked. `tries`: of this version, in order of time; `ways`: of
    those to whom it may still be said."""
    by_person: dict[str, list[Tried]] = {}
    for one in tries:
        by_person.setdefault(one.user_id, []).append(one)
    found = {}
    for user_id, own in by_person.items():
        newest = max(own, key=lambda one: (one.said_at, int(one.step), _first(one.occurrence)))
        step = [one for one in own if _turn_of(one) == _turn_of(newest)]
        given = [one for one in answers if one.user_id == user_id and one.at >= step[0].said_at]
        found[user_id] = _asked(subject, step, ways.get(user_id, ()), given)
    return found


def _asked(
    subject: Subject, step: Sequence[Tried], ways: tuple[str, ...], given: Sequence[Response]
) -> Asked:
    first = step[0]
    suspected = [one.at for one in given if one.suspect]
    route = Route(
        ways=ways,
        tries=tuple(
            Try(
                one.endpoint_id or MAIL,
                one.said_at,
                _end_of(one),
                one.failures,
                one.occurrence < 0,
            )
            for one in step
        ),
        hurry_from=hurried_from(None if isinstance(subject, Alert) else subject.due_at),
        suspected_at=max(suspected, default=None),
        settled=any(not one.suspect for one in given),
    )
    return Asked(
        first.user_id,
        first.step,
        _first(first.occurrence),
        first.event,
        first.planned_at,
        step[-1].message_id,
        route,
    )


def newly_asked(subject: Subject, messages: Sequence[Message], ways: tuple[str, ...]) -> Asked:
    """What these messages, just written to one person, ask."""
    first = messages[0]
    tries = tuple(Try(one.endpoint_id or MAIL, one.created_at, None) for one in messages)
    hurry_from = hurried_from(None if isinstance(subject, Alert) else subject.due_at)
    return Asked(
        first.user_id or "",
        first.step,
        first.occurrence,
        first.event,
        first.due_at,
        messages[-1].id,
        Route(ways, tries, hurry_from),
    )


def once_more(occurrence: int) -> int:
    """The occurrence under which the same is said a second time by the same way."""
    return -1 - occurrence


def _first(occurrence: int) -> int:
    return once_more(occurrence) if occurrence < 0 else occurrence


def _turn_of(one: Tried) -> tuple[str, int]:
    return one.step, _first(one.occurrence)


def unreached(
    fired: Iterable[int], tries: Iterable[Tried], asked: Iterable[Asked]
) -> frozenset[int]:
    """The steps that have fired and reach nobody: all that was said has failed for good, and none of those
    people has a way left."""
    reached = {one.step for one in tries if _end_of(one) in (None, End.ACCEPTED)}
    reached |= {one.step for one in asked if one.route.ways and not out_of_reach(one.route)}
    return frozenset(order for order in fired if str(order) not in reached)
