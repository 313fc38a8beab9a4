"""What the mails of a person's day are gathered from: the cases of many readers at once, what ended or
was answered there, whose mails are lost. Each look-up is one query however many people there are."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, update
from sqlalchemy import select as select_columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Reach
from service.domain.bounces import AddressState
from service.domain.escalation import ResponseKind
from service.domain.notifications import ChannelKind, EventType, MessageState
from service.store.cases import Case, CaseRole
from service.store.deadlines import LIVE, Deadline
from service.store.journal import JournalEntry
from service.store.messages import Message
from service.store.responses import Response
from service.store.reviews import Review, ReviewState
from service.store.users import Membership, User

_REAL = col(Deadline.drill).is_(False)
_LOST = (MessageState.FAILED, MessageState.EXPIRED, MessageState.BOUNCED)
_DAY = timedelta(days=1)
#: The wake-ups of a person, by the mail that they are for.
_WAKES: dict[EventType, Any] = {
    EventType.DIGEST: col(User.digest_wake_at),
    EventType.EXIT_CHECK: col(User.exit_check_wake_at),
}


@dataclass(frozen=True)
class Told:
    """A mail that was written for one day of a person."""

    occurrence: int
    superseded: bool


async def claim_readers(
    session: AsyncSession, event: EventType, now: datetime, limit: int
) -> list[User]:
    """People whose mail is due and whose mailbox does not rest, held for this transaction. Whoever writes a
    message to one of them need not wait: a foreign key asks for less than this lock holds."""
    wake_at = _WAKES[event]
    query = (
        select(User)
        .where(wake_at <= now, _taking_mail(now))
        .order_by(wake_at)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    return list(await session.exec(query.execution_options(populate_existing=True)))


async def longest_waiting_reader(session: AsyncSession, now: datetime) -> datetime | None:
    """Since when the digest or the exit check has been due that has waited longest, None where none is."""
    oldest = []
    for wake_at in _WAKES.values():
        query = select(func.min(wake_at)).where(wake_at <= now, _taking_mail(now))
        found = await session.exec(query)
        oldest.append(found.one())
    return min((one for one in oldest if one is not None), default=None)


def _taking_mail(now: datetime) -> ColumnElement[bool]:
    """What came back is not followed by mail that nobody has to have; it comes late, and is not skipped."""
    rested = or_(col(User.rests_until).is_(None), col(User.rests_until) <= now)
    return and_(rested, col(User.address_state) != AddressState.UNDELIVERABLE)


async def wake_readers(
    session: AsyncSession, event: EventType, user_ids: Collection[str], now: datetime
) -> None:
    """Let the next round look at these again, where they want that mail at all."""
    wake_at = _WAKES[event]
    await session.exec(
        update(User)
        .where(col(User.id).in_(user_ids), wake_at.is_not(None))
        .values({wake_at.key: now})
        .execution_options(synchronize_session=False)
    )


async def cases_held(
    session: AsyncSession, user_ids: Collection[str], reach: Reach
) -> list[tuple[CaseRole, Case]]:
    """Every role that these people hold on a case of a team to which they belong."""
    query = (
        select(CaseRole, Case)
        .join(Case, col(Case.id) == col(CaseRole.case_id))
        .join(
            Membership,
            (col(Membership.team_id) == col(Case.team_id))
            & (col(Membership.user_id) == col(CaseRole.user_id)),
        )
        .where(col(CaseRole.user_id).in_(user_ids))
        .order_by(col(Case.id))
    )
    if reach.team_ids is not None:
        query = query.where(col(Case.team_id).in_(reach.team_ids))
    return list(await session.exec(query))


async def versions_of(session: AsyncSession, deadline_ids: Collection[str]) -> dict[str, int]:
    query = select(Deadline.id, Deadline.version).where(col(Deadline.id).in_(deadline_ids))
    return dict(list(await session.exec(query)))


async def live_of(session: AsyncSession, case_ids: Collection[str]) -> list[Deadline]:
    """No drills: what is practised must not be taken for what is due."""
    query = select(Deadline).where(LIVE, _REAL, col(Deadline.case_id).in_(case_ids))
    return list(await session.exec(query.order_by(col(Deadline.due_at), col(Deadline.id))))


async def deadlines_touched(
    session: AsyncSession,
    case_ids: Collection[str],
    ended_since: datetime,
    due_before: datetime,
    ids: Collection[str],
) -> list[Deadline]:
    """Those that ended since then, those that live and are due before then, and those named."""
    wanted = or_(
        col(Deadline.ended_at) >= ended_since,
        LIVE & (col(Deadline.due_at) < due_before),
        col(Deadline.id).in_(ids),
    )
    query = select(Deadline).where(col(Deadline.case_id).in_(case_ids), _REAL, wanted)
    return list(await session.exec(query.order_by(col(Deadline.due_at), col(Deadline.id))))


async def moves_since(
    session: AsyncSession, case_ids: Collection[str], since: datetime, until: datetime
) -> list[JournalEntry]:
    """The dates that moved, oldest first."""
    query = select(JournalEntry).where(
        col(JournalEntry.case_id).in_(case_ids),
        JournalEntry.action == EventType.DATE_CHANGED.value,
        col(JournalEntry.at) >= since,
        col(JournalEntry.at) < until,
    )
    return list(await session.exec(query.order_by(col(JournalEntry.at), col(JournalEntry.id))))


async def answers_since(
    session: AsyncSession, case_ids: Collection[str], since: datetime, until: datetime
) -> list[Response]:
    """What silenced a ladder and was not taken back, oldest first."""
    query = (
        select(Response)
        .join(Deadline, col(Deadline.id) == col(Response.deadline_id))
        .where(
            col(Deadline.case_id).in_(case_ids),
            col(Response.kind) != ResponseKind.DECLINE,
            col(Response.withdrawn_at).is_(None),
            col(Response.at) >= since,
            col(Response.at) < until,
        )
    )
    return list(await session.exec(query.order_by(col(Response.at), col(Response.id))))


async def waiting_reviews(session: AsyncSession, case_ids: Collection[str]) -> list[Review]:
    query = select(Review).where(
        col(Review.case_id).in_(case_ids), Review.state == ReviewState.WAITING
    )
    return list(await session.exec(query.order_by(col(Review.id))))


async def unreached(
    session: AsyncSession, user_ids: Iterable[str], since: datetime
) -> dict[str, datetime]:
    """User id to when the newest of their mails was lost, where none has been accepted after it."""
    lost = func.max(case((col(Message.state).in_(_LOST), col(Message.created_at))))
    accepted = func.max(
        case((col(Message.state) == MessageState.ACCEPTED, col(Message.created_at)))
    )
    query = (
        select_columns(col(Message.user_id), lost)
        .where(
            col(Message.user_id).in_(set(user_ids)),
            col(Message.channel) == ChannelKind.EMAIL,
            col(Message.created_at) >= since,
        )
        .group_by(col(Message.user_id))
        .having(lost.is_not(None), or_(accepted.is_(None), accepted < lost))
    )
    connection = await session.connection()
    return {row[0]: row[1] for row in await connection.execute(query)}


async def told_already(
    session: AsyncSession, event: EventType, user_ids: Collection[str], days: Collection[date]
) -> dict[tuple[str, str], Told]:
    """(user id, day) to the newest mail that was written for it."""
    query = (
        select_columns(
            col(Message.user_id), col(Message.step), col(Message.occurrence), col(Message.state)
        )
        .where(
            col(Message.user_id).in_(user_ids),
            col(Message.event) == event,
            col(Message.step).in_({one.isoformat() for one in days}),
            col(Message.created_at) >= datetime.combine(min(days), time(), UTC) - 2 * _DAY,
        )
        .order_by(col(Message.occurrence))
    )
    connection = await session.connection()
    return {
        (str(row[0]), row[1]): Told(row[2], row[3] is MessageState.SUPERSEDED)
        for row in await connection.execute(query)
    }
