"""The judge itself: clean records pass, and one doctored record of each kind turns it red."""

from dataclasses import replace

import pytest

from tests.soak.oracle import Copy, Drill, Edit, Planned, Row, Try, judge, lateness_of
from tests.soak.pauses import longest_pause

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


def test_a_try_of_what_had_arrived_is_unexplained_unless_time_has_leapt_in_between() -> None:
    drill = clean()
    late = Try(140.0, 141.0, "accepted")
    again = Copy(140.5, "m1", "a@one.example", marked=True)
    rows = [replace(drill.rows[0], tries=[*drill.rows[0].tries, late]), *drill.rows[1:]]
    drill = replace(drill, rows=rows, copies=[*drill.copies, again])
    assert judge(drill).unexplained == ["m1"]
    assert judge(replace(drill, skew=130.0)).survived


def test_a_frozen_worker_that_goes_on_after_its_lease_explains_the_copy_that_it_sends() -> None:
    drill = clean()
    frozen = Try(10.0, 80.0, "accepted")
    rows = [*drill.rows[:2], replace(drill.rows[2], tries=[frozen, ACCEPTED])]
    assert judge(replace(drill, rows=rows)).survived


def cancelled(at: float) -> Drill:
    """The first notice was cancelled at that instant, and its reader told so."""
    drill = clean()
    news = Row(
        "m4", "dln_1", "a@one.example", 12.0, "accepted", [ACCEPTED], event="deadline.cancelled"
    )
    told = Copy(71.05, "m4", "a@one.example", marks=frozenset({"MARK-ONE"}))
    edits = [Edit("dln_1", at, tells=True)]
    return replace(drill, rows=[*drill.rows, news], copies=[*drill.copies, told], edits=edits)


def test_what_had_left_before_its_edit_is_no_offence_where_its_reader_was_told() -> None:
    judgement = judge(cancelled(12.0))
    assert judgement.survived, judgement.offences


def test_a_try_of_what_an_edit_had_taken_back_is_stale() -> None:
    assert judge(cancelled(10.05)).stale == ["dln_1"]


def test_a_try_to_whom_it_was_taken_from_is_stale_and_one_to_the_next_is_not() -> None:
    drill = cancelled(12.0)
    to_another = replace(drill, edits=[Edit("dln_1", 10.05, address="b@two.example")])
    assert judge(to_another).survived
    to_them = replace(drill, edits=[Edit("dln_1", 10.05, address="a@one.example")])
    assert judge(to_them).stale == ["dln_1"]


def test_what_a_move_took_back_is_stale_and_what_is_said_of_the_new_date_is_not() -> None:
    drill = cancelled(12.0)
    moved = replace(drill, edits=[Edit("dln_1", 10.05, version=1)])
    assert judge(moved).stale == ["dln_1"]
    anew = [replace(drill.rows[0], version=2), *drill.rows[1:]]
    assert judge(replace(moved, rows=anew)).survived


def test_whoever_has_the_old_and_was_not_told_the_new_is_uncorrected() -> None:
    drill = cancelled(12.0)
    silent = replace(drill, rows=drill.rows[:3], copies=drill.copies[:4])
    assert judge(silent).uncorrected == ["dln_1"]


def test_what_was_taken_back_in_time_need_not_come_and_what_was_taken_back_too_late_is_lost() -> (
    None
):
    drill = doctored("lost")
    assert judge(replace(drill, edits=[Edit("dln_1", 20.0)])).survived
    assert judge(replace(drill, edits=[Edit("dln_1", 90.0)])).lost == ["dln_1"]


def put_back(*, marked: bool) -> Drill:
    """The first notice left, its message was forgotten with the database, and it was written anew."""
    drill = clean()
    anew = replace(drill.rows[0], key="m5", tries=[ACCEPTED])
    copy = replace(drill.copies[0], at=71.05, key="m5", marked=marked)
    return replace(
        drill,
        rows=[anew, *drill.rows[1:]],
        copies=[*drill.copies, copy],
        forgotten=drill.rows[:2],
    )


def test_what_left_before_the_database_was_put_back_may_leave_again_and_must_say_so() -> None:
    assert judge(put_back(marked=True)).survived
    assert judge(put_back(marked=False)).unmarked == ["m1"]


def test_lateness_is_told_of_some_alone() -> None:
    of_two = lateness_of(clean(), lambda one: one.mark == "MARK-TWO")
    assert of_two == pytest.approx([0.5, 61.05])


def test_a_pause_is_counted_only_while_something_waits_for_its_first_try() -> None:
    """m1 and m2 are tried at once; that m2 and m3 wait for a second try for a minute is no pause."""
    assert longest_pause(clean()) == pytest.approx(0.1)
    drill = clean()
    rows = [replace(row, tries=[replace(row.tries[0], opened_at=22.0)]) for row in drill.rows]
    assert longest_pause(replace(drill, rows=rows)) == pytest.approx(22.0 - 10.5)
