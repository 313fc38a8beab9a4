"""What people say of a deadline: seen, verified, done, waived, cancelled. Seen is not done."""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from service.channels.interface import Channel
from service.domain.access import Caller
from service.domain.deadlines import LIVE_STATES, next_state
from service.domain.escalation import ResponseKind
from service.domain.notifications import EventType
from service.errors import Code, Refusal, not_found
from service.flows.announcing import announce
from service.flows.standing import person_acting
from service.ids import new_id
from service.store.cases import Case, roles_of
from service.store.deadlines import Deadline, lock_deadline
from service.store.journal import Happening, record
from service.store.responses import Response

_EVENTS = {
    "verify": EventType.DEADLINE_UPDATED,
    "complete": EventType.DEADLINE_COMPLETED,
    "waive": EventType.DEADLINE_WAIVED,
    "cancel": EventType.DEADLINE_CANCELLED,
}


async def acknowledge(
    session: AsyncSession,
    webhooks: Channel,
    deadline_id: str,
    user_id: str | None,
    note: str | None,
    caller: Caller,
    now: datetime,
) -> Response:
    """ "I have it": silence ends, nobody further is told until the next mark. The deadline stays open."""
    deadline, case = await _locked(session, deadline_id, caller)
    if deadline.state not in LIVE_STATES:
        raise Refusal(Code.ILLEGAL_STATE, f"The deadline is {deadline.state} already.")
    person = await person_acting(session, caller, deadline.team_id, user_id)
    roles = (await roles_of(session, [case.id])).get(case.id, [])
    if person not in {held.user_id for held in roles}:
        raise Refusal(Code.UNKNOWN_REFERENCE, "That person is not on the case.", "user_id")
    response = Response(
        id=new_id("rsp", now),
        team_id=deadline.team_id,
        deadline_id=deadline.id,
        version=deadline.version,
        kind=ResponseKind.ACKNOWLEDGE,
        user_id=person,
        method="api",
        note=note,
        at=now,
    )
    session.add(response)
    deadline.wake_at = now
    await announce(
        session, webhooks, EventType.ESCALATION_ACKNOWLEDGED, deadline, case, person, now
    )
    await _journal(session, deadline, person, "deadline.acknowledged", now)
    return response


async def settle(
    session: AsyncSession,
    webhooks: Channel,
    deadline_id: str,
    verb: str,
    user_id: str | None,
    reason: str | None,
    caller: Caller,
    now: datetime,
) -> Deadline:
    """`verify`, `complete`, `waive` or `cancel`; `reason` is the proof or the reason that goes with it.

    Raises Refusal `illegal_state` from a state in which the verb does not apply, and
    `second_person_required` when somebody verifies what they entered themselves.
    """
    deadline, case = await _locked(session, deadline_id, caller)
    state = next_state(deadline.state, verb)
    person = await person_acting(session, caller, deadline.team_id, user_id)
    if verb == "verify":
        # A key that stands for nobody cannot vouch for a second pair of eyes on its own entry.
        if deadline.entered_by in (person, caller.actor):
            raise Refusal(
                Code.SECOND_PERSON_REQUIRED,
                "Somebody other than the person who entered the deadline must verify it.",
                "user_id",
            )
        deadline.verified_by = person
    else:
        deadline.ended_by, deadline.ended_at, deadline.ended_because = person, now, reason
        deadline.wake_at = None
    deadline.state = state
    deadline.shown, deadline.shown_at = deadline.shown + 1, now
    deadline.revision += 1
    session.add(deadline)
    await announce(session, webhooks, _EVENTS[verb], deadline, case, person, now)
    await _journal(session, deadline, person, f"deadline.{state}", now)
    return deadline


async def _locked(session: AsyncSession, deadline_id: str, caller: Caller) -> tuple[Deadline, Case]:
    deadline = await lock_deadline(session, deadline_id, caller.reach)
    case = await session.get(Case, deadline.case_id) if deadline else None
    if deadline is None or case is None:
        raise not_found("deadline")
    return deadline, case


async def _journal(
    session: AsyncSession, deadline: Deadline, person: str, action: str, now: datetime
) -> None:
    session.add(deadline)
    await session.flush()
    data = {"version": deadline.version, "state": deadline.state}
    happening = Happening(deadline.team_id, person, action, deadline.id, deadline.case_id, data)
    await record(session, [happening], now)
