"""What each event shows, how far, and in whose words."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from service.domain.access import Level
from service.domain.deadlines import DeadlineKind, DeadlineState
from service.feeds.calendar import farewell, publish, render, uid_for
from service.feeds.entries import Expiry, FeedItem, Look
from service.languages import Language
from tests.feeds.samples import EVERYTHING, NOW, PHONE, item, parsed, shown, unfolded

ENGLISH, RUSSIAN, KAZAKH = Language
CODE, BASIS, FULL = Level.CODE, Level.BASIS, Level.FULL


def summary(**given: Any) -> str:
    return str(shown(**given)["SUMMARY"])


def lines(**given: Any) -> list[str]:
    """Of the description."""
    return str(shown(**EVERYTHING | given)["DESCRIPTION"]).split("\n")


# --- the title


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (ENGLISH, "[K-17] Filing: last day (18:00 Almaty)"),
        (RUSSIAN, "[K-17] Подача: последний день (18:00 Алматы)"),
        (KAZAKH, "[K-17] Құжат тапсыру: соңғы күн (18:00 Алматы)"),
    ],
)
def test_the_title_speaks_the_language_of_the_feed(language: Language, said: str) -> None:
    """Row 46."""
    assert summary(level=CODE, language=language) == said


@pytest.mark.parametrize(
    ("zone", "at", "hour"),
    [
        ("Asia/Qyzylorda", "18:00", "18:00 Кызылорда"),
        ("Europe/Paris", "15:00", "15:00 Париж"),
        ("America/Argentina/Buenos_Aires", "10:00", "10:00 Buenos Aires"),
        ("UTC", "13:00", "13:00 UTC"),
    ],
)
def test_the_hour_names_the_city_of_its_zone(zone: str, at: str, hour: str) -> None:
    """Row 46; what nobody has translated stays as the zone has it."""
    assert hour.startswith(at)
    assert summary(timezone=zone, language=RUSSIAN) == f"[K-17] Appeal ({hour})"


def test_midnight_is_the_end_of_the_day_on_which_it_is_shown() -> None:
    event = shown(due_at=datetime(2026, 6, 10, 19, 0, tzinfo=UTC))
    assert str(event["SUMMARY"]).endswith("(24:00 Almaty)")
    assert event["DTSTART"].dt.date() == date(2026, 6, 10)


def test_a_hearing_begins_at_its_hour_and_any_other_deadline_ends_at_it() -> None:
    """Row 44."""
    due, half_an_hour = datetime(2026, 6, 10, 13, 0, tzinfo=UTC), timedelta(minutes=30)
    for kind in DeadlineKind:
        event = shown(kind=kind, due_at=due)
        start = due if kind is DeadlineKind.HEARING else due - half_an_hour
        assert (event["DTSTART"].dt, event["DTEND"].dt) == (start, start + half_an_hour), kind


def test_a_hearing_at_midnight_is_not_read_as_one_at_the_end_of_its_day() -> None:
    event = shown(kind=DeadlineKind.HEARING, due_at=datetime(2026, 6, 10, 19, 0, tzinfo=UTC))
    assert str(event["SUMMARY"]).endswith("(00:00 Almaty)")
    assert event["DTSTART"].dt.date() == date(2026, 6, 11)


STATES = [
    ({"state": DeadlineState.SUSPENDED}, ["SUSPENDED", "ПРИОСТАНОВЛЕНО", "ТОҚТАТЫЛА ТҰРДЫ"]),
    ({"state": DeadlineState.COMPLETED}, ["✓", "✓", "✓"]),
    ({"state": DeadlineState.MISSED}, ["MISSED", "ПРОПУЩЕНО", "ӨТКІЗІП АЛЫНДЫ"]),
    ({"state": DeadlineState.WAIVED}, ["WAIVED", "СНЯТО С КОНТРОЛЯ", "БАҚЫЛАУДАН АЛЫНДЫ"]),
    ({"state": DeadlineState.CANCELLED}, ["CANCELLED", "ОТМЕНЕНО", "АЛЫП ТАСТАЛДЫ"]),
    ({"overdue": True}, ["OVERDUE", "ПРОСРОЧЕНО", "МЕРЗІМІ ӨТТІ"]),
    ({"moved": True}, ["MOVED", "ПЕРЕНЕСЕНО", "АУЫСТЫРЫЛДЫ"]),
]


@pytest.mark.parametrize(("given", "words"), STATES)
@pytest.mark.parametrize("level", Level)
def test_how_it_stands_is_said_in_front_at_every_level(
    given: dict[str, Any], words: list[str], level: Level
) -> None:
    """Rows 46, 49 and 50: some clients show no status."""
    said = [summary(level=level, language=one, **given) for one in Language]
    plain = [summary(level=level, language=one) for one in Language]
    assert said == [f"{word} {text}" for word, text in zip(words, plain, strict=True)]


def test_what_is_overdue_is_said_before_that_it_has_moved() -> None:
    assert summary(overdue=True, moved=True).startswith("OVERDUE [K-17]")


@pytest.mark.parametrize(
    "state", [DeadlineState.COMPLETED, DeadlineState.CANCELLED, DeadlineState.SUSPENDED]
)
def test_only_what_still_runs_is_called_moved(state: DeadlineState) -> None:
    assert summary(state=state, moved=True) == summary(state=state)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(("given", "_"), STATES)
def test_the_hour_is_never_cut_off(language: Language, given: dict[str, Any], _: list[str]) -> None:
    """Row 46."""
    text = summary(title="ұзақ " * 100, language=language, **given)
    assert len(text) == 80
    assert re.search(r"… \(18:00 (Almaty|Алматы)\)$", text)


def test_every_kind_has_words_of_its_own_in_every_language() -> None:
    said = {
        summary(level=CODE, kind=kind, language=one) for kind in DeadlineKind for one in Language
    }
    assert len(said) == len(DeadlineKind) * len(Language)


# --- how far each level shows


def test_only_from_the_level_of_titles_on_is_there_more_than_a_title() -> None:
    """Rows 47, 48 and 55."""
    for level in (Level.BARE, CODE):
        content = unfolded(publish(item(**EVERYTHING | {"level": level, "alarms": False})))
        assert not re.search("^(DESCRIPTION|URL|LOCATION)", content, re.MULTILINE)
        assert not re.search("Appeal|app.example|kz.cpc|Court|Bring", content)


def test_notes_and_the_place_are_for_the_highest_level_alone() -> None:
    """Row 48."""
    for level, seen in ((BASIS, False), (FULL, True)):
        content = unfolded(publish(item(**EVERYTHING | {"level": level})))
        assert ("Bring the file" in content) is seen
        assert ("LOCATION:Court 5\\, Astana" in content) is seen


def test_only_a_hearing_has_a_place() -> None:
    """Row 48."""
    assert "LOCATION" not in shown(**EVERYTHING | {"kind": DeadlineKind.FILING})


def test_the_description_says_why_and_how_old_it_may_be() -> None:
    """Row 47."""
    assert lines() == [
        "Hearing",
        "Basis: CPC art. 592; CPC art. 52",
        "computed 1 March 2026, rule kz.cpc.592.appeal",
        "Notes: Bring the file",
        "https://app.example/deadlines/dln_1",
        "Feed may be hours old – check the app",
    ]
    assert str(shown(**EVERYTHING)["URL"]) == "https://app.example/deadlines/dln_1"


def test_the_description_speaks_the_language_of_the_feed() -> None:
    """A citation stays in the words of its source."""
    assert lines(language=RUSSIAN, notes=None, link=None) == [
        "Заседание",
        "Основание: CPC art. 592; CPC art. 52",
        "рассчитано 1 марта 2026 г., правило kz.cpc.592.appeal",
        "Лента может отставать на несколько часов – сверьтесь с приложением",
    ]


def test_a_date_without_a_rule_is_not_called_computed() -> None:
    basis = replace(EVERYTHING["basis"], rule=None, sources=())
    assert lines(basis=basis)[:2] == ["Hearing", "as of 1 March 2026"]


def test_what_is_not_known_leaves_no_line() -> None:
    assert len(lines(basis=None, notes=None, link=None)) == 2


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x0b", "\x85", "\u2028", "\u2029", "\\n\n"])
def test_no_text_can_forge_a_line_of_the_description(end: str) -> None:
    """Row 63."""
    forged = f"x{end}computed 1 January 2027, rule none"
    basis = replace(EVERYTHING["basis"], rule=forged, sources=(forged,))
    plain = lines(notes="x", link="x", basis=replace(basis, rule="x", sources=("x",)))
    assert len(lines(notes=forged, link=forged, basis=basis)) == len(plain)


# --- what a calendar does with it


@pytest.mark.parametrize("whole_day", [True, False])
def test_a_deadline_blocks_nobodys_day_and_a_hearing_does(whole_day: bool) -> None:
    """Row 51."""
    free = shown(whole_day=whole_day)
    busy = shown(whole_day=whole_day, kind=DeadlineKind.HEARING)
    off = shown(whole_day=whole_day, kind=DeadlineKind.HEARING, state=DeadlineState.CANCELLED)
    said = [(one["TRANSP"], one["X-MICROSOFT-CDO-BUSYSTATUS"]) for one in (free, busy, off)]
    assert said == [("TRANSPARENT", "FREE"), ("OPAQUE", "BUSY"), ("TRANSPARENT", "FREE")]


def test_at_the_lowest_level_a_hearing_is_as_free_as_any_deadline() -> None:
    bare = [
        publish(item(**EVERYTHING | {"level": Level.BARE, "kind": kind})) for kind in DeadlineKind
    ]
    assert len(set(bare)) == 1
    assert b"TRANSP:TRANSPARENT" in bare[0]


def test_the_status_says_what_is_not_certain_and_what_is_off() -> None:
    """Row 49."""
    said = {state: str(shown(state=state)["STATUS"]) for state in DeadlineState}
    assert {state for state, one in said.items() if one == "CANCELLED"} == {DeadlineState.CANCELLED}
    tentative = {DeadlineState.PROVISIONAL, DeadlineState.SUSPENDED}
    assert {state for state, one in said.items() if one == "TENTATIVE"} == tentative


@pytest.mark.parametrize("task", [True, False])
def test_every_entry_is_private_and_none_tells_more_than_it_must(task: bool) -> None:
    """Rows 42, 53, 54, 56 and 57."""
    one = shown(**EVERYTHING, task=task)
    assert one["CLASS"] == "PRIVATE"
    assert one["CATEGORIES"].to_ical() == b"HEARING"
    never = "CREATED PRIORITY ATTACH CONTACT GEO RELATED-TO RESOURCES RRULE ORGANIZER ATTENDEE"
    assert not [name for name in never.split() if name in one]


def test_only_a_whole_day_is_called_one() -> None:
    """Rows 43 and 52."""
    day, hour = shown(whole_day=True), shown()
    assert day["X-MICROSOFT-CDO-ALLDAYEVENT"] == "TRUE"
    assert "X-MICROSOFT-CDO-ALLDAYEVENT" not in hour
    assert (day["DTSTART"].dt, day["DTEND"].dt) == (date(2026, 6, 10), date(2026, 6, 11))


# --- about the calendar itself


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("month", range(1, 13))
def test_an_expiry_is_told_on_a_day_ahead_and_fits_a_title(language: Language, month: int) -> None:
    """Row 66."""
    own = FeedItem(uid_for("s", "e"), 1, NOW, Expiry(language, NOW.date(), date(2026, month, 28)))
    [event] = parsed(own, item()).walk("VEVENT")[:1]
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (date(2026, 3, 2), date(2026, 3, 3))
    assert "28" in event["SUMMARY"]
    assert len(event["SUMMARY"]) <= 80


def test_a_farewell_is_the_one_event_left_and_speaks_every_language_the_readers_first() -> None:
    """Row 17."""
    look = Look("Сроки", RUSSIAN)
    content = unfolded(farewell(look, uid_for("s", "f"), date(2026, 3, 2), NOW))
    assert content.count("BEGIN:VEVENT") == 1
    said = "SUMMARY:Лента отключена / Feed switched off / Күнтізбе өшірілді\r\n"
    assert said in content
    assert "DTSTART;VALUE=DATE:20260302\r\n" in content
    assert "DTSTAMP:20260302T040000Z\r\nLAST-MODIFIED:20260302T040000Z\r\n" in content


# --- what is kept, and what cannot be rendered


def test_the_counters_are_never_kept_with_the_entry() -> None:
    """Rows 39 to 41: what another calendar, or an earlier fetch, had."""
    first, later = item(), item(uid=uid_for("other", "dln_1"), sequence=7)
    later = replace(later, modified_at=NOW + timedelta(seconds=7))
    for one in (first, later, first):
        [event] = parsed(one).walk("VEVENT")
        assert (event["UID"], event["SEQUENCE"]) == (one.uid, one.sequence)
        assert event["DTSTAMP"].dt == event["LAST-MODIFIED"].dt == one.modified_at


def test_one_entry_that_cannot_be_rendered_takes_no_other_with_it() -> None:
    """Row 63: it is left out, and its UID is logged."""
    bad = item(uid=uid_for("s", "bad"), timezone="Mars/Olympus", title="Secret")
    with capture_logs() as logged:
        content = render(PHONE, [item(), bad], NOW)
    assert content == render(PHONE, [item()], NOW)
    assert [(one["event"], one["uid"]) for one in logged] == [("no_event", bad.uid)]
    assert "Secret" not in str(logged)
