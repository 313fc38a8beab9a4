"""Who may read what somebody was told: only whoever may see the case, at the level at which it was told.

It writes nothing, and gives nobody the links by which only the reader answers.
"""

from collections.abc import Iterable

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Caller
from service.flows.readers import shown_to
from service.store.messages import Message


async def may_read(session: AsyncSession, caller: Caller, message: Message) -> bool:
    """`message` is within the caller's reach. A key of the team sees the team's cases whole; one that
    stands for a person what that person is shown, and alone the mails that are about no one case."""
    about_many = message.case_id is None and message.alert_id is None
    if about_many and message.user_id is not None:
        return caller.user_id == message.user_id
    if caller.user_id is None or message.case_id is None:
        return True
    allowed = (await shown_to(session, [caller.user_id], caller.reach))[caller.user_id]
    case = allowed.get(message.case_id)
    return case is not None and case.level >= message.level


def without(text: str, keys: Iterable[str]) -> str:
    """With a mark in the place of each."""
    for key in keys:
        text = text.replace(key, "[...]")
    return text
