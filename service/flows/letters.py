"""A mail to one person about no single deadline and no alert: a question, an overview, or news of an
endpoint, a feed or an inbound source; and who is told where nobody is named.
"""

from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from service.channels.interface import Channel, Draft
from service.domain.access import Level
from service.domain.digest import Overview
from service.domain.endpoints import Report
from service.domain.feeds import FeedReport
from service.domain.inbound import SourceReport
from service.domain.notifications import EventType, dedupe_key
from service.ids import new_id
from service.store.messages import Message
from service.store.users import User, members_of


def plain_letter(
    mails: Channel,
    user: User,
    team_id: str,
    event: EventType,
    tried_for: timedelta,
    now: datetime,
    report: Report | FeedReport | SourceReport | None = None,
    overview: Overview | None = None,
) -> Message:
    """Each is a new one: nothing that was said before stands in its way."""
    message_id = new_id("msg", now)
    draft = Draft(
        message_id=message_id,
        event=event,
        event_id=new_id("evt", now),
        team_id=team_id,
        occurred_at=now,
        notice=None,
        reader_zone=user.timezone,
        reader_language=user.language,
        report=report,
        overview=overview,
    )
    return Message(
        id=message_id,
        team_id=team_id,
        step=event,
        event=event,
        event_id=draft.event_id,
        channel=mails.kind,
        user_id=user.id,
        level=Level.BARE,
        dedupe_key=dedupe_key(message_id, 0, event, 0, user.id, mails.kind),
        content=mails.compose(draft),
        due_at=now,
        next_attempt_at=now,
        useful_until=now + tried_for,
        created_at=now,
    )


async def caretakers(session: AsyncSession, team_id: str, named_id: str | None) -> list[User]:
    """The one who is named, or else everybody of the team: what fails is somebody's problem."""
    members = (await members_of(session, [team_id])).get(team_id, [])
    return [one for one in members if one.id == named_id] or members
