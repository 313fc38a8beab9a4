"""What rings, when and how little it says; and the deadline as a task in place of an event."""

from datetime import UTC, date, datetime
from itertools import product
from typing import Any

import pytest

from service.domain.access import Level
from service.domain.deadlines import RUNNING_STATES, DeadlineKind, DeadlineState
from service.feeds.calendar import uid_for
from service.languages import Language
from tests.feeds.samples import EVERYTHING, item, parsed, shown

# --- alarms


def test_no_calendar_rings_unless_asked_to() -> None:
    """Row 58."""
    assert shown(**EVERYTHING | {"alarms": False}).subcomponents == []


def test_a_whole_day_rings_at_nine_the_morning_before() -> None:
    """Row 60: not at midnight."""
    [alarm] = shown(whole_day=True, alarms=True).subcomponents
    assert alarm["TRIGGER"].to_ical() == b"-PT15H"
    assert "RELATED" not in alarm["TRIGGER"].params


def test_an_hour_rings_a_day_and_two_hours_before_its_end() -> None:
    """Row 60."""
    alarms = shown(alarms=True).subcomponents
    assert [one["TRIGGER"].to_ical() for one in alarms] == [b"-P1D", b"-PT2H"]
    assert {one["TRIGGER"].params["RELATED"] for one in alarms} == {"END"}


def test_a_hearing_rings_a_day_and_two_hours_before_it_begins() -> None:
    """Row 60."""
    alarms = shown(alarms=True, kind=DeadlineKind.HEARING).subcomponents
    assert [one["TRIGGER"].to_ical() for one in alarms] == [b"-P1D", b"-PT2H"]
    assert not any("RELATED" in one["TRIGGER"].params for one in alarms)


def test_a_task_rings_before_its_end_for_it_has_no_start() -> None:
    for kind, whole_day in product(DeadlineKind, (True, False)):
        alarms = shown(task=True, alarms=True, kind=kind, whole_day=whole_day).subcomponents
        assert {one["TRIGGER"].params["RELATED"] for one in alarms} == {"END"}


@pytest.mark.parametrize(
    ("level", "said"), [(Level.BARE, "Срок"), (Level.CODE, "Срок K-17"), (Level.FULL, "Срок K-17")]
)
def test_a_locked_screen_shows_no_title(level: Level, said: str) -> None:
    """Rows 59 and 61."""
    given = EVERYTHING | {"level": level, "language": Language.RUSSIAN}
    for alarm in shown(**given).subcomponents:
        assert (alarm["ACTION"], alarm["DESCRIPTION"]) == ("DISPLAY", said)
        assert set(alarm) == {"UID", "ACTION", "TRIGGER", "DESCRIPTION"}


def test_every_alarm_has_an_id_of_its_own_that_stays() -> None:
    """Row 61: even of two deadlines that look alike, which share what is kept of them."""
    items = [item(uid=uid_for("salt", name), alarms=True) for name in ("dln_1", "dln_2")]
    first, again = ([str(one["UID"]) for one in parsed(*items).walk("VALARM")] for _ in range(2))
    assert first == again
    assert len(set(first)) == 4


@pytest.mark.parametrize(
    "given",
    [
        {"overdue": True},
        *({"state": state} for state in DeadlineState if state not in RUNNING_STATES),
    ],
)
def test_what_is_over_or_stands_still_does_not_ring(given: dict[str, Any]) -> None:
    assert shown(alarms=True, **given).subcomponents == []


# --- tasks


def test_a_task_stands_in_place_of_the_event_and_is_due_when_it_is() -> None:
    """Row 37."""
    calendar = parsed(item(task=True), item(uid=uid_for("s", "2"), task=True, whole_day=True))
    assert calendar.walk("VEVENT") == []
    hour, day = sorted(calendar.walk("VTODO"), key=lambda one: len(one["DUE"].to_ical()))[::-1]
    assert hour["DUE"].dt.astimezone(UTC) == datetime(2026, 6, 10, 13, 0, tzinfo=UTC)
    assert day["DUE"].dt == date(2026, 6, 10)
    assert calendar.walk("VTIMEZONE")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (DeadlineState.OPEN, ("NEEDS-ACTION", 0)),
        (DeadlineState.PROVISIONAL, ("NEEDS-ACTION", 0)),
        (DeadlineState.SUSPENDED, ("NEEDS-ACTION", 0)),
        (DeadlineState.COMPLETED, ("COMPLETED", 100)),
        (DeadlineState.MISSED, ("CANCELLED", 0)),
        (DeadlineState.WAIVED, ("CANCELLED", 0)),
        (DeadlineState.CANCELLED, ("CANCELLED", 0)),
    ],
)
def test_a_task_is_ticked_off_where_the_deadline_is(
    state: DeadlineState, said: tuple[str, int]
) -> None:
    task = shown(task=True, state=state)
    assert (task["STATUS"], task["PERCENT-COMPLETE"]) == said
