"""Loads the rules and picks the version that was in force.

A rule is data with its source and its status; nothing here counts time.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

import yaml
from pydantic import Field, model_validator

from service.domain.deadlines import DeadlineKind, DutyHolder, Fate, Force, local_date
from service.domain.service_of_process import ServiceEffect, ServiceMethod, needs_calendar
from service.domain.time_limits import Direction
from service.errors import Code, Refusal
from service.rules.counting import Counting, Part
from service.rules.territory import StateLeft

BUILT_IN = Path(__file__).parent
#: The kind of a trigger event.
Kind = Annotated[str, Field(pattern=r"^[a-z][a-z0-9.-]{1,60}$")]


class Status(StrEnum):
    """How far a figure can be relied on, the weakest last. Whatever is not `verified` says "confirm
    before relying". A rule has the status of the weakest part that decides its date."""

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
    """Which of a trigger event's dates: when it happened, when its paper was served, when a court
    ruled on it."""

    OCCURRENCE = "occurrence"
    SERVICE = "service"
    RULING = "ruling"

    @property
    def field(self) -> str:
        """The field of a trigger event that holds it."""
        return {"occurrence": "occurred_on", "service": "served_on", "ruling": "ruled_on"}[self]


Moment = date | datetime
#: What a trigger event says of itself; a moment that is not known is left out.
Moments = Mapping[CountedFrom, Moment]


class Source(Part):
    """`read_on`: when the text was read, None where it was not."""

    type: SourceType
    citation: str
    url: str | None = None
    read_on: date | None = None


class Reading(Part):
    """Another arguable way to count, and the argument for it. Left out where its date is not known."""

    reason: str
    time_limit: Counting
    counted_from: CountedFrom | None = None


class Version(Part):
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


class ServiceEffectShape(Part):
    """What a manner of service does to the limit, see `ServiceEffect`. `status` and `note` are its own:
    the text on service is seldom the text that sets the limit."""

    deemed: Counting | None = None
    added: Counting | None = None
    added_after_roll: bool = False
    status: Status
    note: str | None = None

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.deemed is None and self.added is None:
            raise ValueError("give deemed or added")
        if self.added_after_roll and self.added is None:
            raise ValueError("added_after_roll needs added")
        if any(one and one.direction is Direction.BEFORE for one in (self.deemed, self.added)):
            raise ValueError("service never makes a time limit begin or end earlier")
        return self

    @cached_property
    def effect(self) -> ServiceEffect:
        return ServiceEffect(
            deemed=self.deemed.time_limit() if self.deemed else None,
            added=self.added.time_limit() if self.added else None,
            added_after_roll=self.added_after_roll,
        )


class Example(Part):
    """Runs as a test. `trigger`: a date, or an instant with offset, on which it happened; where neither
    `served_on` nor `ruled_on` is given, it stands for the date that the rule runs from as well.
    `due_on`, `due_at`: what it must give, the earliest of all readings."""

    trigger: str
    served_on: date | None = None
    ruled_on: date | None = None
    service_method: ServiceMethod | None = None
    due_on: date
    due_at: datetime | None = None

    def moments(self, counted_from: CountedFrom) -> dict[CountedFrom, Moment]:
        """Raises ValueError where the trigger is neither a date nor an instant."""
        text = self.trigger
        moment = datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
        if isinstance(moment, datetime) and moment.tzinfo is None:
            raise ValueError("an instant needs its offset")
        known: dict[CountedFrom, Moment] = {counted_from: moment, CountedFrom.OCCURRENCE: moment}
        if self.served_on:
            known[CountedFrom.SERVICE] = self.served_on
        if self.ruled_on:
            known[CountedFrom.RULING] = self.ruled_on
        return known


class Rule(Part):
    """One sourced time limit. `trigger`: the kind of trigger event that starts it.

    `applies_by`: which of the event's dates picks the version, which may be another one than the
    date that the limit runs from. `starts`: which kind of trigger event the fate of a deadline under
    this rule sets going; such a chain stays in the jurisdiction and ignores the forum, since an
    asylum authority's silence starts a clock of administrative procedure. `service`: what a manner
    of service does to the limit.
    """

    id: Annotated[str, Field(pattern=r"^[a-z]+(\.[a-z0-9-]+)+$")]
    title: dict[str, str]
    forum: str
    timezone: str
    calendar: str | None = None
    kind: DeadlineKind
    force: Force
    duty_holder: DutyHolder
    trigger: Kind
    counted_from: CountedFrom = CountedFrom.OCCURRENCE
    applies_by: CountedFrom = CountedFrom.OCCURRENCE
    starts: dict[Fate, Kind] = Field(default_factory=dict)
    states_left: tuple[StateLeft, ...] = ()
    service: dict[ServiceMethod, ServiceEffectShape] = Field(default_factory=dict)
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

    def version_for(self, moments: Moments) -> Version:
        """The version for an event of which these dates are known: the law of the day that
        `applies_by` names, in the rule's zone. A final decision given on 20 January 2022 and notified
        on 10 February keeps the six months of the day on which it was given, though they run from
        the notification. Raises Refusal `missing_field` where that day is not known."""
        moment = moments.get(self.applies_by)
        if moment is None:
            field = self.applies_by.field
            text = f"Rule {self.id} applies by {self.applies_by}: give {field}."
            raise Refusal(Code.MISSING_FIELD, text, field)
        return self.version_on(local_date(moment, ZoneInfo(self.timezone)))

    def check_applies(
        self, respondent_state: str | None, facts_on: date | None, occurred_on: date
    ) -> None:
        """Raises Refusal `rule_not_applicable`, with the reason, for a State that the rule does not
        reach. `occurred_on`: the day of the decision, which counts where that of the facts is not
        known."""
        for left in self.states_left:
            if left.state == respondent_state:
                left.check(self.id, facts_on, occurred_on)

    def service_effect(self, method: ServiceMethod | None) -> ServiceEffect | None:
        """What serving the paper in this way does to the limit; None where the rule says nothing."""
        shape = self.service.get(method) if method else None
        return shape.effect if shape else None

    def status_with(self, method: ServiceMethod | None) -> Status:
        """The rule's status, or that of what it says of this manner of service where that is weaker."""
        shape = self.service.get(method) if method else None
        ranks = list(Status)
        return max(self.status, shape.status, key=ranks.index) if shape else self.status

    @cached_property
    def needs_calendar(self) -> bool:
        """Whether court days decide any date of this rule."""
        counts = [
            one
            for version in self.versions
            for one in (version.time_limit, *(reading.time_limit for reading in version.readings))
        ]
        counting = any(one.time_limit().needs_calendar for one in counts)
        serving = any(needs_calendar(shape.effect) for shape in self.service.values())
        return self.calendar is not None or counting or serving

    @property
    def citation(self) -> str:
        return self.sources[0].citation


class RuleLibrary:
    """All rules by id, in the order of their ids."""

    def __init__(self, rules: list[Rule]) -> None:
        self._rules = {rule.id: rule for rule in sorted(rules, key=lambda rule: rule.id)}
        if len(self._rules) != len(rules):
            raise ValueError("two rules have the same id")

    @cached_property
    def digest(self) -> str:
        """Sixteen hex digits that change when any rule does: the law is another than it was."""
        rules = [rule.model_dump(mode="json") for rule in self.all()]
        text = json.dumps(rules, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def get(self, rule_id: str, field: str = "rule") -> Rule:
        """Raises Refusal `unknown_rule`."""
        try:
            return self._rules[rule_id]
        except KeyError:
            raise Refusal(Code.UNKNOWN_RULE, "There is no such rule.", field) from None

    def find(self, rule_id: str | None) -> Rule | None:
        """None for no rule, and for one that the library no longer holds."""
        return self._rules.get(rule_id) if rule_id else None

    def chained(self, rule: Rule, trigger: str) -> list[Rule]:
        """The rules that an event out of this rule's own deadlines sets going: those of the same
        jurisdiction (the first part of the id), in any forum of it."""
        jurisdiction = rule.id.partition(".")[0]
        started = self.started_by(trigger, None)
        return [one for one in started if one.id.partition(".")[0] == jurisdiction]

    def all(self) -> list[Rule]:
        return list(self._rules.values())

    def started_by(self, trigger: str, forum: str | None) -> list[Rule]:
        """The rules that a trigger event of this kind sets going in this forum; None, for the chains
        of `Rule.starts`, in any."""
        return [
            rule
            for rule in self._rules.values()
            if rule.trigger == trigger and (forum is None or rule.forum == forum)
        ]


def load_rules(*packs: Path) -> RuleLibrary:
    """Every `*.yaml` of the built-in library and of the packs beside it. Raises ValueError that names
    the file on a faulty one, and where an id stands twice."""
    return RuleLibrary([*_built_in(), *(rule for pack in packs for rule in _rules_in(pack))])


@cache
def _built_in() -> tuple[Rule, ...]:
    """Read once in a process: rules never change while it lives."""
    return tuple(_rules_in(BUILT_IN))


def _rules_in(folder: Path) -> Iterator[Rule]:
    for file in sorted(folder.rglob("*.yaml")):
        try:
            yield Rule.model_validate(read_yaml(file.read_text(encoding="utf-8")))
        except (ValueError, yaml.YAMLError) as error:
            raise ValueError(f"{file}: {error}") from error


def read_yaml(text: str) -> Any:
    """By libyaml where it is built in: ten times as fast, and every process reads all rules at start."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()
