"""What is taken out stays out, what no longer holds is not sent, and nobody is told twice."""

from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, product
from typing import Any

import pytest

from service.domain.access import Level
from service.domain.deadlines import DeadlineKind
from service.domain.notifications import (
    ChannelKind,
    EventType,
    Handover,
    Notice,
    SubjectKind,
    Superseded,
    dedupe_key,
    redacted,
    useful_until,
    why_superseded,
)

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
NOTICE = Notice(
    event=EventType.REMINDER_DUE,
    level=Level.FULL,
    case_code="ALM-7",
    subject_id="dln_1",
    version=2,
    kind=DeadlineKind.FILING,
    title="Appeal for A. Serik",
    forum="Supreme Court",
    basis="CPC art. 592(1)",
    notes="Sister's telephone: 701",
    due_on=date(2026, 6, 30),
    due_at=datetime(2026, 6, 30, 19, 0, tzinfo=UTC),
    timezone="Asia/Almaty",
    provisional=False,
    planned_at=NOON,
    released_at=NOON,
    others_told=("deputy",),
)
SHOWN_FROM = {
    "notes": Level.FULL,
    "title": Level.BASIS,
    "forum": Level.BASIS,
    "basis": Level.BASIS,
    "case_code": Level.CODE,
    "kind": Level.CODE,
}


@pytest.mark.parametrize(("level", "part"), list(product(Level, SHOWN_FROM)))
def test_each_part_is_shown_from_its_level_on(level: Level, part: str) -> None:
    shown = getattr(redacted(NOTICE, level), part)
    assert shown == (getattr(NOTICE, part) if level >= SHOWN_FROM[part] else None)


@pytest.mark.parametrize("level", Level)
def test_the_date_is_always_told(level: Level) -> None:
    shown = redacted(NOTICE, level)
    assert (shown.due_on, shown.due_at, shown.level) == (NOTICE.due_on, NOTICE.due_at, level)


@pytest.mark.parametrize(("first", "second"), list(product(Level, Level)))
def test_what_is_taken_out_stays_out(first: Level, second: Level) -> None:
    twice = redacted(redacted(NOTICE, first), second)
    assert replace(twice, level=min(first, second)) == redacted(NOTICE, min(first, second))


def test_a_lower_level_never_shows_more() -> None:
    for lower, higher in pairwise(Level):
        less, more = asdict(redacted(NOTICE, lower)), asdict(redacted(NOTICE, higher))
        assert all(less[part] in (None, more[part]) for part in less if part != "level")


STANDING = Handover(
    ChannelKind.EMAIL,
    SubjectKind.DEADLINE,
    version=2,
    current_version=2,
    live=True,
    on_case=True,
    recipient_enabled=True,
)


def test_a_mail_that_still_holds_is_sent() -> None:
    assert why_superseded(STANDING) is None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"live": False}, Superseded.DEADLINE_ENDED),
        ({"live": False, "subject": SubjectKind.ALERT}, Superseded.ALERT_RESOLVED),
        ({"current_version": 3}, Superseded.VERSION_CHANGED),
        ({"on_case": False}, Superseded.RECIPIENT_LEFT),
        ({"recipient_enabled": False}, Superseded.RECIPIENT_DISABLED),
    ],
)
def test_a_mail_that_no_longer_holds_is_not(changed: dict[str, Any], reason: Superseded) -> None:
    assert why_superseded(replace(STANDING, **changed)) is reason


@pytest.mark.parametrize("changed", [{"live": False}, {"current_version": 3}, {"on_case": False}])
def test_a_webhook_tells_what_has_happened_which_stays_true(
    changed: dict[str, bool | int],
) -> None:
    facts = replace(STANDING, channel=ChannelKind.WEBHOOK, **changed)  # type: ignore[arg-type]
    assert why_superseded(facts) is None


def test_a_webhook_to_a_disabled_endpoint_is_not_sent() -> None:
    facts = replace(STANDING, channel=ChannelKind.WEBHOOK, recipient_enabled=False)
    assert why_superseded(facts) is Superseded.ENDPOINT_DISABLED


def test_no_two_notices_share_a_key() -> None:
    keys = {
        dedupe_key(*parts)
        for parts in product(
            ("dln_1", "dln_2"), (1, 11), ("1", "11"), (0, 1), ("usr_1", "usr_2"), ChannelKind
        )
    }
    assert len(keys) == 2**5 * len(ChannelKind)


def test_the_same_notice_has_the_same_key() -> None:
    one = dedupe_key("dln_1", 2, "0", 0, "usr_1", ChannelKind.EMAIL)
    assert one == dedupe_key("dln_1", 2, "0", 0, "usr_1", ChannelKind.EMAIL)


@pytest.mark.parametrize("lead", [timedelta(days=30), timedelta(), timedelta(days=-30)])
def test_a_notice_is_of_use_for_a_day_after_the_due_instant_and_for_a_day_at_least(
    lead: timedelta,
) -> None:
    due_at = NOON + lead
    until = useful_until(due_at, NOON)
    assert until == max(due_at, NOON) + timedelta(days=1)
