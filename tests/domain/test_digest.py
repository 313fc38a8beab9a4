"""Each day of a person has one digest, at its hour on their own clock, and each thing its section."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.access import Level
from service.domain.deadlines import DeadlineKind, DeadlineState
from service.domain.digest import (
    Answer,
    Line,
    Overview,
    Section,
    Standing,
    arranged,
    due_by_tomorrow,
    entries,
    last_turn,
    next_turn,
    rescheduled,
    shown,
    turn_on,
)
from service.domain.escalation import Role
from service.domain.notifications import EventType

ALMATY, BERLIN = ZoneInfo("Asia/Almaty"), ZoneInfo("Europe/Berlin")
SANTIAGO, APIA = ZoneInfo("America/Santiago"), ZoneInfo("Pacific/Apia")
EIGHT = time(8)
DAY, HOUR, INSTANT = timedelta(days=1), timedelta(hours=1), timedelta(microseconds=1)
NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


# --- when


@pytest.mark.parametrize(
    ("on", "wall", "zone", "at"),
    [
        (date(2026, 3, 2), EIGHT, ALMATY, utc(2026, 3, 2, 3)),
        # Berlin goes to summer time on 29 March and back on 25 October 2026.
        (date(2026, 3, 28), EIGHT, BERLIN, utc(2026, 3, 28, 7)),
        (date(2026, 3, 29), EIGHT, BERLIN, utc(2026, 3, 29, 6)),
        (date(2026, 10, 24), EIGHT, BERLIN, utc(2026, 10, 24, 6)),
        (date(2026, 10, 25), EIGHT, BERLIN, utc(2026, 10, 25, 7)),
        # Santiago leaves summer time on 5 April and enters it on 6 September 2026.
        (date(2026, 4, 4), EIGHT, SANTIAGO, utc(2026, 4, 4, 11)),
        (date(2026, 4, 5), EIGHT, SANTIAGO, utc(2026, 4, 5, 12)),
        (date(2026, 9, 5), EIGHT, SANTIAGO, utc(2026, 9, 5, 12)),
        (date(2026, 9, 6), EIGHT, SANTIAGO, utc(2026, 9, 6, 11)),
        # The hour that a clock skips is the last instant before the jump.
        (date(2026, 3, 29), time(2, 30), BERLIN, utc(2026, 3, 29, 1) - INSTANT),
        (date(2026, 3, 29), time(2, 0), BERLIN, utc(2026, 3, 29, 1) - INSTANT),
        (date(2026, 3, 29), time(3, 0), BERLIN, utc(2026, 3, 29, 1)),
        (date(2026, 9, 6), time(0, 30), SANTIAGO, utc(2026, 9, 6, 4) - INSTANT),
        # Of one that it doubles, the first.
        (date(2026, 10, 25), time(2, 30), BERLIN, utc(2026, 10, 25, 0, 30)),
        (date(2026, 4, 4), time(23, 30), SANTIAGO, utc(2026, 4, 5, 2, 30)),
        # A day that a country left out altogether.
        (date(2011, 12, 30), EIGHT, APIA, utc(2011, 12, 30, 10) - INSTANT),
    ],
)
def test_the_hour_is_that_of_the_persons_own_clock(
    on: date, wall: time, zone: ZoneInfo, at: datetime
) -> None:
    turn = turn_on(on, wall, zone)
    assert (turn.on, turn.at) == (on, at)


@settings(max_examples=12, deadline=None)
@given(
    wall=st.times().map(lambda one: one.replace(second=0, microsecond=0, fold=0)),
    zone=st.sampled_from([ALMATY, BERLIN, SANTIAGO, APIA, ZoneInfo("Australia/Lord_Howe")]),
    year=st.integers(2009, 2030),
)
def test_a_years_local_days_have_one_digest_each(wall: time, zone: ZoneInfo, year: int) -> None:
    at = datetime(year, 1, 3, tzinfo=UTC)
    first = next_turn(wall, zone, at)
    days = [first.on]
    turn = first
    for _ in range(366):
        following = next_turn(wall, zone, turn.at)
        assert following.at > turn.at
        assert last_turn(wall, zone, turn.at) == turn
        assert last_turn(wall, zone, following.at - INSTANT) == turn
        days.append(following.on)
        turn = following
    assert days == [first.on + number * DAY for number in range(367)]


def test_after_three_days_of_silence_one_digest_is_due_and_it_is_todays() -> None:
    late = utc(2026, 3, 5, 6)
    assert last_turn(EIGHT, ALMATY, late).on == date(2026, 3, 5)
    assert next_turn(EIGHT, ALMATY, late).on == date(2026, 3, 6)


def test_a_new_clock_that_has_passed_the_hour_already_makes_it_late_and_not_lost() -> None:
    # 06:30 in Berlin, 11:30 in Almaty: the digest of that day was still to come.
    now = utc(2026, 3, 2, 5, 30)
    pending = next_turn(EIGHT, BERLIN, now).on
    assert rescheduled(pending, EIGHT, ALMATY, now) == now
    assert rescheduled(pending, time(12), ALMATY, now) == utc(2026, 3, 2, 7)
    assert rescheduled(pending + DAY, EIGHT, ALMATY, now) == utc(2026, 3, 3, 3)
    assert rescheduled(None, EIGHT, ALMATY, now) == utc(2026, 3, 3, 3)


# --- what


def line(**given: object) -> Line:
    own: dict[str, object] = {
        "case_id": "cas_1",
        "case_code": "K-17",
        "deadline_id": "dln_1",
        "kind": DeadlineKind.FILING,
        "title": "Appeal",
        "due_on": date(2026, 3, 9),
        "due_at": NOW + 7 * DAY,
        "timezone": "Asia/Almaty",
        "days_left": 7,
    }
    return Line(**own | given)  # type: ignore[arg-type]


def standing(left: int = 100, **given: object) -> Standing:
    about = line(days_left=left, due_at=NOW + left * DAY)
    own: dict[str, object] = {"line": about, "state": DeadlineState.OPEN, "verified": True}
    return Standing(**own | given)  # type: ignore[arg-type]


def sections(one: Standing) -> list[Section]:
    return [section for section, _ in entries(one, NOW)]


@pytest.mark.parametrize(
    ("left", "section"),
    [
        (-4000, [Section.OVERDUE]),
        (-1, [Section.OVERDUE]),
        (0, [Section.OVERDUE]),
        (1, [Section.WEEK]),
        (7, [Section.WEEK]),
        (8, [Section.MONTH]),
        (30, [Section.MONTH]),
        (31, []),
    ],
)
def test_a_date_stands_in_one_section_and_never_grows_too_old_for_it(
    left: int, section: list[Section]
) -> None:
    assert sections(standing(left)) == section


def test_what_is_due_later_today_is_not_overdue() -> None:
    about = line(days_left=0, due_at=NOW + INSTANT)
    assert sections(standing(line=about)) == [Section.WEEK]


def test_an_unverified_date_reminds_whenever_it_is_due() -> None:
    assert sections(standing(verified=False)) == [Section.UNVERIFIED]
    assert sections(standing(3, verified=False)) == [Section.WEEK, Section.UNVERIFIED]


def test_silence_is_told_until_an_answer_holds() -> None:
    told = ((Role.OWNER,), NOW - HOUR)
    assert sections(standing(told=None)) == []
    ((section, found),) = entries(standing(told=told), NOW)
    assert (section, found.who, found.at) == (Section.UNANSWERED, (Role.OWNER,), NOW - HOUR)
    assert sections(standing(told=told, held=True)) == []


def test_whoever_has_it_and_whoever_put_it_off_are_named_by_their_role() -> None:
    until = NOW + HOUR
    has = Answer((Role.OWNER,), NOW - HOUR)
    later = Answer((Role.DEPUTY,), NOW - HOUR, until, "at court")
    (first, second) = entries(standing(answers=(has, later)), NOW)
    assert (first[0], first[1].who) == (Section.ACKNOWLEDGED, (Role.OWNER,))
    found = second[1]
    assert (second[0], found.who, found.at, found.because) == (
        Section.SNOOZED,
        (Role.DEPUTY,),
        until,
        "at court",
    )


def test_a_snooze_that_is_over_is_told_no_more() -> None:
    assert sections(standing(answers=(Answer((Role.OWNER,), NOW - HOUR, NOW),))) == []


def test_a_clock_that_stands_still_is_neither_overdue_nor_unanswered() -> None:
    still = standing(-5, state=DeadlineState.SUSPENDED, told=((Role.OWNER,), NOW - HOUR))
    assert sections(still) == [Section.STANDING_STILL]


@pytest.mark.parametrize("level", list(Level))
def test_nothing_above_the_level_is_shown(level: Level) -> None:
    found = shown(line(because="a strike"), level, ())
    assert (found.case_code is not None) == (level >= Level.CODE)
    assert (found.kind is not None) == (level >= Level.CODE)
    assert (found.title is not None) == (level >= Level.BASIS)
    assert (found.because is not None) == (level >= Level.BASIS)
    assert found.due_on == date(2026, 3, 9)


def test_sections_are_in_their_order_and_lines_in_that_of_time() -> None:
    late, soon = line(deadline_id="b", due_at=NOW + DAY), line(deadline_id="a", due_at=NOW)
    found, levels = arranged(
        [(Section.MONTH, late), (Section.OVERDUE, soon), (Section.MONTH, soon)], frozenset()
    )
    assert found == ((Section.OVERDUE, (soon,)), (Section.MONTH, (soon, late)))
    assert levels == {"cas_1": Level.FULL}


def test_a_clock_that_stands_still_is_alone_no_reason_to_write() -> None:
    def written(*found: Section) -> bool:
        told, _ = arranged([(section, line()) for section in found], frozenset())
        return Overview(
            EventType.DIGEST, "usr_1", NOW.date(), "Asia/Almaty", NOW, NOW, told
        ).worth_telling

    assert not written()
    assert not written(Section.STANDING_STILL)
    assert written(Section.STANDING_STILL, Section.UNVERIFIED)
    assert all(written(one) for one in (Section.OVERDUE, Section.TICKED_OFF, Section.OPEN))


def test_only_who_can_act_is_told_of_people_and_gaps() -> None:
    both = [(Section.GAPS, line()), (Section.UNREACHABLE, line())]
    assert arranged(both, frozenset()) == ((), {})
    assert len(arranged(both, frozenset({"cas_1"}))[0]) == 2


@pytest.mark.parametrize(
    ("due_on", "due_at", "near"),
    [
        (date(2026, 3, 2), utc(2026, 3, 2, 19), True),
        (date(2026, 3, 3), utc(2026, 3, 3, 19), True),
        (date(2026, 3, 4), utc(2026, 3, 4, 19), False),
        (date(2026, 3, 1), utc(2026, 3, 1, 19), False),
        # By the forum's calendar it is the day after tomorrow, by the reader's still tomorrow.
        (date(2026, 3, 4), utc(2026, 3, 3, 18), True),
    ],
)
def test_what_is_near_is_near_by_the_forums_calendar_or_the_readers(
    due_on: date, due_at: datetime, near: bool
) -> None:
    assert due_by_tomorrow(due_on, due_at, date(2026, 3, 2), ALMATY) is near
