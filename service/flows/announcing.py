"""The messages that are written: to endpoints, one for each that asked for the event; to people, mail."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from service.channels.interface import Channel, Draft
from service.domain.access import Level
from service.domain.notifications import (
    EventType,
    Notice,
    dedupe_key,
    redacted,
    useful_until,
)
from service.ids import new_id
from service.store.cases import Case
from service.store.deadlines import Deadline
from service.store.endpoints import Endpoint, active_endpoints
from service.store.messages import Message, add_messages
from service.store.users import User


def notice_of(
    deadline: Deadline, case: Case, event: EventType, planned_at: datetime, now: datetime
) -> Notice:
    """Everything that can be said of the deadline, at the highest level."""
    return Notice(
        event=event,
        level=Level.FULL,
        case_code=case.code,
        deadline_id=deadline.id,
        version=deadline.version,
        kind=deadline.kind,
        title=deadline.title,
        forum=case.forum,
        basis=basis_of(deadline),
        notes=deadline.notes,
        due_on=deadline.due_on,
        due_at=deadline.due_at,
        act_by_on=deadline.act_by_on,
        timezone=deadline.timezone,
        provisional=deadline.verified_by is None,
        standing=deadline.rule_status,
        tolled_since=deadline.tolled_since,
        planned_at=planned_at,
        released_at=now,
    )


def basis_of(deadline: Deadline) -> str:
    """The citation that a date rests on, with a warning where it is not verified law."""
    if deadline.rule_id is None:
        return "stated by a person"
    citation = deadline.sources[0]["citation"] if deadline.sources else deadline.rule_id
    verified = deadline.rule_status == "verified"
    return citation if verified else f"{citation} ({deadline.rule_status}: confirm before relying)"


def announcements(
    notice: Notice,
    deadline: Deadline,
    endpoints: Iterable[Endpoint],
    channel: Channel,
    actor: str | None,
    now: datetime,
    step: int | None = None,
) -> list[Message]:
    """One message per endpoint that subscribes to the event; raises the deadline's event count."""
    deadline.events_told += 1
    draft = Draft(
        message_id="",
        event=notice.event,
        event_id=new_id("evt", now),
        team_id=deadline.team_id,
        occurred_at=now,
        notice=notice,
        actor=actor,
        sequence=deadline.events_told,
        step=step,
    )
    return [
        _message(draft, deadline, endpoint, channel)
        for endpoint in endpoints
        if subscribes(endpoint, notice.event)
    ]


def _message(draft: Draft, deadline: Deadline, endpoint: Endpoint, channel: Channel) -> Message:
    """The same event, with the same id, at the level of one endpoint."""
    assert draft.notice is not None
    step = draft.notice.event if draft.step is None else str(draft.step)
    own = replace(
        draft,
        message_id=new_id("msg", draft.occurred_at),
        notice=redacted(draft.notice, Level(endpoint.level)),
    )
    return _frozen(own, deadline, channel, step, draft.sequence, endpoint_id=endpoint.id)


def letter(
    channel: Channel,
    notice: Notice,
    deadline: Deadline,
    reader: tuple[User, Level],
    step: str,
    now: datetime,
    occurrence: int = 0,
) -> Message:
    """One mail to one person, at the level that this person is shown."""
    user, level = reader
    draft = Draft(
        message_id=new_id("msg", now),
        event=notice.event,
        event_id=new_id("evt", now),
        team_id=deadline.team_id,
        occurred_at=now,
        notice=redacted(notice, level),
        reader_zone=user.timezone,
    )
    return _frozen(draft, deadline, channel, step, occurrence, user_id=user.id)


def _frozen(
    draft: Draft, deadline: Deadline, channel: Channel, step: str, occurrence: int, **to: Any
) -> Message:
    """The row of a message, its bytes composed once; `to` is its user_id or its endpoint_id."""
    now, notice = draft.occurred_at, draft.notice
    assert notice is not None
    (recipient_id,) = to.values()
    return Message(
        id=draft.message_id,
        team_id=deadline.team_id,
        case_id=deadline.case_id,
        deadline_id=deadline.id,
        deadline_version=deadline.version,
        step=step,
        occurrence=occurrence,
        event=draft.event,
        event_id=draft.event_id,
        channel=channel.kind,
        level=notice.level,
        dedupe_key=dedupe_key(
            deadline.id, deadline.version, step, occurrence, recipient_id, channel.kind
        ),
        content=channel.compose(draft),
        due_at=notice.planned_at,
        next_attempt_at=now,
        useful_until=useful_until(notice.due_at, now),
        created_at=now,
        **to,
    )


async def announce(
    session: AsyncSession,
    channel: Channel,
    notice: Notice,
    deadline: Deadline,
    actor: str | None,
    now: datetime,
) -> None:
    """For the stories that are told as they happen: writes the messages in their transaction."""
    endpoints = (await active_endpoints(session, [deadline.team_id])).get(deadline.team_id, [])
    await add_messages(session, announcements(notice, deadline, endpoints, channel, actor, now))


def subscribes(endpoint: Endpoint, event: EventType) -> bool:
    """Exact names, `deadline.*`, or `*`."""
    return any(fnmatchcase(event, pattern) for pattern in endpoint.events)
