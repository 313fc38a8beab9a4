"""/messages"""

from collections.abc import Sequence

from fastapi import Depends
from sqlmodel.ext.asyncio.session import AsyncSession

from service.api.routing import new_router
from service.channels.email.preview import SeenMail, read_mail
from service.dependencies import Reader, RuntimeNow, Session, Sits, Writer, keep_answer
from service.domain.access import Caller
from service.domain.notifications import PENDING_STATES, ChannelKind
from service.domain.retry import Verdict
from service.errors import Code, Refusal, not_found
from service.flows import replaying
from service.flows.previewing import may_read, without, words_hidden
from service.schemas.messages import AttemptOut, MessageOut, PreviewOut
from service.sealing import reader_keys
from service.store.attempts import Attempt, attempts_of
from service.store.messages import Message, get_message

router = new_router("messages", "/messages")


async def message_answers(
    session: AsyncSession, rows: Sequence[Message], caller: Caller
) -> list[MessageOut]:
    attempts = await attempts_of(session, (row.id for row in rows))
    hidden = await words_hidden(session, caller, rows)
    return [_answer(row, attempts.get(row.id, []), row.id not in hidden) for row in rows]


def _answer(message: Message, attempts: Sequence[Attempt], words: bool) -> MessageOut:
    """Without the content: what was said to a person is not for every holder of a key."""
    shown = set(MessageOut.model_fields) - {"attempts", "maybe_repeated"}
    facts = message.model_dump(include=shown)
    if message.state not in PENDING_STATES:
        facts["next_attempt_at"] = None
    return MessageOut(
        **facts,
        maybe_repeated=any(one.verdict is Verdict.UNKNOWN for one in attempts),
        attempts=[_attempt(one, words) for one in attempts],
    )


def _attempt(attempt: Attempt, words: bool) -> AttemptOut:
    shown = AttemptOut.model_validate(attempt)
    return shown if words else shown.model_copy(update={"detail": None})


@router.get("/{message_id}/preview")
async def preview_message(
    message_id: str, session: Session, caller: Reader, runtime: RuntimeNow
) -> PreviewOut:
    """For whoever may see the case at that level; an overview of many cases for its own reader alone."""
    message = await get_message(session, message_id, caller.reach)
    if message is None or not await may_read(session, caller, message):
        raise not_found("message")
    if not message.content:
        raise Refusal(Code.ILLEGAL_STATE, "What it said is not kept any more.")
    if message.channel is ChannelKind.EMAIL:
        seen = read_mail(message.content)
    else:
        seen = SeenMail(None, message.content.decode(), None)
    keys = reader_keys(runtime.seal, message.id)
    return PreviewOut(
        id=message.id,
        level=message.level,
        subject=seen.subject,
        text=without(seen.text, keys),
        html=without(seen.html, keys) if seen.html else None,
    )


@router.post("/{message_id}/resend", dependencies=[Depends(keep_answer)])
async def resend_message(message_id: str, sitting: Sits, caller: Writer) -> MessageOut:
    """The same bytes under the same id once more; whoever holds them already can tell by it."""
    message = await replaying.resend(sitting, message_id, caller)
    return (await message_answers(sitting.session, [message], caller))[0]


@router.get("/{message_id}")
async def read_message(message_id: str, session: Session, caller: Reader) -> MessageOut:
    message = await get_message(session, message_id, caller.reach)
    if message is None:
        raise not_found("message")
    return (await message_answers(session, [message], caller))[0]
