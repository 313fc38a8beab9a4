"""What a mail that came back means, row by row of the table."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.bounces import (
    MOST_SOFT,
    Address,
    AddressState,
    BounceClass,
    after_bounce,
    class_of,
    is_lost,
    may_rest,
    tries_again,
)

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FRESH = Address(AddressState.VERIFIED)
HARD, SOFT, BLOCKED = BounceClass.HARD, BounceClass.SOFT, BounceClass.BLOCKED
DELAYED, COMPLAINT = BounceClass.DELAYED, BounceClass.COMPLAINT


@pytest.mark.parametrize(
    ("statuses", "bounce"),
    [
        ("5.1.1 5.1.2 5.1.3 5.1.6 5.1.10 5.2.1", HARD),
        ("4.2.2 4.4.1 4.4.7 4.7.1 5.2.2 5.3.0 5.3.4 5.4.4 5.4.6", SOFT),
        ("5.7.1 5.7.26 5.7.509 5.6.0", BLOCKED),
        ("5.0.0 5.1.0 5.5.0 5.9.9", SOFT),
    ],
)
def test_the_status_decides_the_class(statuses: str, bounce: BounceClass) -> None:
    assert {class_of(status) for status in statuses.split()} == {bounce}


def test_a_hard_bounce_makes_the_address_undeliverable_at_once() -> None:
    assert after_bounce(FRESH, HARD, NOW).state is AddressState.UNDELIVERABLE


@pytest.mark.parametrize("bounce", [BLOCKED, DELAYED, COMPLAINT])
def test_what_is_not_the_mailboxs_fault_changes_nothing_about_it(bounce: BounceClass) -> None:
    assert after_bounce(FRESH, bounce, NOW) == FRESH


def test_soft_bounces_in_a_row_rest_longer_and_longer_and_the_sixth_is_hard() -> None:
    address, at, rests = FRESH, NOW, []
    for _ in range(MOST_SOFT - 1):
        address = after_bounce(address, SOFT, at)
        assert address.rests_until is not None
        rests.append((address.rests_until - at) // HOUR)
        assert may_rest(address, at)
        assert not may_rest(address, address.rests_until)
        at = address.rests_until
    assert rests == [2, 4, 8, 16, 32]
    assert address.state is AddressState.VERIFIED
    assert after_bounce(address, SOFT, at).state is AddressState.UNDELIVERABLE


def test_many_mails_that_come_back_within_one_rest_are_one_trouble() -> None:
    once = after_bounce(FRESH, SOFT, NOW)
    for minutes in range(119):
        assert after_bounce(once, SOFT, NOW + timedelta(minutes=minutes)) == once


def test_a_row_ends_with_two_weeks_of_peace() -> None:
    once = after_bounce(FRESH, SOFT, NOW)
    assert once.rests_until is not None
    assert after_bounce(once, SOFT, once.rests_until + 14 * DAY).soft_bounces == 2
    assert after_bounce(once, SOFT, once.rests_until + 14 * DAY + HOUR).soft_bounces == 1


@pytest.mark.parametrize("left", [None, -HOUR, HOUR, 47 * HOUR, 48 * HOUR, 30 * DAY])
def test_who_is_told_by_another_way_now(left: timedelta | None) -> None:
    for bounce in (HARD, SOFT, BLOCKED):
        assert is_lost(bounce, left)
    assert not is_lost(COMPLAINT, left)
    assert is_lost(DELAYED, left) == (left is None or left < 48 * HOUR)


def test_a_mandatory_mail_that_bounced_softly_is_tried_again_while_it_is_of_use() -> None:
    assert tries_again(SOFT, False, NOW, NOW + DAY) == NOW + 2 * HOUR
    assert tries_again(SOFT, False, NOW, NOW + HOUR) is None
    assert tries_again(SOFT, True, NOW, NOW + DAY) is None
    for bounce in (HARD, BLOCKED, DELAYED, COMPLAINT):
        assert tries_again(bounce, False, NOW, NOW + DAY) is None


@given(st.lists(st.tuples(st.sampled_from(BounceClass), st.integers(0, 100))))
def test_nothing_that_comes_back_makes_an_undeliverable_address_good(
    reports: list[tuple[BounceClass, int]],
) -> None:
    address, at, gone = FRESH, NOW, False
    for bounce, hours in reports:
        at += hours * HOUR
        address = after_bounce(address, bounce, at)
        assert not gone or address.state is AddressState.UNDELIVERABLE
        gone = address.state is AddressState.UNDELIVERABLE
        assert address.soft_bounces <= MOST_SOFT
