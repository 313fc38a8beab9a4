"""What people say that changes or ends a deadline: verified, done, missed, waived, cancelled."""

from dataclasses import dataclass, replace
from datetime import date

from service.domain.access import Caller
from service.domain.deadlines import DeadlineState, Fate, next_state
from service.domain.notifications import ChannelKind, EventType
from service.errors import Code, Refusal
from service.flows.acknowledgement import announce_now, journal, locked
from service.flows.announcing import (
    announce_end_of_ladder,
    letter,
    mailed_level,
    notice_of,
)
from service.flows.calendar_part import wishes_on
from service.flows.docket import Docket
from service.flows.moving import on_case
from service.flows.seconding import seconded
from service.flows.sitting import Sitting
from service.flows.standing import person_acting
from service.flows.starting import Started, follow
from service.store.cases import Case
from service.store.deadlines import Deadline, deadlines_from
from service.store.messages import add_messages, told_versions
from service.store.reviews import close_waiting
from service.store.trigger_events import events_out_of

_EVENTS = {
    "verify": EventType.DEADLINE_UPDATED,
    "complete": EventType.DEADLINE_COMPLETED,
    "miss": EventType.DEADLINE_MISSED,
    "waive": EventType.DEADLINE_WAIVED,
    "cancel": EventType.DEADLINE_CANCELLED,
}


@dataclass(frozen=True)
class Ending:
    """How a deadline ends: the proof or the reason, and, where its completion starts another clock,
    when the act was done, when its paper was served, and whether it was a refusal."""

    because: str
    done_on: date | None = None
    served_on: date | None = None
    refused: bool = False


async def verify(
    sitting: Sitting, deadline_id: str, user_id: str | None, caller: Caller
) -> Deadline:
    """Raises Refusal `second_person_required` when somebody verifies what they entered themselves."""
    deadline, case = await locked(sitting.session, deadline_id, caller)
    state = next_state(deadline.state, "verify")
    person = await person_acting(sitting.session, caller, deadline.team_id, user_id)
    # A key that stands for nobody cannot vouch for a second pair of eyes on its own entry.
    if deadline.entered_by in (person, caller.actor):
        raise Refusal(
            Code.SECOND_PERSON_REQUIRED,
            "Somebody other than the person who entered the deadline must verify it.",
            "user_id",
        )
    deadline.verified_by = person
    await _settle(sitting, deadline, case, "verify", state, person)
    return deadline


async def end(
    sitting: Sitting,
    deadline_id: str,
    verb: str,
    user_id: str | None,
    ending: Ending,
    caller: Caller,
) -> tuple[Deadline, Started]:
    """`complete`, `miss`, `waive` or `cancel`, and what that starts in turn; for a critical deadline once a
    second person has said the same.

    Raises Refusal `illegal_state` from a state in which the verb does not apply, and `missing_field`
    where a clock that the completion starts runs from a date that is not given.
    """
    deadline, case = await locked(sitting.session, deadline_id, caller)
    state = next_state(deadline.state, verb)
    person = await person_acting(sitting.session, caller, deadline.team_id, user_id)
    same = {"done_on": ending.done_on, "served_on": ending.served_on, "refused": ending.refused}
    if not await seconded(sitting, deadline, verb, person, **same):
        return deadline, Started()
    await _end(sitting, deadline, case, verb, state, person, ending.because)
    if verb == "cancel":
        await _cancelled(sitting, deadline, case, person)
    if verb != "complete":
        return deadline, Started()
    fate = Fate.REFUSAL if ending.refused else Fate.COMPLETION
    done_on = ending.done_on or sitting.today(deadline.timezone)
    docket, served_on = Docket(sitting.session, sitting.now), ending.served_on
    started = await follow(sitting, docket, deadline, case, fate, person, done_on, served_on)
    await docket.write()
    return deadline, started


async def _end(
    sitting: Sitting,
    deadline: Deadline,
    case: Case,
    verb: str,
    state: DeadlineState,
    person: str,
    because: str,
) -> None:
    deadline.ended_by, deadline.ended_at, deadline.ended_because = person, sitting.now, because
    deadline.wake_at = None
    await close_waiting(sitting.session, [deadline.id])
    await _settle(sitting, deadline, case, verb, state, person)
    session, now = sitting.session, sitting.now
    await announce_end_of_ladder(session, sitting.webhooks, deadline, case, person, now)


async def _cancelled(sitting: Sitting, deadline: Deadline, case: Case, person: str) -> None:
    """Whoever was told of it is told again; and what is counted back from the end of a deadline that
    should never have been, should not be either."""
    await _tell(sitting, deadline, case)
    ends = await events_out_of(sitting.session, deadline.id, Fate.DUE)
    for child in await deadlines_from(sitting.session, [event.id for event in ends]):
        because = f"counted from {deadline.id}, which was cancelled"
        await _end(sitting, child, case, "cancel", DeadlineState.CANCELLED, person, because)
        await _cancelled(sitting, child, case, person)


async def _tell(sitting: Sitting, deadline: Deadline, case: Case) -> None:
    """By mail, everyone on the case who had been told that there is something to do."""
    now, mail = sitting.now, sitting.channels[ChannelKind.EMAIL]
    event = EventType.DEADLINE_CANCELLED
    notice = replace(notice_of(deadline, case, event, now, now), because=deadline.ended_because)
    told = await told_versions(sitting.session, deadline.id)
    people = await on_case(sitting, case)
    wishes = await wishes_on(sitting.session, case, ((user, role) for user, role, _ in people))
    letters = [
        letter(mail, notice, deadline, (user, level), event, now, wish=wishes.get(user.id))
        for user, role, _ in people
        if user.id in told and (level := mailed_level(role, case)) is not None
    ]
    await add_messages(sitting.session, letters)


async def _settle(
    sitting: Sitting,
    deadline: Deadline,
    case: Case,
    verb: str,
    state: DeadlineState,
    person: str,
) -> None:
    deadline.state = state
    deadline.shown, deadline.shown_at = deadline.shown + 1, sitting.now
    deadline.revision += 1
    await _publish(sitting, deadline, case, _EVENTS[verb], person, f"deadline.{state}")


async def _publish(
    sitting: Sitting,
    deadline: Deadline,
    case: Case,
    event: EventType,
    person: str,
    action: str,
) -> None:
    """To the endpoints, and into the journal."""
    await announce_now(sitting, deadline, case, event, person)
    await journal(sitting, deadline, person, action)
