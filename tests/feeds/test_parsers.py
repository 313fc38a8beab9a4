"""The same calendar read by the libraries behind many clients: all find the same days and instants."""

import ctypes
import json
import shutil
import subprocess
import warnings
from collections.abc import Callable
from ctypes.util import find_library
from datetime import UTC, date, datetime, timedelta
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.tz import tzical
from icalendar import Calendar

from service.domain.deadlines import DeadlineKind, DeadlineState
from service.feeds.calendar import farewell, render, uid_for
from service.feeds.entries import Expiry, FeedItem, Look
from service.languages import Language
from tests.feeds.samples import EVERYTHING, NOW, PHONE, item

with warnings.catch_warnings():
    # These three are readers of other people, and warn of themselves when imported.
    warnings.simplefilter("ignore")
    import vobject
    from ical.calendar_stream import IcsCalendarStream
    from ics import Calendar as IcsCalendar

NODE = Path(__file__).parents[2] / ".venv" / "node"
HALF_HOUR = timedelta(minutes=30)
FILING, HEARING = DeadlineKind.FILING, DeadlineKind.HEARING
#: UID to start and end of an event, or to the due moment alone of a task.
Moments = dict[str, tuple[date, ...]]

#: A name, the zone and the due instant there; the last two around the hour that comes twice in autumn.
HOURS = [
    ("almaty", "Asia/Almaty", datetime(2026, 6, 10, 13, 0, tzinfo=UTC)),
    ("almaty-before-2024-03", "Asia/Almaty", datetime(2024, 2, 20, 12, 0, tzinfo=UTC)),
    ("paris-summer", "Europe/Paris", datetime(2026, 3, 30, 8, 0, tzinfo=UTC)),
    ("paris-winter", "Europe/Paris", datetime(2026, 11, 2, 16, 0, tzinfo=UTC)),
    ("paris-after-the-gap", "Europe/Paris", datetime(2026, 3, 29, 1, 10, tzinfo=UTC)),
    ("london", "Europe/London", datetime(2026, 12, 1, 17, 0, tzinfo=UTC)),
    ("new-york", "America/New_York", datetime(2026, 7, 1, 21, 0, tzinfo=UTC)),
    ("utc", "UTC", datetime(2026, 7, 2, 12, 0, tzinfo=UTC)),
    ("utc-by-another-name", "Etc/UTC", datetime(2026, 7, 3, 12, 0, tzinfo=UTC)),
    ("paris-end-twice", "Europe/Paris", datetime(2026, 10, 25, 1, 10, tzinfo=UTC)),
    ("paris-start-twice", "Europe/Paris", datetime(2026, 10, 25, 2, 10, tzinfo=UTC)),
]
DAYS = [("a-day", date(2026, 8, 19)), ("a-leap-day", date(2028, 2, 29))]
TEXT = {"title": "Жалоба, «последний день»; қазақша \\ 👩‍⚖️ " * 4, "language": Language.KAZAKH}


def hours(task: bool, kind: DeadlineKind) -> list[FeedItem]:
    return [
        item(
            uid=uid_for(f"{task} {kind}", name),
            due_at=at,
            due_on=at.astimezone(ZoneInfo(zone)).date(),
            timezone=zone,
            task=task,
            **EVERYTHING | TEXT | {"kind": kind},
        )
        for name, zone, at in HOURS
    ]


def days(task: bool) -> list[FeedItem]:
    midnight = datetime.min.time()
    return [
        item(
            uid=uid_for(str(task), name),
            due_on=day,
            due_at=datetime.combine(day, midnight, UTC) + timedelta(days=1),
            whole_day=True,
            task=task,
            **EVERYTHING | TEXT,
        )
        for name, day in DAYS
    ]


def events() -> tuple[bytes, Moments]:
    """A calendar with every form that an event has, and what is to be read in it."""
    own = FeedItem(
        uid_for("x", "y"), 1, NOW, Expiry(TEXT["language"], NOW.date(), date(2026, 3, 16))
    )
    wanted: Moments = {own.uid: (NOW.date(), NOW.date() + timedelta(days=1))}
    ending, beginning = hours(False, FILING), hours(False, HEARING)
    for one, other, (_, _, at) in zip(ending, beginning, HOURS, strict=True):
        wanted |= {one.uid: (at - HALF_HOUR, at), other.uid: (at, at + HALF_HOUR)}
    for one, (_, day) in zip(days(False), DAYS, strict=True):
        wanted[one.uid] = (day, day + timedelta(days=1))
    look = Look("Сроки, 🏛", Language.RUSSIAN, "Asia/Almaty")
    return render(look, [own, *ending, *beginning, *days(False)], NOW), wanted


def tasks() -> tuple[bytes, Moments]:
    timed, whole = hours(True, HEARING), days(True)
    wanted: Moments = {one.uid: (at,) for one, (_, _, at) in zip(timed, HOURS, strict=True)}
    wanted |= {one.uid: (day,) for one, (_, day) in zip(whole, DAYS, strict=True)}
    done = item(uid=uid_for("d", "d"), state=DeadlineState.COMPLETED, task=True)
    wanted[done.uid] = (datetime(2026, 6, 10, 13, 0, tzinfo=UTC),)
    return render(PHONE, [*timed, *whole, done], NOW), wanted


def utc(moment: Any) -> Any:
    return moment.astimezone(UTC) if isinstance(moment, datetime) else moment


def moments(*given: Any) -> tuple[Any, ...]:
    return tuple(utc(one) for one in given)


# --- the readers


def by_icalendar(content: bytes) -> Moments:
    calendar = Calendar.from_ical(content)
    found = {
        str(one["UID"]): moments(one["DTSTART"].dt, one["DTEND"].dt)
        for one in calendar.walk("VEVENT")
    }
    return found | {str(one["UID"]): moments(one["DUE"].dt) for one in calendar.walk("VTODO")}


def by_ical(content: bytes) -> Moments:
    calendar = IcsCalendarStream.calendar_from_ics(content.decode())
    found = {one.uid: moments(one.dtstart, one.dtend) for one in calendar.events}
    return found | {one.uid: moments(one.due) for one in calendar.todos}


def by_vobject(content: bytes) -> Moments:
    calendar = vobject.readOne(content.decode())
    found = {
        one.uid.value: moments(one.dtstart.value, one.dtend.value)
        for one in calendar.contents.get("vevent", [])
    }
    todos = calendar.contents.get("vtodo", [])
    return found | {one.uid.value: moments(one.due.value) for one in todos}


def by_ics(content: bytes) -> Moments:
    """This library gives whole days as midnights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        calendar = IcsCalendar(content.decode())
    return {
        one.uid: (one.begin.date(), one.end.date())
        if one.all_day
        else moments(one.begin.datetime, one.end.datetime)
        for one in calendar.events
    }


def by_node(library: str) -> Callable[[bytes], Moments]:
    def read(content: bytes) -> Moments:
        node = shutil.which("node")
        if node is None or not (NODE / "node_modules").exists():
            pytest.skip("node, or what `make .venv/node` installs for it, is missing")
        said = subprocess.run(
            [node, str(NODE / "read.mjs"), library], input=content, capture_output=True, check=True
        )
        return {uid: tuple(map(moment, found)) for uid, found in json.loads(said.stdout).items()}

    return read


def moment(text: str) -> date:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


class IcalTime(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int) for name in ("year", "month", "day", "hour", "minute", "second")),
        ("is_date", ctypes.c_int),
        ("is_daylight", ctypes.c_int),
        ("zone", ctypes.c_void_p),
    ]


@cache
def libical() -> Any:
    name = find_library("ical")
    if name is None:
        pytest.skip("libical is not installed")
    library = ctypes.CDLL(name)
    pointer = ctypes.c_void_p
    for getter in ("get_first", "get_next"):
        getattr(library, f"icalcomponent_{getter}_component").restype = pointer
    for name in ("dtstart", "dtend", "due"):
        getattr(library, f"icalcomponent_get_{name}").restype = IcalTime
    library.icalparser_parse_string.restype = pointer
    library.icalcomponent_get_uid.restype = ctypes.c_char_p
    library.icaltime_as_timet_with_zone.argtypes = [IcalTime, pointer]
    library.icaltime_as_timet_with_zone.restype = ctypes.c_long
    return library


def by_libical(content: bytes) -> Moments:
    """What Evolution, KDE and GNOME read with."""
    library, pointer = libical(), ctypes.c_void_p
    calendar = pointer(library.icalparser_parse_string(content))
    assert library.icalcomponent_count_errors(calendar) == 0
    found: Moments = {}
    for kind, names in (("VEVENT", ("dtstart", "dtend")), ("VTODO", ("due",))):
        number = library.icalcomponent_string_to_kind(kind.encode())
        component = library.icalcomponent_get_first_component(calendar, number)
        while component:
            one = pointer(component)
            times = [getattr(library, f"icalcomponent_get_{name}")(one) for name in names]
            found[library.icalcomponent_get_uid(one).decode()] = tuple(map(from_libical, times))
            component = library.icalcomponent_get_next_component(calendar, number)
    return found


def from_libical(at: IcalTime) -> date:
    if at.is_date:
        return date(at.year, at.month, at.day)
    assert at.zone, "no zone"
    return datetime.fromtimestamp(libical().icaltime_as_timet_with_zone(at, at.zone), UTC)


READERS = {
    "icalendar": by_icalendar,
    "ical": by_ical,
    "vobject": by_vobject,
    "ics": by_ics,
    "ical.js": by_node("ical.js"),
    "node-ical": by_node("node-ical"),
    "libical": by_libical,
}


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_takes_the_events_for_the_same_instants(reader: str) -> None:
    """Rows 43 to 45 and 69."""
    content, wanted = events()
    assert READERS[reader](content) == wanted


@pytest.mark.parametrize("reader", [name for name in READERS if name != "ics"])
def test_every_reader_takes_the_tasks_for_the_same_instants(reader: str) -> None:
    """`ics` takes the due day of a task for an hour in UTC."""
    content, wanted = tasks()
    assert READERS[reader](content) == wanted


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_understands_a_farewell(reader: str) -> None:
    """Row 17."""
    uid = uid_for("salt", "farewell")
    content = farewell(PHONE, uid, date(2026, 3, 2), NOW)
    assert READERS[reader](content) == {uid: (date(2026, 3, 2), date(2026, 3, 3))}


def test_the_clock_changes_in_the_definition_when_it_changes_where_people_live() -> None:
    """Row 35: read by a library that knows the zone from the definition alone."""
    name = "Europe/Paris"
    in_paris = item(timezone=name, due_at=datetime(2026, 3, 30, 8, 0, tzinfo=UTC))
    zone = tzical(StringIO(render(PHONE, [in_paris], NOW).decode())).get(name)
    for day in (date(2026, 3, 29), date(2026, 10, 25)):
        for half_hours in range(12):
            at = datetime(day.year, day.month, day.day, tzinfo=UTC) + half_hours * HALF_HOUR
            offset = at.astimezone(ZoneInfo(name)).utcoffset()
            assert at.astimezone(zone).utcoffset() == offset, at
