"""The messages that are written: to endpoints, one for each that asked for the event; to people, mail."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from service.channels.interface import Channel, Draft
from service.domain.access import Level, level_for
from service.domain.deadlines import local_date
from service.domain.endpoints import TRIED_FOR
from service.domain.escalation import EscalationState, Role
from service.domain.notifications import (
    EventType,
    Notice,
    dedupe_key,
    redacted,
    useful_until,
)
from service.domain.plan import ended
from service.flows.calendar_part import Wish
from service.flows.tools import form_of, held_back, most_shown, wants
from service.ids import new_id
from service.store.alerts import Alert
from service.store.cases import Case
from service.store.deadlines import Deadline
from service.store.endpoints import Endpoint, team_endpoints
from service.store.escalations import escalations_of
from service.store.messages import Message, add_messages
from service.store.subjects import Subject, named
from service.store.users import User

_ENDS = {
    EscalationState.RESOLVED: EventType.ESCALATION_RESOLVED,
    EscalationState.CANCELLED: EventType.ESCALATION_CANCELLED,
}


def notice_of(
    subject: Subject, case: Case | None, event: EventType, planned_at: datetime, now: datetime
) -> Notice:
    """Everything that can be said of the deadline or the alert, at the highest level."""
    own = _of_alert(subject) if isinstance(subject, Alert) else _of_deadline(subject)
    return Notice(
        event=event,
        level=Level.FULL,
        case_code=case.code if case else None,
        subject=subject.subject_kind,
        subject_id=subject.id,
        version=subject.version,
        title=subject.title,
        forum=case.forum if case else None,
        notes=subject.notes,
        due_at=subject.due_at,
        timezone=subject.timezone,
        drill=subject.drill,
        critical=subject.critical,
        ceiling=Level(case.ceiling) if case else Level.FULL,
        ended=None if subject.live else subject.state,
        planned_at=planned_at,
        released_at=now,
        **own,
    )


def _of_deadline(deadline: Deadline) -> dict[str, Any]:
    return {
        "kind": deadline.kind,
        "basis": basis_of(deadline),
        "due_on": deadline.due_on,
        "act_by_on": deadline.act_by_on,
        "provisional": deadline.verified_by is None,
        "standing": deadline.rule_status,
        "tolled_since": deadline.tolled_since,
    }


def _of_alert(alert: Alert) -> dict[str, Any]:
    """It rests on nothing but the word of whoever raised it."""
    raised_on = local_date(alert.raised_at, ZoneInfo(alert.timezone))
    return {"kind": None, "basis": None, "due_on": raised_on, "provisional": False}


def mailed_level(role: Role, case: Case | None) -> Level | None:
    """What somebody with that role is shown in a mail; without a case as little as of a new one."""
    if case is None:
        return level_for(role, Level.CODE, Level.BASIS)
    return level_for(role, Level(case.mail_level), Level(case.ceiling))


def basis_of(deadline: Deadline) -> str:
    """The citation that a date rests on, with a warning where it is not verified law."""
    if deadline.rule_id is None:
        return "stated by a person"
    citation = deadline.sources[0]["citation"] if deadline.sources else deadline.rule_id
    verified = deadline.rule_status == "verified"
    return citation if verified else f"{citation} ({deadline.rule_status}: confirm before relying)"


def announcements(
    notice: Notice,
    subject: Subject,
    endpoints: Iterable[Endpoint],
    channel: Channel,
    actor: str | None,
    now: datetime,
    step: int | None = None,
) -> list[Message]:
    """One message per endpoint that subscribes to the event; raises the subject's event count."""
    subject.events_told += 1
    listening = [one for one in endpoints if wants(one, notice.event, subject)]
    if not listening:
        return []
    draft = Draft(
        message_id="",
        event=notice.event,
        event_id=new_id("evt", now),
        team_id=subject.team_id,
        occurred_at=now,
        notice=notice,
        actor=actor,
        sequence=subject.events_told,
        step=step,
    )
    return [_message(draft, subject, endpoint, channel) for endpoint in listening]


def _message(draft: Draft, subject: Subject, endpoint: Endpoint, channel: Channel) -> Message:
    """The same event, with the same id, at the level of one endpoint."""
    assert draft.notice is not None
    step = draft.notice.event if draft.step is None else str(draft.step)
    own = replace(
        draft,
        message_id=new_id("msg", draft.occurred_at),
        notice=redacted(draft.notice, most_shown(endpoint)),
        reader_language=endpoint.language,
        form=form_of(endpoint),
    )
    message = _frozen(own, subject, channel, step, draft.sequence, endpoint_id=endpoint.id)
    return held_back(message, endpoint)


def letter(
    channel: Channel,
    notice: Notice,
    subject: Subject,
    reader: tuple[User, Level],
    step: str,
    now: datetime,
    occurrence: int = 0,
    wish: Wish | None = None,
) -> Message:
    """One mail to one person, at the level that this person is shown. `wish`: of those who want the date
    for their calendar."""
    user, level = reader
    own = redacted(notice, user.readable(level, now))
    draft = Draft(
        message_id=new_id("msg", now),
        event=notice.event,
        event_id=new_id("evt", now),
        team_id=subject.team_id,
        occurred_at=now,
        notice=own,
        reader_zone=user.timezone,
        reader_language=user.language,
        calendar=wish.part(subject, own, now) if wish else None,
    )
    return _frozen(draft, subject, channel, step, occurrence, user_id=user.id)


def personal(
    channel: Channel,
    notice: Notice,
    subject: Subject,
    reader: tuple[User, Level],
    endpoint: Endpoint,
    step: str,
    now: datetime,
    occurrence: int = 0,
) -> Message:
    """The same to one person by an endpoint of their own: at the lower of the two levels, in the envelope
    that tools get; raises the subject's event count."""
    user, level = reader
    subject.events_told += 1
    draft = Draft(
        message_id=new_id("msg", now),
        event=notice.event,
        event_id=new_id("evt", now),
        team_id=subject.team_id,
        occurred_at=now,
        notice=redacted(notice, min(level, most_shown(endpoint))),
        reader_zone=user.timezone,
        reader_language=user.language,
        sequence=subject.events_told,
        step=int(step),
        form=form_of(endpoint),
    )
    to = {"user_id": user.id, "endpoint_id": endpoint.id}
    return _frozen(draft, subject, channel, step, occurrence, **to)


def _frozen(
    draft: Draft, subject: Subject, channel: Channel, step: str, occurrence: int, **to: Any
) -> Message:
    """The row of a message, its bytes composed once; `to` is its user_id, its endpoint_id,
    or both."""
    now, notice = draft.occurred_at, draft.notice
    assert notice is not None
    recipient_id = to.get("endpoint_id") or to["user_id"]
    return Message(
        id=draft.message_id,
        team_id=subject.team_id,
        case_id=subject.case_id,
        deadline_version=subject.version,
        drill=subject.drill,
        step=step,
        occurrence=occurrence,
        event=draft.event,
        event_id=draft.event_id,
        channel=channel.kind,
        level=notice.level,
        dedupe_key=dedupe_key(
            subject.id, subject.version, step, occurrence, recipient_id, channel.kind
        ),
        content=channel.compose(draft),
        due_at=notice.planned_at,
        next_attempt_at=now,
        useful_until=useful_until(notice.due_at, now) if "user_id" in to else now + TRIED_FOR,
        created_at=now,
        **named(subject),
        **to,
    )


async def announce(
    session: AsyncSession,
    channel: Channel,
    notice: Notice,
    subject: Subject,
    actor: str | None,
    now: datetime,
) -> None:
    """For the stories that are told as they happen: writes the messages in their transaction."""
    endpoints = (await team_endpoints(session, [subject.team_id])).get(subject.team_id, [])
    await add_messages(session, announcements(notice, subject, endpoints, channel, actor, now))


async def announce_end_of_ladder(
    session: AsyncSession,
    channel: Channel,
    subject: Subject,
    case: Case | None,
    actor: str | None,
    now: datetime,
) -> None:
    """Once it has ended for this version, with its subject or because another version follows; nothing
    where nobody has been told yet."""
    running = (await escalations_of(session, [subject.id])).get((subject.id, subject.version))
    if running is None or not running.fired:
        return
    end, _ = ended(subject.state) or (EscalationState.CANCELLED, None)
    notice = notice_of(subject, case, _ENDS[end], now, now)
    await announce(session, channel, notice, subject, actor, now)
