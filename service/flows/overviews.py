"""Gathers what the digest says to each of many readers, by a fixed number of queries.

The workers and the API ask the same function. Nothing here writes, and nothing is shown to a reader but
what `readers.py` allows.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from service.domain.access import Reach
from service.domain.bounces import AddressState
from service.domain.deadlines import local_date
from service.domain.digest import (
    Answer,
    Entry,
    Line,
    Overview,
    Section,
    Standing,
    Turn,
    arranged,
    entries,
    shown,
)
from service.domain.escalation import EscalationState, ResponseKind, Role, armed_at, holds_until
from service.domain.escalation import Response as Heard
from service.domain.notifications import EventType
from service.domain.plan import plan
from service.flows.planning import Situation, gather
from service.flows.readers import Company, Shown, company, shown_to
from service.flows.sitting import Sitting
from service.store.coverage import CoverageGap, gaps_of
from service.store.deadlines import Deadline
from service.store.digests import live_of, unreached, waiting_reviews
from service.store.responses import Response, responses_to
from service.store.reviews import Review
from service.store.users import User

#: A mail lost longer ago says little about whether the next one will arrive.
_LATELY = timedelta(days=14)


@dataclass(frozen=True)
class Reader:
    """One person and the mail that they are to have. `since` and `until`: what the exit check covers."""

    user: User
    turn: Turn
    since: datetime
    until: datetime


async def digests(sitting: Sitting, readers: Sequence[Reader], reach: Reach) -> dict[str, Overview]:
    """User id to what that person's digest says now."""
    session, now = sitting.session, sitting.now
    allowed = await shown_to(session, [one.user.id for one in readers], reach)
    case_ids = {case_id for cases in allowed.values() for case_id in cases}
    people = await company(session, case_ids)
    deadlines = await live_of(session, case_ids)
    ids = [one.id for one in deadlines]
    around = _Around(
        people=people,
        answers=await responses_to(session, ids),
        reviews={one.deadline_id: one for one in await waiting_reviews(session, case_ids)},
        gaps=await gaps_of(session, ids),
        lost=await unreached(session, people.users, now - _LATELY),
        now=now,
    )
    found: dict[str, list[Entry]] = {}
    for situation in await gather(sitting, deadlines):
        case_id = situation.subject.case_id
        if case_id not in found:
            found[case_id] = list(around.unreachable(situation))
        found[case_id] += entries(around.standing(situation), now)
    return {
        one.user.id: overview(EventType.DIGEST, one, allowed[one.user.id], found, people, now)
        for one in readers
    }


def overview(
    event: EventType,
    reader: Reader,
    allowed: Mapping[str, Shown],
    found: Mapping[str, Iterable[Entry]],
    people: Company,
    now: datetime,
) -> Overview:
    """Of all that was found, what this reader may see, at the level of each case."""
    user = reader.user
    own = []
    for case_id, case in allowed.items():
        instead_of = people.instead_of(case_id, user.id, now)
        for section, line in found.get(case_id, ()):
            own.append((section, shown(line, case.level, instead_of)))
    acting = frozenset(case_id for case_id, case in allowed.items() if case.acting)
    sections, levels = arranged(own, acting)
    return Overview(
        event=event,
        reader_id=user.id,
        on=reader.turn.on,
        timezone=user.timezone,
        planned_at=reader.turn.at,
        as_of=now,
        sections=sections,
        levels=levels,
    )


def line_of(deadline: Deadline, case_code: str, now: datetime) -> Line:
    """All that can be said of a deadline, before it is cut down for a reader."""
    zone = ZoneInfo(deadline.timezone)
    return Line(
        case_id=deadline.case_id,
        case_code=case_code,
        deadline_id=deadline.id,
        version=deadline.version,
        kind=deadline.kind,
        title=deadline.title,
        due_on=deadline.due_on,
        due_at=deadline.due_at,
        timezone=deadline.timezone,
        days_left=(deadline.due_on - local_date(now, zone)).days,
    )


@dataclass(frozen=True)
class _Around:
    """What was read for all deadlines of a batch, by id."""

    people: Company
    answers: Mapping[str, list[Response]]
    reviews: Mapping[str, Review]
    gaps: Mapping[str, list[CoverageGap]]
    lost: Mapping[str, datetime]
    now: datetime

    def standing(self, situation: Situation[Deadline]) -> Standing:
        deadline, facts = situation.subject, situation.facts
        line = line_of(deadline, situation.case_code, self.now)
        last = max(facts.fired, default=None)
        told = None
        if last is not None:
            who = self.people.roles_of(deadline.case_id, facts.told.get(last, ()))
            told = (who, facts.fired[last])
        return Standing(
            line=line,
            state=deadline.state,
            verified=deadline.verified_by is not None,
            told=told,
            held=plan(facts, self.now).state is EscalationState.ACKNOWLEDGED,
            answers=tuple(self._answers(situation)),
            waiting=tuple(self._waiting(deadline, line)),
            gaps=tuple(self._gaps(deadline, line)),
        )

    def _answers(self, situation: Situation[Deadline]) -> Iterator[Answer]:
        """The newest answer of each person since the newest mark, where it still holds."""
        deadline, facts = situation.subject, situation.facts
        since = armed_at(facts.steps, facts.fired)
        newest: dict[str, Response] = {}
        for one in self.answers.get(deadline.id, ()):
            counts = one.version == deadline.version and one.counts_for(deadline.critical)
            if counts and (since is None or one.at >= since):
                newest[one.user_id] = one
        for user_id, one in newest.items():
            holds = holds_until(Heard(one.kind, one.at, user_id, one.until), deadline.due_at)
            if one.kind is not ResponseKind.DECLINE and holds > self.now:
                who = self.people.roles_of(deadline.case_id, [user_id])
                yield Answer(who, one.at, one.until, one.reason)

    def _waiting(self, deadline: Deadline, line: Line) -> Iterator[Line]:
        asked = deadline.proposal
        if asked is not None:
            who = self.people.roles_of(deadline.case_id, [asked["by"]])
            at = datetime.fromisoformat(asked["at"])
            yield replace(line, what=asked["verb"], who=who, at=at)
        review = self.reviews.get(deadline.id)
        today = local_date(self.now, ZoneInfo(deadline.timezone))
        if review is not None and (review.ask_again_on or today) <= today:
            yield replace(
                line,
                what="review",
                other_on=review.new_on,
                because=review.reason,
                at=review.created_at,
            )

    def _gaps(self, deadline: Deadline, line: Line) -> Iterator[Line]:
        for gap in self.gaps.get(deadline.id, ()):
            if gap.closed_at is None and gap.version == deadline.version:
                yield gap_line(line, gap)

    def unreachable(self, situation: Situation[Deadline]) -> Iterator[Entry]:
        """Those on the case who cannot be told, or of whom it is not known that they can."""
        case_id, code = situation.subject.case_id, situation.case_code
        for user in self.people.on_case(case_id):
            what = _why_unreachable(user, user.id in self.lost)
            if what is not None:
                who = self.people.roles_of(case_id, [user.id])
                at = user.disabled_at or self.lost.get(user.id)
                yield Section.UNREACHABLE, Line(case_id, code, what=what, who=who, at=at)


def _why_unreachable(user: User, lost: bool) -> str | None:
    """The gravest reason; None where nothing is known that stands between us and the person."""
    reasons = {
        "disabled": user.disabled_at is not None,
        "undeliverable": user.address_state is AddressState.UNDELIVERABLE,
        "mails_lost": lost,
        "unverified": user.address_state is AddressState.UNVERIFIED,
        "complained": user.complained_at is not None,
    }
    return next((name for name, holds in reasons.items() if holds), None)


def gap_line(line: Line, gap: CoverageGap) -> Line:
    who = tuple(Role(role) for role in gap.roles)
    return replace(line, what=gap.code.value, who=who, at=gap.at)
