"""What reaches one person at one moment leaves together; nothing is left out and nothing is said twice."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from service.domain.bundles import (
    APART,
    MOST,
    PATIENT,
    Due,
    Pace,
    patient_from,
    together,
    turn_at,
)
from service.domain.notifications import EventType, useful_until

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)


def due(
    number: int,
    reader: str | None = "usr_1",
    left: timedelta = 7 * DAY,
    own: bool = True,
    event: EventType = EventType.REMINDER_DUE,
) -> Due:
    return Due(f"msg_{number}", reader, own, left, event)


def test_a_changed_date_does_not_stand_among_reminders() -> None:
    many = [due(n) for n in range(5)] + [due(5, event=EventType.DATE_CHANGED)]
    assert sorted(map(len, together(many))) == [1, 5]


def test_a_few_that_cannot_wait_leave_one_by_one() -> None:
    near = [due(n, left=HOUR) for n in range(APART)]
    assert together(near) == [[f"msg_{n}"] for n in range(APART)]


def test_of_those_that_can_wait_two_already_leave_together() -> None:
    assert together([due(0), due(1)]) == [["msg_0", "msg_1"]]


@given(
    st.lists(st.integers(0, 3599), max_size=60),
    st.integers(1, 5),
    st.integers(1, 30),
)
def test_nobody_gets_more_than_the_pace_and_nobody_waits_longer_than_an_hour(
    ago: list[int], per_minute: int, per_hour: int
) -> None:
    begun = [NOW - timedelta(seconds=one) for one in ago]
    at = turn_at(begun, Pace(per_minute, per_hour), NOW)
    assert NOW <= at <= NOW + HOUR
    for most, span in ((per_minute, timedelta(minutes=1)), (per_hour, HOUR)):
        assert sum(at - span < one for one in begun) < most
    if at > NOW:
        just_before = at - timedelta(microseconds=1)
        spans = ((per_minute, timedelta(minutes=1)), (per_hour, HOUR))
        assert any(sum(just_before - span < one for one in begun) >= most for most, span in spans)


@given(st.sampled_from(EventType), st.timedeltas(-7 * DAY, 60 * DAY))
def test_nothing_urgent_can_wait(event: EventType, left: timedelta) -> None:
    one = due(0, left=left, event=event)
    if one.can_wait:
        assert left >= 2 * DAY
        assert event in {EventType.REMINDER_DUE, EventType.DEADLINE_CANCELLED}
        assert useful_until(NOW + left, NOW) >= patient_from(NOW)
    elif event in PATIENT:
        assert useful_until(NOW + left, NOW) < patient_from(NOW)


def test_many_to_one_person_leave_together() -> None:
    assert together([due(n) for n in range(APART + 1)]) == [[f"msg_{n}" for n in range(APART + 1)]]


def test_three_hundred_and_thirteen_are_four_mails() -> None:
    assert [len(one) for one in together([due(n) for n in range(313)])] == [100, 100, 100, 13]


def test_what_is_urgent_does_not_stand_among_what_can_wait() -> None:
    many = [due(n) for n in range(10)] + [due(n, left=HOUR) for n in range(10, 12)]
    assert together(many)[:2] == [["msg_10"], ["msg_11"]]
    assert len(together(many)[2]) == 10


def test_what_is_due_soonest_stands_first() -> None:
    many = [due(n, left=(20 - n) * DAY) for n in range(5)]
    assert together(many) == [["msg_4", "msg_3", "msg_2", "msg_1", "msg_0"]]


def test_alerts_overviews_and_machines_are_left_alone() -> None:
    several = [due(n, reader=None) for n in range(5)] + [due(n, own=False) for n in range(5, 10)]
    assert [len(one) for one in together(several)] == [1] * 10


@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, "usr_1", "usr_2"]),
            st.sampled_from([-HOUR, HOUR, 2 * DAY]),
            st.booleans(),
        ),
        max_size=250,
    )
)
def test_each_leaves_once_and_only_with_its_like(
    messages: list[tuple[str | None, timedelta, bool]],
) -> None:
    all_due = [due(n, reader, left, own) for n, (reader, left, own) in enumerate(messages)]
    by_id = {one.message_id: one for one in all_due}
    groups = together(all_due)
    assert sorted(one for group in groups for one in group) == sorted(by_id)
    for group in groups:
        assert len(group) <= MOST
        if len(group) > 1:
            members = [by_id[one] for one in group]
            assert len({(one.reader_id, one.can_wait) for one in members}) == 1
            assert all(one.reader_id and one.about_deadline for one in members)
