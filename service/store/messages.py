"""Messages: outbox and evidence in one.

A message is claimed by pushing its `next_attempt_at` one lease ahead under a new token: a crashed
worker's rows become due again by themselves, and the same index serves both.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Index, and_, func, not_, or_, text
from sqlmodel import Field, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Level, Reach
from service.domain.bounces import BounceClass
from service.domain.bundles import PATIENT
from service.domain.notifications import ChannelKind, EventType, MessageState
from service.store.columns import (
    Choice,
    Json,
    Row,
    UtcDateTime,
    as_rows,
    insert_missing,
    one_of,
)
from service.store.paging import get_within, page
from service.store.users import Membership

#: Written out in the queries too: a planner that sees parameters cannot tell that the index serves.
PENDING = text("state IN ('due', 'sending')")
PENDING_OF_ALERTS = text("state IN ('due', 'sending') AND alert_id IS NOT NULL")
PENDING_MAILS = text("state IN ('due', 'sending') AND channel = 'email'")
HELD = text("state = 'held'")
#: What may have to wait for its reader, if it is far off.
PATIENT_MAILS = text(
    "state IN ('due', 'sending') AND channel = 'email' AND event IN "
    f"({', '.join(sorted(repr(one.value) for one in PATIENT))})"
)
#: The reason of mails that wait because their reader has just had enough.
PACED = "paced"
_OF_ALERT = text("alert_id IS NOT NULL")
SENDING_TO_ENDPOINTS = text("state = 'sending' AND endpoint_id IS NOT NULL")


class Message(Row, table=True):
    """One notice to one address, its bytes frozen at release.

    `user_id`: the person who is told, by mail or, with `endpoint_id`, by an endpoint of their own; an
    `endpoint_id` alone is of the team's tools. Of `deadline_id` and `alert_id` at most one, and
    `deadline_version` is the version of either. `due_at`: when it should have been said; `step`: the
    step's number on the ladder, or the event type where there is no ladder. `drill`: it counts in no
    statistics. `bounce`: what was reported of it last after it had left, with the status by RFC 3463;
    `bounced_at`: when something was, also a delay that can be borne. `listed`: what an overview shows
    its reader: `cases` with the level, `deadlines` with the version of each. `replayed_at`: when
    somebody last asked for it once more; `asked_by`: who did, or asked for it as a test.
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index(
            "ix_messages_next_attempt_at",
            "next_attempt_at",
            postgresql_where=PENDING,
            sqlite_where=PENDING,
        ),
        Index(
            "ix_messages_team_id_next_attempt_at",
            "team_id",
            "next_attempt_at",
            postgresql_where=PENDING,
            sqlite_where=PENDING,
        ),
        Index(
            "ix_messages_of_alerts",
            "next_attempt_at",
            postgresql_where=PENDING_OF_ALERTS,
            sqlite_where=PENDING_OF_ALERTS,
        ),
        Index(
            "ix_messages_of_readers",
            "user_id",
            "next_attempt_at",
            postgresql_where=PENDING_MAILS,
            sqlite_where=PENDING_MAILS,
        ),
        Index(
            "ix_messages_patient",
            "next_attempt_at",
            postgresql_where=PATIENT_MAILS,
            sqlite_where=PATIENT_MAILS,
        ),
        Index(
            "ix_messages_sending",
            "endpoint_id",
            postgresql_where=SENDING_TO_ENDPOINTS,
            sqlite_where=SENDING_TO_ENDPOINTS,
        ),
        # Not of the many that are of no alert: a planner would think of collecting those.
        Index(
            "ix_messages_alert_id", "alert_id", postgresql_where=_OF_ALERT, sqlite_where=_OF_ALERT
        ),
        Index("ix_messages_held", "endpoint_id", "id", postgresql_where=HELD, sqlite_where=HELD),
        Index("ix_messages_due_at", "due_at", postgresql_where=PENDING, sqlite_where=PENDING),
        Index("ix_messages_user_id_created_at", "user_id", "created_at"),
    )

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id")
    case_id: str | None = Field(default=None, foreign_key="cases.id")
    deadline_id: str | None = Field(default=None, foreign_key="deadlines.id", index=True)
    alert_id: str | None = Field(default=None, foreign_key="alerts.id")
    deadline_version: int | None = None
    drill: bool = False
    step: str
    occurrence: int = 0
    event: EventType = Field(sa_type=Choice(EventType))
    event_id: str
    channel: ChannelKind = Field(sa_type=Choice(ChannelKind))
    user_id: str | None = Field(default=None, foreign_key="users.id")
    endpoint_id: str | None = Field(default=None, foreign_key="endpoints.id", index=True)
    level: int = Level.CODE
    dedupe_key: str = Field(unique=True)
    content: bytes
    listed: dict[str, dict[str, int]] | None = Field(default=None, sa_type=Json)
    state: MessageState = Field(default=MessageState.DUE, sa_type=Choice(MessageState))
    reason: str | None = None
    due_at: datetime = Field(sa_type=UtcDateTime)
    next_attempt_at: datetime = Field(sa_type=UtcDateTime)
    useful_until: datetime = Field(sa_type=UtcDateTime)
    attempts: int = 0
    wrong_codes: int = 0
    lease: str | None = None
    accepted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    bounce: BounceClass | None = Field(default=None, sa_type=Choice(BounceClass))
    bounce_status: str | None = None
    bounced_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    replayed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    asked_by: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)


async def add_messages(session: AsyncSession, messages: Sequence[Message]) -> None:
    """Writes those whose dedupe key is new; the rest have been said already."""
    await insert_missing(session, Message, as_rows(messages), "dedupe_key")


async def lock_mail(session: AsyncSession, message_id: str) -> list[Message]:
    """The mail and those to the same reader that were accepted with it: what leaves as one comes back as
    one. The mail itself is first; none where there is no such mail."""
    one = await session.get(Message, message_id)
    if one is None or one.channel is not ChannelKind.EMAIL or one.user_id is None:
        return []
    together = and_(
        col(Message.user_id) == one.user_id,
        col(Message.channel) == ChannelKind.EMAIL,
        col(Message.accepted_at) == one.accepted_at,
        col(Message.accepted_at).is_not(None),
    )
    query = select(Message).where(or_(col(Message.id) == message_id, together))
    query = query.order_by(col(Message.id)).with_for_update()
    found = await session.exec(query.execution_options(populate_existing=True))
    return sorted(found, key=lambda mail: mail.id != message_id)


async def told_versions(session: AsyncSession, deadline_id: str) -> dict[str, int]:
    """User id to the newest version of the deadline that a mail has told them of, or may have: whatever
    was tried counts."""
    query = (
        select(Message.user_id, func.max(Message.deadline_version))
        .where(Message.deadline_id == deadline_id, Message.channel == ChannelKind.EMAIL)
        .where(col(Message.attempts) > 0)
        .group_by(col(Message.user_id))
    )
    return {str(row[0]): int(row[1] or 1) for row in await session.exec(query)}


async def was_told(
    session: AsyncSession, team_id: str, event: EventType, subject_id: str, after: datetime
) -> bool:
    """Whether anybody of the team was, since then, of what dedupe keys name so."""
    people = select(Membership.user_id).where(Membership.team_id == team_id)
    query = select(Message.id).where(
        col(Message.user_id).in_(people),
        col(Message.created_at) > after,
        Message.event == event,
        col(Message.dedupe_key).startswith(f"{subject_id}/", autoescape=True),
    )
    return (await session.exec(query.limit(1))).first() is not None


async def get_message(session: AsyncSession, message_id: str, reach: Reach) -> Message | None:
    return await get_within(session, Message, message_id, reach)


async def messages_of(
    session: AsyncSession, column: Any, owner_id: str, after: str | None, limit: int
) -> list[Message]:
    """The messages of one deadline (`Message.deadline_id`), alert (`Message.alert_id`) or endpoint
    (`Message.endpoint_id`)."""
    query = select(Message).where(col(column) == owner_id)
    return await page(session, query, Message.id, after, limit)


async def oldest_due_at(session: AsyncSession, passing: Collection[str]) -> datetime | None:
    """Since when the oldest message that is due now has been waiting: mails with their retries, webhooks
    until their first try, so that a partner whose receiver is down does not look like a standstill
    of ours. What has left once and came back waits for its mailbox, and what is paced for its reader, and
    not for us; `passing`: the endpoints whose queue is moving."""
    query = (
        select(Message.due_at)
        .where(PENDING, col(Message.bounce).is_(None), col(Message.reason).is_distinct_from(PACED))
        .where(or_(col(Message.channel) == ChannelKind.EMAIL, col(Message.attempts) == 0))
        .where(not_behind(passing))
        .order_by(col(Message.due_at))
        .limit(1)
    )
    return (await session.exec(query)).first()


def not_behind(passing: Collection[str] | BindParameter[Iterable[str]]) -> ColumnElement[bool]:
    """What waits behind others for none of these endpoints."""
    endpoint_id = col(Message.endpoint_id)
    return or_(endpoint_id.is_(None), not_(one_of(endpoint_id, passing)))


async def pending_by_channel(session: AsyncSession) -> dict[ChannelKind, int]:
    query = select(Message.channel, func.count()).where(PENDING).group_by(col(Message.channel))
    return {ChannelKind(row[0]): int(row[1]) for row in await session.exec(query)}


async def message_of_event(
    session: AsyncSession, endpoint_id: str, event_id: str
) -> Message | None:
    query = select(Message).where(Message.endpoint_id == endpoint_id, Message.event_id == event_id)
    return (await session.exec(query)).first()


async def events_after(
    session: AsyncSession,
    endpoint_id: str,
    after: str | None,
    span: tuple[datetime, datetime],
    limit: int,
) -> list[Message]:
    """What was written for an endpoint in that span of time, in the order of ids."""
    query = select(Message).where(
        Message.endpoint_id == endpoint_id, col(Message.created_at).between(*span)
    )
    return await page(session, query, Message.id, after, limit)
