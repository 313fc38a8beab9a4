"""Reads a calendar as the program of a stranger would, to show what is in it; takes nothing over."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from icalendar import Calendar


@dataclass(frozen=True)
class Seen:
    """An event or a to-do, which has no end but when it is due."""

    summary: str
    start: datetime | date | None
    end: datetime | date | None
    status: str
    description: str | None
    url: str | None
    location: str | None


def seen_in(content: bytes) -> tuple[str, list[Seen]]:
    """The calendar's name and its events, in their order."""
    calendar: Any = Calendar.from_ical(content)
    found = [one for one in calendar.subcomponents if one.name in ("VEVENT", "VTODO")]
    return str(calendar["x-wr-calname"]), [_seen(one) for one in found]


def _seen(event: Any) -> Seen:
    start, end = event.get("dtstart"), event.get("dtend") or event.get("due")
    return Seen(
        str(event["summary"]),
        start.dt if start else None,
        end.dt if end else None,
        str(event["status"]),
        *(
            str(event[name]) if name in event else None
            for name in ("description", "url", "location")
        ),
    )
