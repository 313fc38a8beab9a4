"""The only place that asks what time it is; everyone else is handed `now`.

Also pins zone data to the `tzdata` package: a host's own copy may be years old, and a stale
zone moves a deadline by an hour in silence.
"""

import zoneinfo
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

zoneinfo.reset_tzpath(to=())

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


def rehearsal_clock(file: Path) -> Clock:
    """A clock that a person moves: each reading is the ISO 8601 instant written in `file`.

    For drills and tests across processes; a process that runs on it says so in its logs,
    in `/readyz` and in `adquem doctor`. Raises ValueError when the text is no aware instant.
    """

    def read() -> datetime:
        instant = datetime.fromisoformat(file.read_text().strip())
        if instant.tzinfo is None:
            raise ValueError(f"{file} holds an instant without an offset")
        return instant.astimezone(UTC)

    return read


@cache
def zone_data_version() -> str:
    """The release of the IANA database in use, as the `tzdata` package numbers it."""
    return version("tzdata")
