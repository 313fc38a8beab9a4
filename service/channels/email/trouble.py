"""What the mail about an endpoint in trouble may use: its name, and what became of it."""

from typing import Any

from service.channels.wording import Wording
from service.domain.endpoints import News, Report
from service.languages import marked

_HEADS = {
    News.REFUSED: marked("endpoint", "An endpoint refuses what it is sent"),
    News.FAILING: marked("endpoint", "An endpoint takes nothing"),
    News.PAUSED: marked("endpoint", "An endpoint is paused"),
    News.DISABLED_SOON: marked("endpoint", "An endpoint will be disabled in a day"),
    News.DISABLED: marked("endpoint", "An endpoint has been disabled"),
    News.STILL_DISABLED: marked("endpoint", "An endpoint is still disabled"),
    News.ENABLED: marked("endpoint", "An endpoint works again"),
}


def trouble_facts(report: Report, zone: str, words: Wording) -> dict[str, Any]:
    """Only strings, numbers and flags; the subject line names no endpoint, for names may tell a lot."""
    return {
        "words": words,
        "urgent": False,
        "head": words.pgettext("endpoint", _HEADS[report.news]),
        "news": report.news.value,
        "name": report.name,
        "endpoint_id": report.endpoint_id,
        "code": report.code,
        "since": words.wall_clock(report.since, zone) if report.since else None,
        "held": report.held,
    }
