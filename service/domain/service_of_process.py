"""Manner of service to deemed date and added days.

Where the law fixes the day on which a paper counts as served, or lengthens a limit because of how it
was served, that is part of the computation; nothing here knows any one country's rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from service.domain.conventions import Conventions, Link, conventions
from service.domain.counting import count_chain
from service.domain.court_calendars import CourtCalendar
from service.domain.derivations import Derivation
from service.domain.time_limits import TimeLimit
from service.domain.tolling import Standstill
from service.errors import Code, Refusal

#: What the person who asked would have to change.
_FIELD = "service_method"


class ServiceMethod(StrEnum):
    """How the paper that starts the clock reached its addressee."""

    IN_PERSON = "in_person"
    POST = "post"
    COURIER = "courier"
    ELECTRONIC = "electronic"
    PUBLIC_NOTICE = "public_notice"


@dataclass(frozen=True)
class ServiceEffect:
    """`deemed`: counted from the day of dispatch, the day on which the paper counts as served.
    `added`: put on at the end of the limit, before its roll; `added_after_roll`: after it, and the
    result rolls once more (FRCP 6(d))."""

    deemed: TimeLimit | None = None
    added: TimeLimit | None = None
    added_after_roll: bool = False


def needs_calendar(effect: ServiceEffect | None) -> bool:
    """Whether court days decide the day of service or what is added for it. What is added rolls as
    the limit does, never by a roll of its own."""
    if effect is None:
        return False
    deemed = effect.deemed is not None and effect.deemed.needs_calendar
    added = effect.added.chain if effect.added is not None else ()
    return deemed or any(link.skips_days_off for link in added)


def check_hours(effect: ServiceEffect | None) -> None:
    """A limit in hours runs from an instant: refuses a deemed day, and days put on at its end."""
    if effect is not None and effect.deemed is not None:
        raise Refusal(Code.INVALID_INSTANT, "Hours cannot run from a deemed day.", _FIELD)
    if effect is not None and effect.added is not None:
        raise Refusal(Code.INVALID_INPUT, "Nothing can be added to hours.", _FIELD)


def count_served(
    start: date,
    how: Conventions,
    calendar: CourtCalendar | None,
    still: Standstill,
    served: ServiceEffect | None,
    told: Derivation | None,
) -> date:
    """The day on which a limit of days or more ends, with its roll and what service does to it:
    from the day of dispatch, where service is deemed. Raises as `count_chain` does."""
    if told is not None:
        told.began_on(start)
    if served is not None and served.deemed is not None:
        start, skipped = _deemed_on(start, served.deemed, calendar)
        if told is not None:
            told.served(served.deemed, start, skipped)
    end = count_chain(start, how.links, calendar, still, told.counted if told else None)
    if served is not None and served.added is not None:
        if served.added_after_roll:
            end = _rolled(end, how, calendar, told)
        links = conventions(served.added).links
        end = count_chain(end, links, calendar, still, told.added if told else None)
    return _rolled(end, how, calendar, told)


def _deemed_on(
    dispatched: date, limit: TimeLimit, calendar: CourtCalendar | None
) -> tuple[date, list[date]]:
    """The day on which the paper counts as served, with the roll of `limit`, and the days that did
    not count on the way there.

    What makes the limit itself stand still does not hold up the post: where the law is silent, that
    is the reading that ends earlier.
    """
    how, skipped = conventions(limit), list[date]()

    def note(_link: Link, _end: date, passed: Sequence[date]) -> None:
        skipped.extend(passed)

    on = count_chain(dispatched, how.links, calendar, Standstill(), note)
    if how.roll is not None and calendar is not None:
        on, passed = calendar.court_day_from(on, how.roll)
        skipped += passed
    return on, skipped


def _rolled(
    end: date, how: Conventions, calendar: CourtCalendar | None, told: Derivation | None
) -> date:
    """The end, or where it goes when it is no court day."""
    if how.roll is None or calendar is None:
        return end
    to = calendar.nearest_court_day(end, how.roll)
    if told is not None and to != end:
        told.rolled(how.limit, to, calendar.days_off_between(end, to))
    return to
