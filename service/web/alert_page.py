"""What the page behind the link in a mail about an alert may say; templates/pages/respond_alert.html.

It answers no request and decides nothing: respond.py does, by the same rules as for deadlines.
"""

from typing import Any

from service.channels.wording import Wording
from service.domain.access import Level
from service.store.alerts import Alert


def alert_facts(alert: Alert, level: Level, words: Wording, zone: str) -> dict[str, Any]:
    """On the clock of the reader, whose `zone` it is, and of the alert; nothing above the level."""
    return {
        "title": alert.title if level >= Level.BASIS else None,
        "notes": alert.notes if level >= Level.FULL else None,
        "raised_reader": words.wall_clock(alert.raised_at, zone),
        "raised_forum": words.wall_clock(alert.raised_at, alert.timezone),
        "same_zone": zone == alert.timezone,
        "ended": words.wall_clock(alert.resolved_at, zone) if alert.resolved_at else None,
    }
