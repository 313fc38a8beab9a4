"""All is well only when nothing waits beyond its limit, and what is wrong says so by name."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.watch import (
    MOST_ALERT_WAIT,
    MOST_READER_WAIT,
    MOST_SILENT,
    MOST_UNTAKEN,
    MOST_WAIT,
    FindingCode,
    WatchFacts,
    judge,
    unwatched,
)

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
LIMITS = {
    "wake_at": (MOST_WAIT, FindingCode.DEADLINE_WAITS),
    "alert_wake_at": (MOST_ALERT_WAIT, FindingCode.ALERT_WAITS),
    "reader_wake_at": (MOST_READER_WAIT, FindingCode.READER_WAITS),
    "failing_since": (MOST_WAIT, FindingCode.RELEASE_FAILS),
    "due_at": (MOST_WAIT, FindingCode.MESSAGE_WAITS),
    "next_attempt_at": (MOST_UNTAKEN, FindingCode.MESSAGE_NOT_TAKEN),
    "ticked_at": (MOST_SILENT, FindingCode.NOT_TICKING),
}

around_now = st.none() | st.timedeltas(-timedelta(days=3), timedelta(days=400)).map(
    lambda age: NOW - age
)
facts = st.builds(
    WatchFacts,
    wake_at=around_now,
    due_at=around_now,
    next_attempt_at=around_now,
    asleep=st.integers(0, 3),
    alert_wake_at=around_now,
    alerts_asleep=st.integers(0, 3),
    reader_wake_at=around_now,
    failing_since=around_now,
    ticked_at=around_now,
)


def codes(seen: WatchFacts, now: datetime = NOW) -> list[str]:
    return [one.code for one in judge(seen, now).findings]


def test_an_installation_with_nothing_to_do_is_well() -> None:
    verdict = judge(WatchFacts(), NOW)
    assert verdict.well
    assert verdict.oldest_due_seconds == 0


@pytest.mark.parametrize("name", LIMITS)
def test_each_wait_is_well_up_to_its_limit_and_not_beyond(name: str) -> None:
    limit, code = LIMITS[name]
    assert codes(WatchFacts(**{name: NOW - limit})) == []
    (finding,) = judge(WatchFacts(**{name: NOW - limit - TICK}), NOW).findings
    assert finding.code == code
    assert finding.seconds == (limit + TICK).total_seconds()


def test_what_is_due_never_waits_longer_than_five_minutes_without_an_alarm() -> None:
    assert timedelta(minutes=5) == MOST_WAIT


@given(facts)
def test_all_is_well_exactly_when_no_limit_is_passed(seen: WatchFacts) -> None:
    passed = {code for name, (limit, code) in LIMITS.items() if _is_late(seen, name, limit)}
    passed |= {FindingCode.DEADLINE_ASLEEP} if seen.asleep else set()
    passed |= {FindingCode.ALERT_ASLEEP} if seen.alerts_asleep else set()
    assert set(codes(seen)) == passed
    assert judge(seen, NOW).well == (not passed)


@given(facts)
def test_the_oldest_due_is_the_worst_of_deadline_alert_and_message(seen: WatchFacts) -> None:
    due = (seen.wake_at, seen.alert_wake_at, seen.due_at)
    ages = [(NOW - at).total_seconds() for at in due if at]
    assert judge(seen, NOW).oldest_due_seconds == max([*ages, 0.0])


@given(
    facts,
    st.sampled_from(["wake_at", "alert_wake_at", "due_at", "next_attempt_at"]),
    st.timedeltas(TICK),
)
def test_waiting_longer_never_mends_anything(
    seen: WatchFacts, name: str, longer: timedelta
) -> None:
    at = getattr(seen, name) or NOW
    later = replace(seen, **{name: max(at - min(longer, timedelta(days=9)), at - 9 * MOST_WAIT)})
    assert set(codes(seen)) <= set(codes(later))
    assert judge(seen, NOW).oldest_due_seconds <= judge(later, NOW).oldest_due_seconds


@given(facts)
def test_each_finding_has_one_code_and_a_whole_sentence_that_names_nothing(
    seen: WatchFacts,
) -> None:
    verdict = judge(seen, NOW)
    assert len({one.code for one in verdict.findings}) == len(verdict.findings)
    for one in verdict.findings:
        assert one.seconds >= 0
        assert one.code in set(FindingCode)
        assert re.fullmatch(r"[A-Z][^{}]*[a-z]\.", one.sentence)
        assert not re.search(r"[a-z]{3}_", one.sentence)


def test_a_tick_or_a_watch_of_the_future_does_not_count_as_fresh() -> None:
    ahead = NOW + timedelta(days=1)
    assert codes(WatchFacts(ticked_at=ahead)) == [FindingCode.NOT_TICKING]
    finding = unwatched(ahead, NOW)
    assert finding is not None
    assert finding.code == FindingCode.NOT_WATCHED


def test_a_watch_is_missed_after_ten_minutes_and_not_where_there_never_was_one() -> None:
    assert unwatched(None, NOW) is None
    assert unwatched(NOW - timedelta(minutes=10), NOW) is None
    finding = unwatched(NOW - timedelta(minutes=10, seconds=1), NOW)
    assert finding is not None
    assert "for 10 minutes" in finding.sentence


def _is_late(seen: WatchFacts, name: str, limit: timedelta) -> bool:
    at = getattr(seen, name)
    if at is None:
        return False
    return abs(NOW - at) > limit if name == "ticked_at" else NOW - at > limit
