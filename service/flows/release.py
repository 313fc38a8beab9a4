"""The tick's part: asks the plan of each alert and deadline that is due, and freezes what it says into
messages.

Everything of a batch, messages, new `wake_at`, fired steps, journal, is one transaction.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from service.channels.interface import Channel
from service.domain.deadlines import Fate
from service.domain.escalation import Role
from service.domain.notifications import ChannelKind, EventType, Notice
from service.domain.plan import Plan, PlanFacts, PlannedStep, Why, plan, recorded
from service.flows.announcing import announce, announcements, notice_of
from service.flows.docket import Docket
from service.flows.firing import after_firing, event_of, events_of, recipients_of
from service.flows.ladders import begun
from service.flows.moving import ends_move
from service.flows.planning import Situation, gather
from service.flows.recipients import Lost, report_lost
from service.flows.sitting import Sitting
from service.flows.starting import follow
from service.flows.ways import Ways
from service.store.alerts import claim_due_alerts
from service.store.deadlines import Deadline, claim_due
from service.store.endpoints import Endpoint, team_endpoints
from service.store.escalations import Escalation
from service.store.journal import Happening, record
from service.store.messages import Message, add_messages
from service.store.subjects import Subject
from service.store.tallies import exhausted, steps_empty, tally
from service.store.users import User

#: What cannot be released is looked at again after this long; the others are not held up.
_AFTER_FAULT = timedelta(minutes=1)

Channels = Mapping[ChannelKind, Channel]
_log = structlog.get_logger()


@dataclass(frozen=True)
class Released:
    """What one batch did: alerts or deadlines looked at, messages written. `last`: when it was claimed,
    nothing else was due."""

    looked_at: int
    messages: int
    last: bool


async def _let_others_on() -> None:
    await asyncio.sleep(0)


async def release_due(
    sitting: Sitting, limit: int, stand_back: Callable[[], Awaitable[None]] = _let_others_on
) -> Released:
    """One batch of at most `limit` alerts whose `wake_at` has come, or, where there are none, deadlines:
    an alert waits behind no deadline, nor for a transaction full of them. `stand_back`: awaited between
    two letters, each of which takes milliseconds."""
    session, now = sitting.session, sitting.now
    alerts = await claim_due_alerts(session, now, limit)
    subjects: Sequence[Subject] = alerts or await claim_due(session, now, limit)
    last = not alerts and len(subjects) < limit
    if not subjects:
        return Released(0, 0, last)
    endpoints = await team_endpoints(session, [subject.team_id for subject in subjects])
    messages: list[Message] = []
    happenings: list[Happening] = []
    lapsed: list[Situation[Subject]] = []
    lost: list[Lost] = []
    for situation in await gather(sitting, subjects):
        await stand_back()
        subject = situation.subject
        release = _released(sitting, situation, endpoints.get(subject.team_id, []))
        if release is None:
            _put_off(subject, now)
            continue
        subject.failing_since = None
        messages += [*release.ways.messages, *release.messages]
        happenings += [*release.ways.happenings, *release.happenings]
        lost += release.ways.lost
        if release.escalation is not None:
            session.add(release.escalation)
        if release.lapsed:
            lapsed.append(situation)
    await session.flush()
    await add_messages(session, messages)
    await record(session, happenings, now)
    _count(sitting, happenings)
    for situation in lapsed:
        await _lapse(sitting, situation)
    await report_lost(sitting, lost)
    return Released(len(subjects), len(messages), last)


def _released(
    sitting: Sitting, situation: Situation[Subject], endpoints: Sequence[Endpoint]
) -> "_Release | None":
    """None for one that cannot be told: it must not silence the rest of the batch."""
    try:
        release = _Release(situation, endpoints, sitting.channels, sitting.now)
        release.run()
    except Exception:
        _log.exception("release_failed", subject_id=situation.subject.id)
        return None
    return release


def _count(sitting: Sitting, happenings: Sequence[Happening]) -> None:
    for one in happenings:
        if one.data.get("why") == Why.EXHAUSTED:
            tally(sitting.session, exhausted.inc)
        if one.data.get("told") == {}:
            tally(sitting.session, steps_empty.inc)


async def _lapse(sitting: Sitting, situation: Situation[Subject]) -> None:
    """The due instant of a deadline has passed: recorded once for each version, and what hangs on it
    begins."""
    deadline, case, now = situation.subject, situation.case, sitting.now
    assert isinstance(deadline, Deadline)
    assert case is not None
    try:
        async with sitting.session.begin_nested():
            deadline.lapsed_at = now
            sitting.session.add(deadline)
            notice = notice_of(deadline, case, EventType.DEADLINE_OVERDUE, deadline.due_at, now)
            await announce(sitting.session, sitting.webhooks, notice, deadline, None, now)
            data = {"version": deadline.version, "due_at": deadline.due_at.isoformat()}
            overdue = Happening(
                deadline.team_id, "system", "deadline.overdue", deadline.id, case.id, data
            )
            await record(sitting.session, [overdue], now)
            if not await ends_move(sitting, deadline, Fate.LAPSE, "lapsed anew", "system"):
                docket = Docket(sitting.session, now)
                await follow(sitting, docket, deadline, case, Fate.LAPSE, "system")
                await docket.write()
    except Exception:
        # The reminders of this batch must go out whatever the next clock is.
        _log.exception("lapse_failed", deadline_id=deadline.id)
        deadline.lapsed_at = None
        _put_off(deadline, now)
        sitting.session.add(deadline)


def _put_off(subject: Subject, now: datetime) -> None:
    """Since when it fails stays on record: the watch must see what each round puts off anew."""
    subject.wake_at = now + _AFTER_FAULT
    subject.failing_since = subject.failing_since or now


class _Release:
    """The release of one deadline or alert; collects what is to be written and touches no database. `ways`:
    the messages to people."""

    def __init__(
        self,
        situation: Situation[Subject],
        endpoints: Sequence[Endpoint],
        channels: Channels,
        now: datetime,
    ) -> None:
        self.situation = situation
        self.endpoints = endpoints
        self.channels = channels
        self.now = now
        self.ways = Ways(situation, channels, now)
        self.escalation: Escalation | None = None
        self.messages: list[Message] = []
        self.happenings: list[Happening] = []
        self.lapsed = False

    def run(self) -> None:
        """Says again what did not get through, then fires what is due; a step that reaches nobody lets the
        next one fire at once."""
        decision = plan(self.situation.facts, self.now)
        self.lapsed = decision.lapsed
        self._comes_near(decision.near)
        if not self.situation.people:
            # All have left or are disabled: the plan waits for somebody, and says so each time.
            _log.error("nobody_to_tell", subject_id=self.situation.subject.id)
            self.situation.subject.wake_at = self.now + _AFTER_FAULT
            return
        if decision.wake_at is not None:
            self.ways.follow(decision)
        # What it has seen is recorded with this release; only what comes after wakes it again.
        facts = seen = recorded(self.situation.facts, decision, self.now)
        if decision.due is None and seen is not self.situation.facts:
            decision = plan(seen, self.now)
        while decision.due is not None:
            facts, decision = self._climb(facts, decision.due)
        if facts is not seen:
            self.escalation = self._kept(facts)
        self.situation.subject.wake_at = self.ways.look_at(decision.wake_at)

    def _climb(self, facts: PlanFacts, due: PlannedStep) -> tuple[PlanFacts, Plan]:
        """Fires one step; the facts and the plan after it."""
        recipients = recipients_of(self.situation, due, facts.steps, self.now)
        told = frozenset(user.id for user, _ in recipients)
        after = after_firing(facts, due, self.now, told, reached=True)
        following = plan(after, self.now)
        self._fire(due, following, recipients, first=not facts.fired)
        if recipients:
            return after, following
        # Nobody was there: the next step does not wait for an answer.
        after = after_firing(facts, due, self.now, told, reached=False)
        return after, plan(after, self.now)

    def _comes_near(self, events: Sequence[EventType]) -> None:
        """Heard by endpoints alone: people have their marks."""
        subject, case = self.situation.subject, self.situation.case
        for event in events:
            assert isinstance(subject, Deadline)
            subject.neared_at = self.now
            self._announce(notice_of(subject, case, event, self.now, self.now))

    def _fire(
        self, due: PlannedStep, following: Plan, recipients: list[tuple[User, Role]], first: bool
    ) -> None:
        """Messages for every person of the step and every endpoint."""
        event = event_of(self.situation.subject, due)
        notice = self._notice(event, due, following, [role for _, role in recipients])
        for user, role in recipients:
            self.ways.say(notice, due, user, role)
        for one in events_of(self.situation.subject, due, first, bool(recipients)):
            self._announce(replace(notice, event=one), due.order)
        self._journal(due, recipients)

    def _notice(
        self, event: EventType, due: PlannedStep, following: Plan, told: list[Role]
    ) -> Notice:
        after = following.next
        silent = after if after and not after.step.is_mark else None
        subject, case = self.situation.subject, self.situation.case
        return replace(
            notice_of(subject, case, event, due.at, self.now),
            others_told=tuple(dict.fromkeys(told)),
            next_at=silent.at if silent else None,
            next_roles=silent.step.targets if silent else (),
        )

    def _announce(self, notice: Notice, order: int | None = None) -> None:
        channel = self.channels[ChannelKind.WEBHOOK]
        self.messages += announcements(
            notice, self.situation.subject, self.endpoints, channel, None, self.now, order
        )

    def _journal(self, due: PlannedStep, recipients: list[tuple[User, Role]]) -> None:
        subject = self.situation.subject
        self.happenings.append(
            Happening(
                team_id=subject.team_id,
                actor="system",
                action="escalation.step_fired",
                subject_id=subject.id,
                case_id=subject.case_id,
                data={
                    "version": subject.version,
                    "step": due.order,
                    "why": due.why,
                    "planned_at": due.at.isoformat(),
                    "merged": list(due.merged),
                    "occurrence": due.occurrence,
                    "told": {user.id: role for user, role in recipients},
                },
            )
        )

    def _kept(self, facts: PlanFacts) -> Escalation:
        """The escalation with its own copy of the ladder, and what has fired by now."""
        escalation = self.situation.escalation or begun(
            self.situation.subject, facts.steps, self.now
        )
        escalation.fired = {str(order): at.isoformat() for order, at in facts.fired.items()}
        escalation.told = {str(order): sorted(ids) for order, ids in facts.told.items()}
        escalation.repeats, escalation.repeated_at = facts.repeats, facts.repeated_at
        return escalation
