"""The bytes of a calendar: right for every title, the same each time, read alike by other libraries."""

import warnings
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from dateutil.tz import tzical
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from service.domain.access import Level
from service.domain.deadlines import DeadlineKind, DeadlineState
from service.feeds.calendar import etag, render, uid_for, whole_second
from service.feeds.entries import Entry, FeedItem, Look
from service.languages import Language

with warnings.catch_warnings():
    # These three are readers of other people, and warn of themselves when imported.
    warnings.simplefilter("ignore")
    import vobject
    from ical.calendar_stream import IcsCalendarStream
    from ics import Calendar as IcsCalendar

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
PHONE = Look("Phone")
ALMATY = ZoneInfo("Asia/Almaty")
HALF_HOUR = timedelta(minutes=30)

#: What the door lets in as one line: anything but controls, separators and broken Unicode.
LINES = (
    st.lists(
        st.one_of(
            st.sampled_from("ӘәҒғҚқҢңӨөҰұҮүҺһІіЁёЖжЩщ \\,;:\"'=%"),
            st.sampled_from(["👩‍⚖️", "🏛", "⚖️", "🇰🇿", "é", "e\u0301"]),
            st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\ufeff"),
        ),
        min_size=1,
        max_size=100,
    )
    .map("".join)
    .filter(lambda text: text.strip() != "")
)


def item(uid: str = uid_for("salt", "dln_1"), sequence: int = 1, **given: object) -> FeedItem:
    own: dict[str, object] = {
        "level": Level.BASIS,
        "language": Language.ENGLISH,
        "case_code": "K-17",
        "title": "Appeal",
        "kind": DeadlineKind.FILING,
        "state": DeadlineState.OPEN,
        "due_on": date(2026, 6, 10),
        "due_at": datetime(2026, 6, 10, 13, 0, tzinfo=UTC),
        "whole_day": False,
        "timezone": "Asia/Almaty",
        "overdue": False,
    }
    return FeedItem(uid, sequence, NOW, Entry(**own | given))  # type: ignore[arg-type]


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


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(name=LINES, title=LINES, whole_day=st.booleans())
def test_every_title_gives_folded_lines_that_end_as_they_must(
    name: str, title: str, whole_day: bool
) -> None:
    """Rows 22 and 23."""
    content = render(Look(name), [item(title=title, whole_day=whole_day)], NOW)
    assert content.startswith(b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
    assert content.endswith(b"END:VCALENDAR\r\n")
    lines = content.split(b"\r\n")
    for line in lines:
        assert len(line) <= 75
        assert b"\r" not in line
        assert b"\n" not in line
        line.decode("utf-8")  # no code point is cut in two
    assert lines.count(b"BEGIN:VEVENT") == 1
    [event] = Calendar.from_ical(content).walk("VEVENT")
    wanted = "".join(char if char.isprintable() else " " for char in f"[K-17] {title}")
    hour = "" if whole_day else " (18:00 Almaty)"
    assert str(event["SUMMARY"]) == wanted[: 80 - len(hour)] + hour
    assert str(Calendar.from_ical(content)["X-WR-CALNAME"]) == name


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


# --- what other libraries read


def wanted() -> list[tuple[object, object]]:
    """Start and end of each event, by day."""
    paris = ZoneInfo("Europe/Paris")
    return [
        (
            datetime(2026, 3, 30, 9, 30, tzinfo=paris).astimezone(UTC),
            datetime(2026, 3, 30, 10, 0, tzinfo=paris).astimezone(UTC),
        ),
        (
            datetime(2026, 6, 10, 17, 30, tzinfo=ALMATY).astimezone(UTC),
            datetime(2026, 6, 10, 18, 0, tzinfo=ALMATY).astimezone(UTC),
        ),
        (date(2026, 8, 19), date(2026, 8, 20)),
    ]


def utc(moment: object) -> object:
    return moment.astimezone(UTC) if isinstance(moment, datetime) else moment


def spans(pairs: list[tuple[object, object]]) -> list[tuple[object, object]]:
    return sorted(((utc(a), utc(b)) for a, b in pairs), key=lambda pair: str(pair[0]))


def test_icalendar_reads_the_same_dates() -> None:
    calendar = Calendar.from_ical(render(PHONE, ITEMS, NOW))
    found = [(one["DTSTART"].dt, one["DTEND"].dt) for one in calendar.walk("VEVENT")]
    assert spans(found) == wanted()


def test_ical_reads_the_same_dates() -> None:
    text = render(PHONE, ITEMS, NOW).decode()
    events = IcsCalendarStream.calendar_from_ics(text).events
    assert spans([(one.dtstart, one.dtend) for one in events]) == wanted()


def test_vobject_reads_the_same_dates() -> None:
    calendar = vobject.readOne(render(PHONE, ITEMS, NOW).decode())
    found = [(one.dtstart.value, one.dtend.value) for one in calendar.vevent_list]
    assert spans(found) == wanted()


def test_the_clock_changes_in_the_definition_when_it_changes_where_people_live() -> None:
    """Row 35: read by a library that knows the zone from the definition alone."""
    zone = tzical(StringIO(render(PHONE, ITEMS[2:], NOW).decode())).get("Europe/Paris")
    paris = ZoneInfo("Europe/Paris")
    for day in (date(2026, 3, 29), date(2026, 10, 25)):
        for half_hours in range(12):
            at = datetime(day.year, day.month, day.day, tzinfo=UTC) + half_hours * HALF_HOUR
            assert at.astimezone(zone).utcoffset() == at.astimezone(paris).utcoffset(), at


def test_ics_reads_the_same_dates() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        events = IcsCalendar(render(PHONE, ITEMS, NOW).decode()).events
    # This library gives whole days as midnights.
    found = [
        (one.begin.date(), one.end.date())
        if one.all_day
        else (one.begin.datetime, one.end.datetime)
        for one in events
    ]
    assert spans(found) == wanted()
