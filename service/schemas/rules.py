"""Shapes of the rule library."""

from typing import Any

from service.schemas.fields import Answer


class RuleOut(Answer):
    """A rule as the library holds it: sources with their type, status, versions by date in force,
    worked examples. `applies_by`: which of the event's dates picks the version. `starts`: fate of a
    deadline to the kind of trigger event that it sets going. `states_left`: States that the rule
    does not reach. `service`: manner of service to what it adds. `warning` where the figure is not
    verified law."""

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
    applies_by: str
    starts: dict[str, str]
    states_left: list[dict[str, Any]]
    service: dict[str, dict[str, Any]]
    status: str
    warning: str | None
    sources: list[dict[str, Any]]
    versions: list[dict[str, Any]]
    examples: list[dict[str, Any]]
