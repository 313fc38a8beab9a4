"""An endpoint that takes nothing is noticed, spared, and never forgotten; one success puts it right."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.endpoints import (
    BY_HAND,
    DISABLED_AFTER,
    Health,
    News,
    after_failure,
    after_success,
    disabled,
    enabled,
    interval,
    tended,
)
from service.domain.retry import Outcome, Verdict
from service.domain.webhooks import EndpointState

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86400))
NEW = Health(EndpointState.ACTIVE, START, START)
DOWN = Outcome(Verdict.TEMPORARY, "503")
WELL = EndpointState.ACTIVE


def failed(health: Health, *after: timedelta, code: str = "503") -> tuple[Health, list[News]]:
    """What one failure at each of these distances from the start makes of it, and what is told."""
    told = []
    for one in after:
        health, news = after_failure(health, Outcome(Verdict.TEMPORARY, code), START + one)
        told += [news] if news else []
    return health, told


def test_three_failures_in_ten_minutes_are_told_once() -> None:
    health, told = failed(NEW, MINUTE, 5 * MINUTE, 11 * MINUTE, 30 * MINUTE, 59 * MINUTE)
    assert (health.state, told) == (EndpointState.FAILING, [News.FAILING])


def test_failures_of_one_moment_say_nothing_yet() -> None:
    health, told = failed(NEW, *[MINUTE] * 50)
    assert (health.state, told) == (WELL, [])


def test_an_endpoint_that_fails_and_recovers_all_day_is_told_of_once_a_day() -> None:
    health, told = NEW, list[News]()
    for hour in range(30):
        at = hour * HOUR
        health, more = failed(health, at, at + 6 * MINUTE, at + 12 * MINUTE)
        told += more
        health, news = after_success(health, START + at + 20 * MINUTE)
        told += [news] if news else []
    assert told == [News.FAILING, News.ENABLED] * 2


def test_ten_failures_and_an_hour_without_success_pause_it() -> None:
    health, told = failed(NEW, *(n * 7 * MINUTE for n in range(1, 10)))
    assert (health.state, health.failures) == (EndpointState.FAILING, 9)
    health, news = after_failure(health, DOWN, START + 70 * MINUTE)
    assert (health.state, news, told) == (EndpointState.PAUSED, News.PAUSED, [News.FAILING])
    assert health.probe_at == START + 85 * MINUTE


def test_probes_follow_each_other_more_slowly_up_to_two_hours() -> None:
    health = Health(EndpointState.PAUSED, START, START, failures=10, failing_since=START)
    pauses = []
    for probe in range(6):
        at = START + probe * HOUR
        health, _ = after_failure(health, DOWN, at)
        assert health.probe_at is not None
        pauses.append((health.probe_at - at) / MINUTE)
    assert pauses == [30, 60, 120, 120, 120, 120]


@pytest.mark.parametrize("state", [EndpointState.FAILING, EndpointState.PAUSED])
def test_one_success_puts_it_right(state: EndpointState) -> None:
    run = {"failures": 12, "failing_since": START, "reason": "503", "probes": 3, "told_at": START}
    health, news = after_success(Health(state, START, START, **run), START + DAY)  # type: ignore[arg-type]
    well = Health(WELL, START + DAY, START + DAY, told_at=START)
    assert (health, news) == (well, News.ENABLED)


def test_what_says_that_it_is_gone_is_left_alone_at_once() -> None:
    health, told = failed(NEW, MINUTE, code="410")
    assert (health.state, health.reason, told) == (EndpointState.DISABLED, "410", [News.DISABLED])
    assert failed(health, HOUR, 200 * HOUR) == (health, [])


def test_what_leads_inside_is_paused_and_not_tried_again() -> None:
    health, told = failed(NEW, MINUTE, code="blocked_address")
    assert (health.state, health.probe_at, told) == (EndpointState.PAUSED, None, [News.PAUSED])


@pytest.mark.parametrize("code", ["400", "401", "404", "422"])
def test_a_refusal_is_told_at_the_first_one(code: str) -> None:
    health, told = failed(NEW, SECOND, 5 * MINUTE, code=code)
    assert (health.state, told) == (WELL, [News.REFUSED])


@pytest.mark.parametrize("code", ["408", "429", "500", "timeout", "tls"])
def test_other_failures_are_not_told_at_the_first_one(code: str) -> None:
    assert failed(NEW, SECOND, code=code)[1] == []


@pytest.mark.parametrize(("code", "halved"), [("429", True), ("504", True), ("500", False)])
def test_a_receiver_with_too_much_to_do_is_asked_half_as_often(code: str, halved: bool) -> None:
    health, _ = failed(NEW, timedelta(), code=code)
    pauses = [interval(5, health.slow_until, START + after) for after in (MINUTE, 16 * MINUTE)]
    assert pauses == [SECOND / 5 * (2 if halved else 1), SECOND / 5]


def test_five_days_without_success_end_in_disabling_with_a_warning_a_day_before() -> None:
    health = Health(
        EndpointState.PAUSED, START, START, failures=20, failing_since=START, told_at=START + HOUR
    )
    told = []
    for hour in range(200):
        health, news = tended(health, START + hour * HOUR, waiting=True)
        told += [(hour, news)] if news else []
    assert told[:2] == [(96, News.DISABLED_SOON), (120, News.DISABLED)]
    assert [hour - 120 for hour, news in told[2:]] == [24, 48, 72]


def test_who_looks_after_it_is_reminded_each_week_while_events_wait() -> None:
    gone = Health(EndpointState.DISABLED, START, START, told_at=START, reason="410")
    told = []
    for day in range(40):
        gone, news = tended(gone, START + day * DAY, waiting=True)
        told += [day] if news else []
    assert told == [1, 2, 3, 10, 17, 24, 31, 38]
    assert tended(gone, START + 100 * DAY, waiting=False)[1] is None


def test_what_a_person_disabled_is_nobodys_news_and_no_success_enables_it() -> None:
    health = disabled(NEW, START)
    assert health.reason == BY_HAND
    assert tended(health, START + 30 * DAY, waiting=True)[1] is None
    later, news = after_success(health, START + HOUR)
    assert (later.state, news) == (EndpointState.DISABLED, None)


def test_what_was_enabled_again_is_not_paused_for_a_day() -> None:
    health = enabled(disabled(NEW, START), START)
    spared, _ = failed(health, *(n * 2 * HOUR for n in range(1, 12)))
    assert spared.state is EndpointState.FAILING
    assert failed(spared, 25 * HOUR)[0].state is EndpointState.PAUSED


@given(st.lists(st.tuples(st.integers(1, 600), st.sampled_from(["200", "503", "404", "429"]))))
def test_whatever_happens_it_is_disabled_only_after_five_days_without_success(
    answers: list[tuple[int, str]],
) -> None:
    health, now, alive_at = NEW, START, START
    for minutes, code in answers:
        now += minutes * MINUTE
        if code == "200":
            health, _ = after_success(health, now)
            alive_at = now if health.state is not EndpointState.DISABLED else alive_at
        else:
            health, _ = after_failure(health, Outcome(Verdict.TEMPORARY, code), now)
        health, _ = tended(health, now, waiting=True)
        if health.state is EndpointState.DISABLED:
            assert now - alive_at >= DISABLED_AFTER
            return
        if health.failures < 10:
            assert health.state is not EndpointState.PAUSED
