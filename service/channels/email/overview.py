"""What the mails about many deadlines at once may use: the digest, the exit check, the gaps that are near.

Words and figures in the reader's terms alone; which lines there are was decided before.
"""

from typing import Any

from service.channels.wording import Wording
from service.domain.digest import Line, Overview, Section
from service.domain.notifications import EventType
from service.domain.reminders import is_late
from service.languages import marked

_FOLDERS = {
    EventType.DIGEST: "digest",
    EventType.EXIT_CHECK: "exit_check",
    EventType.GAPS_AHEAD: "gaps",
}
_TITLES = {
    Section.OVERDUE: marked("section", "Overdue and still open"),
    Section.WEEK: marked("section", "Due in the next 7 days"),
    Section.MONTH: marked("section", "Due in the next 30 days"),
    Section.UNVERIFIED: marked("section", "Not yet verified by a second person"),
    Section.UNANSWERED: marked("section", "Told, and nobody has answered"),
    Section.SNOOZED: marked("section", "Put off"),
    Section.ACKNOWLEDGED: marked("section", "Somebody has it"),
    Section.DECISIONS: marked("section", "Waiting for a decision"),
    Section.UNREACHABLE: marked("section", "People we cannot reach"),
    Section.GAPS: marked("section", "Steps that would reach nobody"),
    Section.STANDING_STILL: marked("section", "The clock stands still"),
    Section.TICKED_OFF: marked("section", "Ticked off"),
    Section.OPEN: marked("section", "Due today or tomorrow and still open"),
}


def folder_of(overview: Overview) -> str:
    return _FOLDERS[overview.event]


def thread_of(overview: Overview) -> str:
    """All mails of one kind to one reader stand in one thread."""
    return f"{overview.event}.{overview.reader_id}"


def overview_facts(overview: Overview, words: Wording) -> dict[str, Any]:
    """Only strings, numbers and flags; `counts` holds every section, those that are empty too."""
    zone = overview.timezone
    late = is_late(overview.planned_at, overview.as_of)
    counts = dict.fromkeys((one.value for one in Section), 0)
    counts |= {section.value: len(lines) for section, lines in overview.sections}
    return {
        "words": words,
        "day": words.long_day(overview.on),
        "as_of": words.wall_clock(overview.as_of, zone),
        "late_since": words.wall_clock(overview.planned_at, zone) if late else None,
        "urgent": counts[Section.OVERDUE.value] > 0,
        "counts": counts,
        "total": len(
            {line.deadline_id or line for _, lines in overview.sections for line in lines}
        ),
        "sections": [
            {
                "key": section.value,
                "title": words.pgettext("section", _TITLES[section]),
                "lines": [_line(line, zone, words) for line in lines],
            }
            for section, lines in overview.sections
        ],
    }


def _line(line: Line, zone: str, words: Wording) -> dict[str, Any]:
    """What a line shows; None for what is above its level, or not of its section."""
    return {
        "code": line.case_code,
        "kind": words.kind(line.kind) if line.kind else None,
        "title": line.title,
        "due": words.wall_clock(line.due_at, line.timezone or zone) if line.due_at else None,
        "left": _left(line.days_left, words) if line.days_left is not None else None,
        "instead_of": words.roles(line.instead_of),
        "what": line.what,
        "verb": words.verb(line.what) if line.what else None,
        "who": words.roles(line.who),
        "at": words.wall_clock(line.at, zone) if line.at else None,
        "because": words.reason(line.because) if line.because else None,
        "other_day": words.day(line.other_on) if line.other_on else None,
    }


def _left(days: int, words: Wording) -> str:
    """Whole days of the forum's calendar, as people count them."""
    if days in (0, 1):
        return words.gettext("tomorrow") if days else words.gettext("today")
    span = words.days(abs(days))
    return words.gettext("%(span)s ago") % {"span": span} if days < 0 else span
