"""The law has changed: every open deadline is held against the new edition. What would come earlier
moves by itself and is told; what would come later waits until a person has confirmed."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from service.clock import zone_data_version
from service.domain.access import Caller
from service.domain.court_calendars import CourtCalendar
from service.domain.deadlines import LIVE_STATES, end_of_day, local_date
from service.domain.notifications import EventType, OtherDate
from service.domain.time_limits import END_OF_DAY
from service.domain.tolling import TollingPeriod
from service.errors import Code, Refusal, not_found
from service.flows.announcing import announce, notice_of
from service.flows.calendars import check_operator, preview_calendar
from service.flows.moving import circumstances, restate
from service.flows.readings import basis_of, calendar_code, safe_date
from service.flows.reckoning import reckon
from service.flows.seconding import seconded
from service.flows.sitting import Sitting
from service.flows.standing import person_acting
from service.ids import new_id
from service.schemas.calendars import AmendmentIn
from service.schemas.reviews import Decision, DecisionIn
from service.store.calendars import list_calendars
from service.store.cases import Case
from service.store.deadlines import Deadline, lock_deadline
from service.store.editions import is_newest_edition
from service.store.journal import Happening, record
from service.store.reviews import (
    Review,
    ReviewState,
    Unchecked,
    claim_unchecked,
    close_waiting,
    live_dates,
    lock_reviews,
    mark_checked,
    newest_reviews,
)
from service.store.tolling import tolling_of

#: Calendars read to tell one edition from another; an installation has a few dozen.
_ALL_CALENDARS = 10_000
#: Deadlines looked at for a preview, which somebody waits for.
_MOST_PREVIEWED = 20_000
_CLOCKWORK = "system"


@dataclass(frozen=True)
class Drift:
    """A deadline on which the present law has another word; `would` None: it gives no date any more,
    for the `reason`."""

    deadline_id: str
    would: tuple[date, datetime] | None
    earlier: bool
    reason: str


async def edition(sitting: Sitting) -> str:
    """Names the law as it stands here and now: rules and zone data, then the court calendars."""
    calendars = await list_calendars(sitting.session, None, _ALL_CALENDARS)
    text = "\n".join(f"{one.code} {one.version}" for one in calendars)
    return f"{software_edition(sitting)}/{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def software_edition(sitting: Sitting) -> str:
    return f"{sitting.library.digest}/{zone_data_version()}"


async def check_batch(sitting: Sitting, limit: int) -> int:
    """Holds up to `limit` deadlines against the law; answers how many there were. A worker whose rules
    or zone data are not the newest that this installation has seen leaves them alone."""
    current = await edition(sitting)
    unchecked = await claim_unchecked(sitting.session, current, limit)
    if not unchecked:
        return 0
    if not await is_newest_edition(sitting.session, software_edition(sitting), sitting.now):
        return 0
    found = await drifts(sitting, unchecked)
    moving = {one.deadline_id for one in found}
    await close_waiting(sitting.session, [one.id for one in unchecked if one.id not in moving])
    if found:
        await _answer_drifts(sitting, found, current)
    await mark_checked(sitting.session, [one.id for one in unchecked], current, sitting.now)
    return len(unchecked)


async def drifts(
    sitting: Sitting,
    unchecked: Sequence[Unchecked],
    instead: Mapping[str, CourtCalendar] | None = None,
) -> list[Drift]:
    """Those that would move. `instead`: calendars to take in place of the stored ones, by code."""
    tolled = await tolling_of(sitting.session, [one.id for one in unchecked])
    found = []
    for one in unchecked:
        periods = tuple(TollingPeriod(p.from_on, p.until_on) for p in tolled.get(one.id, ()))
        drift = await _drift(sitting, one, periods, instead or {})
        if drift is not None:
            found.append(drift)
    return found


async def preview(
    sitting: Sitting, code: str, body: AmendmentIn, caller: Caller
) -> tuple[str, int, list[tuple[Unchecked, Drift]]]:
    """What a new version of a calendar would move, of all teams' open deadlines the soonest due: the
    version's name, how many were looked at, and those that would move. Writes nothing."""
    check_operator(caller)
    calendar = await preview_calendar(sitting.session, code, body, sitting.now)
    dates = await live_dates(sitting.session, _MOST_PREVIEWED)
    found = await drifts(sitting, dates, {code: calendar})
    by_id = {one.id: one for one in dates}
    return calendar.version, len(dates), [(by_id[one.deadline_id], one) for one in found]


async def _drift(
    sitting: Sitting,
    one: Unchecked,
    periods: tuple[TollingPeriod, ...],
    instead: Mapping[str, CourtCalendar],
) -> Drift | None:
    stands = one.computed_at or one.due_at
    if one.rule_id is None or one.occurred_on is None:
        if not one.whole_day or periods:
            return None
        at = end_of_day(one.due_on, END_OF_DAY, ZoneInfo(one.timezone))
        would = (one.due_on, at)
        return None if at == stands else Drift(one.id, would, at < stands, _because())
    rule = sitting.library.find(one.rule_id)
    if rule is None:
        return Drift(one.id, None, False, f"The library no longer holds {one.rule_id}.")
    as_of = local_date(one.entered_at, ZoneInfo(one.timezone))
    try:
        basis = basis_of(one, one, periods, as_of)  # type: ignore[arg-type]  # checked above
        code = calendar_code(rule, basis)
        calendar = instead.get(code or "") or await sitting.calendar(code)
        at, on, act_by_on = safe_date(rule, basis, calendar)
    except Refusal as refusal:
        return Drift(one.id, None, False, refusal.detail)
    known_by = one.act_by_on if one.stated is None else act_by_on
    if at == stands and act_by_on == known_by:
        return None
    earlier = one.stated is None and (at, act_by_on or on) < (stands, known_by or one.due_on)
    return Drift(one.id, (on, at), earlier, _because(calendar))


def _because(calendar: CourtCalendar | None = None) -> str:
    """What the date rests on now, in one sentence."""
    parts = [f"court calendar {calendar.code}, version {calendar.version}"] if calendar else []
    parts.append(f"zone data {zone_data_version()}")
    return f"The law was read anew: the rules in force, {', '.join(parts)}."


async def _answer_drifts(sitting: Sitting, found: Iterable[Drift], current: str) -> None:
    """Earlier: moved and told. Anything else: asked, unless the same has been asked before."""
    newest = await newest_reviews(sitting.session, [one.deadline_id for one in found])
    for drift in found:
        deadline = await sitting.session.get_one(Deadline, drift.deadline_id)
        asked = newest.get(deadline.id)
        if not drift.earlier and asked is not None and _same_question(asked, deadline, drift):
            continue
        await close_waiting(sitting.session, [deadline.id])
        review = _review(sitting, deadline, drift, current)
        if drift.earlier:
            review.state = ReviewState.APPLIED
            review.decided_by, review.decided_at = _CLOCKWORK, sitting.now
            await restate(sitting, deadline, drift.reason, _CLOCKWORK)
        sitting.session.add(review)
        await sitting.session.flush()
        if review.state is ReviewState.WAITING:
            await _ask(sitting, review, deadline)


def _same_question(asked: Review, deadline: Deadline, drift: Drift) -> bool:
    new_at = drift.would[1] if drift.would else None
    decided = asked.state in (ReviewState.WAITING, ReviewState.KEPT)
    return decided and asked.new_at == new_at and asked.old_at == deadline.due_at


def _review(sitting: Sitting, deadline: Deadline, drift: Drift, current: str) -> Review:
    return Review(
        id=new_id("rev", sitting.now),
        team_id=deadline.team_id,
        case_id=deadline.case_id,
        deadline_id=deadline.id,
        state=ReviewState.WAITING,
        edition=current,
        reason=drift.reason,
        old_on=deadline.due_on,
        old_at=deadline.due_at,
        new_on=drift.would[0] if drift.would else None,
        new_at=drift.would[1] if drift.would else None,
        created_at=sitting.now,
    )


async def _ask(sitting: Sitting, review: Review, deadline: Deadline) -> None:
    """Endpoints hear that a person must decide; the date stands meanwhile."""
    session, now = sitting.session, sitting.now
    case = await session.get_one(Case, deadline.case_id)
    proposed = OtherDate(review.new_on, review.new_at) if review.new_on and review.new_at else None
    notice = replace(
        notice_of(deadline, case, EventType.REVIEW_WAITING, now, now),
        proposed=proposed,
        because=review.reason,
    )
    await announce(session, sitting.webhooks, notice, deadline, None, now)
    data = {"deadline": deadline.id, "new_at": review.new_at.isoformat() if review.new_at else None}
    happening = Happening(
        review.team_id, _CLOCKWORK, "review.waiting", review.id, review.case_id, data
    )
    await record(session, [happening], now)


async def decide(sitting: Sitting, body: DecisionIn, caller: Caller) -> list[Review]:
    """One decision on many reviews: all of them, or, where one cannot be decided so, none.

    Raises Refusal `not_found` for one that the caller cannot see, `illegal_state` for one that is
    not waiting or whose law has changed again since.
    """
    reviews = await lock_reviews(sitting.session, body.review_ids, caller.reach)
    if len(reviews) != len(set(body.review_ids)):
        raise not_found("review")
    for review in reviews:
        if review.state is not ReviewState.WAITING:
            raise Refusal(Code.ILLEGAL_STATE, f"Review {review.id} is {review.state} already.")
        person = await person_acting(sitting.session, caller, review.team_id, body.user_id)
        await _decide(sitting, review, body, person, caller)
    return reviews


async def _decide(
    sitting: Sitting, review: Review, body: DecisionIn, person: str, caller: Caller
) -> None:
    session = sitting.session
    deadline = await lock_deadline(session, review.deadline_id, caller.reach)
    if deadline is None or deadline.state not in LIVE_STATES:
        raise Refusal(Code.ILLEGAL_STATE, f"The deadline of review {review.id} has ended.")
    later = review.new_at is not None and review.new_at > deadline.due_at
    applied = body.decision is Decision.APPLY
    if (
        applied
        and later
        and not await seconded(sitting, deadline, "apply", person, review=review.id)
    ):
        return
    if body.decision is Decision.LATER:
        review.ask_again_on = body.ask_again_on
    else:
        review.state = ReviewState.APPLIED if applied else ReviewState.KEPT
        review.decided_by, review.decided_at = person, sitting.now
        review.decided_because = body.reason
    session.add(review)
    data = {"deadline": deadline.id, "decision": body.decision}
    happening = Happening(review.team_id, person, "review.decided", review.id, review.case_id, data)
    await session.flush()
    await record(session, [happening], sitting.now)
    if applied:
        await _apply(sitting, review, deadline, person)


async def _apply(sitting: Sitting, review: Review, deadline: Deadline, person: str) -> None:
    """Exactly the date that the person saw, or nothing."""
    if deadline.rule_id is not None:
        deadline.stated = None
    values = await reckon(sitting, deadline, await circumstances(sitting, deadline))
    if values["due_at"] != review.new_at:
        text = f"The law has changed again since review {review.id} was asked: wait for the next."
        raise Refusal(Code.ILLEGAL_STATE, text)
    await restate(sitting, deadline, review.reason, person)
