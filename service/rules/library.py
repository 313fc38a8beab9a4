"""Loads the rules and picks the version that was in force.

A rule is data with its source and its status; nothing here counts time.
"""

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field

from service.domain.deadlines import DeadlineKind, DutyHolder, Force
from service.domain.time_limits import (
    Direction,
    FirstDay,
    HoursBy,
    MonthEnd,
    Roll,
    TimeLimit,
    Unit,
)
from service.errors import Code, Refusal

_HERE = Path(__file__).parent


class Status(StrEnum):
    """How far a figure can be relied on. Whatever is not `verified` says "confirm before relying"."""

    VERIFIED = "verified"
    SECONDARY = "secondary"
    UNVERIFIED = "unverified"
    DISPUTED = "disputed"


class SourceType(StrEnum):
    LAW = "law"
    TREATY = "treaty"
    CASE_LAW = "case_law"
    AGENCY = "agency"
    PRACTICE = "practice"


class CountedFrom(StrEnum):
    """Which of a trigger event's dates the limit runs from: when it happened, when its paper was
    served, when a court ruled on it."""

    OCCURRENCE = "occurrence"
    SERVICE = "service"
    RULING = "ruling"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Part):
    """`read_on`: when the text was read, None where it was not."""

    type: SourceType
    citation: str
    url: str | None = None
    read_on: date | None = None


class Counting(_Part):
    amount: Annotated[int, Field(ge=0, le=10_000)]
    unit: Unit
    direction: Direction = Direction.AFTER
    first_day: FirstDay = FirstDay.EXCLUDED
    clear_days: bool = False
    skip_non_court_days_under: int | None = None
    month_end: MonthEnd = MonthEnd.CLIP
    roll: Roll = Roll.NONE
    cutoff: str = "24:00"
    hours_by: HoursBy = HoursBy.ELAPSED
    then: "Counting | None" = None

    def time_limit(self) -> TimeLimit:
        """Raises Refusal where the fields contradict each other."""
        plain = self.model_dump(exclude={"then"})
        return TimeLimit(**plain, then=self.then.time_limit() if self.then else None)


class Reading(_Part):
    """Another arguable way to count, and the argument for it. Left out where its date is not known."""

    reason: str
    time_limit: Counting
    counted_from: CountedFrom | None = None


class Version(_Part):
    """In force from the first date up to, not including, the second. `reason` argues for the
    version's own count where `readings` hold others; reminders go by the earliest of all."""

    in_force_from: date | None = None
    in_force_until: date | None = None
    time_limit: Counting
    reason: str | None = None
    readings: tuple[Reading, ...] = ()
    note: str | None = None

    def in_force(self, on: date) -> bool:
        begun = self.in_force_from is None or self.in_force_from <= on
        return begun and (self.in_force_until is None or on < self.in_force_until)


class Example(_Part):
    """Runs as a test. `trigger` is a date or an instant with offset; `due_on` what it must give."""

    trigger: str
    due_on: date
    due_at: str | None = None


class Rule(_Part):
    """One sourced time limit. `trigger`: the kind of trigger event that starts it."""

    id: Annotated[str, Field(pattern=r"^[a-z]+(\.[a-z0-9-]+)+$")]
    title: dict[str, str]
    forum: str
    timezone: str
    calendar: str | None = None
    kind: DeadlineKind
    force: Force
    duty_holder: DutyHolder
    trigger: str
    counted_from: CountedFrom = CountedFrom.OCCURRENCE
    status: Status
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    versions: Annotated[tuple[Version, ...], Field(min_length=1)]
    examples: Annotated[tuple[Example, ...], Field(min_length=1)]

    def version_on(self, on: date) -> Version:
        """Raises Refusal `rule_not_in_force` where no version applies on that day."""
        for version in self.versions:
            if version.in_force(on):
                return version
        raise Refusal(Code.RULE_NOT_IN_FORCE, f"Rule {self.id} was not in force on {on}.", "rule")

    @property
    def citation(self) -> str:
        return self.sources[0].citation


class RuleLibrary:
    """All rules by id, in the order of their ids."""

    def __init__(self, rules: list[Rule]) -> None:
        self._rules = {rule.id: rule for rule in sorted(rules, key=lambda rule: rule.id)}
        if len(self._rules) != len(rules):
            raise ValueError("two rules have the same id")

    def get(self, rule_id: str, field: str = "rule") -> Rule:
        """Raises Refusal `unknown_rule`."""
        try:
            return self._rules[rule_id]
        except KeyError:
            raise Refusal(Code.UNKNOWN_RULE, "There is no such rule.", field) from None

    def all(self) -> list[Rule]:
        return list(self._rules.values())

    def started_by(self, trigger: str, forum: str | None) -> list[Rule]:
        """The rules that a trigger event of this kind sets going in this forum."""
        return [
            rule
            for rule in self._rules.values()
            if rule.trigger == trigger and (forum is None or rule.forum == forum)
        ]


def load_rules(folder: Path = _HERE) -> RuleLibrary:
    """Every `*.yaml` under the folder; raises ValueError that names the file on a faulty one."""
    rules = []
    for file in sorted(folder.rglob("*.yaml")):
        try:
            rules.append(Rule.model_validate(yaml.safe_load(file.read_text(encoding="utf-8"))))
        except (ValueError, yaml.YAMLError) as error:
            raise ValueError(f"{file}: {error}") from error
    return RuleLibrary(rules)
