"""Shapes of API keys; the secret is shown once, in the answer that makes the key."""

from datetime import datetime

from service.domain.access import Scope
from service.schemas.fields import Answer, Id, Line, Shape


class ApiKeyIn(Shape):
    """`team_id` None: the caller's own team, or every team for the operator's key."""

    name: Line
    scope: Scope
    team_id: Id | None = None
    user_id: Id | None = None


class ApiKeyOut(Answer):
    id: str
    name: str
    scope: Scope
    team_id: str | None
    user_id: str | None
    revoked_at: datetime | None
    created_at: datetime


class ApiKeyMade(ApiKeyOut):
    key: str
