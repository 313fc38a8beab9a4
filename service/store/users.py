"""Users and the teams they belong to."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Index, delete, text
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from service.domain.access import Level, Reach
from service.domain.bounces import Address, AddressState, KeyState
from service.domain.notifications import EventType
from service.languages import Language
from service.store.columns import IDS, Choice, UtcDateTime, one_of, rows_by
from service.store.paging import page


class User(SQLModel, table=True):
    """`email` is kept as given; `email_key` is its lower-cased form, unique. `quiet_from` and
    `quiet_until` (HH:MM on the clock of `timezone`, None: never) bound the hours of rest. From
    `away_from` until `away_until` `deputy_id`, or else the deputies of each case, are told instead.
    `digest_at` and `exit_check_at` (HH:MM on the same clock, None: none): when the two mails of the day
    are sent; `digest_wake_at` and `exit_check_wake_at`: the next instant at which each is due.
    `calendar_part`: mails about a deadline carry its date for the calendar.
    `verification_id`: the mail whose link verifies the address, None where none is out. Until
    `rests_until` no optional mail goes there, after `soft_bounces` in a row; `complained_at`: when its
    person called our mail unwanted. `openpgp_key`: public, without armour; `openpgp_verification_id`: the
    mail whose link verifies it; from `openpgp_expires_at` on nothing can be encrypted to it. The
    `openpgp_former_key` stays in force until then, lest what was encrypted leave in clear meanwhile.
    """

    __tablename__ = "users"
    __table_args__ = tuple(
        Index(f"ix_users_{name}", name, postgresql_where=set_, sqlite_where=set_)
        for name in ("digest_wake_at", "exit_check_wake_at")
        for set_ in [text(f"{name} IS NOT NULL")]
    )

    id: str = Field(primary_key=True)
    name: str
    email: str
    email_key: str = Field(unique=True)
    timezone: str
    language: Language = Field(default=Language.ENGLISH, sa_type=Choice(Language))
    quiet_from: str | None = None
    quiet_until: str | None = None
    away_from: datetime | None = Field(default=None, sa_type=UtcDateTime)
    away_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    deputy_id: str | None = None
    digest_at: str | None = "08:00"
    digest_wake_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    exit_check_at: str | None = "18:00"
    exit_check_wake_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    calendar_part: bool = False
    address_state: AddressState = Field(default=AddressState.VERIFIED, sa_type=Choice(AddressState))
    verification_id: str | None = None
    soft_bounces: int = 0
    rests_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    complained_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    openpgp_key: bytes | None = None
    openpgp_fingerprint: str | None = None
    openpgp_expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    openpgp_state: KeyState | None = Field(default=None, sa_type=Choice(KeyState))
    openpgp_verification_id: str | None = None
    openpgp_former_key: bytes | None = None
    openpgp_former_expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    disabled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revision: int = 1
    created_at: datetime = Field(sa_type=UtcDateTime)

    @property
    def address(self) -> Address:
        """How its mailbox stands."""
        return Address(self.address_state, self.soft_bounces, self.rests_until)

    def openpgp_key_for(self, event: EventType) -> bytes | None:
        """What a mail is encrypted to: the key once it is verified, and before that only the mail by which
        it is."""
        if self.openpgp_state is KeyState.VERIFIED or event is EventType.KEY_VERIFICATION:
            return self.openpgp_key
        return self.openpgp_former_key

    def readable(self, level: Level, now: datetime) -> Level:
        """Whoever wants mails encrypted is sent none in clear that says more than that there is a date."""
        verified = self.openpgp_state is KeyState.VERIFIED
        end = self.openpgp_expires_at if verified else self.openpgp_former_expires_at
        return Level.BARE if end is not None and end <= now else level

    def away(self, at: datetime) -> bool:
        """Whether somebody else is to be told at that instant."""
        begun = self.away_from is not None and self.away_from <= at
        return begun and self.away_until is not None and at < self.away_until


class Membership(SQLModel, table=True):
    __tablename__ = "memberships"

    team_id: str = Field(primary_key=True, foreign_key="teams.id")
    user_id: str = Field(primary_key=True, foreign_key="users.id", index=True)


async def get_user(
    session: AsyncSession, user_id: str, reach: Reach, lock: bool = False
) -> User | None:
    """A user is seen by whoever shares a team with them."""
    query = _seen(reach).where(User.id == user_id)
    return (await session.exec(query.with_for_update() if lock else query)).first()


async def list_users(
    session: AsyncSession, reach: Reach, after: str | None, limit: int
) -> list[User]:
    return await page(session, _seen(reach), User.id, after, limit)


async def email_taken(session: AsyncSession, email_key: str) -> bool:
    return (
        await session.exec(select(User.id).where(User.email_key == email_key))
    ).first() is not None


async def teams_of(session: AsyncSession, user_ids: Iterable[str]) -> dict[str, list[str]]:
    """User id to the ids of their teams, sorted."""
    query = rows_by(Membership.user_id, Membership.team_id)
    teams: dict[str, list[str]] = {}
    for membership in await session.exec(query, params={"ids": user_ids}):
        teams.setdefault(membership.user_id, []).append(membership.team_id)
    return teams


async def set_teams(session: AsyncSession, user_id: str, team_ids: Iterable[str]) -> None:
    await session.exec(delete(Membership).where(col(Membership.user_id) == user_id))
    session.add_all(Membership(team_id=team_id, user_id=user_id) for team_id in set(team_ids))
    await session.flush()


async def members_among(session: AsyncSession, team_id: str, user_ids: Iterable[str]) -> set[str]:
    """Those of `user_ids` who belong to the team and are not disabled."""
    query = (
        select(User.id)
        .join(Membership, col(Membership.user_id) == col(User.id))
        .where(Membership.team_id == team_id, one_of(col(User.id), user_ids))
        .where(col(User.disabled_at).is_(None))
    )
    return set(await session.exec(query))


async def members_of(session: AsyncSession, team_ids: Iterable[str]) -> dict[str, list[User]]:
    """Team id to its people who are not disabled."""
    given, found = {"ids": set(team_ids)}, dict[str, list[User]]()
    for team_id, user in await session.exec(_members(), params=given) if given["ids"] else ():
        found.setdefault(team_id, []).append(user)
    return found


@cache
def _members() -> Any:
    return (
        select(Membership.team_id, User)
        .join(User, col(User.id) == col(Membership.user_id))
        .where(one_of(col(Membership.team_id), IDS), col(User.disabled_at).is_(None))
        .order_by(col(User.id))
    )


def _seen(reach: Reach) -> SelectOfScalar[User]:
    query = select(User)
    if reach.team_ids is None:
        return query
    shared = select(Membership.user_id).where(col(Membership.team_id).in_(reach.team_ids))
    return query.where(col(User.id).in_(shared))


async def users_by_id(session: AsyncSession, user_ids: Iterable[str]) -> dict[str, User]:
    rows = await session.exec(rows_by(User.id), params={"ids": user_ids})
    return {user.id: user for user in rows}
