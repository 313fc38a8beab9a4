"""The coverage forecast: finds steps to come that would reach nobody, keeps what it found, and tells the
endpoints of each gap once, and once of its end. It moves no date and mails nobody."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from service.domain.access import Reach
from service.domain.coverage import HORIZON, REPETITION, Gap, Turn, gaps
from service.domain.escalation import Role
from service.domain.notifications import EventType
from service.domain.plan import PlannedStep, plan
from service.flows.announcing import announcements, notice_of
from service.flows.planning import Situation, gather
from service.flows.release import recipients_of, targets_of
from service.flows.sitting import Sitting
from service.ids import new_id
from service.store.coverage import CoverageGap, deadlines_to_forecast, gaps_of, live_within
from service.store.deadlines import Deadline
from service.store.endpoints import active_endpoints
from service.store.journal import Happening, record
from service.store.messages import add_messages

_CLOCKWORK = "system"


@dataclass(frozen=True)
class Uncovered:
    """A gap of one deadline."""

    deadline_id: str
    case_code: str
    gap: Gap


async def uncovered(
    sitting: Sitting, reach: Reach, until: datetime, after: str | None, limit: int
) -> tuple[list[Uncovered], list[Deadline]]:
    """The gaps of the next `limit` live deadlines, soonest first, and the deadlines looked at."""
    deadlines = await live_within(sitting.session, reach, after, limit)
    found = [
        Uncovered(situation.deadline.id, situation.case.code, gap)
        for situation in await gather(sitting, deadlines)
        for gap in _gaps(situation, sitting.now, until)
    ]
    return sorted(found, key=lambda one: (one.gap.at, one.deadline_id)), deadlines


async def forecast_batch(sitting: Sitting, after: str | None, limit: int) -> tuple[str | None, int]:
    """Compares what would be uncovered within the horizon with what was found before. Answers the last
    deadline looked at, None where there is none left, and how many gaps were found or closed."""
    deadlines = await deadlines_to_forecast(sitting.session, after, limit)
    if not deadlines:
        return None, 0
    until = sitting.now + HORIZON
    known = await gaps_of(sitting.session, [deadline.id for deadline in deadlines])
    changed = 0
    for situation in await gather(sitting, deadlines):
        found = _gaps(situation, sitting.now, until)
        if _differ(situation.deadline, found, known.get(situation.deadline.id, [])):
            changed += await _compare(sitting, situation, found)
    return deadlines[-1].id, changed


def _gaps(situation: Situation, now: datetime, until: datetime) -> list[Gap]:
    decision = plan(situation.facts, now)
    coming = [*([decision.due] if decision.due else []), *decision.upcoming]
    turns = [_turn(situation, planned, max(planned.at, now)) for planned in coming]
    return gaps(turns, situation.deadline.critical, until)


def _turn(situation: Situation, planned: PlannedStep, at: datetime) -> Turn:
    roles = targets_of(planned, situation.facts.steps)
    recipients = recipients_of(situation, planned, situation.facts.steps, at)
    return Turn(
        step=REPETITION if planned.occurrence else str(planned.order),
        at=at,
        roles=roles,
        holders=len({user.id for role in roles for user in situation.people.get(role, ())}),
        told=frozenset(user.id for user, _ in recipients),
    )


def _differ(deadline: Deadline, found: list[Gap], known: list[CoverageGap]) -> bool:
    """Whether anything of what is kept has to change."""
    kept = {(one.version, one.step, one.at, one.sentence) for one in known if one.closed_at is None}
    return kept != {(deadline.version, one.step, one.at, one.sentence) for one in found}


async def _compare(sitting: Sitting, situation: Situation, found: list[Gap]) -> int:
    """Under the lock of the deadline, and with what is kept read anew: two that forecast at once tell
    each gap once."""
    session, deadline, now = sitting.session, situation.deadline, sitting.now
    seen = (deadline.version, deadline.state)
    await session.refresh(deadline, with_for_update=True)
    if seen != (deadline.version, deadline.state):
        return 0  # it has moved or ended meanwhile: the next round sees it as it is
    rows = (await gaps_of(session, [deadline.id])).get(deadline.id, [])
    known = {(row.version, row.step): row for row in rows}
    opened: list[CoverageGap] = []
    for gap in found:
        row = known.pop((deadline.version, gap.step), None)
        if row is None or row.closed_at is not None:
            opened.append(_kept(row, deadline, gap, now))
        else:
            session.add(_restated(row, gap))
    closed = [row for row in known.values() if row.closed_at is None]
    for row in closed:
        row.closed_at = now
    session.add_all([*opened, *closed])
    await session.flush()
    await _tell(sitting, situation, EventType.COVERAGE_GAP_FOUND, opened)
    await _tell(sitting, situation, EventType.COVERAGE_GAP_CLOSED, closed)
    return len(opened) + len(closed)


def _kept(row: CoverageGap | None, deadline: Deadline, gap: Gap, now: datetime) -> CoverageGap:
    """The gap as it is now open."""
    if row is not None:
        row.found_at, row.closed_at = now, None
        return _restated(row, gap)
    return CoverageGap(
        id=new_id("gap", now),
        team_id=deadline.team_id,
        deadline_id=deadline.id,
        version=deadline.version,
        step=gap.step,
        at=gap.at,
        roles=list(gap.roles),
        code=gap.code,
        sentence=gap.sentence,
        found_at=now,
    )


def _restated(row: CoverageGap, gap: Gap) -> CoverageGap:
    """An open gap may come to be felt at another instant, or for another reason."""
    row.at, row.roles, row.code, row.sentence = gap.at, list(gap.roles), gap.code, gap.sentence
    return row


async def _tell(
    sitting: Sitting, situation: Situation, event: EventType, rows: Sequence[CoverageGap]
) -> None:
    """Endpoints hear of each by its step, the instant at which it would be felt, and the roles."""
    session, deadline, now = sitting.session, situation.deadline, sitting.now
    if not rows:
        return
    endpoints = (await active_endpoints(session, [deadline.team_id])).get(deadline.team_id, [])
    for row in sorted(rows, key=lambda one: (one.at, one.step)):
        notice = replace(
            notice_of(deadline, situation.case, event, now, now),
            next_at=row.at,
            next_roles=tuple(Role(role) for role in row.roles),
            because=row.sentence,
        )
        step = int(row.step) if row.step.isdigit() else None
        channel = sitting.webhooks
        messages = announcements(notice, deadline, endpoints, channel, None, now, step)
        await add_messages(session, messages)
    session.add(deadline)
    data = [{"step": row.step, "version": row.version, "code": row.code} for row in rows]
    happening = Happening(
        deadline.team_id, _CLOCKWORK, event, deadline.id, deadline.case_id, {"gaps": data}
    )
    await record(session, [happening], now)
