"""A person's OpenPGP key: given by an administrator, verified by a mail that its holder alone can read.

Until then mails leave as before. It keeps public keys alone, and fetches none.
"""

from collections.abc import Sequence

from service.channels.email.openpgp import read_key
from service.domain.access import Caller
from service.domain.bounces import KeyState
from service.domain.notifications import EventType
from service.errors import Code, Refusal, not_found
from service.flows.sitting import Sitting
from service.flows.verification import letter
from service.schemas.users import OpenPgpKeyIn
from service.store.journal import Happening, record
from service.store.messages import add_messages
from service.store.users import User, get_user, teams_of


async def give(
    sitting: Sitting, user_id: str, body: OpenPgpKeyIn, caller: Caller
) -> tuple[User, list[str]]:
    """Takes the place of the key that was there, which stays in force until this one is verified. The same
    key given again is asked about again."""
    user, team_ids = await _found(sitting, user_id, caller)
    key = read_key(body.key, sitting.now)
    if user.email_key not in key.addresses and not body.any_address:
        raise Refusal(
            Code.INVALID_INPUT,
            "No user id of the key names the person's address. Say `any_address` if it is theirs.",
            "key",
        )
    if not team_ids:
        raise Refusal(Code.ILLEGAL_STATE, "A person who is in no team is sent no mail.")
    if user.openpgp_state is KeyState.VERIFIED:
        user.openpgp_former_key = user.openpgp_key
        user.openpgp_former_expires_at = user.openpgp_expires_at
    user.openpgp_key, user.openpgp_fingerprint = key.content, key.fingerprint
    user.openpgp_expires_at, user.openpgp_state = key.expires_at, KeyState.UNVERIFIED
    message = letter(sitting, user, team_ids[0], EventType.KEY_VERIFICATION)
    user.openpgp_verification_id = message.id
    await _keep(sitting, user)
    await add_messages(sitting.session, [message])
    await _journal(sitting, user, team_ids, caller.actor, "user.openpgp_key_given")
    return user, team_ids


async def take_away(sitting: Sitting, user_id: str, caller: Caller) -> tuple[User, list[str]]:
    """From now on mails leave in clear, at the level that each case allows in mails. Without a key it
    changes nothing."""
    user, team_ids = await _found(sitting, user_id, caller)
    if user.openpgp_key is None:
        return user, team_ids
    await _journal(sitting, user, team_ids, caller.actor, "user.openpgp_key_removed")
    user.openpgp_key = user.openpgp_fingerprint = user.openpgp_expires_at = None
    user.openpgp_state = user.openpgp_verification_id = None
    user.openpgp_former_key = user.openpgp_former_expires_at = None
    await _keep(sitting, user)
    return user, team_ids


async def confirm(sitting: Sitting, user: User) -> None:
    """Its holder has read a mail that was encrypted to it; the link is spent."""
    user.openpgp_state, user.openpgp_verification_id = KeyState.VERIFIED, None
    user.openpgp_former_key = user.openpgp_former_expires_at = None
    await _keep(sitting, user)
    team_ids = (await teams_of(sitting.session, [user.id])).get(user.id, [])
    await _journal(sitting, user, team_ids, user.id, "user.openpgp_key_verified")


async def _found(sitting: Sitting, user_id: str, caller: Caller) -> tuple[User, list[str]]:
    user = await get_user(sitting.session, user_id, caller.reach, lock=True)
    if user is None:
        raise not_found("user")
    return user, (await teams_of(sitting.session, [user.id])).get(user.id, [])


async def _keep(sitting: Sitting, user: User) -> None:
    user.revision += 1
    sitting.session.add(user)
    await sitting.session.flush()


async def _journal(
    sitting: Sitting, user: User, team_ids: Sequence[str], actor: str, action: str
) -> None:
    """By its fingerprint: which key was in force is part of the evidence."""
    data = {"fingerprint": user.openpgp_fingerprint}
    happenings = [Happening(team, actor, action, user.id, None, data) for team in team_ids]
    await record(sitting.session, happenings, sitting.now)
