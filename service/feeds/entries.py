"""What one event of a calendar shows, apart from what the calendar counts by. Nothing here is rendered."""

from dataclasses import dataclass
from datetime import date, datetime

from service.domain.access import Level
from service.domain.deadlines import DeadlineKind, DeadlineState
from service.languages import Language


@dataclass(frozen=True)
class Basis:
    """Where a date comes from. `computed_on`: when this version of it came into being, in its zone."""

    rule: str | None
    sources: tuple[str, ...]
    computed_on: date


@dataclass(frozen=True)
class Entry:
    """Equal entries give equal bytes.

    `due_at`: UTC. `moved`: the date is another than it was, not long ago. `forum`, `basis` and `link`
    (to the page of the deadline; no secret) only from the level on that may show them, `notes` at the
    highest alone. `alarms`: the calendar rings by itself. `task`: a VTODO in place of a VEVENT.
    """

    level: Level
    language: Language
    case_code: str
    title: str
    kind: DeadlineKind
    state: DeadlineState
    due_on: date
    due_at: datetime
    whole_day: bool
    timezone: str
    overdue: bool
    moved: bool = False
    forum: str | None = None
    basis: Basis | None = None
    link: str | None = None
    notes: str | None = None
    alarms: bool = False
    task: bool = False

    @property
    def hearing(self) -> bool:
        """Where that may be seen: its hour is not the last one, but the first."""
        return self.kind is DeadlineKind.HEARING and self.level >= Level.CODE


@dataclass(frozen=True)
class Expiry:
    """Stands on one day of the calendar and says that on another it will be switched off."""

    language: Language
    on: date
    expires_on: date


@dataclass(frozen=True)
class Farewell:
    """All that is left of a calendar that is switched off. In every language, this one first."""

    language: Language
    on: date


@dataclass(frozen=True, eq=False)
class FeedItem:
    """One event in one calendar. `sequence` and `modified_at` (UTC) rise with every change. Each is its own
    equal: bytes are kept by it."""

    uid: str
    sequence: int
    modified_at: datetime
    entry: Entry | Expiry | Farewell


@dataclass(frozen=True)
class Look:
    """What the calendar itself shows. `timezone`: IANA name of the zone most used in it, if any."""

    name: str
    language: Language = Language.ENGLISH
    timezone: str | None = None
