"""Alerts: an emergency is raised, people answer, a case is named, somebody resolves it with a reason.

Whom it reaches and when is the plan's affair, and the release's, as for deadlines.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Caller
from service.domain.alerts import ALERT_STEPS, check_alert_steps, resolved
from service.domain.escalation import EVERYBODY, EscalationState, Step
from service.domain.notifications import EventType
from service.domain.plan import plan
from service.errors import Code, Refusal, not_found
from service.flows.acknowledgement import Said, answer
from service.flows.announcing import announce, announce_end_of_ladder, notice_of
from service.flows.docketing import check_policy
from service.flows.ladders import begun, read_steps
from service.flows.planning import gather
from service.flows.sitting import Sitting
from service.flows.standing import check_precondition, entering, person_acting
from service.ids import new_id
from service.schemas.alerts import AlertIn, AlertPatch
from service.store.alerts import Alert, alert_external_id_taken, get_alert
from service.store.cases import Case, get_case
from service.store.escalation_policies import get_policy
from service.store.escalations import escalations_of
from service.store.journal import Happening, record
from service.store.responses import Response, responses_to
from service.store.teams import existing_team_ids
from service.store.users import User

#: Who acts where no person does.
CLOCKWORK = "system"


@dataclass(frozen=True)
class Shown:
    """An alert as it stands at this moment. `answers`: those not taken back, oldest first."""

    alert: Alert
    acknowledged: bool
    answers: Sequence[Response]


async def raise_alert(sitting: Sitting, body: AlertIn, caller: Caller) -> Alert:
    """The next tick tells the first people; endpoints are told in this very transaction.

    Raises Refusal `duplicate` for an external id that is taken, `owner_required` where nobody could
    be told.
    """
    session, now = sitting.session, sitting.now
    case = await _case(session, body.case_id, caller) if body.case_id else None
    team_id = await _team_id(session, body, case, caller)
    if body.external_id and await alert_external_id_taken(session, team_id, body.external_id):
        raise Refusal(Code.DUPLICATE, "An alert has this external_id already.", "external_id")
    steps = await _ladder(session, body.escalation_policy_id, team_id, caller)
    alert = Alert(
        id=new_id("alr", now),
        team_id=team_id,
        case_id=body.case_id,
        external_id=body.external_id,
        title=body.title,
        notes=body.notes,
        raised_by=await entering(session, caller, team_id, body.user_id),
        raised_at=now,
        timezone=body.timezone or (case.timezone if case else "UTC"),
        drill=body.drill,
        escalation_policy_id=body.escalation_policy_id,
        entered_at=now,
        created_at=now,
    )
    await _begin(sitting, alert, steps)
    data = {"version": alert.version, "drill": alert.drill}
    await _tell(sitting, alert, case, EventType.ALERT_RAISED, alert.raised_by, data)
    return alert


async def raise_about(
    sitting: Sitting, person: User, team_id: str, case: Case | None, title: str, external_id: str
) -> None:
    """The clockwork's own: nothing reaches that person, and the others on the case are told. Raises Refusal
    `owner_required` where there is nobody else."""
    alert = Alert(
        id=new_id("alr", sitting.now),
        team_id=team_id,
        case_id=case.id if case else None,
        external_id=external_id,
        title=title,
        about_user_id=person.id,
        raised_by=CLOCKWORK,
        raised_at=sitting.now,
        timezone=case.timezone if case else "UTC",
        entered_at=sitting.now,
        created_at=sitting.now,
    )
    await _begin(sitting, alert, ALERT_STEPS)
    data = {"version": alert.version, "drill": False, "about": person.id}
    await _tell(sitting, alert, case, EventType.ALERT_RAISED, None, data)


async def change_alert(
    sitting: Sitting, alert_id: str, body: AlertPatch, if_match: str, caller: Caller
) -> Alert:
    """A case that is named makes a new version: its people are told from the first step on, and those
    who were told before and are not on it are asked no more."""
    session = sitting.session
    alert = await _locked(session, alert_id, caller)
    check_precondition(alert.id, alert.revision, if_match)
    changes = body.model_dump(exclude_unset=True)
    moved = body.case_id is not None and body.case_id != alert.case_id
    if moved and not alert.live:
        raise Refusal(Code.ILLEGAL_STATE, "The alert is resolved: raise another one.")
    case_id = body.case_id or alert.case_id
    case = await _case(session, case_id, caller) if case_id else None
    if case is not None and case.team_id != alert.team_id:
        raise _no_such_case()
    ladder = (await escalations_of(session, [alert.id]))[alert.id, alert.version].steps
    if moved:
        await _end_ladder(sitting, alert, caller.actor)
    for name, value in changes.items():
        setattr(alert, name, value)
    alert.revision += 1
    if moved:
        alert.version, alert.entered_at = alert.version + 1, sitting.now
        await _begin(sitting, alert, read_steps(ladder))
    data = {"version": alert.version, "fields": sorted(changes)}
    await _tell(sitting, alert, case, EventType.ALERT_UPDATED, caller.actor, data)
    return alert


async def respond(
    sitting: Sitting, alert_id: str, user_id: str | None, said: Said, caller: Caller
) -> Response:
    """As `acknowledgement.answer`: an hour of silence, or the next people at once."""
    alert = await _locked(sitting.session, alert_id, caller)
    return await answer(
        sitting, alert, await _case_of(sitting.session, alert), user_id, said, caller
    )


async def resolve(
    sitting: Sitting, alert_id: str, user_id: str | None, because: str, caller: Caller
) -> Alert:
    """Only this ends it. Raises Refusal `illegal_state` where it has ended already."""
    alert = await _locked(sitting.session, alert_id, caller)
    alert.state = resolved(alert.state)
    person = await person_acting(sitting.session, caller, alert.team_id, user_id)
    alert.resolved_by, alert.resolved_at = person, sitting.now
    alert.resolved_because = because
    alert.wake_at = None
    alert.revision += 1
    case = await _case_of(sitting.session, alert)
    await _tell(sitting, alert, case, EventType.ALERT_RESOLVED, person, {})
    await _end_ladder(sitting, alert, person)
    return alert


async def shown(sitting: Sitting, alerts: Sequence[Alert]) -> list[Shown]:
    """Whether anybody has it follows from the answers, by the plan that the workers run."""
    answers = await responses_to(sitting.session, [alert.id for alert in alerts])
    return [
        Shown(
            one.subject,
            plan(one.facts, sitting.now).state is EscalationState.ACKNOWLEDGED,
            [said for said in answers.get(one.subject.id, []) if said.withdrawn_at is None],
        )
        for one in await gather(sitting, alerts)
    ]


async def _locked(session: AsyncSession, alert_id: str, caller: Caller) -> Alert:
    """Held against every other writer."""
    alert = await get_alert(session, alert_id, caller.reach, lock=True)
    if alert is None:
        raise not_found("alert")
    return alert


async def _end_ladder(sitting: Sitting, alert: Alert, actor: str) -> None:
    session, case = sitting.session, await _case_of(sitting.session, alert)
    await announce_end_of_ladder(session, sitting.webhooks, alert, case, actor, sitting.now)


async def _case_of(session: AsyncSession, alert: Alert) -> Case | None:
    return await session.get_one(Case, alert.case_id) if alert.case_id else None


async def _case(session: AsyncSession, case_id: str, caller: Caller) -> Case:
    case = await get_case(session, case_id, caller.reach)
    if case is None:
        raise _no_such_case()
    return case


def _no_such_case() -> Refusal:
    return Refusal(Code.UNKNOWN_REFERENCE, "There is no such case.", "case_id")


async def _team_id(session: AsyncSession, body: AlertIn, case: Case | None, caller: Caller) -> str:
    """The case's, or the one that is asked for."""
    if case is not None:
        if body.team_id not in (None, case.team_id):
            raise _no_such_case()
        return case.team_id
    team_id = caller.team_for(body.team_id)
    if not await existing_team_ids(session, [team_id]):
        raise not_found("team")
    return team_id


async def _ladder(
    session: AsyncSession, policy_id: str | None, team_id: str, caller: Caller
) -> Sequence[Step]:
    """Raises Refusal `unknown_reference`, or `invalid_input` for a policy that looks ahead."""
    await check_policy(session, policy_id, team_id, caller)
    policy = await get_policy(session, policy_id, caller.reach) if policy_id else None
    if policy is None:
        return ALERT_STEPS
    steps = read_steps(policy.steps)
    check_alert_steps(steps)
    return steps


async def _begin(sitting: Sitting, alert: Alert, steps: Sequence[Step]) -> None:
    """Writes the ladder of this version down, so that no later change of a policy touches it, and lets the
    next tick look at it. Raises Refusal `owner_required`."""
    session = sitting.session
    alert.wake_at = sitting.now
    session.add(alert)
    await session.flush()
    session.add(begun(alert, steps, sitting.now))
    await session.flush()
    (situation,) = await gather(sitting, [alert])
    if not any(situation.people.get(role) for role in EVERYBODY):
        text = "Nobody could be told: give the case an owner, or raise it without a case."
        raise Refusal(Code.OWNER_REQUIRED, text, "case_id")


async def _tell(
    sitting: Sitting,
    alert: Alert,
    case: Case | None,
    event: EventType,
    actor: str | None,
    data: dict[str, Any],
) -> None:
    """The endpoints, and the journal under the same name. `actor` None: the clockwork."""
    session, now = sitting.session, sitting.now
    notice = notice_of(alert, case, event, now, now)
    await announce(session, sitting.webhooks, notice, alert, actor, now)
    session.add(alert)
    await session.flush()
    happening = Happening(alert.team_id, actor or CLOCKWORK, event, alert.id, alert.case_id, data)
    await record(session, [happening], now)
