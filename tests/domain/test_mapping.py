"""What is read from a stranger's payload, and what is refused rather than guessed."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from service.domain.mapping import (
    Condition,
    Place,
    check_pointer,
    found_at,
    holds,
    read_document,
    read_facts,
    sender_id,
)
from service.errors import Code, Refusal

ALMATY, PARIS, UTC = ZoneInfo("Asia/Almaty"), ZoneInfo("Europe/Paris"), ZoneInfo("UTC")

#: The examples of RFC 6901, section 5.
RFC = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}


def read(name: str, value: Any, **place: Any) -> Any:
    """What a field makes of a value; raises what was wrong with it."""
    facts = read_facts({"x": value}, {name: Place(pointer="/x", **place)})
    if facts.faults:
        assert facts.faults[0].field == name
        raise facts.faults[0]
    return facts.values.get(name)


def refused(name: str, value: Any, **place: Any) -> Code:
    with pytest.raises(Refusal) as caught:
        read(name, value, **place)
    return caught.value.code


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", RFC),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
    ],
)
def test_a_pointer_finds_what_its_standard_says(pointer: str, value: Any) -> None:
    assert check_pointer(pointer) == pointer
    assert found_at(RFC, pointer) == value


def test_an_escaped_tilde_is_no_escape_of_what_follows() -> None:
    assert found_at({"~1": "right", "/": "wrong"}, "/~01") == "right"


@pytest.mark.parametrize("pointer", ["/foo/2", "/foo/01", "/foo/-", "/foo/-1", "/foo/0/0", "/bar"])
def test_a_pointer_to_nothing_finds_nothing(pointer: str) -> None:
    assert found_at(RFC, pointer) is None


@pytest.mark.parametrize("pointer", ["foo", "#/foo", "/a~b", "/a~2", "/a~", "/a\0"])
def test_what_is_no_pointer_is_refused(pointer: str) -> None:
    with pytest.raises(ValueError, match="JSON Pointer"):
        check_pointer(pointer)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"case=K-17",
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e400}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 33 + b"]" * 33,
        b"[" * 60_000,
        b"\xef\xbb\xbf{}",
        '{"a": "é"}'.encode("latin-1"),
        '{"a": 1}'.encode("utf-16"),
    ],
    ids=lambda raw: repr(raw[:12]),
)
def test_what_parsers_disagree_about_is_not_json(raw: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        read_document(raw)
    assert caught.value.code is Code.MALFORMED_JSON


def test_json_of_any_script_is_read() -> None:
    document = {"дело": ["К", {"a": [1.5, None, True]}]}
    assert read_document(json.dumps(document, ensure_ascii=False).encode()) == document
    assert read_document(b"[" * 32 + b"]" * 32)


@pytest.mark.parametrize("value", ["2026-11-20", "2026/11/20"])
def test_a_day_is_a_day_wherever_it_is_read(value: str) -> None:
    assert read("occurred_on", value) == "2026-11-20"
    assert read("occurred_on", value, zone=ALMATY) == "2026-11-20"


@pytest.mark.parametrize(
    "value",
    [
        "20/11/2026", "11/20/2026", "2026-11/20", "2026-1-2", "20261120", "2026-W47-5", "2026-02-30",
        "2026-11-20 ", "२०२६-११-२०", "2026-11-20T10:00:00", "2026-11-20T20:00:00Z", 20261120,
        1_795_000_000, "1795000000", True, ["2026-11-20"], {"on": "2026-11-20"},
    ],
)  # fmt: skip
def test_what_could_be_two_days_is_none(value: Any) -> None:
    assert refused("occurred_on", value) is Code.INVALID_DATE


def test_a_time_is_a_day_only_in_a_zone_that_the_mapping_names() -> None:
    evening = "2026-11-20T20:00:00.000Z"
    assert read("occurred_on", evening, zone=ALMATY) == "2026-11-21"
    assert read("occurred_on", evening, zone=PARIS) == "2026-11-20"
    assert read("occurred_on", "2026-11-20T23:30:00", zone=ALMATY) == "2026-11-20"


def test_a_time_with_an_offset_needs_no_zone_and_heeds_none() -> None:
    for zone in (None, PARIS):
        at = read("occurred_at", "2026-11-20T10:00:00.000+06:00", zone=zone)
        assert at == "2026-11-20T10:00:00+06:00"


def test_a_time_without_an_offset_is_read_where_the_mapping_says_and_nowhere_else() -> None:
    submitted = "2026-11-20T06:38:20"
    assert refused("occurred_at", submitted) is Code.INVALID_INSTANT
    assert read("occurred_at", submitted, zone=UTC) == "2026-11-20T06:38:20+00:00"
    assert read("occurred_at", submitted, zone=ALMATY) == "2026-11-20T01:38:20+00:00"


def test_an_hour_that_does_not_exist_is_refused_and_one_that_comes_twice_is_the_first() -> None:
    skipped, twice = "2026-03-29T02:30:00", "2026-10-25T02:30:00"
    assert refused("occurred_at", skipped, zone=PARIS) is Code.NONEXISTENT_LOCAL_TIME
    assert read("occurred_at", twice, zone=PARIS) == "2026-10-25T00:30:00+00:00"


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-20", "2026-11-20 10:00:00Z", "2026-11-20T25:00:00Z", "2026-11-20T10:00:00+01",
        "2026-11-20T10:00:00+23:59", "2026-11-20T10:00:00+99:00", 1_795_000_000, "1795000000", False,
    ],
)  # fmt: skip
def test_what_is_no_instant_is_refused(value: Any) -> None:
    assert refused("occurred_at", value) is Code.INVALID_INSTANT


def test_a_number_counts_seconds_where_the_mapping_says_so() -> None:
    for value in (1_795_000_000, "1795000000", 1_795_000_000.0):
        assert read("occurred_at", value, epoch=True) == "2026-11-18T11:06:40+00:00"
    assert read("occurred_on", 1_795_043_200, epoch=True, zone=ALMATY) == "2026-11-19"
    for value in ("2026-11-20T10:00:00Z", True, "1e9", 1e300, 9 * 10**14):
        assert refused("occurred_at", value, epoch=True) is Code.INVALID_INSTANT
    assert refused("occurred_on", 1_795_043_200, epoch=True) is Code.INVALID_DATE


@pytest.mark.parametrize("value", [None, ""])
def test_what_is_missing_is_named_unless_it_may_be(value: Any) -> None:
    assert refused("served_on", value) is Code.MISSING_FIELD
    assert read("served_on", value, optional=True) is None


def test_an_answer_means_what_the_mapping_says_and_no_other_is_taken() -> None:
    values = {"by_hand": "in_person", "7": "post", "true": "courier"}
    assert read("service_method", "by_hand", values=values) == "in_person"
    assert read("service_method", 7, values=values) == "post"
    assert read("service_method", True, values=values) == "courier"
    for value in ("in_person", "BY_HAND", ["by_hand"]):
        assert refused("service_method", value, values=values) is Code.INVALID_INPUT


def test_a_case_is_named_by_a_code_and_by_nothing_else() -> None:
    assert read("case", " K-17 ") == "K-17"
    assert read("case", 17) == "17"
    for value in ("Two words", "K-17\n; DROP", "K\ud800", "x" * 101, 1.5, True, {}):
        assert refused("case", value) is Code.INVALID_INPUT


def test_one_field_that_cannot_be_read_hides_no_other() -> None:
    mapping = {
        "kind": Place(constant="decision.extradition"),
        "occurred_on": Place(pointer="/on"),
        "served_on": Place(pointer="/served"),
        "case": Place(pointer="/case"),
    }
    facts = read_facts({"on": "tomorrow", "case": "K-17"}, mapping)
    assert facts.values == {"kind": "decision.extradition", "case": "K-17"}
    assert facts.said == {"case": "K-17"}
    assert [fault.field for fault in facts.faults] == ["occurred_on", "served_on"]


def test_no_reason_repeats_what_the_payload_says() -> None:
    for name in ("case", "occurred_on", "occurred_at"):
        for place in ({}, {"zone": ALMATY}, {"epoch": True}, {"values": {"a": "b"}}):
            with pytest.raises(Refusal) as caught:
                read(name, "Zq7ECHO !", **place)
            assert "Zq7ECHO" not in str(caught.value)


def test_an_id_is_short_and_plain() -> None:
    assert sender_id({"_uuid": "uuid:19d72997-8316"}, "/_uuid") == "uuid:19d72997-8316"
    assert sender_id({"id": 231}, "/id") == "231"
    for wrong in ("two words", "x" * 101, True, 1.5, ["a"], "\u0661"):
        with pytest.raises(Refusal) as caught:
            sender_id({"id": wrong}, "/id")
        assert (caught.value.code, caught.value.field) == (Code.INVALID_INPUT, "id")
    with pytest.raises(Refusal) as caught:
        sender_id({}, "/id")
    assert caught.value.code is Code.MISSING_FIELD


def test_a_source_is_about_what_its_condition_says() -> None:
    open_ones = Condition("/status", frozenset({"open", "true"}))
    assert holds({}, None)
    assert holds({"status": "open"}, open_ones)
    assert holds({"status": True}, open_ones)
    assert not holds({"status": "closed"}, open_ones)
    assert not holds({}, open_ones)
    anything = Condition("/decided_on")
    assert holds({"decided_on": "2026-11-20"}, anything)
    assert not holds({"decided_on": ""}, anything)
    assert not holds({"decided_on": None}, anything)
