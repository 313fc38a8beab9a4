"""What simulated calendar programs have in common: each asks, keeps what came, and shows it to its person.

How they differ, as others have seen it or read it in their source, stands in a module for each.
"""

from datetime import datetime
from typing import Any

import httpx
from icalendar import Calendar

from tests.feeds.subscription import Subscription


class Program:
    """Keeps all events of the newest answer; an answer that is none changes nothing."""

    user_agent = ""
    #: A program that looks at any other component names it here.
    reads: tuple[str, ...] = ("VEVENT",)

    def __init__(self, feed: Subscription) -> None:
        self.feed = feed
        self.kept: dict[str, Any] = {}

    async def poll(self) -> int | None:
        """The status of the answer; None where it does not ask any more."""
        asked = {"user_agent": self.user_agent} | self.validators()
        answer = await self.feed.fetch(**asked)
        if answer.status_code == httpx.codes.OK:
            self.take(answer)
        elif answer.status_code != httpx.codes.NOT_MODIFIED:
            self.refused(answer.status_code)
        return answer.status_code

    def validators(self) -> dict[str, str]:
        return {}

    def take(self, answer: httpx.Response) -> None:
        self.kept = self.events(answer)

    def refused(self, status: int) -> None:
        """It keeps what it has."""

    def events(self, answer: httpx.Response) -> dict[str, Any]:
        calendar: Any = Calendar.from_ical(answer.content)
        found = [one for one in calendar.subcomponents if one.name in self.reads]
        return {str(one["UID"]): one for one in found}

    def shown(self) -> list[str]:
        """A line for each event: when it is, its title, a note for each time that it rings."""
        lines = [self.line(event) for _, event in sorted(self.kept.items())]
        return sorted(line for line in lines if line)

    def line(self, event: Any) -> str:
        return f"{when(event)} {event['SUMMARY']}{'♪' * len(event.walk('VALARM'))}"

    @property
    def copies(self) -> str:
        """All that lies on its disk."""
        return "".join(one.to_ical().decode() for one in self.kept.values()).replace("\r\n ", "")


class Revalidating(Program):
    """Remembers what the newest answer is known by."""

    def __init__(self, feed: Subscription) -> None:
        super().__init__(feed)
        self.etag = self.modified = ""

    def take(self, answer: httpx.Response) -> None:
        super().take(answer)
        self.etag = answer.headers.get("etag", "")
        self.modified = answer.headers.get("last-modified", "")

    def by_etag(self) -> dict[str, str]:
        return {"if_none_match": self.etag} if self.etag else {}

    def by_date(self) -> dict[str, str]:
        return {"if_modified_since": self.modified} if self.modified else {}


def when(event: Any) -> str:
    """The day; with an hour, from then on until when. Of a task, when it is due."""
    if "DTSTART" not in event:
        return f"{_day(event['DUE'].dt)} due"
    start, end = event["DTSTART"].dt, event["DTEND"].dt
    if isinstance(start, datetime):
        return f"{_day(start)} {start:%H:%M}-{end:%H:%M}"
    return _day(start)


def _day(on: Any) -> str:
    return f"{on.day} {on:%b}"
