"""/users"""

from collections.abc import Sequence

from fastapi import Depends, Response

from service.api.routing import new_router, tag
from service.dependencies import (
    Admin,
    IfMatch,
    Now,
    Page,
    Reader,
    RuntimeNow,
    Session,
    Sits,
    Writer,
    keep_answer,
)
from service.domain.access import Caller
from service.errors import not_found
from service.flows import enrolment, openpgp_keys, subscription, verification
from service.schemas import fields
from service.schemas.feeds import RevokedFeed
from service.schemas.users import OpenPgpKeyIn, UserIn, UserOut, UserPatch
from service.store.users import User, get_user, list_users, teams_of

router = new_router("users", "/users")


def _answer(user: User, team_ids: Sequence[str], caller: Caller) -> UserOut:
    """Only the teams that the caller can see: which others a person works for is theirs to tell."""
    seen = [team for team in team_ids if caller.reach.contains(team)]
    facts = user.model_dump(include=set(UserOut.model_fields) - {"team_ids"})
    return UserOut(**facts, team_ids=seen)


@router.post("", status_code=201, dependencies=[Depends(keep_answer)])
async def create_user(
    body: UserIn, sitting: Sits, caller: Admin, runtime: RuntimeNow, response: Response
) -> UserOut:
    """The address is asked by mail whether its person reads it; notices go there before the answer."""
    user, team_ids = await enrolment.create_user(sitting.session, body, caller, sitting.now)
    if runtime.settings.verify_addresses:
        await verification.ask(sitting, user, team_ids, caller.actor)
    tag(response, user.id, user.revision)
    return _answer(user, team_ids, caller)


@router.get("")
async def read_users(session: Session, caller: Reader, page: Page) -> fields.Page[UserOut]:
    rows = await list_users(session, caller.reach, page.after_id, page.limit)
    teams = await teams_of(session, (row.id for row in rows))
    items = [_answer(row, teams.get(row.id, []), caller) for row in rows]
    return fields.Page(items=items, next_cursor=page.next_cursor(rows, lambda row: [row.id]))


@router.get("/{user_id}")
async def read_user(user_id: str, session: Session, caller: Reader, response: Response) -> UserOut:
    user = await get_user(session, user_id, caller.reach)
    if user is None:
        raise not_found("user")
    tag(response, user.id, user.revision)
    teams = await teams_of(session, [user.id])
    return _answer(user, teams.get(user.id, []), caller)


@router.patch("/{user_id}")
async def change_user(
    user_id: str,
    body: UserPatch,
    sitting: Sits,
    caller: Admin,
    runtime: RuntimeNow,
    if_match: IfMatch,
    response: Response,
) -> UserOut:
    """A new address is asked as that of somebody new is."""
    user, team_ids = await enrolment.change_user(
        sitting.session, user_id, body, if_match, caller, sitting.now
    )
    asks = runtime.settings.verify_addresses
    await verification.settle(sitting, user, team_ids, caller.actor, asks)
    tag(response, user.id, user.revision)
    return _answer(user, team_ids, caller)


@router.post("/{user_id}/verify-address", dependencies=[Depends(keep_answer)])
async def verify_address(user_id: str, sitting: Sits, caller: Admin, response: Response) -> UserOut:
    """Asks the address once more by mail; only the newest link counts."""
    user = await get_user(sitting.session, user_id, caller.reach, lock=True)
    if user is None:
        raise not_found("user")
    team_ids = (await teams_of(sitting.session, [user.id])).get(user.id, [])
    await verification.ask(sitting, user, team_ids, caller.actor)
    tag(response, user.id, user.revision)
    return _answer(user, team_ids, caller)


@router.post("/{user_id}/revoke-feeds", dependencies=[Depends(keep_answer)])
async def revoke_feeds(
    user_id: str, session: Session, caller: Writer, now: Now
) -> list[RevokedFeed]:
    """All at once, where a phone is lost or a person in danger: calendars drop what they keep."""
    return [
        RevokedFeed.model_validate(feed)
        for feed in await subscription.revoke_all(session, user_id, caller, now)
    ]


@router.put("/{user_id}/openpgp-key")
async def give_key(
    user_id: str, body: OpenPgpKeyIn, sitting: Sits, caller: Admin, response: Response
) -> UserOut:
    """Asks by an encrypted mail whether the person holds the key; from the answer on every mail to them is
    encrypted to it, and none leaves in clear that says more than that there is a date."""
    user, team_ids = await openpgp_keys.give(sitting, user_id, body, caller)
    tag(response, user.id, user.revision)
    return _answer(user, team_ids, caller)


@router.delete("/{user_id}/openpgp-key")
async def take_key_away(user_id: str, sitting: Sits, caller: Admin, response: Response) -> UserOut:
    """From then on mails leave in clear, at the level that each case allows in mails."""
    user, team_ids = await openpgp_keys.take_away(sitting, user_id, caller)
    tag(response, user.id, user.revision)
    return _answer(user, team_ids, caller)
