"""What the mails about an endpoint or an inbound source in trouble, and about a feed, may use: a name, and
what became of it.
"""

from typing import Any

from service.channels.wording import Wording
from service.domain.endpoints import News, Report
from service.domain.feeds import Family, FeedNews, FeedReport
from service.domain.inbound import SourceReport
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
_FEED_HEADS = {
    FeedNews.FIRST_FETCH: marked("feed", "A new program reads your calendar"),
    FeedNews.REFUSED: marked("feed", "A program was refused your calendar"),
    FeedNews.STALE: marked("feed", "Your calendar is no longer fetched"),
    FeedNews.NEVER_FETCHED: marked("feed", "Your calendar was never fetched"),
}
_SOURCE_HEAD = marked("source", "An inbound source refuses what it is sent")
_FAMILIES = {
    Family.GOOGLE: "Google Calendar",
    Family.OUTLOOK: "Microsoft Outlook",
    Family.ICLOUD: "iCloud",
    Family.IOS: "iPhone, iPad",
    Family.APPLE: "Apple Calendar",
    Family.THUNDERBIRD: "Thunderbird",
    Family.ICSX5: "ICSx5",
    Family.NEXTCLOUD: "Nextcloud",
    Family.FASTMAIL: "Fastmail",
    Family.PROTON: "Proton Calendar",
    Family.HOME_ASSISTANT: "Home Assistant",
    Family.EVOLUTION: "Evolution",
    Family.VDIRSYNCER: "vdirsyncer",
}


def report_facts(
    report: Report | FeedReport | SourceReport, zone: str, words: Wording
) -> tuple[str, str, dict[str, Any]]:
    """The folder of the mail, the id of what it is about, and its facts."""
    if isinstance(report, Report):
        return "endpoint", report.endpoint_id, _endpoint_facts(report, zone, words)
    if isinstance(report, FeedReport):
        return "feed", report.feed_id, _feed_facts(report, zone, words)
    return "source", report.source_id, _source_facts(report, zone, words)


def _feed_facts(report: FeedReport, zone: str, words: Wording) -> dict[str, Any]:
    """As `_endpoint_facts`; a program that does not say what it is is called just that."""
    unnamed = words.pgettext("feed", marked("feed", "Another program"))
    return {
        "words": words,
        "urgent": False,
        "head": words.pgettext("feed", _FEED_HEADS[report.news]),
        "news": report.news.value,
        "name": report.name,
        "feed_id": report.feed_id,
        "program": _FAMILIES.get(report.family, unnamed) if report.family else None,
        "since": words.wall_clock(report.since, zone) if report.since else None,
    }


def _source_facts(report: SourceReport, zone: str, words: Wording) -> dict[str, Any]:
    """As `_endpoint_facts`; the reason as the sender was told it, a code and the field."""
    reason = report.code and f"{report.code} ({report.field})" if report.field else report.code
    return {
        "words": words,
        "urgent": False,
        "head": words.pgettext("source", _SOURCE_HEAD),
        "name": report.name,
        "source_id": report.source_id,
        "reason": reason,
        "since": words.wall_clock(report.since, zone),
        "address": f"/api/v1/inbound-sources/{report.source_id}/receipts?state=refused",
    }


def _endpoint_facts(report: Report, zone: str, words: Wording) -> dict[str, Any]:
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
