"""Shapes of teams."""

from datetime import datetime

from service.schemas.fields import Answer, Line, Shape


class TeamIn(Shape):
    name: Line


class TeamOut(Answer):
    id: str
    name: str
    revision: int
    created_at: datetime
