"""What a step says to each person, as messages: by the first way, by two at once, by the next one because
the last has failed. It collects what the release writes, and touches no database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from service.channels.interface import Channel
from service.domain.escalation import EscalationState, Role
from service.domain.notifications import ChannelKind, Notice, SubjectKind
from service.domain.plan import Plan, PlannedStep
from service.domain.routes import MAIL, Turn, at_fault, first_ways, next_way, slow_at
from service.flows.announcing import letter, mailed_level, notice_of, personal
from service.flows.firing import said_twice
from service.flows.planning import Situation
from service.flows.recipients import Lost
from service.flows.routes import Asked, newly_asked, once_more
from service.store.journal import Happening
from service.store.messages import Message
from service.store.subjects import Subject
from service.store.users import User


class Ways:
    """Of the people of one deadline or alert, at one instant. `asked`: user id to what each was asked last;
    `lost`: those to whom nothing is left."""

    def __init__(
        self, situation: Situation[Subject], channels: Mapping[ChannelKind, Channel], now: datetime
    ) -> None:
        self.situation = situation
        self.channels = channels
        self.now = now
        self.messages: list[Message] = []
        self.happenings: list[Happening] = []
        self.lost: list[Lost] = []
        self.asked = dict(situation.asked)

    def say(self, notice: Notice, due: PlannedStep, user: User, role: Role) -> None:
        """A step that fires now, to one of its people."""
        ways = self.situation.ways(user.id)
        twice = said_twice(self.situation.subject, due, self.now)
        written = [
            message
            for way in first_ways(ways, twice)
            if (message := self._by(way, notice, user, role, due.order, due.occurrence)) is not None
        ]
        if written:
            self.messages += written
            self.asked[user.id] = newly_asked(self.situation.subject, written, ways)

    def follow(self, decision: Plan) -> None:
        """The newest step of each person again, by the way that follows one that failed. Whoever is only
        asked to act is left alone while somebody has it; what a deadline's mark says is for everybody."""
        held = decision.state is EscalationState.ACKNOWLEDGED
        for asked in list(self.asked.values()):
            holder = self._holder(asked)
            if holder is None or (held and not self._is_mark(asked)):
                continue
            turn = next_way(asked.route, self.now)
            if turn is not None:
                self._take(asked, turn, *holder, decision)
            elif at_fault(asked.route) and not self.situation.subject.drill:
                self.lost.append(Lost(self.situation, holder[0], asked.message_id))

    def look_at(self, planned: datetime | None) -> datetime | None:
        """When the plan speaks next, or before that a way becomes too slow to wait for; None: never."""
        slow = [at for one in self.asked.values() if (at := slow_at(one.route)) is not None]
        return min([planned, *(at for at in slow if at > self.now)]) if planned else None

    def _take(self, asked: Asked, turn: Turn, user: User, role: Role, decision: Plan) -> None:
        occurrence = once_more(asked.occurrence) if turn.again else asked.occurrence
        notice = self._notice(asked, decision)
        message = self._by(turn.way, notice, user, role, int(asked.step), occurrence)
        if message is None:
            return
        self.messages.append(message)
        self.asked[user.id] = asked.by(turn, message)
        data = {
            "step": int(asked.step),
            "occurrence": asked.occurrence,
            "user_id": user.id,
            "way": turn.way,
            "after": [one.way for one in asked.route.tries],
            "doubted": asked.route.suspected_at is not None,
        }
        self._journal("escalation.next_way", data)

    def _notice(self, asked: Asked, decision: Plan) -> Notice:
        """As it was said the first time, with what follows from here."""
        after = decision.due or decision.next
        silent = after if after and not after.step.is_mark else None
        subject, case = self.situation.subject, self.situation.case
        told = self.situation.facts.told.get(int(asked.step), frozenset())
        roles = [
            role for user, role in self.situation.recipients(Role, self.now) if user.id in told
        ]
        return replace(
            notice_of(subject, case, asked.event, asked.planned_at, self.now),
            others_told=tuple(dict.fromkeys(roles)),
            next_at=silent.at if silent else None,
            next_roles=silent.step.targets if silent else (),
        )

    def _by(
        self, way: str, notice: Notice, user: User, role: Role, order: int, occurrence: int
    ) -> Message | None:
        """None: there is nothing that this person may be shown."""
        subject, level = self.situation.subject, mailed_level(role, self.situation.case)
        if level is None:
            return None
        others = tuple(one for one in notice.others_told if one != role)
        own, reader = replace(notice, others_told=others), (user, level)
        step, now = str(order), self.now
        if way == MAIL:
            channel = self.channels[ChannelKind.EMAIL]
            wish = self.situation.wishes.get(user.id)
            return letter(channel, own, subject, reader, step, now, occurrence, wish)
        (endpoint,) = (one for one in self.situation.endpoints[user.id] if one.id == way)
        channel = self.channels[ChannelKind.WEBHOOK]
        return personal(channel, own, subject, reader, endpoint, step, now, occurrence)

    def _holder(self, asked: Asked) -> tuple[User, Role] | None:
        """The person, in the role in which the step told them, else in their highest."""
        targets: Sequence[Role] = self.situation.facts.steps[int(asked.step)].targets
        for role in (*targets, *Role):
            for user in self.situation.people.get(role, ()):
                if user.id == asked.user_id:
                    return user, role
        return None

    def _is_mark(self, asked: Asked) -> bool:
        mark = self.situation.facts.steps[int(asked.step)].is_mark and not asked.occurrence
        return mark and self.situation.subject.subject_kind is SubjectKind.DEADLINE

    def _journal(self, action: str, data: dict[str, Any]) -> None:
        subject = self.situation.subject
        data |= {"version": subject.version}
        happening = Happening(subject.team_id, "system", action, subject.id, subject.case_id, data)
        self.happenings.append(happening)
