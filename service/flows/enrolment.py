"""Teams, people and keys: who there is, and what each key may do."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Caller, Scope
from service.domain.bounces import AddressState
from service.errors import Code, Refusal, not_found
from service.flows.digest import pending_days, reschedule
from service.flows.standing import check_precondition
from service.ids import new_id
from service.languages import Language
from service.schemas.api_keys import ApiKeyIn
from service.schemas.teams import TeamIn
from service.schemas.users import AwayIn, UserIn, UserPatch
from service.sealing import fingerprint, new_secret
from service.store.api_keys import ApiKey, get_api_key
from service.store.deadlines import wake_cases_of
from service.store.journal import Happening, record
from service.store.teams import Team, existing_team_ids, get_team
from service.store.touching import touch_feeds
from service.store.users import User, email_taken, get_user, members_among, set_teams, teams_of


async def create_team(session: AsyncSession, body: TeamIn, caller: Caller, now: datetime) -> Team:
    """Only a key that reaches every team may put up a new wall."""
    if caller.reach.team_ids is not None:
        raise Refusal(Code.FORBIDDEN, "Only the operator's key can create a team.")
    team = Team(id=new_id("team", now), name=body.name, created_at=now)
    session.add(team)
    await session.flush()
    await _journal(session, team.id, caller, "team.created", team.id, now)
    return team


async def rename_team(
    session: AsyncSession, team_id: str, body: TeamIn, if_match: str, caller: Caller
) -> Team:
    team = await get_team(session, team_id, caller.reach, lock=True)
    if team is None:
        raise not_found("team")
    check_precondition(team.id, team.revision, if_match)
    team.name, team.revision = body.name, team.revision + 1
    session.add(team)
    return team


async def create_user(
    session: AsyncSession, body: UserIn, caller: Caller, now: datetime
) -> tuple[User, list[str]]:
    """Raises Refusal `duplicate` for an address that somebody has already. The address is taken as
    verified until `verification.ask` asks it."""
    team_ids = sorted(set(body.team_ids or [caller.team_for(None)]))
    await _check_teams(session, team_ids, caller)
    await _check_email(session, body.email)
    user = User(
        id=new_id("usr", now),
        name=body.name,
        email=body.email,
        email_key=body.email.lower(),
        timezone=body.timezone,
        language=body.language,
        quiet_from=body.quiet_hours.begin if body.quiet_hours else None,
        quiet_until=body.quiet_hours.end if body.quiet_hours else None,
        digest_at=body.digest_at,
        exit_check_at=body.exit_check_at,
        calendar_part=body.calendar_part,
        created_at=now,
    )
    reschedule(user, pending_days(user, now), now)
    session.add(user)
    await session.flush()
    await set_teams(session, user.id, team_ids)
    for team_id in team_ids:
        await _journal(session, team_id, caller, "user.created", user.id, now, user.language)
    return user, team_ids


async def change_user(
    session: AsyncSession,
    user_id: str,
    body: UserPatch,
    if_match: str,
    caller: Caller,
    now: datetime,
) -> tuple[User, list[str]]:
    """A disabled user is told nothing more; what is under way to them is checked again at handover."""
    user = await get_user(session, user_id, caller.reach, lock=True)
    if user is None:
        raise not_found("user")
    check_precondition(user.id, user.revision, if_match)
    pending = pending_days(user, now)
    if body.email is not None and body.email.lower() != user.email_key:
        await _check_email(session, body.email)
        _move_mailbox(user, body.email)
    _describe(user, body)
    if "away" in body.model_fields_set:
        await _set_away(session, user, body.away, now)
    await wake_cases_of(session, user.id, now)
    if body.disabled is not None:
        user.disabled_at = now if body.disabled else None
    if body.disabled is not None or body.language is not None:
        touch_feeds(session, [user.id], now)
    reschedule(user, pending, now)
    before = (await teams_of(session, [user.id])).get(user.id, [])
    after = before
    if body.team_ids is not None:
        await _check_teams(session, body.team_ids, caller)
        beyond = [team for team in before if not caller.reach.contains(team)]
        after = sorted({*body.team_ids, *beyond})
        await set_teams(session, user.id, after)
        touch_feeds(session, [user.id], now)
    user.revision += 1
    session.add(user)
    for team_id in {*before, *after}:
        await _journal(session, team_id, caller, "user.changed", user.id, now, user.language)
    return user, after


def _move_mailbox(user: User, email: str) -> None:
    """What was found out of the old one says nothing of the new one; `verification.settle` asks it."""
    user.email, user.email_key = email, email.lower()
    user.address_state, user.verification_id = AddressState.UNVERIFIED, None
    user.soft_bounces, user.rests_until = 0, None


def _describe(user: User, body: UserPatch) -> None:
    """What is said of the person, and when and how the person wants to be told."""
    user.name = body.name or user.name
    user.timezone = body.timezone or user.timezone
    user.language = body.language or user.language
    if "quiet_hours" in body.model_fields_set:
        quiet = body.quiet_hours
        user.quiet_from, user.quiet_until = (quiet.begin, quiet.end) if quiet else (None, None)
    for name in {"digest_at", "exit_check_at"} & body.model_fields_set:
        setattr(user, name, getattr(body, name))
    if body.calendar_part is not None:
        user.calendar_part = body.calendar_part


async def _set_away(session: AsyncSession, user: User, away: AwayIn | None, now: datetime) -> None:
    """Raises Refusal `unknown_reference` for a deputy who shares no team with the person."""
    user.away_from, user.away_until, user.deputy_id = None, None, None
    if away is None:
        return
    begin = away.begin or now
    if away.end <= begin:
        raise Refusal(Code.INVALID_DATE, "An absence cannot end before it begins.", "away.end")
    if away.deputy_id is not None:
        teams = await teams_of(session, [user.id, away.deputy_id])
        shared = set(teams.get(user.id, [])) & set(teams.get(away.deputy_id, []))
        if not shared or away.deputy_id == user.id:
            raise Refusal(Code.UNKNOWN_REFERENCE, "That person cannot stand in.", "away.deputy_id")
    user.away_from, user.away_until, user.deputy_id = begin, away.end, away.deputy_id


async def make_key(
    session: AsyncSession, body: ApiKeyIn, caller: Caller | None, now: datetime
) -> tuple[ApiKey, str]:
    """The key's row and the secret, which is not kept. `caller` None: made on the operator's console.

    Nobody makes a key that reaches further than their own.
    """
    team_id = body.team_id
    if caller is not None and caller.reach.team_ids is not None:
        team_id = caller.team_for(body.team_id)
    if team_id is not None and not await existing_team_ids(session, [team_id]):
        raise not_found("team")
    if body.user_id is not None:
        if team_id is None:
            raise Refusal(
                Code.MISSING_FIELD, "A key that acts for a person needs a team.", "team_id"
            )
        if not await members_among(session, team_id, [body.user_id]):
            raise Refusal(Code.UNKNOWN_REFERENCE, "That person is not in the team.", "user_id")
    secret = f"adq_{new_secret()}"
    key = ApiKey(
        id=new_id("key", now),
        name=body.name,
        fingerprint=fingerprint(secret),
        scope=Scope(body.scope),
        team_id=team_id,
        user_id=body.user_id,
        created_at=now,
    )
    session.add(key)
    await session.flush()
    actor = caller.actor if caller else "console"
    happening = Happening(team_id, actor, "key.created", key.id, None, {"scope": key.scope})
    await record(session, [happening], now)
    return key, secret


async def revoke_key(session: AsyncSession, key_id: str, caller: Caller, now: datetime) -> ApiKey:
    key = await get_api_key(session, key_id, caller.reach)
    if key is None:
        raise not_found("key")
    if key.revoked_at is None:
        key.revoked_at = now
        session.add(key)
        happening = Happening(key.team_id, caller.actor, "key.revoked", key.id, None, {})
        await record(session, [happening], now)
    return key


async def _check_teams(session: AsyncSession, team_ids: Iterable[str], caller: Caller) -> None:
    wanted = set(team_ids)
    known = await existing_team_ids(session, wanted)
    if wanted != known or not all(caller.reach.contains(team) for team in wanted):
        raise Refusal(Code.UNKNOWN_REFERENCE, "There is no such team.", "team_ids")


async def _check_email(session: AsyncSession, email: str) -> None:
    if await email_taken(session, email.lower()):
        raise Refusal(Code.DUPLICATE, "Somebody has this address already.", "email")


async def _journal(
    session: AsyncSession,
    team_id: str,
    caller: Caller,
    action: str,
    subject: str,
    now: datetime,
    language: Language | None = None,
) -> None:
    """`language`: the one in which a person is told from then on."""
    data = {"language": language.value} if language else {}
    await record(session, [Happening(team_id, caller.actor, action, subject, None, data)], now)
