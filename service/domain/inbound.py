"""When those who look after an inbound source hear that it refuses what it is sent. It tells nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

#: However often it accepts something in between.
_TOLD_EVERY = timedelta(hours=24)


@dataclass(frozen=True)
class SourceReport:
    """`since` when nothing was made of what came; `code` and `field`: why the last was refused."""

    source_id: str
    name: str
    since: datetime
    code: str | None = None
    field: str | None = None


def told_after(refusing_since: datetime, now: datetime) -> datetime:
    """Whoever was told after that is not told again: of each run of refusals once, and of the next not
    within a day."""
    return min(refusing_since, now - _TOLD_EVERY)
