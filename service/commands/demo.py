"""The demo docket: journey J1 with dates relative to today, so that there is something to see at once.

Made through the same flows as every request. Codes, never names.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Caller, Level, Reach, Scope
from service.domain.deadlines import DeadlineKind
from service.domain.escalation import Role
from service.flows import casework, docketing, enrolment, policies, subscription
from service.flows.sitting import Sitting
from service.languages import Language
from service.runtime import Runtime
from service.schemas.api_keys import ApiKeyIn
from service.schemas.cases import CaseIn, RoleIn
from service.schemas.deadlines import DeadlineIn
from service.schemas.escalation_policies import EscalationPolicyIn, StepShape
from service.schemas.feeds import FeedIn
from service.schemas.teams import TeamIn
from service.schemas.trigger_events import TriggerEventIn
from service.schemas.users import UserIn
from service.store.teams import list_teams

_ZONE = "Asia/Almaty"
#: Two read in another language than English, so that their mails can be seen in the outbox.
_LANGUAGES = {Role.DEPUTY: Language.RUSSIAN, Role.SUPERVISOR: Language.KAZAKH}
_PEOPLE = {
    Role.OWNER: "owner",
    Role.DEPUTY: "deputy",
    Role.SUPERVISOR: "supervisor",
    Role.LEAD: "lead",
}


@dataclass(frozen=True)
class Docket:
    """What the console shows: the key and the feed's address appear nowhere else."""

    key: str
    feed_url: str


async def load_demo(runtime: Runtime) -> Docket | None:
    """None where the database holds a team already: a demo never mixes with real cases."""
    async with runtime.transaction() as session:
        return await _load(session, runtime, runtime.clock())


async def _load(session: AsyncSession, runtime: Runtime, now: datetime) -> Docket | None:
    operator = Caller("console", Scope.ADMIN, Reach(None))
    if await list_teams(session, operator.reach, None, 1):
        return None
    team = await enrolment.create_team(session, TeamIn(name="Demo team"), operator, now)
    caller = Caller("console", Scope.ADMIN, Reach(frozenset({team.id})))
    people = {}
    for role, name in _PEOPLE.items():
        body = UserIn(
            name=f"Demo {name}",
            email=f"{name}@example.org",
            timezone=_ZONE,
            language=_LANGUAGES.get(role, Language.ENGLISH),
            quiet_hours=None,  # whoever watches the demo at night wants to see it go on
        )
        user, _ = await enrolment.create_user(session, body, caller, now)
        people[role] = user.id
    case_id = await _open_case(session, people, caller, now)
    await _fill(session, runtime, case_id, caller, now)
    feed_body = FeedIn(name="Deadlines", user_id=people[Role.OWNER], level=Level.BASIS)
    feed, secret = await subscription.create_feed(session, feed_body, caller, now)
    key_body = ApiKeyIn(name="demo", scope=Scope.ADMIN, team_id=team.id)
    _, key = await enrolment.make_key(session, key_body, None, now)
    return Docket(key, f"{runtime.settings.base_url}/f/{feed.id}.{secret}.ics")


async def _open_case(
    session: AsyncSession, people: dict[Role, str], caller: Caller, now: datetime
) -> str:
    """A ladder in hours and minutes, so that the deputy's and the supervisor's turn can be watched."""
    ladder = [
        StepShape(targets=[Role.OWNER], before_due=timedelta(days=30)),
        StepShape(targets=[Role.DEPUTY], no_response_for=timedelta(minutes=2)),
        StepShape(targets=[Role.SUPERVISOR], no_response_for=timedelta(minutes=2)),
        StepShape(targets=[Role.OWNER, Role.DEPUTY], before_due=timedelta(days=3)),
        StepShape(targets=list(_PEOPLE), before_due=timedelta(hours=4)),
        StepShape(targets=list(_PEOPLE), after_due=timedelta()),
    ]
    policy = await policies.create_policy(
        session, EscalationPolicyIn(name="Demo ladder", steps=ladder), caller, now
    )
    body = CaseIn(
        code="K-17",
        timezone=_ZONE,
        forum="kz.criminal",
        calendar="KZ",
        escalation_policy_id=policy.id,
        roles=[RoleIn(role=role, user_id=user) for role, user in people.items()],
    )
    case, _ = await casework.open_case(session, body, caller, now)
    return case.id


async def _fill(
    session: AsyncSession, runtime: Runtime, case_id: str, caller: Caller, now: datetime
) -> None:
    """An extradition arrest of yesterday, and the team's own target."""
    sitting = Sitting(session, runtime.channels, runtime.rules, now)
    local = now.astimezone(ZoneInfo(_ZONE)).replace(hour=15, minute=40, second=0, microsecond=0)
    detention = TriggerEventIn(
        kind="detention.wanted-abroad", occurred_at=local - timedelta(days=1)
    )
    await docketing.record_trigger_event(sitting, case_id, detention, caller)
    target = DeadlineIn(
        case_id=case_id,
        title="File the asylum application",
        kind=DeadlineKind.INTERNAL,
        due_on=(local + timedelta(days=5)).date(),
        critical=True,
        source="set by the case lead",
    )
    await docketing.state_deadline(sitting, target, caller)
