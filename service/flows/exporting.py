"""The deadlines within a caller's reach as one file, to be taken along: nothing in it opens anything."""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Caller, Level, Reach, level_for
from service.feeds.calendar import render, uid_for, whole_second
from service.feeds.entries import FeedItem, Look
from service.flows.showing import Counted, Guise, changes, counted_item
from service.languages import Language
from service.store.cases import roles_held
from service.store.facts import Facts
from service.store.shown import facts_shown, of_teams
from service.store.users import get_user

_EVERYWHERE = Reach(None)


async def deadlines_file(
    session: AsyncSession, caller: Caller, base_url: str, now: datetime
) -> bytes:
    """As a calendar would show them at the highest level that each case allows; a person sees the cases on
    which they hold a role, as in a feed."""
    user = await get_user(session, caller.user_id, _EVERYWHERE) if caller.user_id else None
    roles = await roles_held(session, caller.user_id) if caller.user_id else None
    guise = Guise(user.language if user else Language.ENGLISH, base_url)
    items, newest = list[FeedItem](), list[datetime]()
    for facts in await facts_shown(session, of_teams(caller.reach), now):
        level = Level(facts.ceiling)
        if roles is not None:
            held = [level_for(role, Level.FULL, level) for role in roles.get(facts.case_id, ())]
            if not held:
                continue
            level = max(one for one in held if one is not None)
        items.append(_item(caller, facts, level, guise, now))
        newest += changes(facts, now)
    name = "Deadlines"
    return render(Look(name, guise.language), items, whole_second(max(newest, default=now)))


def _item(caller: Caller, facts: Facts, level: Level, guise: Guise, now: datetime) -> FeedItem:
    """Known by another name in everybody's file, and by the same in each that one caller takes."""
    sequence = 3 * (facts.shown + facts.case_shown)
    changed_at = max(changes(facts, now))
    counted = Counted(uid_for(caller.actor, facts.id), sequence, changed_at)
    return counted_item(counted, facts, level, now, guise)
