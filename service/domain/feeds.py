"""What a feed may show, to which calendar programs, and when its owner has to hear of it.

Nothing here fetches, and nothing here protects: who names another program is served as that one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from service.domain.access import Level
from service.domain.escalation import EVERYBODY, Role

LIVES_FOR, LONGEST = timedelta(days=180), timedelta(days=366)
#: An old address goes on working for so long, lest every device be changed in one minute.
OVERLAP = timedelta(days=7)
#: So long a feed that is switched off says so, and takes with it what calendars keep of it.
FAREWELL_FOR = timedelta(days=30)
WARNED_BEFORE = timedelta(days=14)
MOVED_SHOWN_FOR = timedelta(days=14)
#: Ended deadlines stay for a while, marked, so that a calendar can show what became of them.
ENDED_SHOWN_FOR, CANCELLED_SHOWN_FOR = timedelta(days=30), timedelta(days=14)
FUTURE_SHOWN = timedelta(days=730)
#: No fetch is written down more often than this.
NOTED_EVERY = timedelta(minutes=15)
#: A deadline is near enough for a silent calendar to matter.
NEAR = timedelta(days=7)
_PATIENCE = timedelta(hours=24)


@dataclass(frozen=True)
class Bounds:
    """How large a calendar may become, by its events and by its bytes."""

    events: int
    size: int


#: Some programs drop feeds above a thousand events or a megabyte.
BOUNDS = Bounds(500, 512 * 1024)


class Scope(StrEnum):
    """Of the cases on which a person holds a role, never of others: `mine` where the person acts, `team`
    all of them, `case` one alone."""

    MINE = "mine"
    CASE = "case"
    TEAM = "team"


class Fetchers(StrEnum):
    ANY = "any"
    NO_CLOUD = "no_cloud"


class Family(StrEnum):
    """Programs that read calendars, as they name themselves."""

    GOOGLE = "google"
    OUTLOOK = "outlook"
    ICLOUD = "icloud"
    IOS = "ios"
    APPLE = "apple"
    THUNDERBIRD = "thunderbird"
    ICSX5 = "icsx5"
    NEXTCLOUD = "nextcloud"
    FASTMAIL = "fastmail"
    PROTON = "proton"
    HOME_ASSISTANT = "home_assistant"
    EVOLUTION = "evolution"
    VDIRSYNCER = "vdirsyncer"
    OTHER = "other"


#: Those whose operators keep a copy of what they fetch, and can read it.
CLOUD = frozenset({Family.GOOGLE, Family.OUTLOOK, Family.ICLOUD})
#: What stands in the User-Agent, in lower case; the first that is found counts.
_NAMED = (
    ("google-calendar", Family.GOOGLE),
    ("googlebot", Family.GOOGLE),
    ("thunderbird", Family.THUNDERBIRD),
    ("icsx5", Family.ICSX5),
    ("davx5", Family.ICSX5),
    ("nextcloud", Family.NEXTCLOUD),
    ("microsoft", Family.OUTLOOK),
    ("outlook", Family.OUTLOOK),
    ("exchange", Family.OUTLOOK),
    ("icloud", Family.ICLOUD),
    ("fastmail", Family.FASTMAIL),
    ("cyrus", Family.FASTMAIL),
    ("proton", Family.PROTON),
    ("homeassistant", Family.HOME_ASSISTANT),
    ("home assistant", Family.HOME_ASSISTANT),
    ("evolution", Family.EVOLUTION),
    ("vdirsyncer", Family.VDIRSYNCER),
    ("dataaccessd", Family.IOS),
    ("iphone", Family.IOS),
    ("ios/", Family.IOS),
    ("calendaragent", Family.APPLE),
    ("mac os", Family.APPLE),
    ("macos", Family.APPLE),
)


def family_of(user_agent: str) -> Family:
    named = user_agent.lower()
    return next((family for word, family in _NAMED if word in named), Family.OTHER)


def fetchers_for(chosen: Fetchers | None, level: Level) -> Fetchers:
    """From the level of titles on no copy lies with others, unless a person has chosen so."""
    return chosen or (Fetchers.NO_CLOUD if level >= Level.BASIS else Fetchers.ANY)


def admits(fetchers: Fetchers, family: Family) -> bool:
    return fetchers is Fetchers.ANY or family not in CLOUD


def counts(scope: Scope, role: Role) -> bool:
    """Whether this role brings a case into the scope; which case it is, is asked elsewhere."""
    return scope is not Scope.MINE or role in EVERYBODY


class FeedNews(StrEnum):
    """What the owner of a feed is told by mail."""

    FIRST_FETCH = "first_fetch"
    REFUSED = "refused"
    STALE = "stale"
    NEVER_FETCHED = "never_fetched"


@dataclass(frozen=True)
class FeedReport:
    """`family`: the program that it is about; `since`: when the calendar was last fetched, or made."""

    feed_id: str
    name: str
    news: FeedNews
    family: Family | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class Freshness:
    """Of the reader that was there last; `fetched_at` None: none ever was. `told_at`: when the owner was
    last warned."""

    made_at: datetime
    fetched_at: datetime | None = None
    usual: timedelta | None = None
    told_at: datetime | None = None


def stale(seen: Freshness, now: datetime) -> FeedNews | None:
    """Once for each silence."""
    if seen.fetched_at is None:
        silent = now - seen.made_at >= _PATIENCE
        return FeedNews.NEVER_FETCHED if silent and seen.told_at is None else None
    patience = max(_PATIENCE, 3 * (seen.usual or timedelta()))
    told = seen.told_at is not None and seen.told_at >= seen.fetched_at
    return FeedNews.STALE if now - seen.fetched_at >= patience and not told else None


def usual_interval(known: timedelta | None, gap: timedelta) -> timedelta:
    """A single long silence does not make the next one usual."""
    return gap if known is None else (3 * known + min(gap, 4 * known)) / 4
