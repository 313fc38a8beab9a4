"""Whether a person reads the address that we have, or holds the key: asked by a mail, answered by its link,
once.

Notices go to an address before it has answered: one that is missed is worse. It decides about no gap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from service.domain.bounces import AddressState
from service.domain.notifications import ChannelKind, EventType
from service.flows.letters import plain_letter
from service.flows.recipients import restored
from service.flows.sitting import Sitting
from service.sealing import Seal, verifying_message
from service.store.deadlines import wake_cases_of
from service.store.journal import Happening, record
from service.store.messages import Message, add_messages
from service.store.users import User, teams_of

#: A link that is older was perhaps left lying about.
LINK_LIVES = timedelta(days=30)
_TRIED_FOR = timedelta(days=7)


@dataclass(frozen=True)
class Asked:
    """Who is asked by an open link. `of_key`: whether they hold the key, not whether they read there."""

    user: User
    of_key: bool


async def ask(sitting: Sitting, user: User, team_ids: Sequence[str], actor: str) -> None:
    """Takes the place of whatever link was out before; nothing is asked of who is in no team."""
    session = sitting.session
    if not team_ids:
        return
    message = letter(sitting, user, team_ids[0], EventType.ADDRESS_VERIFICATION)
    user.verification_id = message.id
    if user.address_state is AddressState.VERIFIED:
        user.address_state = AddressState.UNVERIFIED
    session.add(user)
    await session.flush()
    await add_messages(session, [message])
    await _journal(sitting, user, team_ids, actor, "user.address_asked")


async def settle(
    sitting: Sitting, user: User, team_ids: Sequence[str], actor: str, asks: bool
) -> None:
    """An address that has just been given is asked, or, where none is (`asks`), taken as it is."""
    if user.address_state is not AddressState.UNVERIFIED or user.verification_id is not None:
        return
    if asks:
        await ask(sitting, user, team_ids, actor)
        return
    user.address_state = AddressState.VERIFIED
    sitting.session.add(user)


def letter(sitting: Sitting, user: User, team_id: str, event: EventType) -> Message:
    """The mail with the link: its id is the question's."""
    mails = sitting.channels[ChannelKind.EMAIL]
    return plain_letter(mails, user, team_id, event, _TRIED_FOR, sitting.now)


async def asked_by(sitting: Sitting, seal: Seal, token: str, lock: bool = False) -> Asked | None:
    """Who is asked by that link; None where it was used, has been replaced, is too old, or is not ours."""
    session = sitting.session
    message_id = verifying_message(seal, token)
    message = await session.get(Message, message_id) if message_id else None
    if message is None or sitting.now - message.created_at > LINK_LIVES:
        return None
    user = await session.get(User, message.user_id, with_for_update=True if lock else None)
    if user is None or user.disabled_at:
        return None
    if message.id == user.openpgp_verification_id:
        return Asked(user, of_key=True)
    return Asked(user, of_key=False) if message.id == user.verification_id else None


async def confirm(sitting: Sitting, user: User) -> None:
    """The link is spent; whoever could not be reached by mail can."""
    session, now = sitting.session, sitting.now
    user.address_state, user.verification_id = AddressState.VERIFIED, None
    user.soft_bounces, user.rests_until = 0, None
    user.revision += 1
    session.add(user)
    await session.flush()
    await restored(session, sitting.webhooks, [user.id], now)
    await wake_cases_of(session, user.id, now)
    team_ids = (await teams_of(session, [user.id])).get(user.id, [])
    await _journal(sitting, user, team_ids, user.id, "user.address_verified")


async def _journal(
    sitting: Sitting, user: User, team_ids: Sequence[str], actor: str, action: str
) -> None:
    happenings = [Happening(team, actor, action, user.id, None, {}) for team in team_ids]
    await record(sitting.session, happenings, sitting.now)
