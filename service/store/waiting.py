"""What is written and has not left: one line for each message, with names for the operator alone."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func
from sqlalchemy import select as select_columns
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.notifications import ChannelKind, EventType
from service.store.cases import Case
from service.store.endpoints import Endpoint
from service.store.messages import PENDING, Message
from service.store.users import User


@dataclass(frozen=True)
class Waiting:
    """`to`: the person or the endpoint. `case`: its code, None where the message is about none."""

    due_at: datetime
    channel: ChannelKind
    to: str
    event: EventType
    case: str | None


async def waiting_messages(session: AsyncSession) -> list[Waiting]:
    """Oldest first."""
    names = func.coalesce(col(User.name), col(Endpoint.name))
    query = (
        select_columns(
            col(Message.due_at), col(Message.channel), names, col(Message.event), col(Case.code)
        )
        .select_from(Message)
        .outerjoin(User, col(User.id) == col(Message.user_id))
        .outerjoin(Endpoint, col(Endpoint.id) == col(Message.endpoint_id))
        .outerjoin(Case, col(Case.id) == col(Message.case_id))
        .where(col(Message.id).in_(select_columns(col(Message.id)).where(PENDING)))
        .order_by(col(Message.due_at), col(Message.id))
    )
    return [Waiting(*row) for row in await (await session.connection()).execute(query)]
