"""What comes back is read for what it is: a failure, a delay, a complaint, or somebody who is only away."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.channels.email.bounces import read_arrived
from service.domain.bounces import Arrived, BounceClass, Report
from tests.channels import returned

ID = "msg_00000000000000000000000000"
TO = "b-path@bounces.example.org"


def bounce_of(raw: bytes) -> Report | None:
    return read_arrived(raw).report


@pytest.mark.parametrize(
    ("status", "bounce"),
    [
        ("5.1.1", BounceClass.HARD),
        ("5.1.10 (null MX)", BounceClass.HARD),
        ("5.2.1", BounceClass.HARD),
        ("4.4.7", BounceClass.SOFT),
        ("5.2.2", BounceClass.SOFT),
        ("5.7.1", BounceClass.BLOCKED),
    ],
)
def test_a_report_of_failure_is_read_by_its_status(status: str, bounce: BounceClass) -> None:
    found = bounce_of(returned.report(status=status, said="550 no"))
    assert found == Report(bounce, status.split()[0], (ID,))


def test_the_servers_words_are_asked_where_the_status_says_nothing() -> None:
    assert bounce_of(returned.report(status="5.0.0")) == Report(BounceClass.HARD, "5.1.1", (ID,))


@pytest.mark.parametrize("text", [returned.EXIM, returned.QMAIL])
def test_reports_without_a_form_are_read_too(text: str) -> None:
    assert bounce_of(returned.odd(text)) == Report(BounceClass.HARD, "5.1.1", (ID,))


def test_what_no_server_says_the_reason_of_may_be_temporary() -> None:
    said = returned.odd(returned.QMAIL, said="no")
    assert bounce_of(said) == Report(BounceClass.SOFT, "5.0.0", (ID,))


def test_a_complaint_is_told_from_a_report_that_all_is_well() -> None:
    assert bounce_of(returned.complaint(TO, ID)) == Report(BounceClass.COMPLAINT, "", (ID,))
    assert bounce_of(returned.complaint(TO, ID, "not-spam")) is None


def test_an_out_of_office_reply_and_a_delayed_dsn_are_not_bounces() -> None:
    delayed = bounce_of(returned.report(action="delayed", status="4.4.1"))
    assert delayed == Report(BounceClass.DELAYED, "4.4.1", (ID,))
    for header in (
        "Auto-Submitted: auto-replied",
        "X-Autoreply: yes",
        "Precedence: auto_reply",
        "Return-Path: <>",
    ):
        assert bounce_of(returned.away(header, message_id=ID)) is None, header


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_a_report_of_success_is_no_news(action: str) -> None:
    assert bounce_of(returned.report(action=action, status="2.0.0", said="250 ok")) is None


def test_a_read_receipt_reports_nothing() -> None:
    assert bounce_of(returned.read_receipt()) is None


def test_the_envelope_goes_before_what_the_headers_say() -> None:
    raw = returned.report(to=TO)
    assert read_arrived(raw).local_parts == ("b-path",)
    assert read_arrived(raw, ["other@bounces.example.org"]).local_parts == ("other",)


@given(st.binary(max_size=2000))
def test_no_bytes_are_too_odd_to_be_read(raw: bytes) -> None:
    assert isinstance(read_arrived(raw), Arrived)


@given(st.integers(0, 2**32), st.sampled_from(["report", "complaint", "exim"]))
def test_no_report_is_too_broken_to_be_read(seed: int, kind: str) -> None:
    chance = random.Random(seed)
    whole = {
        "report": returned.report(),
        "complaint": returned.complaint(TO, ID),
        "exim": returned.odd(returned.EXIM),
    }[kind]
    broken = bytearray(whole)
    for _ in range(chance.randrange(1, 40)):
        broken[chance.randrange(len(broken))] = chance.randrange(256)
    cut = chance.randrange(len(broken))
    assert isinstance(read_arrived(bytes(broken)), Arrived)
    assert isinstance(read_arrived(bytes(broken[:cut])), Arrived)
