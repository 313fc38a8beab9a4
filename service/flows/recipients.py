"""Whom nothing reaches: the team's tools hear of it, and an alert goes to the others; and who is reached
again. It finds out nothing by itself: the release and the delivery say what they have seen.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from service.channels.interface import Channel
from service.domain.escalation import EVERYBODY
from service.domain.notifications import EventType
from service.flows.alerting import CLOCKWORK, raise_about
from service.flows.planning import Situation
from service.flows.sitting import Sitting
from service.flows.tools import tell_of_person
from service.store.journal import Happening, record
from service.store.recipients import alerts_about, mark_unreachable, out_of_reach, unmark
from service.store.subjects import Subject
from service.store.users import User, members_of

#: What the alert is called; without a case where the person was alone on it.
ON_CASE = "We cannot reach a person on this case"
IN_TEAM = "We cannot reach a person of this team"
_log = structlog.get_logger()


@dataclass(frozen=True)
class Lost:
    """Every way to this person has failed for good, the last of them with this message."""

    situation: Situation[Subject]
    user: User
    message_id: str


async def report_lost(sitting: Sitting, lost: Iterable[Lost]) -> None:
    """Each person once for as long as nobody has resolved it; in one order, so that two that report at once
    wait for each other and never in a ring."""
    for one in sorted(lost, key=lambda one: (one.situation.subject.team_id, one.user.id)):
        try:
            async with sitting.session.begin_nested():
                await _report(sitting, one)
        except Exception:
            # What this batch has released must go out; the next look at the subject reports again.
            _log.exception("unreachable_not_reported", subject_id=one.situation.subject.id)


async def _report(sitting: Sitting, lost: Lost) -> None:
    session, now = sitting.session, sitting.now
    team_id, user = lost.situation.subject.team_id, lost.user
    key = (team_id, user.id)
    known = key in await out_of_reach(session, [team_id])
    await mark_unreachable(session, *key, now)
    # Where another has marked them meanwhile, it has told of it too.
    new = not known and (await out_of_reach(session, [team_id]))[key] == now
    external_id = f"unreachable/{user.id}/{lost.message_id}"
    alerts = await alerts_about(session, team_id, user.id)
    raised = any(alert.live or alert.external_id == external_id for alert in alerts)
    if raised and not new:
        return
    data = {"message_id": lost.message_id}
    event = EventType.RECIPIENT_UNREACHABLE
    await tell_tools(session, sitting.webhooks, event, key, now, data)
    if not raised:
        await _raise(sitting, lost, external_id)


async def _raise(sitting: Sitting, lost: Lost, external_id: str) -> None:
    """To whoever else can act on the case, or else in the team."""
    case, user = lost.situation.case, lost.user
    team_id = lost.situation.subject.team_id
    people = lost.situation.people
    if case and any(one.id != user.id for role in EVERYBODY for one in people.get(role, ())):
        await raise_about(sitting, user, team_id, case, ON_CASE, external_id)
        return
    members = (await members_of(sitting.session, [team_id])).get(team_id, [])
    if any(one.id != user.id for one in members):
        await raise_about(sitting, user, team_id, None, IN_TEAM, external_id)
    else:
        _log.error("nobody_else_to_tell", user_id=user.id)


async def restored(
    session: AsyncSession,
    webhooks: Channel,
    user_ids: Collection[str],
    now: datetime,
    mailed: Collection[str] = (),
) -> None:
    """Something was accepted for these people: those whom nothing reached are reached again. `mailed`: of
    them, to whom nothing but a mail has left."""
    for team_id, user_id in await unmark(session, user_ids, mailed) if user_ids else ():
        event = EventType.RECIPIENT_RESTORED
        await tell_tools(session, webhooks, event, (team_id, user_id), now, {})


async def tell_tools(
    session: AsyncSession,
    webhooks: Channel,
    event: EventType,
    whom: tuple[str, str],
    now: datetime,
    data: dict[str, str],
) -> None:
    """The team's tools, and the journal under the same name. `whom`: team and user."""
    await tell_of_person(session, webhooks, event, whom, now)
    team_id, user_id = whom
    await record(session, [Happening(team_id, CLOCKWORK, event, user_id, None, data)], now)
