"""The operator's figures that stand in the database, each by a query whose cost has a bound."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, TextClause, and_, case, exists, func, literal, or_, true
from sqlalchemy import select as select_columns
from sqlmodel import SQLModel, col
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.alerts import AlertState
from service.domain.deadlines import LIVE_STATES
from service.domain.escalation import EscalationState, ResponseKind
from service.domain.webhooks import EndpointState
from service.store.alerts import Alert
from service.store.coverage import OPEN_GAP, CoverageGap
from service.store.deadlines import Deadline
from service.store.endpoints import Endpoint
from service.store.escalations import Escalation
from service.store.messages import HELD, Message
from service.store.recipients import Unreachable
from service.store.responses import Response

#: Rows that one figure looks at, at the most.
_MOST = 10_000
_OPEN = (EscalationState.ACTIVE, EscalationState.ACKNOWLEDGED, EscalationState.EXHAUSTED)


@dataclass(frozen=True)
class Figures:
    """`escalations`: of the newest ten thousand ladders, those whose deadline or alert still lives, by
    state. The others are counted up to ten thousand."""

    escalations: Mapping[str, int]
    endpoints: Mapping[str, int]
    unreachable: int
    gaps: int
    held: int


async def figures(session: AsyncSession) -> Figures:
    return Figures(
        escalations={one.value: 0 for one in _OPEN} | await _escalations(session),
        endpoints={one.value: 0 for one in EndpointState} | await _endpoints(session),
        unreachable=await _number(session, Unreachable, true()),
        gaps=await _number(session, CoverageGap, OPEN_GAP),
        held=await _number(session, Message, HELD),
    )


async def _escalations(session: AsyncSession) -> dict[str, int]:
    newest = (
        select_columns(Escalation)
        .order_by(col(Escalation.started_at).desc())
        .limit(_MOST)
        .subquery()
    )
    one = newest.c
    answered = exists().where(
        or_(
            col(Response.deadline_id) == one.deadline_id,
            col(Response.alert_id) == one.alert_id,
        ),
        col(Response.version) == one.version,
        col(Response.kind) == ResponseKind.ACKNOWLEDGE,
        col(Response.suspect).is_(False),
        col(Response.withdrawn_at).is_(None),
    )
    state = case(
        (answered, EscalationState.ACKNOWLEDGED.value),
        (one.repeated_at.is_not(None), EscalationState.EXHAUSTED.value),
        else_=EscalationState.ACTIVE.value,
    ).label("standing")
    lives = or_(
        and_(col(Deadline.version) == one.version, col(Deadline.state).in_(LIVE_STATES)),
        and_(col(Alert.version) == one.version, col(Alert.state) == AlertState.OPEN),
    )
    query = (
        select_columns(state, func.count())
        .select_from(newest)
        .outerjoin(Deadline, col(Deadline.id) == one.deadline_id)
        .outerjoin(Alert, col(Alert.id) == one.alert_id)
        .where(lives)
        .group_by(state)
    )
    return {row[0]: row[1] for row in await (await session.connection()).execute(query)}


async def _endpoints(session: AsyncSession) -> dict[str, int]:
    state = col(Endpoint.state)
    query = select_columns(state, func.count()).group_by(state)
    return {row[0].value: row[1] for row in await (await session.connection()).execute(query)}


async def _number(
    session: AsyncSession, table: type[SQLModel], chosen: ColumnElement[bool] | TextClause
) -> int:
    some = select_columns(literal(1)).select_from(table).where(chosen).limit(_MOST).subquery()
    query = select_columns(func.count()).select_from(some)
    return int((await (await session.connection()).execute(query)).scalar_one())
