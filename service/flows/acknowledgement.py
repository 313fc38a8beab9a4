"""What people answer to a deadline or an alert. Seen is not done: nothing ends by it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Caller
from service.domain.answering import Strength
from service.domain.escalation import ResponseKind, longest_snooze
from service.domain.notifications import EventType, SubjectKind
from service.errors import Code, Refusal, not_found
from service.flows.announcing import announce, notice_of
from service.flows.planning import roles_about
from service.flows.sitting import Sitting
from service.flows.standing import person_acting
from service.ids import new_id
from service.store.cases import Case
from service.store.deadlines import Deadline, lock_deadline
from service.store.escalations import escalations_of
from service.store.journal import Happening, record
from service.store.responses import Response
from service.store.subjects import Subject, named
from service.store.tallies import ack_seconds, ack_suspect, tally


@dataclass(frozen=True)
class Said:
    """What a person answers to being told. `until`: when a snooze ends."""

    kind: ResponseKind
    note: str | None = None
    reason: str | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Heard:
    """How an answer reached us. `message_id`: of the mail whose link was used; `client`: keyed
    fingerprint of the address that it came from; `suspect`: it may have been a machine."""

    strength: Strength
    message_id: str | None = None
    client: str | None = None
    suspect: bool = False


_BY_API = Heard(Strength.API)
#: Nobody can put an alert off.
_ANSWERS = {
    (SubjectKind.DEADLINE, ResponseKind.ACKNOWLEDGE): EventType.ESCALATION_ACKNOWLEDGED,
    (SubjectKind.DEADLINE, ResponseKind.DECLINE): EventType.ESCALATION_DECLINED,
    (SubjectKind.DEADLINE, ResponseKind.SNOOZE): EventType.REMINDER_SNOOZED,
    (SubjectKind.ALERT, ResponseKind.ACKNOWLEDGE): EventType.ALERT_ACKNOWLEDGED,
    (SubjectKind.ALERT, ResponseKind.DECLINE): EventType.ALERT_DECLINED,
}


async def respond(
    sitting: Sitting, deadline_id: str, user_id: str | None, said: Said, caller: Caller
) -> Response:
    """As `answer`, to a deadline."""
    deadline, case = await locked(sitting.session, deadline_id, caller)
    return await answer(sitting, deadline, case, user_id, said, caller)


async def answer(
    sitting: Sitting,
    subject: Subject,
    case: Case | None,
    user_id: str | None,
    said: Said,
    caller: Caller,
    heard: Heard = _BY_API,
) -> Response:
    """An answer of somebody on the case to what must be locked and stays open; its plan is looked at anew.
    One that does not hold the ladder is kept and journalled, and endpoints are not told of it."""
    session, now = sitting.session, sitting.now
    if not subject.live:
        raise Refusal(Code.ILLEGAL_STATE, f"The {subject.subject_kind} is {subject.state} already.")
    person = await person_acting(session, caller, subject.team_id, user_id)
    if person not in await roles_about(session, subject):
        raise Refusal(Code.UNKNOWN_REFERENCE, "That person is not on the case.", "user_id")
    if said.until is not None:
        _check_snooze(said.until, subject.due_at, now)
    response = _response(subject, person, said, heard, now)
    session.add(response)
    await _count(sitting, subject, response)
    subject.wake_at = now
    if response.counts_for(subject.critical):
        event = _ANSWERS[subject.subject_kind, said.kind]
        await announce_now(sitting, subject, case, event, person)
    # Acknowledged, declined, snoozed.
    action = f"{subject.subject_kind}.{said.kind}d"
    await journal(sitting, subject, person, action, _how(response, heard.message_id))
    return response


async def _count(sitting: Sitting, subject: Subject, response: Response) -> None:
    """How long a ladder's people took, for the operator; of drills no figure tells."""
    session = sitting.session
    if response.suspect:
        tally(session, ack_suspect.inc)
    counts = response.kind is ResponseKind.ACKNOWLEDGE and response.counts_for(subject.critical)
    ladders = await escalations_of(session, [subject.id]) if counts and not subject.drill else {}
    ladder = ladders.get((subject.id, subject.version))
    if ladder is not None:
        alert = subject.subject_kind is SubjectKind.ALERT
        urgency = "alert" if alert else "critical" if subject.critical else "normal"
        seconds = (sitting.now - ladder.started_at).total_seconds()
        tally(session, partial(ack_seconds.labels(urgency).observe, max(seconds, 0)))


def _response(subject: Subject, person: str, said: Said, heard: Heard, now: datetime) -> Response:
    return Response(
        id=new_id("rsp", now),
        team_id=subject.team_id,
        version=subject.version,
        kind=said.kind,
        user_id=person,
        method=heard.strength.value,
        strength=heard.strength,
        suspect=heard.suspect,
        client=heard.client,
        note=said.note,
        reason=said.reason,
        until=said.until,
        at=now,
        **named(subject),
    )


def _how(response: Response, message_id: str | None) -> dict[str, Any]:
    if message_id is None:
        return {"method": response.method}
    return {"method": response.method, "suspect": response.suspect, "message_id": message_id}


async def withdraw(sitting: Sitting, subject: Subject, response: Response) -> None:
    """The person takes an answer back: it stays in the record, and the ladder goes on without it."""
    response.withdrawn_at = sitting.now
    sitting.session.add(response)
    subject.wake_at = sitting.now
    data = {"method": response.method, "response_id": response.id}
    action = f"{subject.subject_kind}.answer_withdrawn"
    await journal(sitting, subject, response.user_id, action, data)


def _check_snooze(until: datetime, due_at: datetime, now: datetime) -> None:
    longest = longest_snooze(due_at, now)
    if longest <= now:
        text = "It is too late to put this off: acknowledge it, or decline."
        raise Refusal(Code.ILLEGAL_STATE, text, "until")
    if not now < until <= longest:
        text = f"A snooze may last until {longest:%Y-%m-%dT%H:%MZ} at the most."
        raise Refusal(Code.INVALID_INSTANT, text, "until")


async def locked(session: AsyncSession, deadline_id: str, caller: Caller) -> tuple[Deadline, Case]:
    """The deadline, held against every other writer, and its case."""
    deadline = await lock_deadline(session, deadline_id, caller.reach)
    case = await session.get(Case, deadline.case_id) if deadline else None
    if deadline is None or case is None:
        raise not_found("deadline")
    return deadline, case


async def announce_now(
    sitting: Sitting, subject: Subject, case: Case | None, event: EventType, person: str
) -> None:
    """To the endpoints, what somebody has just said."""
    now = sitting.now
    notice = notice_of(subject, case, event, now, now)
    await announce(sitting.session, sitting.webhooks, notice, subject, person, now)


async def journal(
    sitting: Sitting,
    subject: Subject,
    person: str,
    action: str,
    more: Mapping[str, Any] | None = None,
) -> None:
    session = sitting.session
    session.add(subject)
    await session.flush()
    data = {"version": subject.version, "state": subject.state, **(more or {})}
    happening = Happening(subject.team_id, person, action, subject.id, subject.case_id, data)
    await record(session, [happening], sitting.now)
