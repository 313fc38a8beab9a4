"""Entries as calendars show them, made without an installation; each test says only what it is about."""

import re
from datetime import UTC, date, datetime
from typing import Any

from icalendar import Calendar

from service.domain.access import Level
from service.domain.deadlines import DeadlineKind, DeadlineState
from service.feeds.calendar import render, uid_for
from service.feeds.entries import Basis, Entry, FeedItem, Look
from service.languages import Language

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
PHONE = Look("Phone")
#: All that an entry can show.
EVERYTHING: dict[str, Any] = {
    "level": Level.FULL,
    "kind": DeadlineKind.HEARING,
    "forum": "Court 5, Astana",
    "basis": Basis("kz.cpc.592.appeal", ("CPC art. 592", "CPC art. 52"), date(2026, 3, 1)),
    "link": "https://app.example/deadlines/dln_1",
    "notes": "Bring the file",
    "alarms": True,
}


def item(uid: str = uid_for("salt", "dln_1"), sequence: int = 1, **given: Any) -> FeedItem:
    own: dict[str, Any] = {
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
    return FeedItem(uid, sequence, NOW, Entry(**own | given))


def shown(**given: Any) -> Any:
    """What a client reads of one entry, in whatever form it stands."""
    [component] = parsed(item(**given)).walk(select=lambda one: one.name in ("VEVENT", "VTODO"))
    return component


def parsed(*items: FeedItem, look: Look = PHONE) -> Any:
    return Calendar.from_ical(render(look, items, NOW))


def unfolded(content: bytes) -> str:
    return re.sub("\r\n[ \t]", "", content.decode())
