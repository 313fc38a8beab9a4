"""One subscribed calendar: fetches it, and takes it apart."""

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from icalendar import Calendar

from tests.api.installation import Installation, Team, create


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
    made = await create(team.admin, "/feeds", body)
    path = "/f/" + made["url"].rpartition("/f/")[2]
    return Subscription(installation.outside, made["id"], path)


def modified_at(response: httpx.Response) -> Any:
    return parsedate_to_datetime(response.headers["last-modified"])
