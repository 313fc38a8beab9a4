"""The date of a mail as an entry for the reader's calendar, the same entry that the reader's feed shows.

It reads nothing once the wishes are gathered, and never shows more than the mail that carries it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Level
from service.domain.escalation import Role
from service.domain.notifications import EventType, Notice
from service.feeds.calendar import publish, uid_for
from service.feeds.entries import FeedItem
from service.flows.showing import (
    Counted,
    Guise,
    counted_item,
    guise_of,
    item_of,
    level_in,
    manner_of,
)
from service.languages import Language
from service.store.cases import Case
from service.store.deadlines import Deadline
from service.store.facts import facts_of
from service.store.feeds import Feed, live_feeds_of
from service.store.subjects import Subject
from service.store.users import User

#: What climbs the ladder or tells of the date; what else is written about a deadline moves no entry.
_CARRYING = frozenset(
    {
        EventType.REMINDER_DUE,
        EventType.STEP_FIRED,
        EventType.ESCALATION_EXHAUSTED,
        EventType.DATE_CHANGED,
        EventType.DEADLINE_CANCELLED,
    }
)


_log = structlog.get_logger()


@dataclass(frozen=True)
class Wish:
    """Of one reader who wants calendar parts: `roles` held in the case, `feeds` of its team that are not
    revoked, the oldest first."""

    user_id: str
    language: Language
    case: Case
    roles: tuple[Role, ...]
    feeds: tuple[Feed, ...]

    def part(self, subject: Subject, notice: Notice, now: datetime) -> bytes | None:
        """The same event as the feed shows, never more than the notice, which is redacted already. None:
        nothing for a calendar, as an alert; feeds leave drills out, and so do mails."""
        if notice.event not in _CARRYING or not isinstance(subject, Deadline) or subject.drill:
            return None
        facts = facts_of(subject, self.case)
        for feed in self.feeds:
            level = level_in(feed, self.case, self.roles)
            if level is not None and level <= notice.level and feed.holds(subject.kind, now):
                guise = guise_of(feed, self.language, None)
                return _published(item_of(manner_of(feed, level, guise), facts, now))
        return _published(self._of_no_feed(subject, notice.level, now))

    def _of_no_feed(self, deadline: Deadline, level: Level, now: datetime) -> FeedItem:
        """A version counts for more than all that can befall the one before: falling due, and its end."""
        passed, ended = deadline.due_at <= now, deadline.ended_at is not None
        sequence = 3 * deadline.version + passed + ended
        changed_at = max(deadline.shown_at, deadline.due_at) if passed else deadline.shown_at
        counted = Counted(uid_for(self.user_id, deadline.id), sequence, changed_at)
        facts = facts_of(deadline, self.case)
        return counted_item(counted, facts, level, now, Guise(self.language))


def _published(item: FeedItem) -> bytes | None:
    """A mail without its part is worth more than none."""
    try:
        return publish(item)
    except Exception:
        _log.exception("no_calendar_part", uid=item.uid)
        return None


async def wishes_on(
    session: AsyncSession, case: Case, people: Iterable[tuple[User, Role]]
) -> dict[str, Wish]:
    """Of those on one case; no query where nobody wishes."""
    people = list(people)
    return wishes_of(case, people, await feeds_of(session, (user for user, _ in people)))


async def feeds_of(session: AsyncSession, users: Iterable[User]) -> dict[str, list[Feed]]:
    """User id to the feeds of those who wish."""
    return await live_feeds_of(session, {user.id for user in users if user.calendar_part})


def wishes_of(
    case: Case, people: Iterable[tuple[User, Role]], feeds: Mapping[str, list[Feed]]
) -> dict[str, Wish]:
    """User id to what was wished."""
    roles: dict[str, list[Role]] = {}
    spoken: dict[str, Language] = {}
    for user, role in people:
        if user.calendar_part:
            roles.setdefault(user.id, []).append(role)
            spoken[user.id] = user.language
    return {
        user_id: Wish(
            user_id,
            spoken[user_id],
            case,
            tuple(held),
            tuple(one for one in feeds.get(user_id, ()) if one.team_id == case.team_id),
        )
        for user_id, held in roles.items()
    }
