"""Shapes of the rule library."""

from typing import Any

from service.schemas.fields import Answer


class RuleOut(Answer):
    """A rule as the library holds it: sources with their type, status, versions by date in force,
    worked examples. `warning` where the figure is not verified law."""

    id: str
    title: dict[str, str]
    forum: str
    timezone: str
    calendar: str | None
    kind: str
    force: str
    duty_holder: str
    trigger: str
    counted_from: str
    status: str
    warning: str | None
    sources: list[dict[str, Any]]
    versions: list[dict[str, Any]]
    examples: list[dict[str, Any]]
