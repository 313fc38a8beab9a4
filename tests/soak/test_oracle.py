"""The judge itself: clean records pass, and one doctored record of each kind turns it red."""

from dataclasses import replace

import pytest

from tests.soak.oracle import Copy, Drill, Planned, Row, Try, judge

LOST_WORKER = Try(10.0, 71.0, "unknown", "worker_lost")
ACCEPTED = Try(71.0, 71.1, "accepted", "250")


def clean() -> Drill:
    """Three notices of two teams: one at once, one after a refusal, one twice because a worker died."""
    planned = [
        Planned("dln_1", "a@one.example", 10.0, "MARK-ONE"),
        Planned("dln_2", "b@two.example", 10.0, "MARK-TWO"),
        Planned("dln_3", "c@two.example", 10.0, "MARK-TWO"),
    ]
    rows = [
        Row("m1", "dln_1", "a@one.example", 10.0, "accepted", [Try(10.1, 10.2, "accepted")]),
        Row(
            "m2",
            "dln_2",
            "b@two.example",
            10.0,
            "accepted",
            [Try(10.1, 10.2, "temporary", "451"), ACCEPTED],
        ),
        Row("m3", "dln_3", "c@two.example", 10.0, "accepted", [LOST_WORKER, ACCEPTED]),
    ]
    copies = [
        Copy(10.15, "m1", "a@one.example", marks=frozenset({"MARK-ONE"})),
        Copy(71.05, "m2", "b@two.example", marks=frozenset({"MARK-TWO"})),
        Copy(10.5, "m3", "c@two.example", marks=frozenset({"MARK-TWO"})),
        Copy(71.05, "m3", "c@two.example", marked=True, marks=frozenset({"MARK-TWO"})),
    ]
    return Drill(planned, rows, copies, wanted={"kill": 1}, had={"kill": 3})


def test_a_drill_that_was_survived_is_green_and_measured() -> None:
    judgement = judge(clean())
    assert judgement.survived, judgement.offences
    assert (judgement.by_crash, judgement.by_sink) == (1, 0)
    assert judgement.lateness == pytest.approx([0.15, 0.5, 61.05])
    assert judgement.rescues == [61.0]
    assert judgement.late(0.5) == pytest.approx(0.5)


def test_a_repeat_after_the_sink_fell_silent_is_the_sinks() -> None:
    drill = clean()
    tries = [Try(10.0, 30.0, "unknown", "no_reply"), ACCEPTED]
    rows = [*drill.rows[:2], replace(drill.rows[2], tries=tries)]
    copies = [*drill.copies[:2], replace(drill.copies[2], said=False), drill.copies[3]]
    judgement = judge(replace(drill, rows=rows, copies=copies))
    assert judgement.survived, judgement.offences
    assert (judgement.by_crash, judgement.by_sink) == (0, 1)


def doctored(kind: str) -> Drill:
    drill = clean()
    copies, rows = list(drill.copies), list(drill.rows)
    match kind:
        case "lost":
            del copies[0], rows[0]
        case "unfinished":
            rows[0] = replace(rows[0], state="sending")
        case "ghost":
            copies.append(Copy(20.0, "m9", "a@one.example"))
        case "early":
            copies[0] = replace(copies[0], at=9.999)
        case "unexplained":
            copies.append(replace(copies[0], at=12.0, marked=True))
        case "unmarked":
            copies[3] = replace(copies[3], marked=False)
        case "false_success":
            del copies[0]
        case "leak":
            copies[1] = replace(copies[1], marks=frozenset({"MARK-TWO", "MARK-ONE"}))
        case "not_fired":
            return replace(drill, had={})
    return replace(drill, copies=copies, rows=rows)


@pytest.mark.parametrize(
    "kind",
    [
        "lost",
        "unfinished",
        "ghost",
        "early",
        "unexplained",
        "unmarked",
        "false_success",
        "leak",
        "not_fired",
    ],
)
def test_one_doctored_record_turns_it_red(kind: str) -> None:
    judgement = judge(doctored(kind))
    assert not judgement.survived
    assert kind in judgement.offences


def test_a_mail_to_the_wrong_person_is_a_ghost() -> None:
    drill = clean()
    copies = [replace(drill.copies[0], address="b@two.example"), *drill.copies[1:]]
    assert judge(replace(drill, copies=copies)).ghost == ["m1"]


def test_two_attempts_that_both_say_accepted_are_an_unexplained_repeat() -> None:
    drill = clean()
    rows = [replace(drill.rows[0], tries=[ACCEPTED, ACCEPTED]), *drill.rows[1:]]
    assert judge(replace(drill, rows=rows)).unexplained == ["m1"]


def test_a_frozen_worker_that_goes_on_after_its_lease_explains_the_copy_that_it_sends() -> None:
    drill = clean()
    frozen = Try(10.0, 80.0, "accepted")
    rows = [*drill.rows[:2], replace(drill.rows[2], tries=[frozen, ACCEPTED])]
    assert judge(replace(drill, rows=rows)).survived
