"""The bytes of a calendar: what stands around the events, and that the same items give the same bytes."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from service.domain.access import Level
from service.domain.deadlines import DeadlineKind, DeadlineState
from service.feeds.calendar import etag, render, uid_for, whole_second
from service.feeds.entries import Look
from service.languages import Language
from tests.feeds.samples import EVERYTHING, NOW, PHONE, item, shown, unfolded

ALMATY = ZoneInfo("Asia/Almaty")

GOLDEN = Path(__file__).parent / "golden"

#: A calendar as a person in Almaty has it on the phone: one day, one hour that is not verified yet.
REFERENCE = [
    replace(one, modified_at=datetime(2026, 8, 1, 10, 0, tzinfo=UTC))
    for one in (
        item(
            uid="0e6c1c7b-3a3f-4f7e-8d0f-5b1a2f9c7e10",
            sequence=3,
            level=Level.CODE,
            language=Language.RUSSIAN,
            due_on=date(2026, 8, 19),
            due_at=datetime(2026, 8, 19, 19, 0, tzinfo=UTC),
            whole_day=True,
        ),
        item(
            uid="9a1d0a53-2f8e-4f43-9f0e-6f5b7c3d2a44",
            level=Level.CODE,
            language=Language.RUSSIAN,
            case_code="K-04",
            due_on=date(2026, 8, 21),
            due_at=datetime(2026, 8, 21, 13, 0, tzinfo=UTC),
            state=DeadlineState.PROVISIONAL,
        ),
    )
]
ITEMS = [
    item(title="Жалоба, «последний день»; қазақша \\ 👩‍⚖️ " * 4),
    item(
        uid=uid_for("salt", "dln_2"),
        whole_day=True,
        due_on=date(2026, 8, 19),
        due_at=datetime(2026, 8, 19, 19, 0, tzinfo=UTC),
    ),
    item(
        uid=uid_for("salt", "dln_3"),
        timezone="Europe/Paris",
        due_on=date(2026, 3, 30),
        due_at=datetime(2026, 3, 30, 8, 0, tzinfo=UTC),
        kind=DeadlineKind.HEARING,
    ),
]


def test_the_calendar_of_the_reference_is_rendered_octet_by_octet() -> None:
    """Rows 22 to 63 at once. Where it is meant to change: render `REFERENCE` into the file anew, then
    read the difference as a calendar client would."""
    at = datetime(2026, 8, 1, 10, 0, tzinfo=UTC)
    content = render(Look("Сроки", Language.RUSSIAN, "Asia/Almaty"), REFERENCE, at)
    assert content == (GOLDEN / "reference.ics").read_bytes()


def test_all_that_a_calendar_can_show_is_rendered_octet_by_octet() -> None:
    given = EVERYTHING | {"language": Language.KAZAKH}
    items = [
        item(uid=uid_for("salt", str(number)), task=task, whole_day=whole_day, **given)
        for number, (task, whole_day) in enumerate(product([True, False], repeat=2))
    ]
    assert render(PHONE, items, NOW) == (GOLDEN / "everything.ics").read_bytes()


@pytest.mark.parametrize("zone", ["UTC", "Etc/UTC", "Zulu"])
def test_utc_is_never_a_zone_with_a_definition(zone: str) -> None:
    """Row 36."""
    content = render(PHONE, [item(timezone=zone)], NOW)
    assert b"DTEND:20260610T130000Z\r\n" in content
    assert b"TZID" not in content


@pytest.mark.parametrize("minute", [10, 40, 70])
def test_an_hour_that_comes_twice_is_told_in_utc(minute: int) -> None:
    """Row 44: the block never ends before it begins."""
    due = datetime(2026, 10, 25, 1, 0, tzinfo=UTC) + timedelta(minutes=minute)
    event = shown(timezone="Europe/Paris", due_at=due)
    assert event["DTEND"].dt.tzname() == "UTC"
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (due - timedelta(minutes=30), due)


@pytest.mark.parametrize("year", [1890, 2200, 9999])
def test_no_year_makes_a_definition_without_end(year: int) -> None:
    """Row 35."""
    due = datetime(year, 6, 1, 12, 0, tzinfo=UTC)
    content = render(PHONE, [item(timezone="Europe/Paris", due_at=due)], NOW)
    assert content.count(b"BEGIN:VEVENT") == 1
    assert not re.search(rb"TZOFFSET\w+:[+-]\d{6}", content)


def test_the_definitions_stand_before_the_events_and_each_once() -> None:
    """Row 35."""
    content = unfolded(render(PHONE, [*ITEMS, item(uid=uid_for("s", "again"))], NOW))
    assert content.rindex("END:VTIMEZONE") < content.index("BEGIN:VEVENT")
    assert sorted(re.findall("^TZID:(.*)\r$", content, re.MULTILINE)) == [
        "Asia/Almaty",
        "Europe/Paris",
    ]


def test_events_stand_in_the_order_in_which_they_begin() -> None:
    """Row 62."""
    calendar = Calendar.from_ical(render(PHONE, ITEMS, NOW))
    starts = [str(event["DTSTART"].dt) for event in calendar.walk("VEVENT")]
    assert starts == sorted(starts)


def test_the_zone_most_used_is_named_where_there_is_one() -> None:
    """Row 30."""
    assert b"X-WR-TIMEZONE" not in render(PHONE, ITEMS, NOW)
    content = render(Look("Phone", timezone="Asia/Almaty"), ITEMS, NOW)
    assert b"\r\nX-WR-TIMEZONE:Asia/Almaty\r\n" in content


def test_nothing_in_the_calendar_leads_back_to_its_address() -> None:
    """Rows 31 to 33."""
    calendar = Calendar.from_ical(render(PHONE, ITEMS, NOW))
    assert not {"SOURCE", "URL", "IMAGE", "CONFERENCE", "COLOR"} & set(calendar)


@pytest.mark.parametrize(
    "line",
    [
        b"VERSION:2.0",
        b"CALSCALE:GREGORIAN",
        b"PRODID:-//Deadline Feed//1.0//EN",
        b"METHOD:PUBLISH",
        b"NAME:Phone",
        b"X-WR-CALNAME:Phone",
        b"REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        b"X-PUBLISHED-TTL:PT1H",
        b"LAST-MODIFIED:20260302T040000Z",
    ],
)
def test_the_calendar_says_once_what_clients_look_for(line: bytes) -> None:
    """Rows 24 to 29 and 34."""
    head = render(PHONE, ITEMS, NOW).partition(b"BEGIN:V" + b"TIMEZONE")[0]
    assert head.split(b"\r\n").count(line) == 1


def test_the_calendar_itself_has_no_uid() -> None:
    """Row 34: with one, some clients take the whole feed for a single event."""
    calendar = Calendar.from_ical(render(PHONE, ITEMS, NOW))
    assert "UID" not in calendar
    assert all("UID" in event for event in calendar.walk("VEVENT"))


def test_a_title_cannot_forge_a_line() -> None:
    forged = "x\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY:forged\u2028ATTENDEE:x\x00"
    content = render(PHONE, [item(title=forged)], NOW)
    lines = content.split(b"\r\n")
    assert lines.count(b"BEGIN:VEVENT") == 1
    assert not any(line.startswith((b"ATTENDEE", b"SUMMARY:forged")) for line in lines)


def test_the_same_items_give_the_same_bytes_in_whatever_order() -> None:
    first = render(PHONE, ITEMS, NOW)
    assert render(PHONE, list(reversed(ITEMS)), NOW) == first
    assert etag(render(PHONE, ITEMS[::2] + ITEMS[1:2], NOW)) == etag(first)


def test_two_contents_have_two_etags() -> None:
    contents = {
        render(PHONE, [item(**change)], NOW)
        for change in ({}, {"title": "Other"}, {"sequence": 2}, {"overdue": True})
    }
    assert len({etag(content) for content in contents}) == 4


def test_a_uid_depends_on_the_feed_and_the_deadline() -> None:
    pairs = [(salt, deadline) for salt in ("a", "b") for deadline in ("dln_1", "dln_2")]
    assert len({uid_for(*pair) for pair in pairs}) == 4
    assert uid_for("a", "dln_1") == uid_for("a", "dln_1")


def test_a_validator_holds_whole_seconds() -> None:
    at = datetime(2026, 3, 2, 9, 0, 0, 999999, tzinfo=ALMATY)
    assert whole_second(at) == NOW
    assert whole_second(at).utcoffset() == timedelta(0)
