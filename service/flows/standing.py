"""What several stories ask before they change anything: is the revision still the one that was read,
and who is the person acting."""

from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.access import Caller
from service.errors import Code, Refusal
from service.store.users import members_among


def entity_tag(row_id: str, revision: int) -> str:
    """The strong ETag of one row at one revision."""
    return f'"{row_id}.{revision}"'


def check_precondition(row_id: str, revision: int, if_match: str) -> None:
    """Raises Refusal `precondition_failed` when somebody has changed the row since it was read."""
    tags = [tag.strip() for tag in if_match.split(",")]
    if "*" not in tags and entity_tag(row_id, revision) not in tags:
        raise Refusal(
            Code.PRECONDITION_FAILED,
            "This has been changed since you read it; read it again.",
            "header.If-Match",
        )


async def person_acting(
    session: AsyncSession, caller: Caller, team_id: str, user_id: str | None
) -> str:
    """The id of the person who answers: the key's own, or the one named by a key that acts for many.

    Raises Refusal `person_required` where none is known, `forbidden` where a person's key names
    another, `unknown_reference` for somebody outside the team.
    """
    if caller.user_id is not None:
        if user_id not in (None, caller.user_id):
            raise Refusal(
                Code.FORBIDDEN,
                "This key acts for one person and cannot act for another.",
                "user_id",
            )
        return caller.user_id
    if user_id is None:
        raise Refusal(Code.PERSON_REQUIRED, "Say which person does this.", "user_id")
    if not await members_among(session, team_id, [user_id]):
        raise Refusal(Code.UNKNOWN_REFERENCE, "That person is not in the team.", "user_id")
    return user_id


async def entering(session: AsyncSession, caller: Caller, team_id: str, user_id: str | None) -> str:
    """Who enters something: the person where one is known, else the key itself."""
    if user_id is None:
        return caller.actor
    return await person_acting(session, caller, team_id, user_id)
