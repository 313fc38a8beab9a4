"""Endpoints: where webhooks go, of a team's tools or of one person. The secret is sealed, for it must be
read again to sign."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import and_, bindparam
from sqlalchemy import select as select_columns
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from service.domain.access import Level, Reach
from service.domain.webhooks import OPEN_STATES, Detail, EndpointState, Format
from service.languages import Language
from service.store.columns import IDS, Choice, Json, UtcDateTime, one_of
from service.store.paging import get_within, page, within
from service.store.users import Membership, User


class Endpoint(SQLModel, table=True):
    """`events`: subscribed types, `deadline.*` patterns, or `*`; of these only what concerns `cases` (their
    ids, where any are named) and, with `critical_only`, critical deadlines and alerts. `user_id`: of the
    one person whose own notices it carries, and no events; None: it is the team's. `owner_id`: who is
    told when it fails; without one, everybody in the team.

    `older_secrets`: those given up by a rotation, sealed (base64), each with the instant until which it
    still signs. `sealed_credentials`: the header that the receiver asked for, or a name and a password.

    `shown` counts what changes every entry of a calendar at once: its settings, and being enabled.

    `failures` in a row since `failing_since`; `alive_at`: when it last took anything, or
    was put up or enabled; `state_at`: since
    when it is in its state, `reason` why; `spared_until`: how long it is not paused, after it was enabled
    again; `told_at`:
    when its people were last told of its failing; `probe_at`, `probes`: the next try of a paused one, and
    how many there were. At most `at_once` requests are under way and
    `per_second` leave, half of them until `slow_until`; `paced_to` (Unix seconds): up to when its share is
    used up.
    """

    __tablename__ = "endpoints"

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id", index=True)
    user_id: str | None = Field(default=None, foreign_key="users.id", index=True)
    owner_id: str | None = Field(default=None, foreign_key="users.id")
    name: str
    url: str
    format: Format = Field(default=Format.STANDARD, sa_type=Choice(Format))
    detail: Detail = Field(default=Detail.DATES, sa_type=Choice(Detail))
    template: str | None = None
    language: Language = Field(default=Language.ENGLISH, sa_type=Choice(Language))
    sealed_secret: bytes
    older_secrets: list[list[str]] = Field(default_factory=list, sa_type=Json)
    sealed_credentials: bytes | None = None
    events: list[str] = Field(sa_type=Json)
    cases: list[str] = Field(default_factory=list, sa_type=Json)
    critical_only: bool = False
    level: int = Level.CODE
    state: EndpointState = Field(default=EndpointState.ACTIVE, sa_type=Choice(EndpointState))
    state_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reason: str | None = None
    failures: int = 0
    failing_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    alive_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    spared_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    told_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    probe_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    probes: int = 0
    at_once: int = 2
    per_second: float = 5.0
    paced_to: float = 0.0
    slow_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    shown: int = 0
    revision: int = 1
    created_at: datetime = Field(sa_type=UtcDateTime)


async def get_endpoint(
    session: AsyncSession, endpoint_id: str, reach: Reach, lock: bool = False
) -> Endpoint | None:
    return await get_within(session, Endpoint, endpoint_id, reach, lock)


async def list_endpoints(
    session: AsyncSession, reach: Reach, after: str | None, limit: int
) -> list[Endpoint]:
    query = within(select(Endpoint), Endpoint.team_id, reach)
    return await page(session, query, Endpoint.id, after, limit)


async def team_endpoints(
    session: AsyncSession, team_ids: Sequence[str]
) -> dict[str, list[Endpoint]]:
    """Team id to the endpoints of its tools: what is written for one that takes nothing is held. What is
    one person's own hears of no events."""
    found: dict[str, list[Endpoint]] = {}
    for endpoint in await session.exec(_of_teams(), params={"ids": team_ids}):
        found.setdefault(endpoint.team_id, []).append(endpoint)
    return found


@cache
def _of_teams() -> SelectOfScalar[Endpoint]:
    query = select(Endpoint).where(one_of(col(Endpoint.team_id), IDS))
    return query.where(col(Endpoint.user_id).is_(None)).order_by(col(Endpoint.id))


async def personal_endpoints(
    session: AsyncSession, team_ids: Iterable[str]
) -> dict[tuple[str, str], list[Endpoint]]:
    """(team id, user id) to the endpoints of that person that take something, oldest first; of nobody who
    is disabled or has left the team."""
    found: dict[tuple[str, str], list[Endpoint]] = {}
    for endpoint in await session.exec(_of_people(), params={"ids": team_ids}):
        found.setdefault((endpoint.team_id, endpoint.user_id or ""), []).append(endpoint)
    return found


@cache
def _of_people() -> SelectOfScalar[Endpoint]:
    return (
        select(Endpoint)
        .join(User, col(User.id) == col(Endpoint.user_id))
        .join(
            Membership,
            and_(
                col(Membership.user_id) == col(Endpoint.user_id),
                col(Membership.team_id) == col(Endpoint.team_id),
            ),
        )
        .where(one_of(col(Endpoint.team_id), IDS), col(Endpoint.state).in_(OPEN_STATES))
        .where(col(User.disabled_at).is_(None))
        .order_by(col(Endpoint.created_at), col(Endpoint.id))
    )


async def keepers_of(session: AsyncSession, ids: Collection[str]) -> dict[str, set[str]]:
    """Endpoint id to whose it is, or who looks after it."""
    query = select_columns(col(Endpoint.id), col(Endpoint.user_id), col(Endpoint.owner_id))
    rows = await session.exec(query.where(one_of(col(Endpoint.id), ids)))  # type: ignore[call-overload]
    return {row[0]: {one for one in row[1:] if one} for row in rows}


async def lately_served(session: AsyncSession, now: datetime) -> list[str]:
    """Those that were sent something in the last minute: what waits for them waits its turn."""
    minute, hour = now.timestamp() - 60, now.timestamp() + 3600
    query = select(Endpoint.id).where(col(Endpoint.paced_to).between(minute, hour))
    return list(await session.exec(query))


async def lock_endpoints(session: AsyncSession, ids: Iterable[str]) -> list[Endpoint]:
    query = select(Endpoint).where(one_of(col(Endpoint.id), ids)).order_by(col(Endpoint.id))
    query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return list(await session.exec(query))


async def lock_calendars(session: AsyncSession) -> list[Endpoint]:
    """Those on CalDAV servers that are not disabled, without those that somebody else holds."""
    query = select(Endpoint).where(
        col(Endpoint.format) == Format.CALDAV, col(Endpoint.state) != EndpointState.DISABLED
    )
    query = query.order_by(col(Endpoint.id)).with_for_update(key_share=True, skip_locked=True)
    return list(await session.exec(query))


async def every_endpoint(session: AsyncSession) -> list[Endpoint]:
    """Of all teams, held against every other writer."""
    return list(await session.exec(select(Endpoint).order_by(col(Endpoint.id)).with_for_update()))


async def unwell_endpoints(session: AsyncSession) -> list[Endpoint]:
    """Those that time alone may bring on."""
    query = select(Endpoint).where(col(Endpoint.state) != EndpointState.ACTIVE)
    return list(await session.exec(query.order_by(col(Endpoint.id))))


async def well_endpoints(session: AsyncSession, ids: Iterable[str], alive_at: datetime) -> set[str]:
    """Those of which a success says nothing that is not known: nothing is wrong, and they have taken
    something since then."""
    return set(await session.exec(_well(), params={"ids": ids, "since": alive_at}))


@cache
def _well() -> SelectOfScalar[str]:
    return select(Endpoint.id).where(
        one_of(col(Endpoint.id), IDS),
        col(Endpoint.state) == EndpointState.ACTIVE,
        col(Endpoint.failures) == 0,
        col(Endpoint.alive_at) > bindparam("since", type_=UtcDateTime),
    )
