"""Our content lines and the library's are the same bytes."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from icalendar import Event

from service.feeds.lines import line

_SUMMER = datetime(2026, 6, 10, 18, 30, tzinfo=UTC)
_WORDS = ['a;b, c\\d^e: "f"', "two\nlines", "Шағым №7 — мерзімі", "𝄞" * 40, "", "x" * 300]


@pytest.mark.parametrize("value", [date(2026, 6, 10), _SUMMER])
def test_a_day_and_an_instant_are_written_as_the_library_writes_them(value: Any) -> None:
    assert line("dtstart", value) == written("dtstart", value)


@pytest.mark.parametrize("zone", ["Asia/Almaty", "America/Port-au-Prince", "Etc/GMT+5"])
def test_so_is_what_the_clock_on_the_wall_shows(zone: str) -> None:
    at = _SUMMER.replace(tzinfo=ZoneInfo(zone))
    assert line("dtend", at) == written("dtend", at)


@pytest.mark.parametrize("words", _WORDS)
def test_so_are_words_whatever_stands_where_a_line_is_folded(words: str) -> None:
    for shift in range(80):
        text = "." * shift + words
        assert line("summary", text) == written("summary", text)


def test_so_is_an_address_in_which_nothing_is_escaped() -> None:
    address = "https://example.org/d/dln_1?a=1,2;b=3#" + "x" * 80
    assert line("url", address) == written("url", address)


def test_what_looks_like_an_escaped_line_end_stays_what_it_is() -> None:
    r"""The library makes a line end of the \N in C:\New."""
    assert line("summary", "C:\\New") == b"SUMMARY:C:\\\\New\r\n"


def written(name: str, value: Any) -> bytes:
    """By the library."""
    event = Event()
    event.add(name, value)
    whole: bytes = event.to_ical()
    return whole.removeprefix(b"BEGIN:VEVENT\r\n").removesuffix(b"END:VEVENT\r\n")
