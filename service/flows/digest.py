"""The two mails of a person's day, each at its hour on their own clock: who is due, what they are told, and
when they are due again. One for each day and person, late rather than never."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from service.domain.access import Caller, Level, Reach
from service.domain.bounces import may_rest
from service.domain.counting import midnight
from service.domain.deadlines import local_date
from service.domain.digest import (
    Overview,
    Turn,
    last_turn,
    next_turn,
    rescheduled,
    turn_on,
)
from service.domain.notifications import ChannelKind, EventType, dedupe_key
from service.errors import not_found
from service.flows.exit_checks import exit_checks
from service.flows.letters import plain_letter
from service.flows.overviews import Reader, digests
from service.flows.sitting import Sitting
from service.store.digests import claim_readers, told_already
from service.store.messages import Message, add_messages
from service.store.users import User, get_user, teams_of

_EVERYWHERE = Reach(None)
_DAY, _INSTANT = timedelta(days=1), timedelta(microseconds=1)
#: Somebody whose mail cannot be written is looked at again after this long; the others are not held up.
_AFTER_FAULT = timedelta(minutes=1)
#: Where nobody has chosen an hour, for whoever asks what the mail would say.
_HOURS = {EventType.DIGEST: "08:00", EventType.EXIT_CHECK: "18:00"}
_GATHER = {EventType.DIGEST: digests, EventType.EXIT_CHECK: exit_checks}
_log = structlog.get_logger()


@dataclass(frozen=True)
class Written:
    """What one batch did: people looked at, mails written."""

    readers: int
    mails: int


async def write_due(sitting: Sitting, limit: int) -> Written:
    """One batch of at most `limit` people for each of the two mails."""
    readers = mails = 0
    for event in _GATHER:
        due = await claim_readers(sitting.session, event, sitting.now, limit)
        if due:
            mails += await _write(sitting, event, due)
        readers = max(readers, len(due))
    return Written(readers, mails)


async def _write(sitting: Sitting, event: EventType, due: Sequence[User]) -> int:
    session, now = sitting.session, sitting.now
    readers = {one.id: _reader(one, event, now) for one in due if _wanted(one, event, now)}
    days = {one.turn.on for one in readers.values()}
    told = await told_already(session, event, readers.keys(), days) if readers else {}
    messages = []
    fresh: dict[str, int] = {}
    for user_id, reader in readers.items():
        before = told.get((user_id, reader.turn.on.isoformat()))
        if before is None or before.superseded:
            fresh[user_id] = before.occurrence + 1 if before else 0
    asked = [readers[user_id] for user_id in fresh]
    found = await _GATHER[event](sitting, asked, _EVERYWHERE) if asked else {}
    teams = await teams_of(session, found)
    for user in due:
        _schedule(user, event, now)
        if user.id in found and found[user.id].worth_telling:
            try:
                team_id = teams[user.id][0]
                messages.append(letter_to(sitting, user, team_id, found[user.id], fresh[user.id]))
            except Exception:
                # One person's mail that cannot be written must not silence the others of the batch.
                _log.exception("digest_failed", user_id=user.id, mail=event)
                setattr(user, f"{event}_wake_at", now + _AFTER_FAULT)
        session.add(user)
    await session.flush()
    await add_messages(session, messages)
    return len(messages)


def letter_to(
    sitting: Sitting, user: User, team_id: str, overview: Overview, occurrence: int = 0
) -> Message:
    """One mail to one person, of many deadlines; checked again, case by case, when it is handed over."""
    mails, on = sitting.channels[ChannelKind.EMAIL], overview.on.isoformat()
    letter = plain_letter(
        mails, user, team_id, overview.event, _DAY, sitting.now, overview=overview
    )
    # A mail of gaps is one of many in a day: each gap itself remembers that it was told.
    subject = letter.id if overview.event is EventType.GAPS_AHEAD else overview.event
    letter.step, letter.occurrence = on, occurrence
    letter.dedupe_key = dedupe_key(subject, 0, on, occurrence, user.id, mails.kind)
    letter.level = max(overview.levels.values(), default=Level.BARE)
    letter.listed, letter.due_at = overview.listed, overview.planned_at
    return letter


def _wanted(user: User, event: EventType, now: datetime) -> bool:
    """Who is away reads nothing; whoever stands in is told. A mailbox that rests is not written to."""
    wanted = user.disabled_at is None and _hour_of(user, event) is not None
    return wanted and not user.away(now) and not may_rest(user.address, now)


def _reader(user: User, event: EventType, now: datetime) -> Reader:
    """The newest mail that is due; what was missed before it, it tells of too."""
    wall, zone = _clock(user, event)
    turn = last_turn(wall, zone, now)
    missed: datetime = getattr(user, f"{event}_wake_at")
    since = min(last_turn(wall, zone, missed - _INSTANT).at, turn_on(turn.on - _DAY, wall, zone).at)
    return Reader(user, turn, since, now + _INSTANT)


def _hour_of(user: User, event: EventType) -> str | None:
    hour: str | None = getattr(user, f"{event}_at")
    return hour


def _clock(user: User, event: EventType) -> tuple[time, ZoneInfo]:
    hour = _hour_of(user, event) or _HOURS[event]
    return time.fromisoformat(hour), ZoneInfo(user.timezone)


def _schedule(user: User, event: EventType, now: datetime) -> None:
    """The next time after now; never, for whoever wants none."""
    wanted = user.disabled_at is None and _hour_of(user, event) is not None
    at = next_turn(*_clock(user, event), now).at if wanted else None
    setattr(user, f"{event}_wake_at", at)


def pending_days(user: User, now: datetime) -> dict[EventType, date | None]:
    """Of each mail the day that is still to be told, None where none is; asked before a person changes."""
    pending: dict[EventType, date | None] = {}
    for event in _GATHER:
        wake_at: datetime | None = getattr(user, f"{event}_wake_at")
        clock = _clock(user, event)
        following = next_turn(*clock, now)
        turn = last_turn(*clock, now) if wake_at and wake_at < following.at else following
        pending[event] = turn.on if wake_at else None
    return pending


def reschedule(user: User, pending: Mapping[EventType, date | None], now: datetime) -> None:
    """After the hour, the zone or the right to be told has changed: what was still to come today comes, if
    its hour has passed on the new clock, at once."""
    for event in _GATHER:
        _schedule(user, event, now)
        if getattr(user, f"{event}_wake_at") is not None:
            at = rescheduled(pending[event], *_clock(user, event), now)
            setattr(user, f"{event}_wake_at", at)


@dataclass(frozen=True)
class Asked:
    """What a mail would say now. `mailed`: whether it would go at all."""

    overview: Overview
    mailed: bool


async def digest_now(sitting: Sitting, user_id: str, caller: Caller) -> Asked:
    """Raises Refusal `not_found` for a person whom the caller cannot see."""
    user = await _seen(sitting, user_id, caller)
    today = sitting.today(user.timezone)
    turn = Turn(today, turn_on(today, *_clock(user, EventType.DIGEST)).at)
    return await _asked(
        sitting, EventType.DIGEST, Reader(user, turn, sitting.now, sitting.now), caller
    )


async def exit_check_now(sitting: Sitting, user_id: str, on: date | None, caller: Caller) -> Asked:
    """Of one day on the person's own calendar, from the exit check of the day before until midnight.

    Raises Refusal `not_found` for a person whom the caller cannot see.
    """
    user = await _seen(sitting, user_id, caller)
    wall, zone = _clock(user, EventType.EXIT_CHECK)
    day = on or local_date(sitting.now, zone)
    since, until = turn_on(day - _DAY, wall, zone).at, midnight(day + _DAY, zone)
    reader = Reader(user, turn_on(day, wall, zone), since, until)
    return await _asked(sitting, EventType.EXIT_CHECK, reader, caller)


async def _seen(sitting: Sitting, user_id: str, caller: Caller) -> User:
    user = await get_user(sitting.session, user_id, caller.reach)
    if user is None:
        raise not_found("user")
    return user


async def _asked(sitting: Sitting, event: EventType, reader: Reader, caller: Caller) -> Asked:
    """The very function of the round, for what both the caller's reach and the person's roles allow."""
    found: Any = await _GATHER[event](sitting, [reader], caller.reach)
    overview: Overview = found[reader.user.id]
    mailed = _wanted(reader.user, event, sitting.now) and overview.worth_telling
    return Asked(overview, mailed)
