"""What an event of a calendar says, in its own language and no further than its level. Lays nothing out."""

from datetime import date
from zoneinfo import ZoneInfo

from babel.dates import format_date, get_timezone_location

from service.domain.access import Level
from service.domain.deadlines import RUNNING_STATES, DeadlineKind, DeadlineState
from service.feeds.entries import Basis, Entry, Expiry, Farewell
from service.languages import Language, catalogue, marked

_TITLE_LENGTH = 80
#: They do not print, but hold letters and emoji together.
_JOINERS = "\u200c\u200d"
_DEADLINE = marked("calendar", "Deadline")
_KINDS = {
    DeadlineKind.FILING: marked("calendar", "Filing: last day"),
    DeadlineKind.HEARING: marked("calendar", "Hearing"),
    DeadlineKind.CUSTODY: marked("calendar", "Custody ends"),
    DeadlineKind.WATCH: marked("calendar", "Answer due"),
    DeadlineKind.EXPIRY: marked("calendar", "Expires"),
    DeadlineKind.INTERNAL: marked("calendar", "Internal target"),
}
_OVERDUE = marked("calendar", "OVERDUE")
_MOVED = marked("calendar", "MOVED")
_STATES = {
    DeadlineState.SUSPENDED: marked("calendar", "SUSPENDED"),
    DeadlineState.COMPLETED: "✓",
    DeadlineState.MISSED: marked("calendar", "MISSED"),
    DeadlineState.WAIVED: marked("calendar", "WAIVED"),
    DeadlineState.CANCELLED: marked("calendar", "CANCELLED"),
}
_BASIS = marked("calendar", "Basis: %(sources)s")
_COMPUTED = marked("calendar", "computed %(day)s, rule %(rule)s")
_STATED = marked("calendar", "as of %(day)s")
_NOTES = marked("calendar", "Notes: %(notes)s")
_STALE = marked("calendar", "Feed may be hours old – check the app")
_EXPIRES = marked("calendar", "This calendar will be switched off on %(day)s: renew it in the app")
_SWITCHED_OFF = marked("calendar", "Feed switched off")
#: In the order of day, month, year, as mails and pages have it; else as the language has it.
_DAY = {Language.ENGLISH: "d MMMM y"}


def summary(entry: Entry | Expiry | Farewell) -> str:
    match entry:
        case Entry():
            return _title(entry)
        case Expiry():
            return _say(entry.language, _EXPIRES, day=_day(entry.language, entry.expires_on))
        case Farewell():
            # False sorts first: the reader's own language, then the others.
            ordered = sorted(Language, key=lambda one: one is not entry.language)
            return " / ".join(_say(language, _SWITCHED_OFF) for language in ordered)


def description(entry: Entry) -> str | None:
    """Lines of plain text; a text with a line end in it cannot make a line of its own."""
    if entry.level < Level.BASIS:
        return None
    lines = [_say(entry.language, _KINDS[entry.kind]), *_reasons(entry.language, entry.basis)]
    if entry.notes and entry.level >= Level.FULL:
        lines.append(_say(entry.language, _NOTES, notes=entry.notes))
    lines += [entry.link] if entry.link else []
    lines.append(_say(entry.language, _STALE))
    return "\n".join(printable(line) for line in lines)


def reminder(entry: Entry) -> str:
    """What a locked screen may show: no title, at no level."""
    word = _say(entry.language, _DEADLINE)
    return printable(word if entry.level < Level.CODE else f"{word} {entry.case_code}")


def printable(text: str) -> str:
    """Without control characters and line separators, which some clients take for line ends."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in _JOINERS else " " for char in text)


def _title(entry: Entry) -> str:
    """The hour stands at the end and is never cut off."""
    hour = "" if entry.whole_day else f" ({_hour(entry)})"
    what = _say(entry.language, _KINDS[entry.kind])
    if entry.level < Level.CODE:
        text = _say(entry.language, _DEADLINE)
    else:
        text = f"[{entry.case_code}] {entry.title if entry.level >= Level.BASIS else what}"
    text = printable(f"{_prefix(entry)} {text}".lstrip())
    room = _TITLE_LENGTH - len(hour)
    return (text if len(text) <= room else text[: room - 1] + "…") + hour


def _prefix(entry: Entry) -> str:
    if entry.overdue:
        return _say(entry.language, _OVERDUE)
    if entry.moved and entry.state in RUNNING_STATES:
        return _say(entry.language, _MOVED)
    return _say(entry.language, _STATES.get(entry.state, ""))


def _hour(entry: Entry) -> str:
    """Midnight is the end of the day on which it is shown; of a hearing, its beginning."""
    clock = f"{entry.due_at.astimezone(ZoneInfo(entry.timezone)):%H:%M}"
    if clock == "00:00" and not entry.hearing:
        clock = "24:00"
    city = get_timezone_location(entry.timezone, entry.language.value, return_city=True)
    return f"{clock} {city.rpartition('/')[2]}"


def _reasons(language: Language, basis: Basis | None) -> list[str]:
    if basis is None:
        return []
    lines = [_say(language, _BASIS, sources="; ".join(basis.sources))] if basis.sources else []
    text = _COMPUTED if basis.rule else _STATED
    return [*lines, _say(language, text, day=_day(language, basis.computed_on), rule=basis.rule)]


def _day(language: Language, on: date) -> str:
    return format_date(on, _DAY.get(language, "long"), language.value)


def _say(language: Language, text: str, **given: str | None) -> str:
    """The empty text is no text: a catalogue would answer it with its own header."""
    said = catalogue(language).pgettext("calendar", text) if text else ""
    return said % given if given else said
