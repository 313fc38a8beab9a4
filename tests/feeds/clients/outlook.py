"""Outlook on the web, "Subscribe from web": fetched by Exchange, some hours late."""

from typing import Any

import httpx

from tests.feeds.clients.program import Program


class Outlook(Program):
    """Replaces all by what came. Shows nothing at all of a feed that is compressed, has no method, or names
    a zone that it does not define; knows no alarms, and shows what is cancelled like anything else."""

    user_agent = "Microsoft.Exchange/15.20"

    def events(self, answer: httpx.Response) -> dict[str, Any]:
        found = super().events(answer)
        text = answer.text.replace("\r\n ", "")
        defined = {line[5:] for line in text.splitlines() if line.startswith("TZID:")}
        named = {event["DTSTART"].params.get("TZID") for event in found.values()} - {None}
        sound = "content-encoding" not in answer.headers and "\r\nMETHOD:PUBLISH\r\n" in text
        return found if sound and named <= defined else {}

    def line(self, event: Any) -> str:
        return super().line(event).rstrip("♪")
