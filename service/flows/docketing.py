"""Cases, trigger events and deadlines: how a date comes into being, and why."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from service.channels.interface import Channel
from service.clock import zone_data_version
from service.domain.access import Caller
from service.domain.deadlines import (
    Computation,
    DeadlineState,
    local_date,
    stated,
)
from service.domain.escalation import Role
from service.domain.notifications import EventType
from service.domain.time_limits import END_OF_DAY, Unit
from service.errors import Code, Refusal, not_found
from service.flows.announcing import announce
from service.flows.readings import Found, read_event
from service.flows.standing import check_precondition, entering
from service.ids import new_id
from service.rules.library import Rule, RuleLibrary
from service.schemas.deadlines import DeadlineIn, DeadlinePatch
from service.schemas.trigger_events import TriggerEventIn
from service.store.cases import Case, get_case, roles_of
from service.store.deadlines import Deadline, external_id_taken, lock_deadline
from service.store.escalation_policies import get_policy
from service.store.journal import Happening, record
from service.store.trigger_events import TriggerEvent

#: Refusals that mean "this rule gives no date here", not "your request is wrong".
_NO_DATE = {Code.RULE_NOT_IN_FORCE, Code.OUTSIDE_CALENDAR, Code.INVALID_INSTANT}


async def record_trigger_event(
    session: AsyncSession,
    webhooks: Channel,
    library: RuleLibrary,
    case_id: str,
    body: TriggerEventIn,
    caller: Caller,
    now: datetime,
) -> tuple[TriggerEvent, list[Deadline], dict[str, str]]:
    """The event, the deadlines that it started, and the rules that gave no date, with the reason."""
    case = await _case(session, case_id, caller)
    zone = ZoneInfo(body.timezone or case.timezone)
    actor = await entering(session, caller, case.team_id, body.user_id)
    event = _event(body, case, zone, actor, now)
    session.add(event)
    await session.flush()
    deadlines, not_started = [], {}
    for rule in _rules(library, body, case):
        try:
            found = await read_event(session, rule, event, case, now)
        except Refusal as refusal:
            if body.rules is not None or refusal.code not in _NO_DATE:
                raise
            not_started[rule.id] = refusal.detail
            continue
        deadlines.append(_from_rule(rule, found, event, case, now))
    await _enter(session, webhooks, deadlines, case, actor, now, event)
    return event, deadlines, not_started


async def state_deadline(
    session: AsyncSession, webhooks: Channel, body: DeadlineIn, caller: Caller, now: datetime
) -> Deadline:
    """A date that stands on a paper or that the team sets itself."""
    case = await _case(session, body.case_id, caller, "case_id")
    if body.external_id and await external_id_taken(session, case.team_id, body.external_id):
        raise Refusal(Code.DUPLICATE, "A deadline has this external_id already.", "external_id")
    await check_policy(session, body.escalation_policy_id, case.team_id, caller)
    zone = ZoneInfo(body.timezone or case.timezone)
    computation = stated(body.due_on, body.due_at, zone, body.source)
    actor = await entering(session, caller, case.team_id, body.user_id)
    deadline = _deadline(computation, case, actor, now) | {
        "title": body.title,
        "notes": body.notes,
        "kind": body.kind,
        "force": body.force,
        "duty_holder": body.duty_holder,
        "critical": body.critical,
        "external_id": body.external_id,
        "whole_day": body.due_on is not None,
        "escalation_policy_id": body.escalation_policy_id,
        "sources": [{"type": "stated", "citation": body.source}] if body.source else [],
    }
    row = Deadline(**deadline)
    await _enter(session, webhooks, [row], case, actor, now)
    return row


async def change_deadline(
    session: AsyncSession,
    deadline_id: str,
    body: DeadlinePatch,
    if_match: str,
    caller: Caller,
    now: datetime,
) -> Deadline:
    """Everything but the date; a new policy is looked at by the next tick."""
    deadline = await lock_deadline(session, deadline_id, caller.reach)
    if deadline is None:
        raise not_found("deadline")
    check_precondition(deadline.id, deadline.revision, if_match)
    changes = body.model_dump(exclude_unset=True)
    if "escalation_policy_id" in changes:
        await check_policy(session, body.escalation_policy_id, deadline.team_id, caller)
        deadline.wake_at = deadline.wake_at and now
    if changes.get("critical"):
        await check_people(session, deadline.case_id, critical=True)
    if "title" in changes and body.title != deadline.title:
        deadline.shown, deadline.shown_at = deadline.shown + 1, now
    for name, value in changes.items():
        setattr(deadline, name, value)
    deadline.revision += 1
    session.add(deadline)
    happening = Happening(
        deadline.team_id,
        caller.actor,
        "deadline.changed",
        deadline.id,
        deadline.case_id,
        {"fields": sorted(changes)},
    )
    await record(session, [happening], now)
    return deadline


async def check_policy(
    session: AsyncSession, policy_id: str | None, team_id: str, caller: Caller
) -> None:
    """Raises Refusal `unknown_reference` for a policy of another team, or none at all."""
    if policy_id is None:
        return
    policy = await get_policy(session, policy_id, caller.reach)
    if policy is None or policy.team_id != team_id:
        raise Refusal(
            Code.UNKNOWN_REFERENCE, "There is no such escalation policy.", "escalation_policy_id"
        )


def _event(
    body: TriggerEventIn, case: Case, zone: ZoneInfo, actor: str, now: datetime
) -> TriggerEvent:
    return TriggerEvent(
        id=new_id("trg", now),
        team_id=case.team_id,
        case_id=case.id,
        kind=body.kind,
        occurred_on=body.occurred_on or local_date(body.occurred_at or now, zone),
        occurred_at=body.occurred_at,
        served_on=body.served_on,
        ruled_on=body.ruled_on,
        timezone=str(zone),
        note=body.note,
        created_by=actor,
        created_at=now,
    )


async def _case(
    session: AsyncSession, case_id: str, caller: Caller, field: str | None = None
) -> Case:
    case = await get_case(session, case_id, caller.reach)
    if case is None:
        raise (
            Refusal(Code.UNKNOWN_REFERENCE, "There is no such case.", field)
            if field
            else (not_found("case"))
        )
    return case


def _rules(library: RuleLibrary, body: TriggerEventIn, case: Case) -> list[Rule]:
    if body.rules is None:
        return library.started_by(body.kind, case.forum)
    return [library.get(rule, f"rules.{index}") for index, rule in enumerate(body.rules)]


def _from_rule(
    rule: Rule, found: Found, event: TriggerEvent, case: Case, now: datetime
) -> Deadline:
    """The safe reading makes the date; all of them stay beside it."""
    safe = found.reads[0]
    whole_day = safe.limit.unit is not Unit.HOURS and safe.limit.cutoff == END_OF_DAY
    return Deadline(
        **_deadline(safe.computation, case, event.created_by, now)
        | {
            "trigger_event_id": event.id,
            "title": rule.title["en"],
            "kind": rule.kind,
            "force": rule.force,
            "duty_holder": rule.duty_holder,
            "whole_day": whole_day,
            "rule_id": rule.id,
            "rule_status": rule.status,
            "sources": [source.model_dump(mode="json") for source in rule.sources],
            "act_by_on": found.act_by_on,
            "calendar_version": found.calendar_version,
            "readings": [
                {
                    "due_on": read.computation.due_on.isoformat(),
                    "due_at": read.computation.due_at.isoformat(),
                    "reason": read.reason,
                }
                for read in found.reads
            ],
        }
    )


def _deadline(computation: Computation, case: Case, actor: str, now: datetime) -> dict[str, Any]:
    """What every new deadline has in common: it is provisional, and the next tick looks at it."""
    return {
        "id": new_id("dln", now),
        "team_id": case.team_id,
        "case_id": case.id,
        "state": DeadlineState.PROVISIONAL,
        "due_on": computation.due_on,
        "due_at": computation.due_at,
        "timezone": computation.timezone,
        "derivation": [_written(asdict(step)) for step in computation.derivation],
        "calendar_version": computation.calendar_version,
        "zone_data_version": zone_data_version(),
        "shown_at": now,
        "entered_by": actor,
        "entered_at": now,
        "wake_at": now,
        "created_at": now,
    }


async def _enter(
    session: AsyncSession,
    webhooks: Channel,
    deadlines: list[Deadline],
    case: Case,
    actor: str,
    now: datetime,
    event: TriggerEvent | None = None,
) -> None:
    if deadlines:
        await check_people(session, case.id, any(deadline.critical for deadline in deadlines))
    session.add_all(deadlines)
    await session.flush()
    happenings = [] if event is None else [_happening(actor, event, "trigger_event.recorded", {})]
    for deadline in deadlines:
        await announce(session, webhooks, EventType.DEADLINE_CREATED, deadline, case, actor, now)
        data = {"due_at": deadline.due_at.isoformat(), "rule": deadline.rule_id}
        happenings.append(_happening(actor, deadline, "deadline.created", data))
    await record(session, happenings, now)


async def check_people(session: AsyncSession, case_id: str, critical: bool) -> None:
    """A deadline needs somebody to tell; a critical one must not hang on one person.

    Raises Refusal `owner_required` or `deputy_required`.
    """
    roles = (await roles_of(session, [case_id])).get(case_id, [])
    owners = {one.user_id for one in roles if one.role is Role.OWNER}
    deputies = {one.user_id for one in roles if one.role is Role.DEPUTY}
    if not owners:
        raise Refusal(
            Code.OWNER_REQUIRED, "A case with deadlines needs an owner, or nobody would be told."
        )
    if critical and not deputies - owners:
        raise Refusal(
            Code.DEPUTY_REQUIRED,
            "A critical deadline needs a deputy on the case, somebody other than the owner.",
            "critical",
        )


def _happening(
    actor: str, row: TriggerEvent | Deadline, action: str, data: dict[str, Any]
) -> Happening:
    return Happening(row.team_id, actor, action, row.id, row.case_id, data)


def _written(step: dict[str, Any]) -> dict[str, Any]:
    """A derivation step as JSON keeps it."""
    return {name: _plain(value) for name, value in step.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain(one) for one in value]
    return value
