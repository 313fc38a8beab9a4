"""What reaches one person at one moment leaves together; nothing is left out and nothing is said twice."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from service.domain.bundles import APART, MOST, Due, together
from service.domain.notifications import EventType

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


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


def test_a_few_leave_one_by_one() -> None:
    assert together([due(n) for n in range(APART)]) == [[f"msg_{n}"] for n in range(APART)]


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
            assert len({(one.reader_id, one.left < DAY) for one in members}) == 1
            assert all(one.reader_id and one.about_deadline for one in members)
