"""The coverage forecast: finds steps to come that would reach nobody, keeps what it found, and tells the
endpoints of each gap once, and once of its end; people too, where it will soon be felt. It moves no date.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from service.domain.access import Reach
from service.domain.bounces import AddressState
from service.domain.coverage import HORIZON, REPETITION, Gap, GapCode, Turn, gaps
from service.domain.deadlines import local_date
from service.domain.digest import Entry, Overview, Section, arranged, shown
from service.domain.escalation import Role
from service.domain.notifications import EventType
from service.domain.plan import PlannedStep, plan
from service.flows.announcing import announcements, notice_of
from service.flows.digest import letter_to
from service.flows.firing import recipients_of, targets_of
from service.flows.overviews import gap_line, line_of
from service.flows.planning import Situation, gather
from service.flows.readers import Shown, shown_to
from service.flows.sitting import Sitting
from service.ids import new_id
from service.store.coverage import CoverageGap, deadlines_to_forecast, gaps_of, live_within
from service.store.deadlines import Deadline
from service.store.endpoints import team_endpoints
from service.store.journal import Happening, record
from service.store.messages import add_messages
from service.store.users import User

_CLOCKWORK = "system"
_EVERYWHERE = Reach(None)
#: A gap felt within this time is mailed at once; later ones stand in the digests.
_SOON = timedelta(hours=48)
_TOLD_FIRST = (Role.LEAD, Role.OWNER, Role.SUPERVISOR, Role.DEPUTY)
_log = structlog.get_logger()
_Near = tuple[Situation[Deadline], CoverageGap]


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
        Uncovered(situation.subject.id, situation.case_code, gap)
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
    near: list[_Near] = []
    for situation in await gather(sitting, deadlines):
        found = _gaps(situation, sitting.now, until)
        rows = known.get(situation.subject.id, [])
        if _differ(situation.subject, found, rows) or _untold(situation.subject, rows, sitting.now):
            changed += await _compare(sitting, situation, found)
            near += await _nearby(sitting, situation)
    await _tell_people(sitting, near)
    return deadlines[-1].id, changed


def _gaps(situation: Situation[Deadline], now: datetime, until: datetime) -> list[Gap]:
    decision = plan(situation.facts, now)
    coming = [*([decision.due] if decision.due else []), *decision.upcoming]
    turns = [_turn(situation, planned, max(planned.at, now)) for planned in coming]
    return gaps(turns, situation.subject.critical, until)


def _turn(situation: Situation[Deadline], planned: PlannedStep, at: datetime) -> Turn:
    roles = targets_of(planned, situation.facts.steps)
    recipients = recipients_of(situation, planned, situation.facts.steps, at)
    lost = situation.lost
    return Turn(
        step=REPETITION if planned.occurrence else str(planned.order),
        at=at,
        roles=roles,
        holders=len({user.id for role in roles for user in situation.people.get(role, ())} - lost),
        told=frozenset(user.id for user, _ in recipients) - lost,
        unverified=frozenset(
            user.id
            for user, _ in recipients
            if user.address_state is AddressState.UNVERIFIED and user.id not in situation.endpoints
        ),
    )


def _differ(deadline: Deadline, found: list[Gap], known: list[CoverageGap]) -> bool:
    """Whether anything of what is kept has to change."""
    kept = {(one.version, one.step, one.at, one.sentence) for one in known if one.closed_at is None}
    return kept != {(deadline.version, one.step, one.at, one.sentence) for one in found}


async def _compare(sitting: Sitting, situation: Situation[Deadline], found: list[Gap]) -> int:
    """Under the lock of the deadline, and with what is kept read anew: two that forecast at once tell
    each gap once."""
    session, deadline, now = sitting.session, situation.subject, sitting.now
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
        row.found_at, row.closed_at, row.told_at = now, None, None
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
    sitting: Sitting, situation: Situation[Deadline], event: EventType, rows: Sequence[CoverageGap]
) -> None:
    """Endpoints hear of each by its step, the instant at which it would be felt, and the roles."""
    session, deadline, now = sitting.session, situation.subject, sitting.now
    if not rows:
        return
    endpoints = (await team_endpoints(session, [deadline.team_id])).get(deadline.team_id, [])
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


def _untold(deadline: Deadline, rows: Iterable[CoverageGap], now: datetime) -> list[CoverageGap]:
    """The open gaps that will be felt before the next digests can be relied on to have told of them."""
    return [
        row
        for row in rows
        if row.closed_at is None
        and row.told_at is None
        and row.version == deadline.version
        and row.code is not GapCode.ONLY_ONE_PERSON
        and row.at <= now + _SOON
    ]


async def _nearby(sitting: Sitting, situation: Situation[Deadline]) -> list[_Near]:
    """As they are kept now, still under the lock under which they were compared."""
    deadline = situation.subject
    rows = (await gaps_of(sitting.session, [deadline.id])).get(deadline.id, [])
    return [(situation, row) for row in _untold(deadline, rows, sitting.now)]


async def _tell_people(sitting: Sitting, near: Sequence[_Near]) -> None:
    """One mail to each person, of all gaps that are theirs to close."""
    session, now = sitting.session, sitting.now
    ids = {
        user.id for situation, _ in near for users in situation.people.values() for user in users
    }
    allowed = await shown_to(session, ids, _EVERYWHERE) if ids else {}
    found: dict[str, list[Entry]] = {}
    people: dict[str, tuple[User, str]] = {}
    for situation, row in near:
        readers = _whose(situation, allowed, now)
        line = gap_line(line_of(situation.subject, situation.case_code, now), row)
        for user in readers:
            people.setdefault(user.id, (user, situation.subject.team_id))
            level = allowed[user.id][line.case_id].level
            found.setdefault(user.id, []).append((Section.GAPS, shown(line, level, ())))
        if readers:
            row.told_at = now
            session.add(row)
        else:
            _log.error("nobody_to_tell_of_gap", deadline_id=row.deadline_id)
    await session.flush()
    letters = [
        letter_to(sitting, user, team_id, _overview(user, found[user.id], now))
        for user, team_id in people.values()
    ]
    await add_messages(session, letters)


def _whose(
    situation: Situation[Deadline], allowed: Mapping[str, Mapping[str, Shown]], now: datetime
) -> list[User]:
    """The leads, else the owners, the supervisors, the deputies: the first of whom somebody is there."""
    for role in _TOLD_FIRST:
        there = [
            user
            for user in situation.people.get(role, ())
            if not user.away(now) and situation.subject.case_id in allowed[user.id]
        ]
        if there:
            return there
    return []


def _overview(user: User, found: list[Entry], now: datetime) -> Overview:
    sections, levels = arranged(found, frozenset(line.case_id for _, line in found))
    return Overview(
        event=EventType.GAPS_AHEAD,
        reader_id=user.id,
        on=local_date(now, ZoneInfo(user.timezone)),
        timezone=user.timezone,
        planned_at=now,
        as_of=now,
        sections=sections,
        levels=levels,
    )
