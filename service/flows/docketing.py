"""Cases, trigger events and deadlines: how a date comes into being, and why."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Caller
from service.domain.deadlines import local_date, stated
from service.errors import Code, Refusal, not_found
from service.flows.docket import Docket
from service.flows.known import known, no_such_policy
from service.flows.reckoning import date_values, word
from service.flows.seconding import seconded
from service.flows.sitting import Sitting
from service.flows.standing import check_precondition, entering
from service.flows.starting import Started, check_people, enter, new_deadline, start
from service.ids import new_id
from service.rules.library import Rule, RuleLibrary
from service.schemas.deadlines import DeadlineIn, DeadlinePatch
from service.schemas.trigger_events import TriggerEventIn
from service.store.cases import Case, get_case, roles_of
from service.store.deadlines import Deadline, lock_deadline
from service.store.escalation_policies import get_policy
from service.store.journal import Happening, record
from service.store.trigger_events import TriggerEvent


async def record_trigger_event(
    sitting: Sitting, case_id: str, body: TriggerEventIn, caller: Caller
) -> tuple[TriggerEvent, Started]:
    """The event, and what it started."""
    case = await _case(sitting.session, case_id, caller)
    actor = await entering(sitting.session, caller, case.team_id, body.user_id)
    docket = Docket(sitting.session, sitting.now)
    made = await enter_event(sitting, docket, case, body, actor)
    await docket.write()
    return made


async def enter_event(
    sitting: Sitting, docket: Docket, case: Case, body: TriggerEventIn, actor: str
) -> tuple[TriggerEvent, Started]:
    """Where the caller names the rules, each must give a date."""
    zone = ZoneInfo(body.timezone or case.timezone)
    event = _event(body, case, zone, actor, sitting.now)
    rules = _rules(sitting.library, body, case)
    if body.rules is not None:
        return event, await start(sitting, docket, event, rules, case, frozenset())
    return event, await start(sitting, docket, event, rules, case)


async def state_deadline(sitting: Sitting, body: DeadlineIn, caller: Caller) -> Deadline:
    """A date that stands on a paper or that the team sets itself."""
    case = await _case(sitting.session, body.case_id, caller, "case_id")
    (await known(sitting.session, case.team_id, deadlines=[body])).check_deadline(body)
    actor = await entering(sitting.session, caller, case.team_id, body.user_id)
    docket = Docket(sitting.session, sitting.now)
    deadline = await enter_deadline(sitting, docket, case, body, actor)
    await docket.write()
    return deadline


async def enter_deadline(
    sitting: Sitting, docket: Docket, case: Case, body: DeadlineIn, actor: str
) -> Deadline:
    """What the body names is known to be there, and its external id to be free."""
    zone = ZoneInfo(body.timezone or case.timezone)
    deadline = new_deadline(
        sitting,
        case,
        actor,
        date_values(None, stated(body.due_on, body.due_at, zone, body.source)),
        title=body.title,
        notes=body.notes,
        kind=body.kind,
        force=body.force,
        duty_holder=body.duty_holder,
        critical=body.critical,
        drill=body.drill,
        external_id=body.external_id,
        whole_day=body.due_on is not None,
        escalation_policy_id=body.escalation_policy_id,
        stated=word(body.due_on, body.due_at, None, body.source, actor, sitting.now),
        sources=[{"type": "stated", "citation": body.source}] if body.source else [],
    )
    await enter(sitting, docket, [deadline], case, actor)
    return deadline


async def change_deadline(
    sitting: Sitting, deadline_id: str, body: DeadlinePatch, if_match: str, caller: Caller
) -> Deadline:
    """Everything but the date; a new policy is looked at by the next tick."""
    session, now = sitting.session, sitting.now
    deadline = await lock_deadline(session, deadline_id, caller.reach)
    if deadline is None:
        raise not_found("deadline")
    check_precondition(deadline.id, deadline.revision, if_match)
    changes = body.model_dump(exclude_unset=True)
    if "escalation_policy_id" in changes:
        await check_policy(session, body.escalation_policy_id, deadline.team_id, caller)
        deadline.wake_at = deadline.wake_at and now
    if changes.get("critical"):
        roles = await roles_of(session, [deadline.case_id])
        check_people(roles.get(deadline.case_id, []), critical=True)
    elif changes.get("critical") is False and not await seconded(
        sitting, deadline, "call not critical", caller.actor
    ):
        del changes["critical"]
    if any(
        changes.get(name) != getattr(deadline, name) for name in {"title", "notes"} & set(changes)
    ):
        deadline.shown, deadline.shown_at = deadline.shown + 1, now
    if "critical" in changes:
        deadline.wake_at = deadline.wake_at and now  # answers by link count on one kind only
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
        raise no_such_policy()


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
        sent_on=body.sent_on,
        served_on=body.served_on,
        service_method=body.service_method,
        ruled_on=body.ruled_on,
        facts_on=body.facts_on,
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
