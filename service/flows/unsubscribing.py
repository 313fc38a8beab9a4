"""A person wants no more of what nobody has to have: the digest, the exit check. No notice is stopped so.

One click, by a token that stands in the mail itself; the same click twice changes nothing more.
"""

from collections.abc import Collection
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.notifications import OPTIONAL, EventType
from service.flows.sitting import Sitting
from service.sealing import Seal, unsubscribed_message
from service.store.journal import Happening, record
from service.store.messages import Message
from service.store.users import User, teams_of

#: Before the token in the address to which a program may write in place of the click.
MAILED = "unsub+"


async def optional_mail(
    session: AsyncSession, seal: Seal, token: str
) -> tuple[User, EventType] | None:
    """Whose mail the token stood in, and of which kind; None for every other text."""
    message_id = unsubscribed_message(seal, token)
    message = await session.get(Message, message_id) if message_id else None
    if message is None or message.event not in OPTIONAL or message.user_id is None:
        return None
    user = await session.get(User, message.user_id)
    return (user, message.event) if user else None


async def unsubscribe(sitting: Sitting, seal: Seal, token: str) -> tuple[User, EventType] | None:
    """None where the token opens nothing, and then nothing was changed."""
    found = await optional_mail(sitting.session, seal, token)
    if found is not None:
        user, event = found
        await stop(sitting.session, user, {event}, sitting.now, "unsubscribed")
    return found


async def stop(
    session: AsyncSession, user: User, events: Collection[EventType], now: datetime, why: str
) -> None:
    """Until the person is given an hour for it anew."""
    await session.refresh(user, with_for_update=True)
    stopped = sorted(one for one in events if getattr(user, f"{one}_at") is not None)
    for event in stopped:
        setattr(user, f"{event}_at", None)
        setattr(user, f"{event}_wake_at", None)
    if not stopped:
        return
    user.revision += 1
    session.add(user)
    await session.flush()
    data = {"mails": stopped, "why": why}
    happenings = [
        Happening(team_id, user.id, "user.mails_stopped", user.id, None, data)
        for team_id in (await teams_of(session, [user.id])).get(user.id, [])
    ]
    await record(session, happenings, now)
