"""A deadline's date moves: the new version, and everyone who was told the old date told of it at once."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from service.domain.access import Level, level_for
from service.domain.deadlines import Fate, live_state
from service.domain.escalation import Role
from service.domain.notifications import ChannelKind, EventType, OtherDate
from service.flows.announcing import announce, announce_end_of_ladder, letter, notice_of
from service.flows.calendar_part import wishes_on
from service.flows.reckoning import Circumstances, reckon
from service.flows.sitting import Sitting
from service.store.cases import Case, roles_of
from service.store.deadlines import Deadline, deadlines_from
from service.store.journal import Happening, record
from service.store.messages import add_messages, told_versions
from service.store.reviews import close_waiting
from service.store.tolling import tolling_of
from service.store.trigger_events import TriggerEvent, events_out_of
from service.store.users import User, users_by_id

#: Who is told of every move, whether or not they had been told the old date.
_ALWAYS = (Role.OWNER, Role.LEAD)
_EVERYONE = tuple(Role)
#: What readers see of a date; while none of it changes, the date has not moved.
_SHOWN = ("due_on", "due_at", "whole_day", "act_by_on", "tolled_since")


async def circumstances(sitting: Sitting, deadline: Deadline) -> Circumstances:
    """Reads what the date of one deadline rests on; open tolling is taken to be lifted today."""
    session = sitting.session
    case = await session.get_one(Case, deadline.case_id)
    event_id = deadline.trigger_event_id
    event = await session.get_one(TriggerEvent, event_id) if event_id else None
    parent = None
    if event is not None and event.fate is Fate.DUE and event.source_deadline_id:
        parent = await session.get_one(Deadline, event.source_deadline_id)
    periods = (await tolling_of(session, [deadline.id])).get(deadline.id, [])
    return Circumstances(case, event, parent, periods, sitting.today(deadline.timezone))


async def restate(sitting: Sitting, deadline: Deadline, because: str, actor: str) -> bool:
    """Reckons the date from the facts as they now stand, and moves the deadline where it differs, with
    all that is counted back from its end. Raises Refusal where the law gives no date."""
    around = await circumstances(sitting, deadline)
    values = await reckon(sitting, deadline, around)
    if all(getattr(deadline, name) == values.get(name, getattr(deadline, name)) for name in _SHOWN):
        for name, value in values.items():
            setattr(deadline, name, value)
        sitting.session.add(deadline)
        return False
    await _move(sitting, deadline, around.case, values, because, actor)
    await ends_move(sitting, deadline, Fate.DUE, because, actor)
    return True


async def ends_move(
    sitting: Sitting, deadline: Deadline, fate: Fate, because: str, actor: str
) -> bool:
    """What its end has set going moves with it; False where that has set nothing going yet."""
    events = await events_out_of(sitting.session, deadline.id, fate)
    for event in events:
        event.occurred_on = deadline.due_on
        event.occurred_at = None if deadline.whole_day else deadline.due_at
        event.served_on = event.served_on and deadline.due_on
        sitting.session.add(event)
        for child in await deadlines_from(sitting.session, [event.id]):
            await restate(sitting, child, because, actor)
    return bool(events)


async def if_lifted_today(sitting: Sitting, deadline: Deadline) -> date | None:
    """When a limit whose clock stands still would end if it ran again today; None where it runs."""
    if deadline.tolled_since is None:
        return None
    values = await reckon(sitting, deadline, await circumstances(sitting, deadline))
    on: date = values["due_on"]
    return on


async def _move(
    sitting: Sitting,
    deadline: Deadline,
    case: Case,
    values: dict[str, Any],
    because: str,
    actor: str,
) -> None:
    session, now = sitting.session, sitting.now
    await announce_end_of_ladder(session, sitting.webhooks, deadline, case, actor, now)
    before = {
        "version": deadline.version,
        "due_on": deadline.due_on.isoformat(),
        "due_at": deadline.due_at.isoformat(),
        "until": now.isoformat(),
        "because": because,
    }
    deadline.earlier_dates = [*deadline.earlier_dates, before]
    for name, value in values.items():
        setattr(deadline, name, value)
    # A new date is a new entry: somebody other than who moved it must check it again.
    deadline.entered_by, deadline.entered_at, deadline.verified_by = actor, now, None
    deadline.lapsed_at = deadline.neared_at = None
    deadline.state = live_state(verified=False, tolled=deadline.tolled_since is not None)
    deadline.version += 1
    deadline.revision += 1
    deadline.shown, deadline.shown_at = deadline.shown + 1, now
    deadline.wake_at = now
    session.add(deadline)
    await session.flush()
    await close_waiting(session, [deadline.id])
    data = {
        "version": deadline.version,
        "old_due_at": before["due_at"],
        "new_due_at": deadline.due_at.isoformat(),
        "tolled_since": deadline.tolled_since.isoformat() if deadline.tolled_since else None,
    }
    told = (deadline.team_id, actor, "deadline.date_changed", deadline.id, deadline.case_id)
    await record(session, [Happening(*told, data)], now)
    await _tell(sitting, deadline, case, because, actor)


async def _tell(sitting: Sitting, deadline: Deadline, case: Case, because: str, actor: str) -> None:
    """Endpoints, and by mail everyone on the case who had been told another date, with both dates."""
    session, now = sitting.session, sitting.now
    notice = replace(
        notice_of(deadline, case, EventType.DATE_CHANGED, now, now),
        because=because,
        previous=_date_of(deadline, deadline.version - 1),
    )
    await announce(sitting.session, sitting.webhooks, notice, deadline, actor, now)
    told = await told_versions(session, deadline.id)
    mail = sitting.channels[ChannelKind.EMAIL]
    letters, people = [], await on_case(sitting, case)
    wishes = await wishes_on(session, case, ((user, role) for user, role, _ in people))
    for user, role, always in people:
        if not always and user.id not in told:
            continue
        level = level_for(role, Level(case.mail_level), Level(case.ceiling))
        if level is not None:
            version = told.get(user.id, deadline.version - 1)
            own = replace(notice, previous=_date_of(deadline, version))
            step, wish = EventType.DATE_CHANGED, wishes.get(user.id)
            letters.append(letter(mail, own, deadline, (user, level), step, now, wish=wish))
    await add_messages(session, letters)


async def on_case(sitting: Sitting, case: Case) -> list[tuple[User, Role, bool]]:
    """Everyone on the case who is not disabled, once, in the highest role; whether always told."""
    roles = (await roles_of(sitting.session, [case.id])).get(case.id, [])
    users = await users_by_id(sitting.session, (one.user_id for one in roles))
    held: dict[str, list[Role]] = {}
    for one in roles:
        held.setdefault(one.user_id, []).append(one.role)
    return [
        (
            users[user_id],
            min(parts, key=_EVERYONE.index),
            any(part in _ALWAYS for part in parts),
        )
        for user_id, parts in held.items()
        if users[user_id].disabled_at is None
    ]


def _date_of(deadline: Deadline, version: int) -> OtherDate:
    """The date that an earlier version of the deadline had."""
    earlier = next(one for one in deadline.earlier_dates if one["version"] == version)
    return OtherDate(
        datetime.fromisoformat(earlier["due_on"]).date(),
        datetime.fromisoformat(earlier["due_at"]),
    )
