"""Thunderbird: fetched by the person's own computer, every half hour."""

import httpx

from tests.feeds.clients.program import Revalidating


class Thunderbird(Revalidating):
    """Asks by ETag, and by date only without one. An empty answer wipes all; 404 changes nothing; 410
    switches the calendar off for good, any other error until it is answered. Rings, and shows tasks."""

    user_agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.0"
    reads = ("VEVENT", "VTODO")
    disabled = gone = False

    async def poll(self) -> int | None:
        if self.gone:
            return None
        self.disabled = False
        return await super().poll()

    def validators(self) -> dict[str, str]:
        return self.by_etag() or self.by_date()

    def take(self, answer: httpx.Response) -> None:
        if answer.content:
            super().take(answer)
        else:
            self.kept = {}

    def refused(self, status: int) -> None:
        self.gone = status == httpx.codes.GONE
        self.disabled = status != httpx.codes.NOT_FOUND

    def shown(self) -> list[str]:
        return [] if self.disabled else super().shown()
