"""Inbound sources that refuse what they are sent: whoever looks after one is told by mail, for nobody reads
the sender's log. Receives nothing, and repeats nothing of what a payload said.
"""

from datetime import datetime, timedelta

from service.domain.access import Reach
from service.domain.inbound import SourceReport, told_after
from service.domain.notifications import ChannelKind, EventType, dedupe_key
from service.flows.letters import caretakers, plain_letter
from service.flows.sitting import Sitting
from service.store.inbound import InboundSource, get_source, last_refused, refusing_sources
from service.store.journal import actor_of
from service.store.messages import add_messages, was_told

_EVENT = EventType.INBOUND_TROUBLE
_TRIED_FOR = timedelta(days=2)


async def warn_of_refusing(sitting: Sitting) -> None:
    """Of each run of refusals once; what a source accepts ends the run."""
    session, now = sitting.session, sitting.now
    for source_id, since in (await refusing_sources(session, now)).items():
        source = await get_source(session, source_id, Reach(None))
        if source is None:
            continue
        after = told_after(since, now)
        if not await was_told(session, source.team_id, _EVENT, source.id, after):
            await _tell(sitting, source, since)


async def _tell(sitting: Sitting, source: InboundSource, since: datetime) -> None:
    """Whoever made it, or else everybody of its team."""
    session, mails = sitting.session, sitting.channels[ChannelKind.EMAIL]
    last = await last_refused(session, source.id)
    why = (last.code, last.field) if last else ()
    report = SourceReport(source.id, source.name, since, *why)
    maker_id = await actor_of(session, source.team_id, "inbound_source.created", source.id)
    run, letters = int(since.timestamp()), []
    for user in await caretakers(session, source.team_id, maker_id):
        letter = plain_letter(mails, user, source.team_id, _EVENT, _TRIED_FOR, sitting.now, report)
        # Two workers that look at the same moment write one.
        letter.dedupe_key = dedupe_key(source.id, 0, _EVENT, run, user.id, mails.kind)
        letters.append(letter)
    await add_messages(session, letters)
