"""Rows for tests: plain functions that make one row each; what a test cares about, it names."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Scope
from service.domain.coverage import GapCode
from service.domain.deadlines import (
    DeadlineKind,
    DeadlineState,
    DutyHolder,
    ExtensionState,
    Force,
)
from service.domain.escalation import ResponseKind, Role
from service.domain.notifications import ChannelKind, EventType
from service.domain.recipes import KeyBy, Makes, Recipe
from service.ids import new_id
from service.store.alerts import Alert
from service.store.api_keys import ApiKey
from service.store.attempts import Attempt
from service.store.cases import Case, CaseRole
from service.store.coverage import CoverageGap
from service.store.deadlines import Deadline
from service.store.endpoints import Endpoint
from service.store.escalation_policies import EscalationPolicy
from service.store.escalations import Escalation
from service.store.extensions import Extension
from service.store.feeds import Feed
from service.store.inbound import InboundSource
from service.store.messages import Message
from service.store.recipients import Unreachable
from service.store.responses import Response
from service.store.reviews import Review, ReviewState
from service.store.teams import Team
from service.store.tolling import TollingPeriod
from service.store.trigger_events import TriggerEvent
from service.store.users import Membership, User

#: Monday morning in Almaty.
NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@dataclass(frozen=True)
class Docket:
    """One team with one person on one case."""

    team: Team
    user: User
    case: Case


async def put(session: AsyncSession, *rows: SQLModel) -> None:
    """Writes the rows in their order: what is referred to comes first."""
    for row in rows:
        session.add(row)
        await session.flush()


async def put_docket(session: AsyncSession) -> Docket:
    one = team()
    person = user()
    matter = case(one)
    membership = Membership(team_id=one.id, user_id=person.id)
    held = CaseRole(case_id=matter.id, user_id=person.id, role=Role.OWNER)
    await put(session, one, person, membership, matter, held)
    return Docket(one, person, matter)


def team(**given: Any) -> Team:
    return Team(**{"id": new_id("team", NOW), "name": "Team", "created_at": NOW} | given)


def user(**given: Any) -> User:
    user_id = new_id("usr", NOW)
    address = f"{user_id}@example.org"
    own = {
        "id": user_id,
        "name": "Aigerim",
        "email": address,
        "email_key": address,
        "timezone": "Asia/Almaty",
        "created_at": NOW,
    }
    return User(**own | given)


def case(of: Team, **given: Any) -> Case:
    case_id = new_id("cas", NOW)
    own = {
        "id": case_id,
        "team_id": of.id,
        "code": case_id[-8:].upper(),
        "timezone": "Asia/Almaty",
        "shown_at": NOW,
        "created_at": NOW,
    }
    return Case(**own | given)


def deadline(of: Case, **given: Any) -> Deadline:
    own = {
        "id": new_id("dln", NOW),
        "team_id": of.team_id,
        "case_id": of.id,
        "title": "Appeal",
        "kind": DeadlineKind.FILING,
        "force": Force.STATUTORY,
        "duty_holder": DutyHolder.TEAM,
        "state": DeadlineState.OPEN,
        "due_on": date(2026, 3, 20),
        "due_at": datetime(2026, 3, 20, 19, 0, tzinfo=UTC),
        "whole_day": True,
        "timezone": "Asia/Almaty",
        "derivation": [],
        "sources": [],
        "zone_data_version": "2026.6",
        "shown_at": NOW,
        "entered_by": "usr_x",
        "entered_at": NOW,
        "wake_at": NOW,
        "created_at": NOW,
    }
    return Deadline(**own | given)


def alert(of: Case, **given: Any) -> Alert:
    own = {
        "id": new_id("alr", NOW),
        "team_id": of.team_id,
        "case_id": of.id,
        "title": "Detained",
        "raised_by": "usr_x",
        "raised_at": NOW,
        "timezone": "Asia/Almaty",
        "entered_at": NOW,
        "wake_at": NOW,
        "created_at": NOW,
    }
    return Alert(**own | given)


def mail(to: User, about: Deadline, **given: Any) -> Message:
    message_id = new_id("msg", NOW)
    own = {
        "id": message_id,
        "team_id": about.team_id,
        "case_id": about.case_id,
        "deadline_id": about.id,
        "deadline_version": about.version,
        "step": "0",
        "event": EventType.REMINDER_DUE,
        "event_id": new_id("evt", NOW),
        "channel": ChannelKind.EMAIL,
        "user_id": to.id,
        "dedupe_key": message_id,
        "content": b"Subject: Reminder\r\n\r\n",
        "due_at": NOW,
        "next_attempt_at": NOW,
        "useful_until": NOW + 30 * DAY,
        "created_at": NOW,
    }
    return Message(**own | given)


def webhook(to: Endpoint, about: Deadline, **given: Any) -> Message:
    """An event of the deadline for a tool."""
    own = {"channel": ChannelKind.WEBHOOK, "user_id": None, "endpoint_id": to.id}
    return mail(User(id=""), about, **own | given)


def attempt(at: Message, **given: Any) -> Attempt:
    own = {
        "id": new_id("att", NOW),
        "message_id": at.id,
        "number": 1,
        "worker": "worker-1",
        "opened_at": NOW,
    }
    return Attempt(**own | given)


def trigger_event(of: Case, **given: Any) -> TriggerEvent:
    own = {
        "id": new_id("trg", NOW),
        "team_id": of.team_id,
        "case_id": of.id,
        "kind": "decision.extradition",
        "occurred_on": date(2026, 3, 1),
        "timezone": "Asia/Almaty",
        "created_by": "usr_x",
        "created_at": NOW,
    }
    return TriggerEvent(**own | given)


def policy(of: Team, **given: Any) -> EscalationPolicy:
    own = {
        "id": new_id("pol", NOW),
        "team_id": of.id,
        "name": "Ladder",
        "steps": [{"trigger": "before_due", "seconds": 86400.0, "targets": ["owner"]}],
        "created_at": NOW,
    }
    return EscalationPolicy(**own | given)


def escalation(of: Deadline, **given: Any) -> Escalation:
    own = {
        "id": new_id("esc", NOW),
        "team_id": of.team_id,
        "deadline_id": of.id,
        "version": of.version,
        "steps": [],
        "fired": {},
        "started_at": NOW,
    }
    return Escalation(**own | given)


def response(to: Deadline, by: User, **given: Any) -> Response:
    own = {
        "id": new_id("rsp", NOW),
        "team_id": to.team_id,
        "deadline_id": to.id,
        "version": to.version,
        "kind": ResponseKind.ACKNOWLEDGE,
        "user_id": by.id,
        "method": "api",
        "at": NOW,
    }
    return Response(**own | given)


def endpoint(of: Team, **given: Any) -> Endpoint:
    own = {
        "id": new_id("end", NOW),
        "team_id": of.id,
        "name": "Chat",
        "url": "https://hooks.example.com/in",
        "sealed_secret": b"sealed",
        "events": ["*"],
        "created_at": NOW,
    }
    return Endpoint(**own | given)


def inbound_source(of: Team, **given: Any) -> InboundSource:
    source_id = new_id("inb", NOW)
    own = {
        "id": source_id,
        "team_id": of.id,
        "name": "Form",
        "recipe": Recipe.CUSTOM,
        "makes": Makes.ALERT,
        "mapping": {},
        "key_by": KeyBy.BODY,
        "fingerprint": source_id,
        "created_at": NOW,
    }
    return InboundSource(**own | given)


def feed(of: Team, person: User, **given: Any) -> Feed:
    own = {
        "id": new_id("fed", NOW),
        "team_id": of.id,
        "user_id": person.id,
        "name": "Phone",
        "fingerprint": "0" * 64,
        "salt": "salt",
        "shown_at": NOW,
        "expires_at": NOW + timedelta(days=180),
        "created_at": NOW,
    }
    return Feed(**own | given)


def api_key(of: Team, **given: Any) -> ApiKey:
    key_id = new_id("key", NOW)
    own = {
        "id": key_id,
        "name": "Key",
        "fingerprint": key_id,
        "scope": Scope.READ,
        "team_id": of.id,
        "created_at": NOW,
    }
    return ApiKey(**own | given)


def tolling_period(of: Deadline, **given: Any) -> TollingPeriod:
    own = {
        "id": new_id("tol", NOW),
        "team_id": of.team_id,
        "deadline_id": of.id,
        "from_on": date(2026, 3, 1),
        "reason": "interim measure",
        "entered_by": "usr_x",
        "entered_at": NOW,
    }
    return TollingPeriod(**own | given)


def extension(of: Deadline, **given: Any) -> Extension:
    own = {
        "id": new_id("ext", NOW),
        "team_id": of.team_id,
        "deadline_id": of.id,
        "state": ExtensionState.REQUESTED,
        "requested_on": date(2026, 3, 1),
        "reason": "illness",
        "requested_by": "usr_x",
        "created_at": NOW,
    }
    return Extension(**own | given)


def review(of: Deadline, **given: Any) -> Review:
    own = {
        "id": new_id("rev", NOW),
        "team_id": of.team_id,
        "case_id": of.case_id,
        "deadline_id": of.id,
        "state": ReviewState.WAITING,
        "edition": "rules/zones/calendars",
        "reason": "a new calendar",
        "old_on": date(2026, 6, 10),
        "old_at": NOW,
        "created_at": NOW,
    }
    return Review(**own | given)


def coverage_gap(of: Deadline, **given: Any) -> CoverageGap:
    own = {
        "id": new_id("gap", NOW),
        "team_id": of.team_id,
        "deadline_id": of.id,
        "version": of.version,
        "step": "0",
        "at": NOW,
        "roles": ["owner"],
        "code": GapCode.NOBODY,
        "sentence": "Nobody would be told.",
        "found_at": NOW,
    }
    return CoverageGap(**own | given)


def unreachable(team: Team, user: User) -> Unreachable:
    return Unreachable(team_id=team.id, user_id=user.id, since=NOW)
