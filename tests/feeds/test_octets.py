"""Ten thousand calendars of whatever people write: every octet where RFC 5545 wants it, every text whole.

Without zones, which have tests of their own and take long to read.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from service.domain.access import Level
from service.domain.deadlines import DeadlineKind, DeadlineState
from service.feeds.calendar import render
from service.feeds.entries import Look
from service.feeds.wording import printable
from service.languages import Language
from tests.feeds.samples import EVERYTHING, NOW, item

_PIECES = [
    *"ӘәҒғҚқҢңӨөҰұҮүҺһІіЁёЖжЩщ \\,;:\"'=%{}x7",
    *("👩‍⚖️", "🏛", "⚖️", "🇰🇿", "é", "e\u0301", "\u202e", "\ufeff", "\u200b", "𐍈"),
    *("\n", "\r\n", "\r", "\x00", "\x0b", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\t"),
    *("\\n", "\r\nEND:VEVENT\r\n", "BEGIN:VALARM", "қазақша", "последний день", "a" * 74),
]
_SHORT = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=8).map("".join)
_ANYTHING = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
WRITTEN = st.one_of(_SHORT, _SHORT.map(lambda text: text * 9), _ANYTHING)
BOTH = st.booleans()
#: Each text is shown at every level, in each of six tests.
EXAMPLES = 10_000 // (len(Level) * 6) + 1


@pytest.mark.parametrize("task", [True, False])
@pytest.mark.parametrize("language", Language)
def test_whatever_is_written_every_line_is_folded_and_every_text_comes_back(
    language: Language, task: bool
) -> None:
    """Rows 22, 23 and 63."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(
        WRITTEN, WRITTEN, st.sampled_from(DeadlineKind), st.sampled_from(DeadlineState), BOTH, BOTH
    )
    def holds(
        one: str, two: str, kind: DeadlineKind, state: DeadlineState, whole_day: bool, moved: bool
    ) -> None:
        given: dict[str, Any] = {"language": language, "kind": kind, "state": state, "task": task}
        given |= {"title": one, "notes": two, "forum": two, "case_code": two[:20]}
        given |= {"whole_day": whole_day, "moved": moved, "alarms": moved, "timezone": "UTC"}
        for level in Level:
            content = render(Look(one), [item(**EVERYTHING | given | {"level": level})], NOW)
            in_order(content)
            comes_back(content, one, two, level)

    holds()


def in_order(content: bytes) -> None:
    assert content.startswith(b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
    assert content.endswith(b"END:VCALENDAR\r\n")
    lines = content.split(b"\r\n")
    assert max(map(len, lines)) <= 75
    assert not {0, 10, 13} & set(b"".join(lines))
    for line in lines:
        line.decode()  # no code point is cut in two
    assert sum(line in (b"BEGIN:VEVENT", b"BEGIN:VTODO") for line in lines) == 1


def comes_back(content: bytes, one: str, two: str, level: Level) -> None:
    calendar: Any = Calendar.from_ical(content)
    assert calendar["X-WR-CALNAME"] == printable(one)
    [entry] = [part for part in calendar.subcomponents if part.name != "VTIMEZONE"]
    said = str(entry["SUMMARY"])
    assert len(said) <= 80
    if level >= Level.CODE:
        assert f"[{printable(two[:20])}] " in said
    if level >= Level.BASIS and "…" not in said:
        assert printable(one) in said
    if level is Level.FULL:
        assert f": {printable(two)}\n" in entry["DESCRIPTION"]
