"""Lays out a computation for the command line: a table that a lawyer can follow with a finger, in a
hundred columns. Computes nothing and prints nothing."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import zip_longest
from zoneinfo import ZoneInfo

from service.domain.court_calendars import CourtCalendar, DayOff
from service.domain.derivations import StepKey
from service.flows.computing import unconfirmed
from service.rules.library import Status
from service.schemas.computations import ComputationOut, DerivationStepOut

_WIDTH = 100
#: Of the table: when, what happened, what it rests on.
_COLUMNS = (16, 46, 34)


def answer_lines(answer: ComputationOut, calendar: CourtCalendar | None) -> Iterator[str]:
    """The date first, then how it came about, what else can be argued, and what it rests on."""
    yield f"Due {answer.due_on} ({answer.due_at:%Y-%m-%d %H:%M} UTC, {answer.timezone})"
    if answer.act_by_on:
        yield f"Act by {answer.act_by_on}, the last court day not after it"
    if answer.rule_status:
        status = Status(answer.rule_status)
        yield unconfirmed(status) or f"This rule is {status}."
    yield ""
    yield from _table(answer, calendar)
    yield ""
    yield from _readings(answer)
    for source in answer.sources:
        yield from wrapped(f"{source['type']}: {source['citation']}", "Source  ")
        if source.get("url"):
            yield f"        {source['url']}"
    yield f"Calendar {answer.calendar_version or 'none'}, zone data {answer.zone_data_version}"
    for warning in answer.warnings:
        if not answer.rule_status or warning != unconfirmed(Status(answer.rule_status)):
            yield from wrapped(warning, "Mind    ")


def wrapped(text: str, mark: str) -> list[str]:
    """`text` behind its mark, further lines under the first."""
    return textwrap.wrap(
        text, _WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark), break_long_words=False
    )


def why_not_counted(days: Iterable[date], calendar: CourtCalendar | None) -> list[str]:
    """The days that did not count, by reason: weekends as a number, holidays with date and name."""
    weekend, closed, still = list[date](), list[date](), list[date]()
    reasons = []
    for day in days:
        match _day_off(day, calendar):
            case DayOff.WEEKEND:
                weekend.append(day)
            case DayOff.CLOSURE:
                closed.append(day)
            case DayOff.HOLIDAY if calendar:
                reasons.append(f"{day} {calendar.days_off[day]}")
            case _:
                still.append(day)
    if weekend:
        reasons.insert(0, _number(weekend, "weekend day"))
    if closed:
        reasons.append(f"{_number(closed, 'day')} of court recess ({min(closed)} to {max(closed)})")
    if still:
        days_still = f"{_number(still, 'day')} on which the clock stood still"
        reasons.append(f"{days_still} ({min(still)} to {max(still)})")
    return reasons


def _day_off(day: date, calendar: CourtCalendar | None) -> DayOff | None:
    """None for a court day, which can only have been passed over because the clock stood still."""
    if calendar is None or not calendar.first_year <= day.year <= calendar.last_year:
        return None
    return calendar.day_off(day)


def _number(days: Sequence[date], noun: str) -> str:
    return f"{len(days)} {noun}" + "s" * (len(days) != 1)


def _table(answer: ComputationOut, calendar: CourtCalendar | None) -> Iterator[str]:
    zone = ZoneInfo(answer.timezone)
    yield from _row("Date", ["What happened"], "Rests on")
    yield from _row("-" * _COLUMNS[0], ["-" * _COLUMNS[1]], "-" * _COLUMNS[2])
    above: str | None = None
    for step in answer.derivation:
        source = step.source or ""
        if source and source == above:
            source = "(the same)"
        happened = [step.text]
        if step.skipped:
            because = "because of" if step.key == StepKey.ROLLED else "not counted:"
            reasons = ", ".join(why_not_counted(step.skipped, calendar))
            happened.append(f"{because} {reasons}")
        yield from _row(_when(step, zone), happened, source)
        above = step.source or above


def _row(when: str, happened: Sequence[str], source: str) -> Iterator[str]:
    """One row of the table; a cell that is too long goes on below itself."""
    cells = ([when], happened, [source])
    columns = [
        [part for text in texts for part in textwrap.wrap(text, width)]
        for texts, width in zip(cells, _COLUMNS, strict=True)
    ]
    for parts in zip_longest(*columns, fillvalue=""):
        padded = (f"{part:{width}}" for part, width in zip(parts, _COLUMNS, strict=True))
        yield "  ".join(padded).rstrip()


def _when(step: DerivationStepOut, zone: ZoneInfo) -> str:
    if step.at is None:
        return str(step.on or "")
    return _end(step.on, step.at, zone)


def _end(on: date | None, at: datetime, zone: ZoneInfo) -> str:
    """Day and hour in the forum; the end of a whole day is its 24:00, not the next day's midnight."""
    local = at.astimezone(zone)
    if on and local.date() == on + timedelta(days=1) and f"{local:%H:%M}" == "00:00":
        return f"{on} 24:00"
    return f"{local:%Y-%m-%d %H:%M}"


def _readings(answer: ComputationOut) -> Iterator[str]:
    if len(answer.readings) < 2:
        return
    zone = ZoneInfo(answer.timezone)
    yield "It can be read in more than one way; the first, the earliest, is the safe one:"
    for reading in answer.readings:
        yield from wrapped(
            reading.reason, f"  {_end(reading.due_on, reading.due_at, zone):{_COLUMNS[0]}}  "
        )
    yield ""
