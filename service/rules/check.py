"""Checks folders of rules as their authors need it: every fault with file and line."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import Fate, Forum, compute
from service.domain.service_of_process import ServiceEffect
from service.domain.time_limits import TimeLimit, Unit
from service.errors import Refusal
from service.rules.library import (
    BUILT_IN,
    Example,
    Moment,
    Moments,
    Rule,
    RuleLibrary,
    Version,
    load_rules,
    read_yaml,
)

#: Examples are chosen so that no holiday touches them: weekends are all that a check can know.
_WEEKENDS = CourtCalendar("weekends", "check", date.min.year, date.max.year)
_Path = tuple[Any, ...]


class _Filed(NamedTuple):
    file: Path
    rule: Rule

    def fault(self, path: _Path, text: str) -> str:
        return f"{self.file}:{_line(self.file, path)}: {text}"


def check_folder(*folders: Path) -> list[str]:
    """One line a fault, `file:line: what is wrong`; empty where all is in order. The folders are
    judged together, and beside the built-in rules unless they are part of those."""
    faults: list[str] = []
    filed: list[_Filed] = []
    for folder in folders:
        files = sorted(folder.rglob("*.yaml"))
        faults += [] if files else [f"{folder}: no .yaml file here"]
        for file in files:
            rule, found = _read(file)
            faults += found
            filed += [_Filed(file, rule)] if rule else []
    built_in = load_rules().all() if filed else []
    inside = all(folder.resolve().is_relative_to(BUILT_IN) for folder in folders)
    faults += _same_id(filed, [] if inside else built_in)
    faults += _broken_chains(filed, built_in)
    return faults + [one.fault(*wrong) for one in filed for wrong in _wrong(one.rule)]


def load_with_packs(packs: Sequence[Path]) -> RuleLibrary:
    """The built-in rules and those of the packs. Raises ValueError that names the setting and each
    fault: a service that starts without a rule that somebody relies on is worse than none."""
    faults = check_folder(*packs)
    if faults:
        raise ValueError("ADQUEM_RULE_PACKS holds rules that cannot be used:\n" + "\n".join(faults))
    return load_rules(*packs)


def earliest(rule: Rule, example: Example) -> tuple[date, datetime]:
    """The safe date of an example: day and instant of the earliest reading of the version in force.
    Raises Refusal or ValueError where the example cannot be computed."""
    moments = example.moments(rule.counted_from)
    version = rule.version_for(moments)
    effect = rule.service_effect(example.service_method)
    ends = [_end(rule, moment, limit, effect) for moment, limit in _counts(rule, version, moments)]
    due_at, due_on = min(ends)
    return due_on, due_at


def _counts(rule: Rule, version: Version, moments: Moments) -> list[tuple[Moment, TimeLimit]]:
    """The version's own count, and the readings whose date is known."""
    own = moments[rule.counted_from]
    counts = [(own, version.time_limit.time_limit())]
    for reading in version.readings:
        limit = reading.time_limit.time_limit()
        moment = moments.get(reading.counted_from or rule.counted_from)
        if moment and (limit.unit is not Unit.HOURS or isinstance(moment, datetime)):
            counts.append((moment, limit))
    return counts


def _end(
    rule: Rule, moment: Moment, limit: TimeLimit, effect: ServiceEffect | None
) -> tuple[datetime, date]:
    forum = Forum(ZoneInfo(rule.timezone), _WEEKENDS)
    result = compute(moment, limit, forum, rule.citation, served=effect)
    return result.due_at, result.due_on


def _read(file: Path) -> tuple[Rule | None, list[str]]:
    try:
        return Rule.model_validate(read_yaml(file.read_text(encoding="utf-8"))), []
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return None, [f"{file}:{line}: {error.problem}"]
    except ValidationError as error:
        return None, [_spelt_out(file, fault) for fault in error.errors()]


def _spelt_out(file: Path, fault: ErrorDetails) -> str:
    where = ".".join(map(str, fault["loc"]))
    complaint = fault["msg"].removeprefix("Value error, ")
    return f"{file}:{_line(file, fault['loc'])}: {where}: {complaint}"


def _same_id(filed: list[_Filed], built_in: Iterable[Rule]) -> list[str]:
    seen = {rule.id: "the built-in library" for rule in built_in}
    faults = []
    for one in filed:
        if one.rule.id in seen:
            text = f"the id {one.rule.id} stands in {seen[one.rule.id]} already"
            faults.append(one.fault(("id",), text))
        seen.setdefault(one.rule.id, str(one.file))
    return faults


def _broken_chains(filed: list[_Filed], built_in: Iterable[Rule]) -> list[str]:
    """Kinds that start nothing, and ends that start one another in a circle without end."""
    rules = {rule.id: rule for rule in (*built_in, *(one.rule for one in filed))}
    library = RuleLibrary(list(rules.values()))
    faults = [
        one.fault(("starts", fate), f"no rule of this jurisdiction is started by {kind}")
        for one in filed
        for fate, kind in one.rule.starts.items()
        if not library.chained(one.rule, kind)
    ]
    return faults + [
        one.fault(("starts", Fate.DUE), "its own end starts it again, without end")
        for one in filed
        if one.rule.id in _after(one.rule, library)
    ]


def _after(rule: Rule, library: RuleLibrary) -> set[str]:
    """The ids of all rules that are started by themselves once this one's end is known."""
    found: set[str] = set()
    waiting = [rule]
    while waiting:
        kind = waiting.pop().starts.get(Fate.DUE)
        started = library.chained(rule, kind) if kind else []
        waiting += [one for one in started if one.id not in found]
        found |= {one.id for one in started}
    return found


def _wrong(rule: Rule) -> list[tuple[_Path, str]]:
    """Where in the file, and what: examples that do not come out, counts that cannot be made."""
    wrong: list[tuple[_Path, str]] = []
    for number, example in enumerate(rule.examples):
        try:
            due_on, due_at = earliest(rule, example)
        except (Refusal, ValueError) as error:
            wrong.append((("examples", number), str(error)))
            continue
        if due_on != example.due_on:
            wrong.append((("examples", number), f"gives {due_on}, not {example.due_on}"))
        elif example.due_at and example.due_at != due_at:
            wrong.append((("examples", number), f"gives {due_at}, not {example.due_at}"))
    return wrong or list(_uncountable(rule))


def _uncountable(rule: Rule) -> Iterable[tuple[_Path, str]]:
    """Readings and manners of service that no example shows are tried as well: from the first day of
    the first example, at midnight where hours need an instant."""
    first = rule.examples[0].moments(rule.counted_from)[rule.counted_from]
    midnight = time(tzinfo=ZoneInfo(rule.timezone))
    moment = first if isinstance(first, datetime) else datetime.combine(first, midnight)
    tried: list[tuple[_Path, TimeLimit, ServiceEffect | None]] = []
    for number, version in enumerate(rule.versions):
        limit, path = version.time_limit.time_limit(), ("versions", number, "readings")
        tried += [(("service", how), limit, shape.effect) for how, shape in rule.service.items()]
        for which, reading in enumerate(version.readings):
            tried.append(((*path, which), reading.time_limit.time_limit(), None))
    for where, limit, effect in tried:
        try:
            _end(rule, moment, limit, effect)
        except Refusal as error:
            yield where, str(error)


def _line(file: Path, path: _Path) -> int:
    """The line of the deepest part of `path` that the file has."""
    node = yaml.compose(file.read_text(encoding="utf-8"))
    line = 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            pair = next((p for p in node.value if p[0].value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line
