"""Checks a folder of rules as their authors need it: every fault with file and line."""

from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import ValidationError

from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import Forum, compute, local_date
from service.errors import Refusal
from service.rules.library import Rule

#: Examples are chosen so that no holiday touches them: weekends are all that a check can know.
_WEEKENDS = CourtCalendar("weekends", "check", date.min.year, date.max.year)


def check_folder(folder: Path) -> list[str]:
    """One line a fault, `file:line: what is wrong`; empty where all is in order."""
    faults: list[str] = []
    seen: dict[str, Path] = {}
    files = sorted(folder.rglob("*.yaml"))
    if not files:
        return [f"{folder}: no .yaml file here"]
    for file in files:
        rule, found = _check_file(file)
        faults += found
        if rule is None:
            continue
        if rule.id in seen:
            faults.append(f"{file}:1: the id {rule.id} stands in {seen[rule.id]} already")
        seen[rule.id] = file
        faults += [f"{file}:{_line(file, ('examples', n))}: {text}" for n, text in _wrong(rule)]
    return faults


def _check_file(file: Path) -> tuple[Rule | None, list[str]]:
    try:
        return Rule.model_validate(yaml.safe_load(file.read_text(encoding="utf-8"))), []
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return None, [f"{file}:{line}: {error.problem}"]
    except ValidationError as error:
        return None, [
            f"{file}:{_line(file, fault['loc'])}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}"
            for fault in error.errors()
        ]


def _wrong(rule: Rule) -> list[tuple[int, str]]:
    """Number and complaint of each example that does not come out."""
    zone, wrong = ZoneInfo(rule.timezone), []
    for number, example in enumerate(rule.examples):
        try:
            moment = _moment(example.trigger)
            limit = rule.version_on(local_date(moment, zone)).time_limit.time_limit()
            result = compute(moment, limit, Forum(zone, _WEEKENDS), rule.citation)
        except (Refusal, ValueError) as error:
            wrong.append((number, str(error)))
            continue
        if result.due_on != example.due_on:
            wrong.append((number, f"gives {result.due_on}, not {example.due_on}"))
    return wrong


def _moment(text: str) -> date | datetime:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def _line(file: Path, path: tuple[Any, ...]) -> int:
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
