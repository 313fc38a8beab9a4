"""Owner, silence, deputy, silence, supervisor: what is due now, what follows, and why."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import LIVE_STATES, DeadlineState
from service.domain.escalation import (
    EscalationState,
    Response,
    ResponseKind,
    Role,
    Step,
    Trigger,
)
from service.domain.insistence import OF_DEADLINES
from service.domain.ladders import DEFAULT_STEPS
from service.domain.plan import Plan, PlanFacts, PlannedStep, Why, plan
from service.domain.reminders import QuietHours, said_by, waking

ALMATY = ZoneInfo("Asia/Almaty")
PARIS = ZoneInfo("Europe/Paris")
DUE_AT = datetime(2026, 6, 30, 19, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def before(span: timedelta, *targets: Role) -> Step:
    return Step(Trigger.BEFORE_DUE, span, targets or (Role.OWNER,))


def after(span: timedelta, *targets: Role) -> Step:
    return Step(Trigger.AFTER_DUE, span, targets or (Role.OWNER,))


def silence(span: timedelta, *targets: Role) -> Step:
    return Step(Trigger.NO_RESPONSE_FOR, span, targets or (Role.DEPUTY,))


#: 0 owner at 7 days, 1 deputy on a day's silence, 2 supervisor on another, 3 everybody at 2 days.
LADDER = (
    before(7 * DAY, Role.OWNER),
    silence(DAY, Role.DEPUTY),
    silence(DAY, Role.SUPERVISOR),
    before(2 * DAY, Role.OWNER, Role.DEPUTY),
    silence(4 * HOUR, Role.SUPERVISOR),
    after(timedelta(), Role.LEAD),
)


@dataclass
class Story:
    """A deadline whose plan is looked at, fired and answered, as the workers would."""

    steps: tuple[Step, ...] = LADDER
    entered_at: datetime = DUE_AT - 30 * DAY
    due_at: datetime = DUE_AT
    zone: ZoneInfo = ALMATY
    fired: dict[int, datetime] = field(default_factory=dict)
    not_reached: set[int] = field(default_factory=set)
    responses: list[Response] = field(default_factory=list)
    state: DeadlineState = DeadlineState.OPEN
    told: dict[int, frozenset[str]] = field(default_factory=dict)
    insists: bool = False
    repeats: int = 0
    repeated_at: datetime | None = None
    quiet: dict[Role, tuple[QuietHours, ...]] = field(default_factory=dict)
    calendar: CourtCalendar | None = None

    def look(self, now: datetime) -> Plan:
        return plan(
            PlanFacts(
                self.state,
                self.due_at,
                self.zone,
                self.entered_at,
                self.steps,
                dict(self.fired),
                frozenset(self.not_reached),
                tuple(self.responses),
                told=self.told,
                quiet=self.quiet,
                calendar=self.calendar,
                insistence=OF_DEADLINES if self.insists else None,
                repeats=self.repeats,
                repeated_at=self.repeated_at,
            ),
            now,
        )

    def fire(self, now: datetime) -> PlannedStep:
        """Fires what is due at `now`; there must be something."""
        due = self.look(now).due
        assert due is not None, f"nothing is due at {now}"
        if due.occurrence:
            self.repeats, self.repeated_at = due.occurrence, now
        else:
            self.fired[due.order] = now
        return due

    def answer(self, at: datetime) -> None:
        self.responses.append(Response(ResponseKind.ACKNOWLEDGE, at, "usr_1"))


def foretold(decision: Plan) -> list[tuple[int, datetime, Why]]:
    return [(one.order, one.at, one.why) for one in decision.upcoming]


WEEK_BEFORE = DUE_AT - 7 * DAY


class TestSilence:
    def test_owner_then_deputy_then_supervisor_then_everybody(self) -> None:
        assert foretold(Story().look(DUE_AT - 20 * DAY)) == [
            (0, WEEK_BEFORE, Why.MARK),
            (1, WEEK_BEFORE + DAY, Why.SILENCE),
            (2, WEEK_BEFORE + 2 * DAY, Why.SILENCE),
            (3, DUE_AT - 2 * DAY, Why.MARK),
            (4, DUE_AT - 2 * DAY + 4 * HOUR, Why.SILENCE),
            (5, DUE_AT, Why.MARK),
        ]

    def test_nothing_is_due_before_the_first_mark(self) -> None:
        decision = Story().look(WEEK_BEFORE - timedelta(microseconds=1))
        assert decision.due is None
        assert (decision.wake_at, decision.state) == (WEEK_BEFORE, EscalationState.ACTIVE)

    def test_the_first_mark_is_due_at_its_very_instant(self) -> None:
        decision = Story().look(WEEK_BEFORE)
        assert decision.due is not None
        assert (decision.due.order, decision.due.why) == (0, Why.MARK)
        assert decision.wake_at == WEEK_BEFORE

    def test_silence_is_counted_from_the_real_firing(self) -> None:
        story = Story()
        late = WEEK_BEFORE + 5 * HOUR
        story.fire(late)
        assert story.look(late).wake_at == late + DAY

    def test_a_silent_step_that_fires_late_delays_the_next_as_foretold(self) -> None:
        story = Story()
        story.fire(WEEK_BEFORE)
        late = WEEK_BEFORE + DAY + 3 * HOUR
        decision = story.look(late)
        assert decision.due is not None
        assert (decision.due.order, decision.due.at) == (1, WEEK_BEFORE + DAY)
        assert foretold(decision)[0] == (2, late + DAY, Why.SILENCE)

    def test_after_the_last_step_the_ladder_is_exhausted(self) -> None:
        story = Story(steps=(before(DAY), silence(HOUR)))
        story.fire(DUE_AT - DAY)
        story.fire(DUE_AT - DAY + HOUR)
        decision = story.look(DUE_AT)
        assert (decision.due, decision.wake_at, decision.upcoming) == (None, None, ())
        assert decision.state is EscalationState.EXHAUSTED
        assert decision.why is Why.NOTHING_LEFT


class TestAnswers:
    def test_an_acknowledgement_keeps_silence_away_for_a_day(self) -> None:
        story = Story()
        story.fire(WEEK_BEFORE)
        story.answer(WEEK_BEFORE + HOUR)
        decision = story.look(WEEK_BEFORE + HOUR)
        assert decision.state is EscalationState.ACKNOWLEDGED
        assert decision.why is Why.ACKNOWLEDGED
        assert foretold(decision)[:3] == [
            (1, WEEK_BEFORE + DAY + HOUR, Why.ANSWER_EXPIRED),
            (2, WEEK_BEFORE + 2 * DAY + HOUR, Why.SILENCE),
            (3, DUE_AT - 2 * DAY, Why.MARK),
        ]
        assert story.look(WEEK_BEFORE + DAY + HOUR).state is EscalationState.ACTIVE

    def test_near_the_end_an_answer_holds_for_a_quarter_of_what_is_left(self) -> None:
        story = Story(steps=(before(8 * HOUR), silence(2 * HOUR), silence(HOUR)))
        story.fire(DUE_AT - 8 * HOUR)
        story.answer(DUE_AT - 8 * HOUR)
        assert story.look(DUE_AT - 8 * HOUR).wake_at == DUE_AT - 6 * HOUR
        story.answer(DUE_AT - 6 * HOUR)
        assert story.look(DUE_AT - 6 * HOUR).wake_at == DUE_AT - 4 * HOUR - HOUR / 2

    def test_an_answer_in_the_last_hours_holds_for_an_hour_all_the_same(self) -> None:
        story = Story(steps=(before(HOUR), silence(HOUR / 4)))
        story.fire(DUE_AT - HOUR)
        story.answer(DUE_AT - HOUR)
        assert story.look(DUE_AT - HOUR).wake_at == DUE_AT

    def test_a_decline_lets_the_next_person_be_told_at_once(self) -> None:
        story = Story(told={0: frozenset({"usr_1"}), 1: frozenset({"usr_2"})})
        story.fire(WEEK_BEFORE)
        story.responses.append(Response(ResponseKind.DECLINE, WEEK_BEFORE + HOUR, "usr_1"))
        due = story.fire(WEEK_BEFORE + HOUR)
        assert (due.order, due.why, due.at) == (1, Why.DECLINED, WEEK_BEFORE + HOUR)
        assert story.look(WEEK_BEFORE + HOUR).wake_at == WEEK_BEFORE + HOUR + DAY

    def test_a_snooze_holds_for_as_long_as_it_was_asked(self) -> None:
        story = Story()
        story.fire(WEEK_BEFORE)
        until = WEEK_BEFORE + 30 * HOUR
        snooze = Response(ResponseKind.SNOOZE, WEEK_BEFORE + HOUR, "usr_1", until)
        story.responses.append(snooze)
        assert story.look(WEEK_BEFORE + HOUR).wake_at == until

    def test_where_two_are_needed_one_answer_does_not_stop_the_silence(self) -> None:
        steps = (replace(LADDER[0], need=2), *LADDER[1:])
        story = Story(steps=steps)
        story.fire(WEEK_BEFORE)
        story.answer(WEEK_BEFORE + HOUR)
        assert story.look(WEEK_BEFORE + HOUR).wake_at == WEEK_BEFORE + DAY
        story.responses.append(Response(ResponseKind.ACKNOWLEDGE, WEEK_BEFORE + 2 * HOUR, "usr_2"))
        held = story.look(WEEK_BEFORE + 2 * HOUR)
        assert held.wake_at == WEEK_BEFORE + DAY + HOUR, "until the first of the two runs out"
        assert held.state is EscalationState.ACKNOWLEDGED

    def test_where_all_are_needed_everyone_who_was_told_must_answer(self) -> None:
        steps = (replace(LADDER[0], need=None), *LADDER[1:])
        story = Story(steps=steps, told={0: frozenset({"usr_1", "usr_2"})})
        story.fire(WEEK_BEFORE)
        story.answer(WEEK_BEFORE + HOUR)
        assert story.look(WEEK_BEFORE + HOUR).state is EscalationState.ACTIVE
        story.responses.append(Response(ResponseKind.ACKNOWLEDGE, WEEK_BEFORE + 2 * HOUR, "usr_2"))
        assert story.look(WEEK_BEFORE + 2 * HOUR).state is EscalationState.ACKNOWLEDGED

    def test_the_next_mark_speaks_again_in_spite_of_the_answer_to_the_last(self) -> None:
        story = Story()
        story.fire(WEEK_BEFORE)
        story.answer(WEEK_BEFORE + HOUR)
        assert story.fire(DUE_AT - 2 * DAY).order == 3
        decision = story.look(DUE_AT - 2 * DAY)
        assert decision.state is EscalationState.ACTIVE
        assert decision.wake_at == DUE_AT - 2 * DAY + 4 * HOUR

    def test_an_answer_given_before_the_mark_was_told_does_not_count(self) -> None:
        story = Story()
        story.answer(WEEK_BEFORE - HOUR)
        story.fire(WEEK_BEFORE)
        assert story.look(WEEK_BEFORE).wake_at == WEEK_BEFORE + DAY

    def test_the_deputys_answer_spares_the_supervisor_for_a_day(self) -> None:
        story = Story()
        story.fire(WEEK_BEFORE)
        story.fire(WEEK_BEFORE + DAY)
        story.answer(WEEK_BEFORE + DAY + HOUR)
        assert story.look(WEEK_BEFORE + 2 * DAY).due is None

    @pytest.mark.parametrize("state", sorted(set(DeadlineState) - LIVE_STATES))
    def test_an_ended_deadline_says_nothing_more(self, state: DeadlineState) -> None:
        decision = Story(state=state).look(DUE_AT)
        assert (decision.due, decision.upcoming, decision.wake_at) == (None, (), None)
        assert decision.why is Why.DEADLINE_ENDED
        cancelled = state is DeadlineState.CANCELLED
        ended = EscalationState.CANCELLED if cancelled else EscalationState.RESOLVED
        assert decision.state is ended

    def test_an_unverified_deadline_warns_all_the_same(self) -> None:
        assert Story(state=DeadlineState.PROVISIONAL).look(WEEK_BEFORE).due is not None


class TestAnExhaustedLadder:
    def test_it_goes_on_until_a_person_decides(self) -> None:
        story = Story(steps=(before(DAY), after(timedelta())), insists=True)
        story.fire(DUE_AT - DAY)
        story.fire(DUE_AT)
        now, told = DUE_AT, []
        for _ in range(80):
            now = story.look(now).wake_at or now
            told.append(now - DUE_AT)
            assert story.fire(now).why is Why.EXHAUSTED
        assert told[:3] == [HOUR, 2 * HOUR, 3 * HOUR]
        assert told[71:74] == [3 * DAY, 4 * DAY, 5 * DAY]
        assert story.look(now).state is EscalationState.EXHAUSTED
        story.state = DeadlineState.COMPLETED
        assert story.look(now).wake_at is None

    def test_long_before_the_end_it_speaks_every_four_hours_of_the_day(self) -> None:
        night = QuietHours(ALMATY, time(21), time(7))
        story = Story(
            steps=(before(7 * DAY, Role.OWNER),), insists=True, quiet={Role.OWNER: (night,)}
        )
        told_at = DUE_AT - 7 * DAY - 3 * HOUR  # 21:00 in Almaty, the mark at 24:00 moved earlier
        assert story.fire(told_at).at == told_at
        assert story.look(told_at).wake_at == told_at + 10 * HOUR, "at seven in the morning"

    def test_an_answer_keeps_it_still_until_it_expires(self) -> None:
        story = Story(steps=(before(7 * DAY),), insists=True)
        story.fire(WEEK_BEFORE)
        story.answer(WEEK_BEFORE + HOUR)
        assert story.look(WEEK_BEFORE + HOUR).wake_at == WEEK_BEFORE + DAY + HOUR


class TestNightsAndDaysOff:
    NIGHT = QuietHours(ALMATY, time(21), time(7))

    def story(self, *steps: Step, **given: Any) -> Story:
        quiet = dict.fromkeys((Role.OWNER, Role.DEPUTY, Role.SUPERVISOR), (self.NIGHT,))
        return Story(steps=steps or LADDER, **{"quiet": quiet} | given)

    def test_a_mark_in_the_night_is_said_in_the_evening_before_never_later(self) -> None:
        upcoming = self.story().look(DUE_AT - 20 * DAY).upcoming
        marks = {one.order: one for one in upcoming if one.step.is_mark}
        assert marks[0].at == WEEK_BEFORE - 3 * HOUR, "21:00 and not midnight"
        assert marks[0].shifted_from == WEEK_BEFORE
        assert marks[5].at == DUE_AT, "what is overdue is said at once"

    def test_a_mark_in_the_last_day_is_said_at_its_hour_whoever_sleeps(self) -> None:
        [mark] = self.story(before(HOUR)).look(DUE_AT - 20 * DAY).upcoming
        assert (mark.at, mark.shifted_from) == (DUE_AT - HOUR, None)

    def test_a_mark_on_a_closed_day_is_said_on_the_last_open_one(self) -> None:
        court = CourtCalendar("KZ", "1", 2026, 2026, days_off={date(2026, 6, 22): "closed"})
        story = Story(steps=(before(8 * DAY),), calendar=court)
        [mark] = story.look(DUE_AT - 20 * DAY).upcoming
        # 22 June, a Monday that is closed; 20 and 21 are a weekend: the end of Friday the 19th.
        assert mark.at == datetime(2026, 6, 19, 19, tzinfo=UTC)

    def test_silence_waits_for_the_morning_while_there_is_time(self) -> None:
        story = self.story(before(7 * DAY), silence(4 * HOUR))
        story.fire(WEEK_BEFORE - 3 * HOUR)
        assert story.look(WEEK_BEFORE - 3 * HOUR).wake_at == WEEK_BEFORE + 7 * HOUR

    def test_near_the_end_silence_wakes_people(self) -> None:
        story = self.story(before(30 * HOUR), silence(HOUR))
        told_at = story.look(DUE_AT - 20 * DAY).wake_at
        assert told_at is not None
        story.fire(told_at)
        told_at = max(story.fired.values())
        assert story.look(told_at).wake_at == told_at + HOUR

    @given(
        st.integers(0, 23),
        st.integers(0, 23),
        st.integers(-2000, 2000),
        st.sampled_from(["p", "a"]),
    )
    def test_said_by_is_never_later_and_never_in_the_rest(
        self, begin: int, end: int, hours: int, zone: str
    ) -> None:
        rest = QuietHours(PARIS if zone == "p" else ALMATY, time(begin), time(end))
        at = DUE_AT + hours * HOUR
        said = said_by(at, (rest,), None, ALMATY)
        assert said <= at
        assert said == at or rest.began(said) is None
        woken = waking(at, (rest,))
        assert woken >= at
        assert woken - said <= DAY


class TestLateEntry:
    def test_missed_marks_become_one_notice_that_speaks_for_all(self) -> None:
        entered_at = DUE_AT - HOUR
        story = Story(entered_at=entered_at)
        due = story.fire(entered_at)
        assert (due.order, due.merged, due.why) == (3, (0,), Why.MERGED)
        assert due.at == entered_at  # it is not late: there was nothing to say before

    def test_silent_steps_between_missed_marks_fall_away(self) -> None:
        story = Story(entered_at=DUE_AT - HOUR)
        story.fire(DUE_AT - HOUR)
        assert [one.order for one in story.look(DUE_AT - HOUR).upcoming] == [5]

    def test_one_missed_mark_is_said_at_once(self) -> None:
        entered_at = WEEK_BEFORE + 3 * HOUR
        due = Story(entered_at=entered_at).look(entered_at).due
        assert due is not None
        assert (due.order, due.merged, due.why, due.at) == (0, (), Why.MARK, entered_at)

    def test_a_deadline_entered_after_it_was_due_is_told_once(self) -> None:
        story = Story(entered_at=DUE_AT + DAY)
        due = story.fire(DUE_AT + DAY)
        assert (due.order, due.merged) == (5, (0, 3))
        assert story.look(DUE_AT + 2 * DAY).wake_at is None

    def test_marks_missed_in_an_outage_keep_their_own_instant_so_that_lateness_shows(self) -> None:
        due = Story().look(DUE_AT - DAY).due
        assert due is not None
        assert (due.order, due.at, due.merged) == (3, DUE_AT - 2 * DAY, (0,))


class TestOvertaking:
    def test_a_mark_overtakes_the_silent_steps_whose_turn_comes_later(self) -> None:
        steps = (before(2 * DAY), silence(3 * DAY), before(DAY), silence(HOUR))
        assert [one[0] for one in foretold(Story(steps=steps).look(DUE_AT - 9 * DAY))] == [0, 2, 3]

    def test_a_silent_step_due_with_the_mark_is_left_to_the_mark(self) -> None:
        steps = (before(2 * HOUR), silence(HOUR), before(HOUR))
        assert [one[0] for one in foretold(Story(steps=steps).look(DUE_AT - 9 * DAY))] == [0, 2]

    def test_a_late_firing_lets_the_mark_overtake_what_was_foretold(self) -> None:
        steps = (before(2 * DAY), silence(12 * HOUR), before(DAY))
        story = Story(steps=steps)
        story.fire(DUE_AT - DAY - 6 * HOUR)
        assert [one[0] for one in foretold(story.look(DUE_AT - DAY - 6 * HOUR))] == [2]


class TestNotReached:
    def test_a_step_that_reached_nobody_goes_on_at_once(self) -> None:
        story = Story()
        story.fire(WEEK_BEFORE)
        story.not_reached.add(0)
        due = story.look(WEEK_BEFORE).due
        assert due is not None
        assert (due.order, due.why, due.at) == (1, Why.NOT_REACHED, WEEK_BEFORE)

    def test_the_step_after_it_waits_for_silence_again(self) -> None:
        story = Story()
        story.fire(WEEK_BEFORE)
        story.not_reached.add(0)
        story.fire(WEEK_BEFORE)
        assert story.look(WEEK_BEFORE).wake_at == WEEK_BEFORE + DAY

    def test_a_failure_that_shows_late_goes_on_from_when_it_shows(self) -> None:
        story = Story()
        story.fire(WEEK_BEFORE)
        story.not_reached.add(0)
        shown = WEEK_BEFORE + 2 * HOUR
        assert story.fire(shown).order == 1
        assert story.look(shown).wake_at == shown + DAY

    def test_an_unreached_mark_does_not_pull_the_next_mark_forward(self) -> None:
        story = Story(steps=(before(7 * DAY), before(DAY)))
        story.fire(WEEK_BEFORE)
        story.not_reached.add(0)
        assert story.look(WEEK_BEFORE).wake_at == DUE_AT - DAY


def test_marks_stay_in_the_order_of_time_through_a_change_of_the_clock() -> None:
    due_at = datetime(2026, 10, 25, 18, 0, tzinfo=PARIS).astimezone(UTC)  # a day of 25 hours
    steps = (before(DAY + HOUR / 2), before(DAY))
    story = Story(steps=steps, due_at=due_at, zone=PARIS, entered_at=due_at - 9 * DAY)
    decision = story.look(due_at - 9 * DAY)
    instants = [one.at for one in decision.upcoming]
    assert instants == sorted(instants)
    assert decision.wake_at == min(instants)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Any ladder that may be climbed, entered early or late, due anywhere around a clock change."""
    days = st.integers(2, 40).map(lambda number: number * DAY)
    hours = st.integers(0, 23).map(lambda number: number * HOUR)
    distances = draw(st.lists(days | hours, min_size=1, max_size=5, unique=True))
    offsets = sorted(distance * draw(st.sampled_from([-1, 1])) for distance in distances)
    steps: list[Step] = []
    for offset in dict.fromkeys(offsets):
        steps.append(before(-offset) if offset < timedelta() else after(offset))
        waits = draw(st.lists(st.integers(0, 100), max_size=3))
        steps += [silence(hours * HOUR) for hours in waits]
    due_at = draw(
        st.datetimes(datetime(2024, 2, 20), datetime(2024, 4, 10), timezones=st.just(UTC))  # noqa: DTZ001
    )
    entered_at = due_at + draw(st.integers(-60 * 24, 60)) * HOUR
    zone = draw(st.sampled_from([ALMATY, PARIS, ZoneInfo("America/New_York")]))
    return Story(tuple(steps), entered_at, due_at, zone)


class TestForEveryLadder:
    @given(stories())
    def test_what_was_foretold_is_what_happens_when_nobody_answers(self, story: Story) -> None:
        now = story.entered_at
        beginning = story.look(now)
        first = [beginning.due] if beginning.due else []
        told = [*first, *beginning.upcoming]
        happened = []
        decision = beginning
        while decision.wake_at is not None:
            assert decision.wake_at >= now
            now = decision.wake_at
            happened.append(story.fire(now))
            decision = story.look(now)
        assert happened == told
        orders = [one.order for one in happened]
        assert orders == sorted(set(orders))
        instants = [one.at for one in happened]
        assert instants == sorted(instants)

    @given(stories(), st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=30))
    def test_whenever_one_looks_no_step_fires_twice_or_early_or_out_of_order(
        self, story: Story, looks: list[tuple[int, bool]]
    ) -> None:
        now = story.entered_at
        for hours, answers in looks:
            now += hours * HOUR
            decision = story.look(now)
            if answers:
                story.answer(now)
            if decision.due is None:
                assert decision.wake_at is None or decision.wake_at > now
                continue
            assert decision.due.at <= now
            assert decision.due.order > max(story.fired, default=-1)
            story.fired[decision.due.order] = now

    @given(stories(), st.integers(0, 2000))
    def test_every_mark_is_told_or_merged_into_one_that_is(self, story: Story, hours: int) -> None:
        now = story.entered_at + hours * HOUR
        decision = story.look(now)
        said: set[int] = set()
        for one in (*((decision.due,) if decision.due else ()), *decision.upcoming):
            said |= {one.order, *one.merged}
        assert {order for order, step in enumerate(story.steps) if step.is_mark} <= said

    @given(stories(), st.integers(0, 2000))
    def test_an_answer_never_adds_anything(self, story: Story, hours: int) -> None:
        story.fire(story.look(story.entered_at).wake_at or story.entered_at)
        now = max(story.fired.values()) + hours * HOUR
        unanswered = {one.order for one in _all(story.look(now))}
        story.answer(now)
        assert {one.order for one in _all(story.look(now))} <= unanswered


def _all(decision: Plan) -> list[PlannedStep]:
    return [*([decision.due] if decision.due else []), *decision.upcoming]


def test_the_ladder_that_everyone_gets_leaves_nobody_out() -> None:
    decision = Story(steps=DEFAULT_STEPS, entered_at=DUE_AT - 60 * DAY).look(DUE_AT - 60 * DAY)
    told = {role for one in decision.upcoming for role in one.step.targets}
    assert told == {Role.OWNER, Role.DEPUTY, Role.SUPERVISOR, Role.LEAD}
    assert [one.order for one in decision.upcoming] == list(range(len(DEFAULT_STEPS)))


def test_a_plan_is_a_function_of_its_facts() -> None:
    facts = PlanFacts(DeadlineState.OPEN, DUE_AT, ALMATY, DUE_AT - 30 * DAY, LADDER)
    assert plan(facts, WEEK_BEFORE) == plan(replace(facts), WEEK_BEFORE)
