"""Calendars on CalDAV servers: what is missing there, or behind, is written; what is too much, withdrawn.

It looks at how things stand and not at what has happened: a moved date, a new endpoint and a lost message
are one and the same to it. It sends nothing.
"""

from datetime import datetime

import structlog

from service.channels.interface import Channel, Draft
from service.domain.access import Level
from service.domain.notifications import EventType
from service.feeds.calendar import stored, uid_for
from service.flows.showing import Counted, Guise, counted_item
from service.flows.sitting import Sitting
from service.flows.tools import form_of, message_to, most_shown
from service.ids import new_id
from service.store.endpoints import Endpoint, lock_calendars
from service.store.facts import facts_of
from service.store.messages import Message, add_messages
from service.store.mirrors import Behind, behind, give_way

_log = structlog.get_logger()


async def mirror_batch(sitting: Sitting, base_url: str, limit: int) -> int:
    """At most `limit` entries of each calendar; answers how many messages that took. `base_url`: where the
    links in them lead."""
    written = 0
    for endpoint in await lock_calendars(sitting.session):
        written += await _mirror(sitting, endpoint, base_url, limit)
    return written


async def _mirror(sitting: Sitting, endpoint: Endpoint, base_url: str, limit: int) -> int:
    session, now = sitting.session, sitting.now
    rows = await behind(session, endpoint, now, limit)
    leaving = await give_way(session, endpoint.id, [row.deadline.id for row in rows])
    messages = []
    for row in rows:
        if row.deadline.id in leaving:
            continue
        try:
            messages.append(_message(endpoint, sitting.webhooks, row, base_url, now))
        except Exception:
            # One that cannot be written must not keep the others from being.
            _log.exception("mirroring_failed", deadline_id=row.deadline.id)
    await add_messages(session, messages)
    return len(messages)


def _message(
    endpoint: Endpoint, webhooks: Channel, row: Behind, base_url: str, now: datetime
) -> Message:
    deadline, case = row.deadline, row.case
    level = min(most_shown(endpoint), Level(case.ceiling))
    counted = Counted(uid_for(endpoint.id, deadline.id), row.sequence, now)
    guise = Guise(endpoint.language, base_url, alarms=True)
    item = counted_item(counted, facts_of(deadline, case), level, now, guise)
    draft = Draft(
        message_id=new_id("msg", now),
        event=EventType.ENTRY_WRITTEN if row.shown else EventType.ENTRY_WITHDRAWN,
        event_id=new_id("evt", now),
        team_id=endpoint.team_id,
        occurred_at=now,
        notice=None,
        reader_language=endpoint.language,
        sequence=row.sequence,
        form=form_of(endpoint),
        calendar=stored(item),
    )
    message = message_to(endpoint, webhooks, draft)
    message.deadline_id, message.case_id = deadline.id, case.id
    message.deadline_version, message.occurrence = deadline.version, row.sequence
    message.level = level
    return message
