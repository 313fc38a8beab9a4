"""`adquem compute` and `adquem rules`: the calculator and the library on the command line, without
a database. How a derivation is laid out stands in `derivations.py`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from service.clock import system_clock
from service.commands.derivations import answer_lines, wrapped
from service.domain.service_of_process import ServiceMethod
from service.domain.time_limits import Direction, FirstDay, HoursBy, MonthEnd, Roll, Unit
from service.errors import Refusal
from service.flows.calendars import library_calendar
from service.flows.computing import computed
from service.rules.check import check_folder, load_with_packs
from service.rules.counting import Part
from service.rules.library import Rule, RuleLibrary, Status
from service.schemas.computations import ComputationIn
from service.settings import Settings


def compute(
    trigger: Annotated[str, typer.Argument(help="A date, or an instant with offset.")],
    amount: Annotated[int | None, typer.Argument(help="How many.")] = None,
    unit: Annotated[Unit | None, typer.Argument(help="Of what.")] = None,
    rule: Annotated[str | None, typer.Option(help="A rule instead of amount and unit.")] = None,
    timezone: Annotated[str | None, typer.Option(help="The forum's zone.")] = None,
    calendar: Annotated[str | None, typer.Option(help="Court calendar, such as KZ.")] = None,
    direction: Annotated[Direction, typer.Option(help="Count on or back.")] = Direction.AFTER,
    first_day: Annotated[FirstDay, typer.Option(help="Count the first?")] = FirstDay.EXCLUDED,
    clear_days: Annotated[bool, typer.Option(help="Leave out both ends.")] = False,
    month_end: Annotated[MonthEnd, typer.Option(help="What a month is.")] = MonthEnd.CLIP,
    roll: Annotated[Roll, typer.Option(help="Where a last day off goes.")] = Roll.NONE,
    cutoff: Annotated[str, typer.Option(help="Hour at which the day ends.")] = "24:00",
    hours_by: Annotated[HoursBy, typer.Option(help="How hours run.")] = HoursBy.ELAPSED,
    applies_on: Annotated[str | None, typer.Option(help="Rule: day whose law applies.")] = None,
    respondent_state: Annotated[str | None, typer.Option(help="Rule: against whom.")] = None,
    facts_on: Annotated[str | None, typer.Option(help="Rule: day of the facts.")] = None,
    service_method: Annotated[ServiceMethod | None, typer.Option(help="Rule: served how?")] = None,
) -> None:
    """When does it end, and why? Prints the date and how it came about."""
    body: dict[str, Any] = {"trigger": trigger, "timezone": timezone, "calendar": calendar}
    body |= {"rule": rule, "applies_on": applies_on, "service_method": service_method}
    body |= {"respondent_state": respondent_state, "facts_on": facts_on}
    limit = {
        "amount": amount,
        "unit": unit,
        "direction": direction,
        "first_day": first_day,
        "clear_days": clear_days,
        "month_end": month_end,
        "roll": roll,
        "cutoff": cutoff,
        "hours_by": hours_by,
    }
    _answer(body if rule else body | {"timezone": timezone or "UTC", "time_limit": limit})


def _answer(body: dict[str, Any]) -> None:
    """Prints the answer; a refusal ends the command with its sentence."""
    now = system_clock()
    try:
        asked = ComputationIn.model_validate(body)
        rule = _library().get(asked.rule) if asked.rule else None
        code = body["calendar"] or (rule.calendar if rule else None)
        calendar = library_calendar(code, now) if code else None
        answer = computed(asked, rule, calendar, now)
    except ValidationError as error:
        for fault in error.errors():
            typer.echo(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}", err=True)
        raise typer.Exit(1) from None
    except Refusal as refusal:
        typer.echo(f"{refusal.code}: {refusal.detail}", err=True)
        raise typer.Exit(1) from None
    for line in answer_lines(answer, calendar):
        typer.echo(line)


def _library() -> RuleLibrary:
    """The built-in rules and those of ADQUEM_RULE_PACKS."""
    return load_with_packs(Settings().rule_packs)


def list_rules() -> None:
    """Every rule with its status and title."""
    library = _library()
    for rule in library.all():
        typer.echo(f"{rule.id:44} {rule.status:10} {rule.title['en']}")
    typer.echo(f"{len(library.all())} rules, edition {library.digest}")


def show_rule(rule_id: Annotated[str, typer.Argument(help="Its id.")]) -> None:
    """One rule whole: sources, versions, examples."""
    try:
        rule = _library().get(rule_id)
    except Refusal as refusal:
        typer.echo(f"{refusal.code}: {refusal.detail}", err=True)
        raise typer.Exit(1) from None
    for language, title in rule.title.items():
        typer.echo(f"{language}: {title}")
    for line in (*_facts(rule), *_versions(rule), *_examples(rule)):
        typer.echo(line)


def _facts(rule: Rule) -> Iterator[str]:
    yield f"{rule.kind}, {rule.force}, duty of the {rule.duty_holder}, forum {rule.forum}"
    yield f"starts from {rule.trigger} ({rule.counted_from}), law of the day of {rule.applies_by}"
    for fate, kind in rule.starts.items():
        yield f"  its {fate} starts {kind}"
    for left in rule.states_left:
        yield from wrapped(left.reason, f"  not against {left.state}: ")
    for method, effect in rule.service.items():
        yield f"  served by {method}: {_written(effect)}"
    if rule.status is not Status.VERIFIED:
        yield f"{rule.status.upper()}: confirm before relying on this."
    for source in rule.sources:
        yield from wrapped(source.citation, f"  {source.type}: ")
        if source.url:
            yield f"    {source.url}"


def _versions(rule: Rule) -> Iterator[str]:
    for version in rule.versions:
        span = f"{version.in_force_from or 'ever'} to {version.in_force_until or 'now'}"
        yield f"  in force {span}: {_written(version.time_limit)}"
        for reading in version.readings:
            yield from wrapped(f"{reading.reason} {_written(reading.time_limit)}", "    or: ")
        if version.note:
            yield from wrapped(version.note, "    ")


def _examples(rule: Rule) -> Iterator[str]:
    for example in rule.examples:
        given = example.model_dump(mode="json", exclude_none=True, exclude={"due_on", "due_at"})
        yield f"  {', '.join(given.values())} gives {example.due_on}"


def _written(part: Part) -> str:
    """The part as its file has it, without what goes without saying."""
    return str(part.model_dump(mode="json", exclude_defaults=True))


def check_rules(folder: Annotated[Path, typer.Argument(help="A folder of YAML rules.")]) -> None:
    """Check a rule pack: shape, sources, examples; each fault with its file and line."""
    faults = check_folder(folder)
    for fault in faults:
        typer.echo(fault)
    typer.echo(f"{len(faults)} faults" if faults else "all in order")
    raise typer.Exit(1 if faults else 0)
