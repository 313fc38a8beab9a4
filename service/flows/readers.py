"""What each reader of an overview may see at this moment, in which role, and for whom they stand in.

The right itself is decided in `domain/access.py`; here it is asked for many people at once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Level, Reach, level_for
from service.domain.escalation import EVERYBODY, Role
from service.domain.notifications import EventType
from service.flows.planning import present
from service.store.cases import Case, CaseRole, roles_of
from service.store.coverage import untell
from service.store.digests import cases_held, versions_of, wake_readers
from service.store.messages import Message
from service.store.users import User, users_by_id

_EVERYWHERE = Reach(None)
_ORDER = tuple(Role)


@dataclass(frozen=True)
class Shown:
    """A case that one person may see: in their highest role, at its level in mails."""

    case: Case
    role: Role
    level: Level

    @property
    def acting(self) -> bool:
        return self.role in EVERYBODY


async def shown_to(
    session: AsyncSession, user_ids: Collection[str], reach: Reach
) -> dict[str, dict[str, Shown]]:
    """User id to the cases, by id, of their teams on which they hold a role."""
    found: dict[str, dict[str, Shown]] = {user_id: {} for user_id in user_ids}
    for held, case in await cases_held(session, user_ids, reach):
        before = found[held.user_id].get(case.id)
        role = in_order([held.role, *([before.role] if before else [])])[0]
        level = level_for(role, Level(case.mail_level), Level(case.ceiling))
        if level is not None:
            found[held.user_id][case.id] = Shown(case, role, level)
    return found


async def no_longer_shown(session: AsyncSession, messages: Iterable[Message]) -> set[str]:
    """The ids of those that list a case which their reader may not see any more, or no more at that
    level."""
    listing = [(one, one.user_id, one.listed) for one in messages if one.listed and one.user_id]
    if not listing:
        return set()
    allowed = await shown_to(session, {user_id for _, user_id, _ in listing}, _EVERYWHERE)
    return {
        message.id
        for message, user_id, listed in listing
        if any(
            _beyond(allowed[user_id].get(case), level) for case, level in listed["cases"].items()
        )
    }


async def outdated(session: AsyncSession, messages: Iterable[Message]) -> set[str]:
    """The ids of those that list a date which has moved since they were written."""
    listed = {one.id: one.listed["deadlines"] for one in messages if one.listed}
    ids = {deadline_id for versions in listed.values() for deadline_id in versions}
    current = await versions_of(session, ids) if ids else {}
    return {
        message_id
        for message_id, versions in listed.items()
        if any(current.get(deadline_id) != version for deadline_id, version in versions.items())
    }


def _beyond(now: Shown | None, level: int) -> bool:
    return now is None or now.level < level


async def write_anew(session: AsyncSession, dropped: Iterable[Message], now: datetime) -> None:
    """What was dropped is said again as it now stands, without what the reader may not see any more: at
    the next round, or, where it was of gaps, with the next forecast."""
    for message in dropped:
        if message.listed is None or message.user_id is None:
            continue
        if message.event is EventType.GAPS_AHEAD:
            await untell(session, message.listed["cases"])
        else:
            await wake_readers(session, message.event, [message.user_id], now)


@dataclass(frozen=True)
class Company:
    """Everybody on a number of cases, by id."""

    roles: Mapping[str, Sequence[CaseRole]]
    users: Mapping[str, User]

    def roles_of(self, case_id: str, user_ids: Iterable[str | None]) -> tuple[Role, ...]:
        """The highest role of each of these people; nothing for whoever is not on the case."""
        wanted = set(user_ids)
        held: dict[str, list[Role]] = {}
        for one in self.roles.get(case_id, ()):
            if one.user_id in wanted:
                held.setdefault(one.user_id, []).append(one.role)
        return in_order({in_order(roles)[0] for roles in held.values()})

    def on_case(self, case_id: str) -> list[User]:
        ids = dict.fromkeys(one.user_id for one in self.roles.get(case_id, ()))
        return [self.users[user_id] for user_id in ids]

    def people(self, case_id: str) -> dict[Role, list[User]]:
        """Role to those who are not disabled."""
        found: dict[Role, list[User]] = {}
        for one in self.roles.get(case_id, ()):
            user = self.users[one.user_id]
            if user.disabled_at is None:
                found.setdefault(one.role, []).append(user)
        return found

    def instead_of(self, case_id: str, reader_id: str, now: datetime) -> tuple[Role, ...]:
        """The roles of those who are away, and for whom this person is told meanwhile."""
        people = self.people(case_id)
        return in_order(
            {
                role
                for role, users in people.items()
                for user in users
                if user.id != reader_id
                and user.away(now)
                and reader_id in {one.id for one in present(user, people, now)}
            }
        )


async def company(session: AsyncSession, case_ids: Collection[str]) -> Company:
    roles = await roles_of(session, case_ids)
    users = await users_by_id(session, {one.user_id for held in roles.values() for one in held})
    return Company(roles, users)


def in_order(roles: Iterable[Role]) -> tuple[Role, ...]:
    """The highest first."""
    return tuple(sorted(roles, key=_ORDER.index))
