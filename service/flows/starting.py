"""What a trigger event sets going: the deadlines of its rules, and what hangs on their ends in turn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from service.domain.deadlines import DeadlineState, Fate
from service.domain.escalation import Role
from service.domain.notifications import EventType
from service.errors import Code, Refusal
from service.flows.announcing import announcements, notice_of
from service.flows.docket import Docket
from service.flows.readings import Found, basis_of
from service.flows.reckoning import date_values
from service.flows.sitting import Sitting
from service.ids import new_id
from service.rules.library import Rule
from service.store.cases import Case, CaseRole
from service.store.deadlines import Deadline
from service.store.journal import Happening
from service.store.trigger_events import TriggerEvent

#: Refusals that mean "this rule gives no date here", not "your request is wrong".
_NO_DATE = {
    Code.RULE_NOT_IN_FORCE,
    Code.RULE_NOT_APPLICABLE,
    Code.OUTSIDE_CALENDAR,
    Code.INVALID_INSTANT,
}


@dataclass
class Started:
    """The deadlines that came into being, and the rules that gave no date, each with its reason."""

    deadlines: list[Deadline] = field(default_factory=list)
    not_started: dict[str, str] = field(default_factory=dict)


async def start(
    sitting: Sitting,
    docket: Docket,
    event: TriggerEvent,
    rules: Iterable[Rule],
    case: Case,
    bearable: frozenset[Code] | set[Code] = frozenset(_NO_DATE),
) -> Started:
    """Enters the event and the deadlines of these rules. A refusal that is not `bearable` is raised,
    any other kept with its rule."""
    docket.events.append(event)
    started = Started()
    for rule in rules:
        try:
            basis = basis_of(event, case, (), sitting.today(rule.timezone))
            found = await sitting.read(rule, basis)
        except Refusal as refusal:
            if refusal.code not in bearable:
                raise
            started.not_started[rule.id] = refusal.detail
            continue
        started.deadlines.append(_from_rule(sitting, rule, found, event, case))
    data = {"kind": event.kind, "not_started": sorted(started.not_started)}
    docket.happenings.append(_happening(event.created_by, event, "trigger_event.recorded", data))
    await enter(sitting, docket, started.deadlines, case, event.created_by)
    for deadline in list(started.deadlines):
        further = await follow(sitting, docket, deadline, case, Fate.DUE, event.created_by)
        started.deadlines += further.deadlines
        started.not_started |= further.not_started
    return started


async def follow(
    sitting: Sitting,
    docket: Docket,
    deadline: Deadline,
    case: Case,
    fate: Fate,
    actor: str,
    occurred_on: date | None = None,
    served_on: date | None = None,
) -> Started:
    """Sets going what the fate of a deadline starts. Without `occurred_on` it happened at its end.

    A person who completes gives the dates that the next rules need, or is asked for them; the
    clockwork records why a rule gave none.
    """
    rule = sitting.library.find(deadline.rule_id)
    kind = rule.starts.get(fate) if rule else None
    if rule is None or kind is None:
        return Started()
    event = TriggerEvent(
        id=new_id("trg", sitting.now),
        team_id=deadline.team_id,
        case_id=deadline.case_id,
        kind=kind,
        occurred_on=occurred_on or deadline.due_on,
        occurred_at=None if occurred_on or deadline.whole_day else deadline.due_at,
        # Nobody serves a silence: it is known when it is complete.
        served_on=deadline.due_on if fate is Fate.LAPSE else served_on,
        timezone=deadline.timezone,
        source_deadline_id=deadline.id,
        fate=fate,
        created_by=actor,
        created_at=sitting.now,
    )
    asked = fate in (Fate.COMPLETION, Fate.REFUSAL)
    bearable = _NO_DATE if asked else set(Code)
    rules = sitting.library.chained(rule, kind)
    return await start(sitting, docket, event, rules, case, bearable)


async def enter(
    sitting: Sitting, docket: Docket, deadlines: Sequence[Deadline], case: Case, actor: str
) -> None:
    """Enters new deadlines, with what the endpoints are told and the journal keeps of them."""
    if not deadlines:
        return
    now = sitting.now
    check_people(await docket.roles(case.id), any(one.critical for one in deadlines))
    endpoints = await docket.endpoints(case.team_id)
    for deadline in deadlines:
        notice = notice_of(deadline, case, EventType.DEADLINE_CREATED, now, now)
        docket.messages += announcements(notice, deadline, endpoints, sitting.webhooks, actor, now)
        data = {"due_at": deadline.due_at.isoformat(), "rule": deadline.rule_id}
        docket.happenings.append(_happening(actor, deadline, "deadline.created", data))
    docket.deadlines += deadlines


def check_people(roles: Sequence[CaseRole], critical: bool) -> None:
    """A deadline needs somebody to tell; a critical one must not hang on one person.

    Raises Refusal `owner_required` or `deputy_required`.
    """
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


def new_deadline(
    sitting: Sitting, case: Case, actor: str, values: dict[str, Any], **more: Any
) -> Deadline:
    """What every new deadline has in common: it is provisional, and the next tick looks at it."""
    now = sitting.now
    common: dict[str, Any] = {
        "id": new_id("dln", now),
        "team_id": case.team_id,
        "case_id": case.id,
        "state": DeadlineState.PROVISIONAL,
        "shown_at": now,
        "entered_by": actor,
        "entered_at": now,
        "wake_at": now,
        "created_at": now,
    }
    return Deadline(**common | values | more)


def _from_rule(
    sitting: Sitting, rule: Rule, found: Found, event: TriggerEvent, case: Case
) -> Deadline:
    """The safe reading makes the date; all of them stay beside it."""
    return new_deadline(
        sitting,
        case,
        event.created_by,
        date_values(found, None),
        trigger_event_id=event.id,
        title=rule.title["en"],
        kind=rule.kind,
        force=rule.force,
        duty_holder=rule.duty_holder,
        rule_id=rule.id,
        rule_status=rule.status_with(event.service_method),
        sources=[source.model_dump(mode="json") for source in rule.sources],
    )


def _happening(
    actor: str, row: TriggerEvent | Deadline, action: str, data: dict[str, Any]
) -> Happening:
    return Happening(row.team_id, actor, action, row.id, row.case_id, data)
