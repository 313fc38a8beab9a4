"""What people say of a date that the law has given, or that they have stated: another date stands on a
paper, the clock stands still, more time was asked for. Each is kept with name and reason."""

from service.domain.access import Caller
from service.domain.deadlines import LIVE_STATES, ExtensionState
from service.errors import Code, Refusal, not_found
from service.flows.acknowledgement import locked
from service.flows.moving import restate
from service.flows.reckoning import word
from service.flows.seconding import seconded
from service.flows.sitting import Sitting
from service.flows.standing import person_acting
from service.ids import new_id
from service.schemas.adjustments import (
    ExtensionIn,
    GrantIn,
    LiftIn,
    OverrideIn,
    RefusalIn,
    TollingIn,
)
from service.store.deadlines import Deadline
from service.store.extensions import Extension
from service.store.journal import Happening, record
from service.store.tolling import TollingPeriod, tolling_of


async def override(
    sitting: Sitting, deadline_id: str, body: OverrideIn, caller: Caller
) -> Deadline:
    """A date that stands on a paper stands over the computed one; both are kept. On a deadline without
    a rule it is the date that has moved. `withdrawn`: the computed date holds again."""
    deadline, person = await _live(sitting, deadline_id, body.user_id, caller)
    if body.withdrawn and (deadline.rule_id is None or deadline.stated is None):
        text = "There is no stated date over a computed one to take back."
        raise Refusal(Code.ILLEGAL_STATE, text, "withdrawn")
    if _later(body, deadline):
        what = {"due_on": body.due_on, "due_at": body.due_at, "withdrawn": body.withdrawn}
        if not await seconded(sitting, deadline, "override", person, **what):
            return deadline
    if body.withdrawn:
        deadline.stated = None
    else:
        deadline.stated = word(
            body.due_on, body.due_at, body.reason, body.source, person, sitting.now
        )
    await _journal(sitting, deadline, person, "deadline.overridden", deadline.id)
    await restate(sitting, deadline, body.reason, person)
    return deadline


def _later(body: OverrideIn, deadline: Deadline) -> bool:
    if body.withdrawn:
        return deadline.computed_at is None or deadline.computed_at > deadline.due_at
    if body.due_at is not None:
        return body.due_at > deadline.due_at
    return body.due_on is not None and body.due_on > deadline.due_on


async def toll(
    sitting: Sitting, deadline_id: str, body: TollingIn, caller: Caller
) -> tuple[TollingPeriod | None, Deadline]:
    """The clock stands still from a day on; that of a critical deadline once a second person agrees. With
    no end in sight the deadline is suspended."""
    deadline, person = await _live(sitting, deadline_id, body.user_id, caller)
    _check_tolling(sitting, deadline, body)
    before = (await tolling_of(sitting.session, [deadline.id])).get(deadline.id, [])
    if any(one.until_on is None for one in before):
        raise Refusal(Code.ILLEGAL_STATE, "The clock stands still already.", "from_on")
    what = {"from_on": body.from_on, "until_on": body.until_on}
    if not await seconded(sitting, deadline, "toll", person, **what):
        return None, deadline
    period = TollingPeriod(
        id=new_id("tol", sitting.now),
        team_id=deadline.team_id,
        deadline_id=deadline.id,
        from_on=body.from_on,
        until_on=body.until_on,
        reason=body.reason,
        source=body.source,
        entered_by=person,
        entered_at=sitting.now,
    )
    sitting.session.add(period)
    await _journal(sitting, deadline, person, "deadline.tolled", period.id)
    await restate(sitting, deadline, body.reason, person)
    return period, deadline


def _check_tolling(sitting: Sitting, deadline: Deadline, body: TollingIn) -> None:
    if body.from_on > sitting.today(deadline.timezone):
        text = "A clock that is to stand still later is entered on that day."
        raise Refusal(Code.INVALID_DATE, text, "from_on")
    if body.from_on > deadline.due_on:
        text = f"The time limit had run out on {deadline.due_on} already."
        raise Refusal(Code.INVALID_DATE, text, "from_on")
    if body.until_on is not None and body.until_on <= body.from_on:
        text = "The clock runs again on until_on, which must be after from_on."
        raise Refusal(Code.INVALID_DATE, text, "until_on")


async def lift(
    sitting: Sitting, deadline_id: str, tolling_id: str, body: LiftIn, caller: Caller
) -> tuple[TollingPeriod, Deadline]:
    """The clock runs again: what remained of the limit runs on."""
    deadline, person = await _live(sitting, deadline_id, body.user_id, caller)
    periods = (await tolling_of(sitting.session, [deadline.id])).get(deadline.id, [])
    period = next((one for one in periods if one.id == tolling_id), None)
    if period is None:
        raise not_found("tolling period")
    if period.until_on is not None:
        text = f"The clock has run again since {period.until_on}."
        raise Refusal(Code.ILLEGAL_STATE, text)
    if body.until_on < period.from_on:
        text = "The clock cannot run again before it stood still."
        raise Refusal(Code.INVALID_DATE, text, "until_on")
    period.until_on, period.lifted_by, period.lifted_at = body.until_on, person, sitting.now
    sitting.session.add(period)
    await _journal(sitting, deadline, person, "deadline.tolling_lifted", period.id)
    await restate(sitting, deadline, body.reason, person)
    return period, deadline


async def request_extension(
    sitting: Sitting, deadline_id: str, body: ExtensionIn, caller: Caller
) -> Extension:
    """More time was asked for; the date stands until it is granted."""
    deadline, person = await _live(sitting, deadline_id, body.user_id, caller)
    extension = Extension(
        id=new_id("ext", sitting.now),
        team_id=deadline.team_id,
        deadline_id=deadline.id,
        state=ExtensionState.REQUESTED,
        requested_on=body.requested_on or sitting.today(deadline.timezone),
        asked_until_on=body.asked_until_on,
        reason=body.reason,
        requested_by=person,
        created_at=sitting.now,
    )
    sitting.session.add(extension)
    await _journal(sitting, deadline, person, "extension.requested", extension.id)
    return extension


async def grant_extension(
    sitting: Sitting, deadline_id: str, extension_id: str, body: GrantIn, caller: Caller
) -> tuple[Extension, Deadline]:
    """The order's date stands over the computed one, as any stated date does."""
    deadline, person, extension = await _asked(
        sitting, deadline_id, extension_id, body.user_id, caller
    )
    asked, until = extension.id, body.granted_until_on
    if not await seconded(sitting, deadline, "extend", person, extension=asked, until=until):
        return extension, deadline
    extension.granted_until_on = body.granted_until_on
    _decide(sitting, extension, ExtensionState.GRANTED, body.source, person)
    reason = f"Extension granted: {body.source}"
    deadline.stated = word(body.granted_until_on, None, reason, body.source, person, sitting.now)
    await _journal(sitting, deadline, person, "extension.granted", extension.id)
    await restate(sitting, deadline, reason, person)
    return extension, deadline


async def refuse_extension(
    sitting: Sitting, deadline_id: str, extension_id: str, body: RefusalIn, caller: Caller
) -> tuple[Extension, Deadline]:
    """The date stands as it stood."""
    deadline, person, extension = await _asked(
        sitting, deadline_id, extension_id, body.user_id, caller
    )
    _decide(sitting, extension, ExtensionState.REFUSED, body.source, person)
    await _journal(sitting, deadline, person, "extension.refused", extension.id)
    return extension, deadline


async def _live(
    sitting: Sitting, deadline_id: str, user_id: str | None, caller: Caller
) -> tuple[Deadline, str]:
    deadline, _ = await locked(sitting.session, deadline_id, caller)
    if deadline.state not in LIVE_STATES:
        raise Refusal(Code.ILLEGAL_STATE, f"The deadline is {deadline.state} already.")
    return deadline, await person_acting(sitting.session, caller, deadline.team_id, user_id)


async def _asked(
    sitting: Sitting, deadline_id: str, extension_id: str, user_id: str | None, caller: Caller
) -> tuple[Deadline, str, Extension]:
    deadline, person = await _live(sitting, deadline_id, user_id, caller)
    extension = await sitting.session.get(Extension, extension_id)
    if extension is None or extension.deadline_id != deadline.id:
        raise not_found("extension")
    if extension.state is not ExtensionState.REQUESTED:
        raise Refusal(Code.ILLEGAL_STATE, f"The extension is {extension.state} already.")
    return deadline, person, extension


def _decide(
    sitting: Sitting, extension: Extension, state: ExtensionState, source: str, person: str
) -> None:
    extension.state, extension.source = state, source
    extension.decided_by, extension.decided_at = person, sitting.now
    sitting.session.add(extension)


async def _journal(
    sitting: Sitting, deadline: Deadline, person: str, action: str, subject_id: str
) -> None:
    """Before the date moves, so that the journal tells the cause first."""
    await sitting.session.flush()
    data = {"deadline": deadline.id, "version": deadline.version}
    happening = Happening(deadline.team_id, person, action, subject_id, deadline.case_id, data)
    await record(sitting.session, [happening], sitting.now)
