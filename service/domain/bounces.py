"""What it means that a mail came back: for the message, for the address, for what is sent next.

A report and what is known of the address go in, a decision comes out; it reads no mail and tells nobody.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class AddressState(StrEnum):
    """`unverified`: nobody has confirmed yet that its person reads it; mandatory notices go there all the
    same. `undeliverable`: it does not exist any more, until it is verified anew."""

    UNVERIFIED = "unverified"
    VERIFIED = "verified"
    UNDELIVERABLE = "undeliverable"


class KeyState(StrEnum):
    """Of a public key: whether whoever reads the mails to the address holds the other half of it."""

    UNVERIFIED = "unverified"
    VERIFIED = "verified"


class BounceClass(StrEnum):
    """`hard`: the address is gone; `soft`: it may work again; `blocked`: not the person's fault but that of
    what we send, or of where it comes from; `complaint`: the person calls our mail unwanted."""

    HARD = "hard"
    SOFT = "soft"
    BLOCKED = "blocked"
    DELAYED = "delayed"
    COMPLAINT = "complaint"


@dataclass(frozen=True)
class Report:
    """What a mail server says of one mail of ours. `status`: by RFC 3463, empty for a complaint;
    `message_ids`: the messages that the returned headers name, nobody vouches for them."""

    bounce: BounceClass
    status: str
    message_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Arrived:
    """A mail that came to the bounce domain: to which local parts, and what it reports, if anything."""

    local_parts: tuple[str, ...]
    report: Report | None


@dataclass(frozen=True)
class Address:
    """`soft_bounces`: in a row; until `rests_until` no optional mail goes there."""

    state: AddressState
    soft_bounces: int = 0
    rests_until: datetime | None = None


#: So many soft bounces in a row are a hard one.
MOST_SOFT = 6
#: Pause before a mandatory mail that bounced softly is tried at the same address once more.
TRY_AGAIN_AFTER = timedelta(hours=2)
_FIRST_REST = timedelta(hours=2)
#: A bounce later than this after the last rest begins a new row.
_ROW_ENDS_AFTER = timedelta(days=14)
#: Whoever has less time than this does not wait for a mail that is delayed.
_NEAR = timedelta(hours=48)
#: Mailboxes and domains that are not there (RFC 3463, and the registry's later additions).
_HARD = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
#: Policy and content: 5.7.x and 5.6.x.
_BLOCKED = ("5.7.", "5.6.")
#: What a recipient is refused for without being gone: a full mailbox, the server itself, the way to it.
_PASSING = ("5.2.2", "5.3.", "5.4.")
_STATUS = re.compile(r"(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?![\d.]*\d)")
#: What a machine says that only says that it failed.
UNSTATED = "5.0.0"


def class_of(status: str) -> BounceClass:
    """Of a report that a mail has failed. What is not known to be final may be temporary: the next way is
    taken in either case, and six in a row are final too."""
    if status in _HARD:
        return BounceClass.HARD
    return BounceClass.BLOCKED if status.startswith(_BLOCKED) else BounceClass.SOFT


def status_in(said: str) -> str | None:
    """The first status by RFC 3463 that stands in a text."""
    found = _STATUS.search(said)
    return found[0] if found else None


def refused(said: str) -> Report:
    """What it means that a relay refuses the recipient for good, in these words: it is a report that came
    at once. The address is gone unless the relay says that something else is wrong."""
    status = status_in(said) or UNSTATED
    if status.startswith(_BLOCKED):
        return Report(BounceClass.BLOCKED, status)
    passing = status.startswith(_PASSING) or status.startswith("4")
    return Report(BounceClass.SOFT if passing else BounceClass.HARD, status)


def after_bounce(address: Address, bounce: BounceClass, now: datetime) -> Address:
    """The address once that has been reported of it. What comes back while it rests is of the same
    trouble, and counts once."""
    if bounce is BounceClass.HARD:
        return replace(address, state=AddressState.UNDELIVERABLE, rests_until=None)
    resting = address.rests_until is not None and now < address.rests_until
    if bounce is not BounceClass.SOFT or resting:
        return address
    since = address.rests_until
    in_a_row = since is not None and now <= since + _ROW_ENDS_AFTER
    number = address.soft_bounces + 1 if in_a_row else 1
    if number >= MOST_SOFT:
        return Address(AddressState.UNDELIVERABLE, number)
    return replace(address, soft_bounces=number, rests_until=now + rest_after(number))


def rest_after(soft_bounces: int) -> timedelta:
    """2, 4, 8, 16, 32, 64 hours."""
    doublings: int = min(soft_bounces, MOST_SOFT) - 1
    return _FIRST_REST * (1 << doublings)


def is_lost(bounce: BounceClass, left: timedelta | None) -> bool:
    """Whether the person counts as not told by that message, so that the next way or the next person is
    told now. `left`: until the due instant, None where nothing may wait (an alert)."""
    if bounce is BounceClass.COMPLAINT:
        return False
    return bounce is not BounceClass.DELAYED or left is None or left < _NEAR


def tries_again(
    bounce: BounceClass, optional: bool, now: datetime, useful_until: datetime
) -> datetime | None:
    """When the same mail is tried at the same address once more; None: never."""
    at = now + TRY_AGAIN_AFTER
    wanted = bounce is BounceClass.SOFT and not optional
    return at if wanted and at <= useful_until else None


def may_rest(address: Address, now: datetime) -> bool:
    """Whether optional mail waits."""
    resting = address.rests_until is not None and now < address.rests_until
    return resting or address.state is AddressState.UNDELIVERABLE
