"""Shapes of cases and of their journal."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from service.domain.access import Level
from service.domain.escalation import Role
from service.schemas.fields import Answer, CaseCode, ExternalId, Id, Line, Shape, ZoneName

CalendarCode = Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,8})?$")]


StateCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class RoleIn(Shape):
    role: Role
    user_id: Id


Roles = Annotated[list[RoleIn], Field(max_length=50)]


class CaseIn(Shape):
    """`calendar`: code of the court calendar, such as KZ. `ceiling`: the most that any channel
    shows. `mail_level`: how much mails show (1 code and kind, 2 title and basis).
    `respondent_state`: the State against which it is brought (ISO 3166), where there is one."""

    code: CaseCode
    timezone: ZoneName
    team_id: Id | None = None
    external_id: ExternalId | None = None
    forum: Line | None = None
    calendar: CalendarCode | None = None
    ceiling: Level = Level.BASIS
    mail_level: Annotated[Level, Field(le=Level.BASIS)] = Level.CODE
    respondent_state: StateCode | None = None
    escalation_policy_id: Id | None = None
    roles: Roles = Field(default_factory=list)


class CasePatch(Shape):
    forum: Line | None = None
    calendar: CalendarCode | None = None
    ceiling: Level | None = None
    mail_level: Annotated[Level, Field(le=Level.BASIS)] | None = None
    respondent_state: StateCode | None = None
    escalation_policy_id: Id | None = None
    roles: Roles | None = None


class RoleOut(Answer):
    role: Role
    user_id: str


class CaseOut(Answer):
    id: str
    team_id: str
    code: str
    external_id: str | None
    forum: str | None
    timezone: str
    calendar: str | None
    ceiling: int
    mail_level: int
    respondent_state: str | None
    escalation_policy_id: str | None
    roles: list[RoleOut]
    revision: int
    created_at: datetime


class JournalEntryOut(Answer):
    """`hash` covers everything else and the hash before it."""

    id: str
    number: int
    at: datetime
    actor: str
    action: str
    subject_id: str
    data: dict[str, Any]
    previous_hash: str
    hash: str
