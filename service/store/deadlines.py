"""Deadlines: the dates themselves, and `wake_at`, which makes the database the schedule."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, ClassVar

from sqlalchemy import (
    ColumnElement,
    Index,
    Integer,
    Select,
    UniqueConstraint,
    bindparam,
    case,
    func,
    text,
    tuple_,
    update,
)
from sqlmodel import Field, col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from service.domain.access import Reach
from service.domain.deadlines import LIVE_STATES, DeadlineKind, DeadlineState, DutyHolder, Force
from service.domain.notifications import SubjectKind
from service.store.cases import Case, CaseRole
from service.store.columns import IDS, Choice, Json, Row, UtcDateTime, one_of
from service.store.paging import get_within, within
from service.store.queues import along_indexes, as_ever
from service.store.shares import draw, first_of_teams

_OPEN = text("wake_at IS NOT NULL")
#: Of so many whose time to be looked at came first, those are claimed that are due first.
_WEIGHED = 20_000
#: Rows taken into view for each that may be claimed: the first may be in the hands of other ticks.
_LOOKED_AT = 8
_NOW, _MOST = bindparam("now", type_=UtcDateTime), bindparam("most", type_=Integer)
#: Written out for the planner, as in messages.py.
LIVE = text("state IN ('provisional', 'open', 'suspended')")


class Deadline(Row, table=True):
    """`wake_at` is the next instant at which the plan has something to say, None when it has not;
    `failing_since`: since when it cannot be said, for a fault of ours. `neared_at`: when endpoints heard
    last how near it has come.

    `version` rises with every published change of the date, `shown` with every change of what a
    feed shows, `events_told` with every event told to endpoints. `whole_day`: the limit ends with
    the day, not at an hour. `entered_at`: when this version came into being. `stated`: the word of a
    person that stands over what the rule gives (`due_on` or `due_at`, `reason`, `source`, `by`,
    `at`); `computed_on` and `computed_at` then keep what the rule gives. `earlier_dates`: the date
    of each version before. `proposal`: what one person wants of a critical deadline and a second has
    to confirm (`verb`, `what`, `by`, `at`), `proposals` how often that was so. `checked_against`: the
    edition of the law that it was last held against. `drill`: it is there to practise with.
    """

    subject_kind: ClassVar[SubjectKind] = SubjectKind.DEADLINE
    __tablename__ = "deadlines"
    __table_args__ = (
        Index("ix_deadlines_wake_at", "wake_at", postgresql_where=_OPEN, sqlite_where=_OPEN),
        Index(
            "ix_deadlines_team_id_wake_at",
            "team_id",
            "wake_at",
            postgresql_where=_OPEN,
            sqlite_where=_OPEN,
        ),
        Index("ix_deadlines_team_id_due_at", "team_id", "due_at", "id"),
        Index(
            "ix_deadlines_checked_against",
            "checked_against",
            postgresql_where=LIVE,
            sqlite_where=LIVE,
        ),
        UniqueConstraint("team_id", "external_id"),
    )

    id: str = Field(primary_key=True)
    team_id: str = Field(foreign_key="teams.id")
    case_id: str = Field(foreign_key="cases.id", index=True)
    trigger_event_id: str | None = Field(default=None, foreign_key="trigger_events.id", index=True)
    external_id: str | None = None
    title: str
    notes: str | None = None
    kind: DeadlineKind = Field(sa_type=Choice(DeadlineKind))
    force: Force = Field(sa_type=Choice(Force))
    duty_holder: DutyHolder = Field(sa_type=Choice(DutyHolder))
    critical: bool = False
    drill: bool = False
    state: DeadlineState = Field(sa_type=Choice(DeadlineState))
    due_on: date
    due_at: datetime = Field(sa_type=UtcDateTime)
    whole_day: bool
    timezone: str
    computed_on: date | None = None
    computed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    stated: dict[str, Any] | None = Field(default=None, sa_type=Json)
    tolled_since: date | None = None
    lapsed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    neared_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    earlier_dates: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)
    proposal: dict[str, Any] | None = Field(default=None, sa_type=Json)
    proposals: int = 0
    act_by_on: date | None = None
    readings: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)
    rule_id: str | None = None
    rule_status: str | None = None
    derivation: list[dict[str, Any]] = Field(sa_type=Json)
    sources: list[dict[str, Any]] = Field(sa_type=Json)
    calendar_version: str | None = None
    zone_data_version: str
    checked_against: str = ""
    escalation_policy_id: str | None = Field(default=None, foreign_key="escalation_policies.id")
    version: int = 1
    shown: int = 0
    shown_at: datetime = Field(sa_type=UtcDateTime)
    events_told: int = 0
    entered_by: str
    entered_at: datetime = Field(sa_type=UtcDateTime)
    verified_by: str | None = None
    ended_by: str | None = None
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_because: str | None = None
    wake_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    failing_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revision: int = 1
    created_at: datetime = Field(sa_type=UtcDateTime)

    @property
    def live(self) -> bool:
        """Whether there is still something to say of it."""
        return self.state in LIVE_STATES


async def get_deadline(session: AsyncSession, deadline_id: str, reach: Reach) -> Deadline | None:
    return await get_within(session, Deadline, deadline_id, reach)


async def lock_deadline(session: AsyncSession, deadline_id: str, reach: Reach) -> Deadline | None:
    return await get_within(session, Deadline, deadline_id, reach, lock=True)


async def list_deadlines(
    session: AsyncSession,
    reach: Reach,
    *,
    due_after: datetime | None = None,
    due_before: datetime | None = None,
    case_id: str | None = None,
    states: Iterable[DeadlineState] = (),
    kind: DeadlineKind | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int,
) -> list[Deadline]:
    """Soonest first; `after` is the (due_at, id) of the last row of the page before."""
    query = within(select(Deadline), Deadline.team_id, reach)
    if due_after:
        query = query.where(col(Deadline.due_at) >= due_after)
    if due_before:
        query = query.where(col(Deadline.due_at) < due_before)
    if case_id:
        query = query.where(Deadline.case_id == case_id)
    if chosen := list(states):
        query = query.where(col(Deadline.state).in_(chosen))
    if kind:
        query = query.where(Deadline.kind == kind)
    if after:
        query = query.where(tuple_(col(Deadline.due_at), col(Deadline.id)) > tuple_(*after))
    return list(
        await session.exec(query.order_by(col(Deadline.due_at), col(Deadline.id)).limit(limit))
    )


async def deadlines_from(session: AsyncSession, event_ids: Iterable[str]) -> list[Deadline]:
    """The live deadlines that these trigger events started."""
    query = select(Deadline).where(
        col(Deadline.trigger_event_id).in_(set(event_ids)), col(Deadline.state).in_(LIVE_STATES)
    )
    return list(await session.exec(query.order_by(col(Deadline.id)).with_for_update()))


async def live_deadlines_of(session: AsyncSession, case_id: str) -> list[Deadline]:
    query = select(Deadline).where(Deadline.case_id == case_id)
    return list(await session.exec(query.where(col(Deadline.state).in_(LIVE_STATES))))


async def check_anew(session: AsyncSession, case_id: str, now: datetime) -> None:
    """What the dates of this case rest on has changed, and their marks with it: the next round holds them
    against it, and the next tick looks at them again."""
    await session.exec(
        update(Deadline)
        .where(col(Deadline.case_id) == case_id, LIVE)
        .values(checked_against="", wake_at=woken_by(now))
        .execution_options(synchronize_session="fetch")
    )


def woken_by(now: datetime) -> ColumnElement[datetime | None]:
    """`wake_at`, but no later than now; what sleeps for good sleeps on."""
    wake_at = col(Deadline.wake_at)
    return case((wake_at > now, now), else_=wake_at)


async def wake_cases_of(session: AsyncSession, user_id: str, now: datetime) -> None:
    """A person's hours or absence have changed: the plans of their cases are looked at anew."""
    cases = select(CaseRole.case_id).where(CaseRole.user_id == user_id)
    await session.exec(
        update(Deadline)
        .where(col(Deadline.case_id).in_(cases), col(Deadline.wake_at).is_not(None))
        .values(wake_at=now)
        .execution_options(synchronize_session=False)
    )


async def claim_due(session: AsyncSession, now: datetime, limit: int) -> list[Deadline]:
    """Deadlines whose plan has something to say, held for this transaction, soonest due first. Where more
    wait than are claimed, half of the room goes to one each of teams drawn by lot."""
    given, drawn = {"now": now, "most": limit * _LOOKED_AT}, list[str]()
    await along_indexes(session)
    ids = list(await session.exec(_soonest(), params=given))
    if len(ids) > limit:
        drawn = await draw(session, _firsts(), {"now": now}, limit // 2)
    await as_ever(session)
    claimed = await _held(session, now, drawn, limit)
    had = {one.id for one in claimed}
    rest = [one for one in ids if one not in had]
    return claimed + await _held(session, now, rest, limit - len(claimed))


async def _held(
    session: AsyncSession, now: datetime, ids: Sequence[str], limit: int
) -> list[Deadline]:
    """Those of these that still wait, and that nobody else holds."""
    given = {"now": now, "later": now + timedelta(days=1), "ids": ids, "most": limit}
    return list(await session.exec(_holding(), params=given)) if ids else []


@cache
def _soonest() -> SelectOfScalar[str]:
    waiting, since = col(Deadline.wake_at) <= _NOW, col(Deadline.wake_at)
    longest = select(Deadline.id, Deadline.due_at).where(waiting).order_by(since).limit(_WEIGHED)
    weighed = longest.subquery().c
    return select(weighed.id).order_by(weighed.due_at, weighed.id).limit(_MOST)


@cache
def _firsts() -> Select[tuple[str | None]]:
    since = col(Deadline.wake_at)
    return first_of_teams(Deadline, _OPEN, since <= _NOW, since)


@cache
def _holding() -> SelectOfScalar[Deadline]:
    # Asked for in a way that no index on what waits serves: by their ids they are found at once.
    later = bindparam("later", type_=UtcDateTime)
    waiting = func.coalesce(col(Deadline.wake_at), later) <= _NOW
    query = select(Deadline).where(waiting, one_of(col(Deadline.id), IDS))
    query = query.order_by(col(Deadline.due_at), col(Deadline.id)).limit(_MOST)
    # No key is changed: claims of messages, which hold their deadlines, wait for no batch of letters.
    return query.with_for_update(skip_locked=True, key_share=True)


async def wake(session: AsyncSession, deadline_ids: Iterable[str], now: datetime) -> None:
    """Let the next tick look at these again, where they are still live."""
    await session.exec(
        update(Deadline)
        .where(col(Deadline.id).in_(set(deadline_ids)), col(Deadline.state).in_(LIVE_STATES))
        .values(wake_at=now)
    )


async def wake_policy_users(
    session: AsyncSession, policy_id: str | None, team_id: str, now: datetime
) -> None:
    """A changed policy changes the plans that rest on it (None: those for which none was chosen)."""
    chosen = func.coalesce(col(Deadline.escalation_policy_id), col(Case.escalation_policy_id))
    of_policy = (
        select(Deadline.id)
        .join(Case, col(Case.id) == col(Deadline.case_id))
        .where(Deadline.team_id == team_id, chosen.is_not_distinct_from(policy_id))
    )
    await session.exec(
        update(Deadline)
        .where(col(Deadline.id).in_(of_policy), col(Deadline.state).in_(LIVE_STATES))
        .values(wake_at=now)
        .execution_options(synchronize_session=False)
    )
