"""Nextcloud Calendar, "New subscription from link": fetched by the server of the person's own choice."""

from datetime import timedelta
from typing import Any

import httpx
from icalendar import Calendar

from tests.feeds.clients.program import Program


class Nextcloud(Program):
    """Takes the pause between two polls from the first answer and never again; else it is a week. Purges
    all and makes it anew, without alarms, attachments and tasks; what it cannot read changes nothing."""

    user_agent = "Nextcloud Server Crawler"
    pause: timedelta | None = None

    def take(self, answer: httpx.Response) -> None:
        try:
            calendar: Any = Calendar.from_ical(answer.content)
        except ValueError:
            return
        if self.pause is None:
            named = calendar.get("refresh-interval") or calendar.get("x-published-ttl")
            self.pause = named.dt if named else timedelta(weeks=1)
        self.kept = self.events(answer)
        for event in self.kept.values():
            event.subcomponents.clear()
            event.pop("attach", None)
