"""The team's tools hear where a notice to a person did not get through, or an answer is not believed.

It decides neither, and tells of nothing that was for a tool: one that fails must not be the cause of more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from service.channels.interface import Channel
from service.domain.notifications import EventType, Mishap
from service.flows.announcing import announcements, notice_of
from service.store.cases import cases_by_id
from service.store.endpoints import team_endpoints
from service.store.messages import Message, add_messages
from service.store.subjects import hold_live


@dataclass(frozen=True)
class Trouble:
    """`subject_id`: the deadline or the alert of which the person was told."""

    event: EventType
    team_id: str
    subject_id: str
    mishap: Mishap


def trouble_with(message: Message, event: EventType, reason: str) -> list[Trouble]:
    """None with what is for a tool, or about neither a deadline nor an alert."""
    subject_id = message.deadline_id or message.alert_id
    if message.user_id is None or subject_id is None:
        return []
    mishap = Mishap(reason, message.user_id, message.id, message.channel)
    return [Trouble(event, message.team_id, subject_id, mishap)]


async def tell_of_trouble(
    session: AsyncSession, webhooks: Channel, troubles: Sequence[Trouble], now: datetime
) -> None:
    """In the transaction in which it happens; not of what has ended, for nobody needs that notice any more.
    So many look-ups for all of them together."""
    tools = await team_endpoints(session, [one.team_id for one in troubles]) if troubles else {}
    heard = [one for one in troubles if one.team_id in tools]
    if not heard:
        return
    subjects = await hold_live(session, [one.subject_id for one in heard])
    cases = await cases_by_id(session, {one.case_id for one in subjects.values() if one.case_id})
    messages: list[Message] = []
    for one in heard:
        if (subject := subjects.get(one.subject_id)) is None:
            continue
        case = cases.get(subject.case_id or "")
        notice = replace(notice_of(subject, case, one.event, now, now), mishap=one.mishap)
        own = tools[one.team_id]
        messages += announcements(notice, subject, own, webhooks, None, now)
    if messages:
        await add_messages(session, messages)
