"""One subscribed calendar: fetches it, and takes it apart."""

import email
import email.policy
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from icalendar import Calendar

from service.feeds import calendar, components
from service.flows import showing
from service.store import facts
from tests.api.installation import Installation, Team, create
from workers.tasks import deliver


@dataclass(frozen=True)
class Subscription:
    """`path`: with the secret, as a calendar client knows it."""

    client: httpx.AsyncClient
    id: str
    path: str

    async def fetch(self, method: str = "GET", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(method, self.path, headers=named)

    async def content(self) -> bytes:
        response = await self.fetch()
        assert response.status_code == 200, response.text
        return response.content

    async def events(self) -> list[Any]:
        calendar: Any = Calendar.from_ical(await self.content())
        return list(calendar.walk("VEVENT"))

    async def event(self) -> Any:
        [event] = await self.events()
        return event


async def subscribe(
    installation: Installation, team: Team, role: str, level: int, **given: Any
) -> Subscription:
    body = {"name": "Сроки", "user_id": team.people[role], "level": level} | given
    return of(installation, await create(team.admin, "/feeds", body))


def of(installation: Installation, made: dict[str, Any]) -> Subscription:
    """What the answer that holds the address subscribes to."""
    path = "/f/" + made["url"].rpartition("/f/")[2]
    return Subscription(installation.outside, made["id"], path)


def forget() -> None:
    """What a process keeps of events is gone, as in one that has just begun."""
    for module in (calendar, components, showing, facts):
        for one in vars(module).values():
            if hasattr(one, "cache_clear"):
                one.cache_clear()
    facts._known.clear()


def modified_at(response: httpx.Response) -> Any:
    return parsedate_to_datetime(response.headers["last-modified"])


async def letters(installation: Installation) -> list[EmailMessage]:
    """The mails that have left until now about feeds, in order."""
    await deliver(installation.runtime)
    files = sorted((installation.runtime.settings.home / "outbox").glob("*.eml"))
    mails = [
        email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files
    ]
    return [mail for mail in mails if "fed_" in text_of(mail)]


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    return body.get_content() if body else ""
