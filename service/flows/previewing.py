"""Who may read what somebody was told: only whoever may see the case, at the level at which it was told;
and who may read what a receiver answered.

It writes nothing, and gives nobody the links by which only the reader answers.
"""

from collections.abc import Iterable, Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Caller, Scope
from service.domain.escalation import Role
from service.flows.readers import shown_to
from service.store.cases import roles_of
from service.store.endpoints import keepers_of
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


async def words_hidden(
    session: AsyncSession, caller: Caller, messages: Sequence[Message]
) -> set[str]:
    """The ids of those of which the caller is not shown what the receiver answered: that may come from a
    place which only its endpoint's people, the lead of the case and administrators have to know of."""
    to_endpoints = [one for one in messages if one.endpoint_id]
    if caller.scope is Scope.ADMIN or not to_endpoints:
        return set()
    keepers = await keepers_of(session, {one.endpoint_id or "" for one in to_endpoints})
    roles = await roles_of(session, {one.case_id for one in to_endpoints if one.case_id})
    leads = {
        case_id: {one.user_id for one in held if one.role is Role.LEAD}
        for case_id, held in roles.items()
    }
    return {
        one.id
        for one in to_endpoints
        if caller.user_id is None
        or caller.user_id
        not in keepers[one.endpoint_id or ""] | leads.get(one.case_id or "", set())
    }


def without(text: str, keys: Iterable[str]) -> str:
    """With a mark in the place of each."""
    for key in keys:
        text = text.replace(key, "[...]")
    return text
