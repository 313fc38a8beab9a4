"""What ends or puts off a critical deadline wants a second person: until then nothing has changed, and the
ladder goes on."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from service.domain.access import Level, level_for
from service.domain.escalation import EVERYBODY
from service.domain.notifications import ChannelKind, EventType
from service.flows.announcing import announce, letter, notice_of
from service.flows.moving import on_case
from service.flows.sitting import Sitting
from service.store.cases import Case
from service.store.deadlines import Deadline
from service.store.journal import Happening, record
from service.store.messages import add_messages


async def seconded(
    sitting: Sitting,
    deadline: Deadline,
    verb: str,
    person: str,
    **facts: date | datetime | str | bool | None,
) -> bool:
    """True where the deadline is not critical, or where another person has proposed the very same before;
    else the proposal is kept, and everyone else on the case is asked. `facts`: what the second person
    must say alike; reasons and references may be in their own words."""
    what = {name: _plain(value) for name, value in sorted(facts.items())}
    asked = deadline.proposal
    if not deadline.critical:
        return True
    if (
        asked is not None
        and asked["by"] != person
        and (asked["verb"], asked["what"]) == (verb, what)
    ):
        deadline.proposal = None
        return True
    repeated = asked is not None and (asked["verb"], asked["what"]) == (verb, what)
    if not repeated:
        deadline.proposal = {
            "verb": verb,
            "what": what,
            "by": person,
            "at": sitting.now.isoformat(),
        }
        await _ask(sitting, deadline, verb, person)
    return False


async def _ask(sitting: Sitting, deadline: Deadline, verb: str, person: str) -> None:
    session, now = sitting.session, sitting.now
    deadline.revision += 1
    deadline.proposals += 1
    session.add(deadline)
    await session.flush()
    case = await session.get_one(Case, deadline.case_id)
    notice = replace(
        notice_of(deadline, case, EventType.SECOND_PERSON_WANTED, now, now), proposed_verb=verb
    )
    await announce(session, sitting.webhooks, notice, deadline, person, now)
    mail, letters = sitting.channels[ChannelKind.EMAIL], []
    for user, role, _ in await on_case(sitting, case):
        level = level_for(role, Level(case.mail_level), Level(case.ceiling))
        if user.id != person and role in EVERYBODY and level is not None:
            step = EventType.SECOND_PERSON_WANTED
            reader = (user, level)
            letters.append(letter(mail, notice, deadline, reader, step, now, deadline.proposals))
    await add_messages(session, letters)
    data = {"version": deadline.version, "verb": verb}
    happening = Happening(
        deadline.team_id, person, "deadline.proposed", deadline.id, deadline.case_id, data
    )
    await record(session, [happening], now)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value
