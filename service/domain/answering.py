"""Answers by the link in a mail: how long it is open, which form holds, whose answer is believed.

A mail gateway opens links and presses buttons; what may have been one never silences a ladder.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from service.domain.escalation import longest_snooze


class Strength(StrEnum):
    """How sure it is who gave an answer: `api` by a key, `link` by whoever could open the mail's link,
    `link_code` by whoever has read the mail too and typed in its code."""

    API = "api"
    LINK = "link"
    LINK_CODE = "link_code"


class LinkState(StrEnum):
    """`left`: the reader is not on the case any more; `over`: the link is too old."""

    OPEN = "open"
    ENDED = "ended"
    LEFT = "left"
    OVER = "over"


class Problem(StrEnum):
    """Why a posted form changed nothing; the words for each stand in the page's template."""

    NO_FORM = "no_form"
    TOO_SOON = "too_soon"
    TOO_OLD = "too_old"
    NOTHING_CHOSEN = "nothing_chosen"
    INCOMPLETE = "incomplete"
    SNOOZE_TOO_LONG = "snooze_too_long"
    DATE_CHANGED = "date_changed"
    ANSWERED = "answered"
    ENDED = "ended"
    TOO_LATE_TO_UNDO = "too_late_to_undo"
    WRONG_CODE = "wrong_code"
    CODE_SPENT = "code_spent"


def link_state(due_at: datetime, live: bool, on_case: bool, now: datetime) -> LinkState:
    """What the page behind a link can still do. `due_at`: of what is asked about, or when the mail was
    written, if that was later: whoever is asked again can answer again."""
    if now >= due_at + _OPEN_AFTER_DUE:
        return LinkState.OVER
    if not on_case:
        return LinkState.LEFT
    return LinkState.OPEN if live else LinkState.ENDED


def fault_of_age(issued_at: datetime, now: datetime) -> Problem | None:
    """A form is filled in by a person: not at once, and not an hour later."""
    age = now - issued_at
    if age < _YOUNGEST_FORM:
        return Problem.TOO_SOON
    return Problem.TOO_OLD if age > _OLDEST_FORM else None


def is_suspect(accepted_at: datetime | None, others_there: bool, now: datetime) -> bool:
    """`others_there`: other recipients' links were answered from the same client just now. A mail of
    which we do not yet know that it was accepted can hardly have been read."""
    return others_there or accepted_at is None or now - accepted_at < _READING_TIME


def holds_the_chain(strength: Strength, suspect: bool, critical: bool) -> bool:
    """Where liberty hangs on it, whoever could open the mail is not enough."""
    return not suspect and not (critical and strength is Strength.LINK)


def may_undo(answered_at: datetime, now: datetime) -> bool:
    return now < answered_at + _UNDO_TIME


def offered_snoozes(due_at: datetime, now: datetime) -> list[datetime]:
    """A few instants to choose from, on five minutes; each still allowed when the form comes back."""
    longest = longest_snooze(due_at, now)
    whole = (now + timedelta(hours=hours) for hours in _OFFERED_HOURS)
    return [rounded for at in whole if now < (rounded := _on_five_minutes(at)) <= longest]


def _on_five_minutes(at: datetime) -> datetime:
    """Rounded down."""
    return at.replace(minute=at.minute - at.minute % 5, second=0, microsecond=0)


#: So often may a mail's code be mistyped before it is good for nothing: there are only a million of them.
MOST_WRONG_CODES = 5
#: From one client, within this time, only one recipient answers.
ONE_CLIENT_ONE_PERSON = timedelta(seconds=60)
#: How long a form's cookie is kept: no longer than the form is good for.
FORM_SECONDS = 3600
_OPEN_AFTER_DUE = timedelta(days=30)
_YOUNGEST_FORM, _OLDEST_FORM = timedelta(seconds=2), timedelta(seconds=FORM_SECONDS)
_READING_TIME = timedelta(seconds=20)
_UNDO_TIME = timedelta(minutes=10)
_OFFERED_HOURS = (1, 2, 4, 8, 16, 24)
