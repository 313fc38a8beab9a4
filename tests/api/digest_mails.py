"""The mails of a person's day as the database holds them, and the rounds that write them."""

import email
import email.policy
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any

from sqlmodel import col, select

from service.domain.notifications import EventType
from service.store.messages import Message
from tests.api.installation import Installation, Team, create, read
from workers import tasks


@dataclass(frozen=True)
class Mail:
    """`on`: the reader's day; `text`: the text part."""

    id: str
    user: str
    on: str
    state: str
    occurrence: int
    due_at: datetime
    listed: dict[str, int]
    parsed: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.parsed["subject"])

    @property
    def text(self) -> str:
        part = self.parsed.get_body(("plain",))
        assert part is not None
        return str(part.get_content())

    @property
    def html(self) -> str:
        part = self.parsed.get_body(("html",))
        assert part is not None
        return str(part.get_content())


async def mails(installation: Installation, event: EventType = EventType.DIGEST) -> list[Mail]:
    """Everything that was written, day by day."""
    async with installation.runtime.reading() as session:
        query = (
            select(Message)
            .where(Message.event == event)
            .order_by(col(Message.step), col(Message.occurrence))
        )
        rows = list(await session.exec(query))
    found = []
    for row in rows:
        parsed = email.message_from_bytes(row.content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        assert row.user_id is not None
        found.append(
            Mail(
                row.id,
                row.user_id,
                row.step,
                str(row.state),
                row.occurrence,
                row.due_at,
                (row.listed or {})["cases"],
                parsed,
            )
        )
    return found


async def at(
    installation: Installation, when: datetime, event: EventType = EventType.DIGEST
) -> list[Mail]:
    """The mails that the round at that instant writes."""
    installation.clock.set(when)
    before = {one.id for one in await mails(installation, event)}
    await tasks.digest(installation.runtime)
    return [one for one in await mails(installation, event) if one.id not in before]


async def sections(team: Team, user_id: str, path: str = "digest", **query: Any) -> dict[str, Any]:
    """Section to its lines, as the API answers."""
    body = await read(team.admin, f"/users/{user_id}/{path}", **query)
    return {one["section"]: one["lines"] for one in body["sections"]}


async def answer(team: Team, deadline: str, verb: str, role: str, **body: Any) -> None:
    said = {"user_id": team.people[role]} | body
    await create(team.admin, f"/deadlines/{deadline}/{verb}", said)
