"""Google Calendar, "From URL": an importer on Google's own machines, a day late at times."""

from typing import Any

import httpx

from tests.feeds.clients.program import Program

_MOST_BYTES, _MOST_EVENTS = 1_000_000, 1_000


class Google(Program):
    """Asks without validators. Takes an edit only with a higher SEQUENCE, hides what is cancelled, drops a
    feed that is too large, and knows neither alarms nor tasks."""

    user_agent = "Google-Calendar-Importer"

    def take(self, answer: httpx.Response) -> None:
        came = self.events(answer)
        if len(answer.content) > _MOST_BYTES or len(came) > _MOST_EVENTS:
            return
        self.kept = {uid: self._newer(self.kept.get(uid), event) for uid, event in came.items()}

    def line(self, event: Any) -> str:
        if event["STATUS"] == "CANCELLED":
            return ""
        return super().line(event).rstrip("♪")

    @staticmethod
    def _newer(known: Any, event: Any) -> Any:
        return known if known and int(event["SEQUENCE"]) <= int(known["SEQUENCE"]) else event
