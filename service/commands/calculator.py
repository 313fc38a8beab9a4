"""`adquem compute` and `adquem rules`: the calculator and the library on the command line, without
a database; the derivation is printed as a table that a lawyer can follow with a finger."""

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from service.clock import system_clock
from service.domain.time_limits import Direction, FirstDay, HoursBy, MonthEnd, Roll, Unit
from service.flows.calendars import library_calendar
from service.flows.computing import computed
from service.rules.check import check_folder
from service.rules.library import Rule, Status, load_rules
from service.schemas.computations import ComputationIn, ComputationOut


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
) -> None:
    """When does it end, and why? Prints the date and how it came about."""
    body: dict[str, Any] = {"trigger": trigger, "timezone": timezone, "rule": rule}
    if rule is None:
        body["time_limit"] = {
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
        body["timezone"] = timezone or "UTC"
    _answer(body | {"calendar": calendar}, rule, calendar)


def _answer(body: dict[str, Any], rule: str | None, calendar: str | None) -> None:
    try:
        asked = ComputationIn.model_validate(body)
    except ValidationError as error:
        for fault in error.errors():
            typer.echo(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}", err=True)
        raise typer.Exit(1) from None
    now = system_clock()
    known = load_rules().get(rule) if rule else None
    code = calendar or (known.calendar if known else None)
    found = library_calendar(code, now) if code else None
    _print_answer(computed(asked, known, found, now))


def _print_answer(answer: ComputationOut) -> None:
    typer.echo(f"Due {answer.due_on} ({answer.due_at:%Y-%m-%d %H:%M} UTC, {answer.timezone})")
    if answer.act_by_on:
        typer.echo(f"Act by {answer.act_by_on}, the last court day not after it")
    for reading in answer.readings if len(answer.readings) > 1 else ():
        typer.echo(f"  reading: {reading.due_on} ({reading.due_at:%H:%M} UTC)  {reading.reason}")
    typer.echo("")
    for step in answer.derivation:
        where = step.on.isoformat() if step.on else f"{step.at:%Y-%m-%d}"
        typer.echo(f"{where}  {step.text}" + (f"  [{step.source}]" if step.source else ""))
        if step.skipped:
            typer.echo(f"            not counted: {', '.join(map(str, step.skipped))}")
    for source in answer.sources:
        typer.echo(f"Source ({source['type']}): {source['citation']}")
    typer.echo(f"Calendar {answer.calendar_version or 'none'}, tzdata {answer.zone_data_version}")
    for warning in answer.warnings:
        typer.echo(f"Mind: {warning}")


def list_rules() -> None:
    """Every rule with its status and first source."""
    for rule in load_rules().all():
        typer.echo(f"{rule.id:44} {rule.status:10} {rule.title['en']}")


def show_rule(rule_id: Annotated[str, typer.Argument(help="Its id.")]) -> None:
    """One rule whole: sources, versions, examples."""
    rule = load_rules().get(rule_id)
    for language, title in rule.title.items():
        typer.echo(f"{language}: {title}")
    _print_rule(rule)


def _print_rule(rule: Rule) -> None:
    typer.echo(f"{rule.kind}, {rule.force}, duty of the {rule.duty_holder}, forum {rule.forum}")
    typer.echo(f"starts from {rule.trigger} ({rule.counted_from})")
    if rule.status is not Status.VERIFIED:
        typer.echo(f"{rule.status.upper()}: confirm before relying on this.")
    for source in rule.sources:
        typer.echo(
            f"  {source.type}: {source.citation}" + (f"\n    {source.url}" * bool(source.url))
        )
    for version in rule.versions:
        span = f"{version.in_force_from or 'ever'} to {version.in_force_until or 'now'}"
        limit = version.time_limit.model_dump(mode="json", exclude_defaults=True)
        typer.echo(f"  in force {span}: {limit}")
        if version.note:
            typer.echo(f"    {version.note}")
    for example in rule.examples:
        typer.echo(f"  {example.trigger} gives {example.due_on}")


def check_rules(folder: Annotated[Path, typer.Argument(help="A folder of YAML rules.")]) -> None:
    """Check a rule pack: shape, sources, examples; each fault with its file and line."""
    faults = check_folder(folder)
    for fault in faults:
        typer.echo(fault)
    typer.echo(f"{len(faults)} faults" if faults else "all in order")
    raise typer.Exit(1 if faults else 0)
