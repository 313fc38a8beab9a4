"""Gathers what the plan of a deadline or an alert depends on; the same for the workers and the preview."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.alerts import ALERT_STEPS
from service.domain.bounces import AddressState
from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import DeadlineKind
from service.domain.escalation import (
    EVERYBODY,
    Response,
    ResponseKind,
    Role,
)
from service.domain.insistence import OF_ALERTS, OF_DEADLINES
from service.domain.plan import PlanFacts
from service.domain.reminders import QuietHours
from service.flows.calendar_part import Wish, feeds_of, wishes_of
from service.flows.ladders import ladder_of, own_policy_id, read_steps
from service.flows.routes import Asked, asked_of, unreached, ways_of
from service.flows.sitting import Sitting
from service.store.alerts import Alert
from service.store.cases import Case, CaseRole, cases_by_id, roles_of
from service.store.deadlines import Deadline
from service.store.endpoints import Endpoint, personal_endpoints
from service.store.escalation_policies import EscalationPolicy, policies_at_hand
from service.store.escalations import Escalation, escalations_of
from service.store.feeds import Feed
from service.store.recipients import Tried, out_of_reach, tries_of
from service.store.responses import Response as Answer
from service.store.responses import responses_to
from service.store.subjects import Subject
from service.store.users import User, members_of, users_by_id

About = TypeVar("About", bound=Subject, covariant=True)
#: For functions, to which a covariant one cannot be given.
Given = TypeVar("Given", bound=Subject)


@dataclass(frozen=True)
class Situation(Generic[About]):
    """One deadline or alert with everything around it. `case` None: the alert concerns nobody known yet.
    `people`: the users behind each role, not disabled; without a case everyone in the team has every
    role of those who can act. `asked`: what each person was last asked, on this version;
    `endpoints`: user id to the endpoints of those who have their own; `lost`: whom nothing reaches;
    `wishes`: user id to the wish for calendar parts."""

    subject: About
    case: Case | None
    people: dict[Role, list[User]]
    escalation: Escalation | None
    facts: PlanFacts
    asked: Mapping[str, Asked] = field(default_factory=dict)
    endpoints: Mapping[str, list[Endpoint]] = field(default_factory=dict)
    lost: Set[str] = frozenset()
    wishes: Mapping[str, Wish] = field(default_factory=dict)

    @property
    def case_code(self) -> str:
        """Empty where there is no case."""
        return self.case.code if self.case else ""

    def ways(self, user_id: str) -> tuple[str, ...]:
        """By which this person can be told."""
        return ways_of(self.endpoints.get(user_id, ()), user_id in _gone(self.people))

    def recipients(self, roles: Iterable[Role], at: datetime) -> list[tuple[User, Role]]:
        """Each person once, with the first of the named roles that they hold; whoever is away at that
        instant is replaced."""
        found: dict[str, tuple[User, Role]] = {}
        for role in roles:
            for user in self.people.get(role, ()):
                for one in present(user, self.people, at):
                    found.setdefault(one.id, (one, role))
        return list(found.values())

    def answered(self, at: datetime) -> list[tuple[User, Role]]:
        """Those on the case who have acknowledged or snoozed this version."""
        ids = {one.user_id for one in self.facts.responses if one.kind is not ResponseKind.DECLINE}
        return [(user, role) for user, role in self.recipients(Role, at) if user.id in ids]

    def facts_at(self, facts: PlanFacts, at: datetime) -> PlanFacts:
        """As these facts will be at that instant, for those who are there then; an alert spares nobody's
        rest."""
        if isinstance(self.subject, Alert):
            return facts
        return replace(facts, quiet=resting(self.people, at))


def present(user: User, people: Mapping[Role, list[User]], at: datetime) -> list[User]:
    """The person, or whoever stands in: the one they named, where that one is on the case, else the
    case's deputies who are there."""
    if not user.away(at):
        return [user]
    on_case = {one.id: one for group in people.values() for one in group}
    named = on_case.get(user.deputy_id or "")
    if named is not None and not named.away(at):
        return [named]
    return [one for one in people.get(Role.DEPUTY, ()) if not one.away(at)]


async def gather(sitting: Sitting, subjects: Sequence[Given]) -> list[Situation[Given]]:
    """The situations in the order of the subjects, by a fixed number of queries."""
    around = await _around(sitting, subjects)
    return [_situation(subject, around) for subject in subjects]


async def roles_about(session: AsyncSession, subject: Subject) -> dict[str, list[Role]]:
    """User id to the roles in which that person is told of it, highest first."""
    if subject.case_id is None:
        members = await members_of(session, [subject.team_id])
        return {user.id: list(EVERYBODY) for user in members.get(subject.team_id, [])}
    found: dict[str, list[Role]] = {}
    for held in (await roles_of(session, [subject.case_id])).get(subject.case_id, []):
        found.setdefault(held.user_id, []).append(held.role)
    return {user: sorted(held, key=list(Role).index) for user, held in found.items()}


@dataclass(frozen=True)
class _Around:
    """What was read for a whole batch, by id."""

    cases: dict[str, Case]
    roles: dict[str, list[CaseRole]]
    users: dict[str, User]
    members: dict[str, list[User]]
    escalations: dict[tuple[str, int], Escalation]
    responses: dict[str, list[Answer]]
    tries: dict[tuple[str, int], list[Tried]]
    endpoints: dict[tuple[str, str], list[Endpoint]]
    lost: Set[tuple[str, str]]
    policies: dict[str, EscalationPolicy]
    calendars: dict[str, CourtCalendar]
    feeds: dict[str, list[Feed]]
    now: datetime


async def _around(sitting: Sitting, subjects: Sequence[Subject]) -> _Around:
    session = sitting.session
    ids, teams = [subject.id for subject in subjects], {one.team_id for one in subjects}
    deadlines = [one for one in subjects if isinstance(one, Deadline)]
    cases = await cases_by_id(session, (one.case_id for one in subjects if one.case_id))
    roles = await roles_of(session, cases)
    escalations = await escalations_of(session, ids)
    users = await users_by_id(session, (one.user_id for all_ in roles.values() for one in all_))
    chosen = {own_policy_id(one, cases[one.case_id]) for one in deadlines} - {None}
    return _Around(
        cases=cases,
        roles=roles,
        users=users,
        members=await members_of(session, (one.team_id for one in subjects if not one.case_id)),
        escalations=escalations,
        responses=await responses_to(session, ids),
        tries=await tries_of(session, ids) if escalations else {},
        endpoints=await personal_endpoints(session, teams),
        lost=(await out_of_reach(session, teams)).keys(),
        policies=await policies_at_hand(session, chosen, {one.team_id for one in deadlines}),
        calendars={
            code: calendar
            for code in {case.calendar for case in cases.values() if case.calendar}
            if (calendar := await sitting.known_calendar(code)) is not None
        },
        feeds=await feeds_of(session, users.values()),
        now=sitting.now,
    )


def _situation(subject: Given, around: _Around) -> Situation[Given]:
    case = around.cases.get(subject.case_id or "")
    escalation = around.escalations.get((subject.id, subject.version))
    people = _people(case, around) if case else _team(subject, around)
    if isinstance(subject, Alert) and subject.about_user_id:
        people = _without(people, subject.about_user_id)
    if isinstance(subject, Alert):
        facts = _of_alert(subject, escalation)
    else:
        facts = _of_deadline(subject, around.cases[subject.case_id], escalation, people, around)
    ids = {user.id for users in people.values() for user in users}
    endpoints = {
        user_id: own for user_id in ids if (own := around.endpoints.get((subject.team_id, user_id)))
    }
    answers = _answers(subject, around)
    tries = around.tries.get((subject.id, subject.version), [])
    gone = _gone(people)
    ways = {one: ways_of(endpoints.get(one, ()), one in gone) for one in ids}
    asked = asked_of(subject, tries, ways, answers)
    facts = replace(
        _begun(facts, subject, escalation, answers),
        not_reached=unreached(_fired(escalation), tries, asked.values()),
    )
    # Whoever has been given another way since can be reached by that.
    lost = {one for one in ids - endpoints.keys() if (subject.team_id, one) in around.lost}
    wishes = wishes_of(case, _held(people), around.feeds) if case else {}
    return Situation(subject, case, people, escalation, facts, asked, endpoints, lost, wishes)


def _of_deadline(
    deadline: Deadline,
    case: Case,
    escalation: Escalation | None,
    people: Mapping[Role, list[User]],
    around: _Around,
) -> PlanFacts:
    """What its plan rests on before anything was told."""
    # A custody that is counted in hours runs through every weekend, and is watched over through it.
    by_the_hour = deadline.kind is DeadlineKind.CUSTODY and not deadline.whole_day
    calendar = None if by_the_hour else around.calendars.get(case.calendar or "")
    return PlanFacts(
        state=deadline.state,
        due_at=deadline.due_at,
        zone=ZoneInfo(deadline.timezone),
        entered_at=deadline.entered_at,
        steps=ladder_of(deadline, case, escalation, around.policies, calendar),
        lapses=deadline.lapsed_at is None,
        neared_at=deadline.neared_at,
        quiet=resting(people, around.now),
        calendar=calendar,
        insistence=OF_DEADLINES,
    )


def _of_alert(alert: Alert, escalation: Escalation | None) -> PlanFacts:
    """Its ladder was written down when it was raised; nobody's rest and no closed day count."""
    return PlanFacts(
        state=alert.state,
        due_at=alert.due_at,
        zone=ZoneInfo(alert.timezone),
        entered_at=alert.entered_at,
        steps=read_steps(escalation.steps) if escalation else ALERT_STEPS,
        insistence=OF_ALERTS,
    )


def _answers(subject: Subject, around: _Around) -> list[Answer]:
    """To this version, and not taken back."""
    return [
        one
        for one in around.responses.get(subject.id, ())
        if one.version == subject.version and one.withdrawn_at is None
    ]


def _begun(
    facts: PlanFacts, subject: Subject, escalation: Escalation | None, answers: Iterable[Answer]
) -> PlanFacts:
    """With what was told and answered since."""
    return replace(
        facts,
        fired=_fired(escalation),
        responses=tuple(
            Response(one.kind, one.at, one.user_id, one.until)
            for one in answers
            if one.counts_for(subject.critical)
        ),
        told={int(order): frozenset(ids) for order, ids in escalation.told.items()}
        if escalation
        else {},
        repeats=escalation.repeats if escalation else 0,
        repeated_at=escalation.repeated_at if escalation else None,
    )


def _team(subject: Subject, around: _Around) -> dict[Role, list[User]]:
    """While nobody knows whom it concerns, it is everybody's."""
    members = around.members.get(subject.team_id)
    return dict.fromkeys(EVERYBODY, members) if members else {}


def _without(people: Mapping[Role, list[User]], user_id: str) -> dict[Role, list[User]]:
    """The others; no role that nobody else holds."""
    others = {role: [one for one in users if one.id != user_id] for role, users in people.items()}
    return {role: users for role, users in others.items() if users}


def _held(people: Mapping[Role, list[User]]) -> list[tuple[User, Role]]:
    return [(user, role) for role, users in people.items() for user in users]


def _people(case: Case, around: _Around) -> dict[Role, list[User]]:
    people: dict[Role, list[User]] = {}
    for held in around.roles.get(case.id, ()):
        user = around.users[held.user_id]
        if user.disabled_at is None:
            people.setdefault(held.role, []).append(user)
    return people


def resting(people: Mapping[Role, list[User]], now: datetime) -> dict[Role, tuple[QuietHours, ...]]:
    """Role to the hours of rest of its people who are there."""
    return {role: _quiet(users, now) for role, users in people.items()}


def _quiet(users: Iterable[User], now: datetime) -> tuple[QuietHours, ...]:
    """The hours of rest of those who are there."""
    return tuple(
        QuietHours(
            ZoneInfo(user.timezone),
            time.fromisoformat(user.quiet_from),
            time.fromisoformat(user.quiet_until),
        )
        for user in users
        if user.quiet_from and user.quiet_until and not user.away(now)
    )


def _gone(people: Mapping[Role, list[User]]) -> set[str]:
    """Those from whose address mails have come back."""
    users = (user for group in people.values() for user in group)
    return {user.id for user in users if user.address_state is AddressState.UNDELIVERABLE}


def _fired(escalation: Escalation | None) -> dict[int, datetime]:
    if escalation is None:
        return {}
    return {int(order): datetime.fromisoformat(at) for order, at in escalation.fired.items()}
