"""A failure is followed by another try, never too early, and never when it can no longer help."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.retry import (
    HERE,
    LONGEST_RETRY_AFTER,
    MAIL_PAUSES,
    WEBHOOK_PAUSES,
    GiveUp,
    Outcome,
    TryAgain,
    Verdict,
    after_failure,
)

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
LONG_AFTER = NOW + timedelta(days=365)
BUSY = Outcome(Verdict.TEMPORARY, "451")
TABLES = [MAIL_PAUSES, WEBHOOK_PAUSES]


def asked(patience: timedelta) -> Outcome:
    return Outcome(Verdict.TEMPORARY, "429", retry_after=patience)


@pytest.mark.parametrize("pauses", TABLES)
def test_the_pauses_grow_and_the_last_repeats(pauses: tuple[timedelta, ...]) -> None:
    assert list(pauses) == sorted(pauses)
    for attempt, pause in [*enumerate(pauses, 1), (len(pauses) + 1, pauses[-1]), (99, pauses[-1])]:
        again = after_failure(BUSY, attempt, pauses, NOW, LONG_AFTER, jitter=0)
        assert again == TryAgain(NOW + pause)


@pytest.mark.parametrize("verdict", [Verdict.TEMPORARY, Verdict.UNKNOWN])
def test_whatever_is_not_a_refusal_is_tried_again(verdict: Verdict) -> None:
    again = after_failure(Outcome(verdict, "timeout"), 1, MAIL_PAUSES, NOW, LONG_AFTER, 0)
    assert isinstance(again, TryAgain)


@pytest.mark.parametrize("attempt", [1, 9])
@pytest.mark.parametrize("code", ["connection", "timeout", "535"])
def test_a_relay_that_is_away_makes_a_message_wait_seconds_however_long_it_has_been_tried(
    attempt: int, code: str
) -> None:
    away = Outcome(Verdict.TEMPORARY, code, at="connection")
    again = after_failure(away, attempt, MAIL_PAUSES, NOW, LONG_AFTER, jitter=1)
    assert again == TryAgain(NOW + timedelta(seconds=5.5))
    too_late = after_failure(away, attempt, MAIL_PAUSES, NOW, NOW, jitter=0)
    assert too_late is GiveUp.NO_LONGER_USEFUL


@pytest.mark.parametrize("verdict", [Verdict.TEMPORARY, Verdict.UNKNOWN])
def test_what_this_host_is_short_of_makes_a_message_wait_seconds(verdict: Verdict) -> None:
    short = Outcome(verdict, "shortage", at=HERE)
    again = after_failure(short, 9, WEBHOOK_PAUSES, NOW, LONG_AFTER, jitter=0)
    assert again == TryAgain(NOW + timedelta(seconds=5))


def test_a_permanent_refusal_is_not_tried_again() -> None:
    refused = Outcome(Verdict.PERMANENT, "550", retry_after=timedelta(minutes=1))
    assert after_failure(refused, 1, MAIL_PAUSES, NOW, LONG_AFTER, 0) is GiveUp.REFUSED


def test_a_receivers_wish_for_patience_is_honoured() -> None:
    again = after_failure(asked(timedelta(hours=2)), 1, WEBHOOK_PAUSES, NOW, LONG_AFTER, 0)
    assert again == TryAgain(NOW + timedelta(hours=2))


def test_a_wish_for_endless_patience_is_not() -> None:
    again = after_failure(asked(timedelta(days=30)), 1, WEBHOOK_PAUSES, NOW, LONG_AFTER, 0)
    assert again == TryAgain(NOW + LONGEST_RETRY_AFTER)


@pytest.mark.parametrize("patience", [timedelta(), timedelta(seconds=-5), timedelta(seconds=1)])
def test_a_receiver_cannot_make_us_hurry(patience: timedelta) -> None:
    again = after_failure(asked(patience), 3, WEBHOOK_PAUSES, NOW, LONG_AFTER, 0)
    assert again == TryAgain(NOW + WEBHOOK_PAUSES[2])


def test_a_try_at_the_last_useful_instant_is_still_made() -> None:
    pause = MAIL_PAUSES[0]
    last = NOW + pause
    assert after_failure(BUSY, 1, MAIL_PAUSES, NOW, last, 0) == TryAgain(last)
    too_soon = last - timedelta(microseconds=1)
    assert after_failure(BUSY, 1, MAIL_PAUSES, NOW, too_soon, 0) is GiveUp.NO_LONGER_USEFUL


@given(
    st.integers(1, 100),
    st.sampled_from(TABLES),
    st.timedeltas(timedelta(), timedelta(days=60)),
    st.floats(0, 1),
    st.none() | st.timedeltas(timedelta(days=-1), timedelta(days=60)),
)
def test_never_early_and_never_after_it_is_of_use(
    attempt: int,
    pauses: tuple[timedelta, ...],
    left: timedelta,
    jitter: float,
    patience: timedelta | None,
) -> None:
    outcome = Outcome(Verdict.TEMPORARY, "503", retry_after=patience)
    decision = after_failure(outcome, attempt, pauses, NOW, NOW + left, jitter)
    pause = pauses[min(attempt, len(pauses)) - 1]
    if isinstance(decision, TryAgain):
        assert NOW + pause <= decision.at <= NOW + left
        assert decision.at >= NOW + min(patience or timedelta(), LONGEST_RETRY_AFTER)
    else:
        assert decision is GiveUp.NO_LONGER_USEFUL
        assert left < max(pause * 1.1, LONGEST_RETRY_AFTER) + timedelta(seconds=1)
