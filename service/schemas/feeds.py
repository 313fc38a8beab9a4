"""Shapes of feeds; the address holds the secret and is shown once."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from service.domain.access import Level
from service.domain.deadlines import DeadlineKind
from service.domain.feeds import Family, Fetchers, Scope
from service.languages import Language
from service.schemas.fields import Answer, Id, Instant, Line, Shape

Kinds = Annotated[list[DeadlineKind], Field(max_length=len(DeadlineKind))]


class FeedIn(Shape):
    """One feed for each device, each with its own level. It shows cases on which the user holds a role:
    all of them (`team`), those on which the user acts (`mine`), or one (`case`, with its `case_id`).
    `kinds` empty: all; `language` left out: the user's. `tasks`: to-dos in place of events; `alarms`: the
    calendar rings by itself. `fetchers` left out: from level 2 on none that keeps copies in a cloud.
    `expires_at` left out: in 180 days; at most in 366."""

    name: Line
    user_id: Id
    team_id: Id | None = None
    level: Level = Level.CODE
    scope: Scope = Scope.TEAM
    case_id: Id | None = None
    kinds: Kinds = Field(default_factory=list)
    language: Language | None = None
    tasks: bool = False
    alarms: bool = False
    fetchers: Fetchers | None = None
    expires_at: Instant | None = None


class FeedPatch(Shape):
    """`language` null: the user's; `fetchers` null: as the level wants."""

    name: Line | None = None
    level: Level | None = None
    scope: Scope | None = None
    case_id: Id | None = None
    kinds: Kinds | None = None
    language: Language | None = None
    tasks: bool | None = None
    alarms: bool | None = None
    fetchers: Fetchers | None = None
    expires_at: Instant | None = None


class RotateIn(Shape):
    """`at_once`: the old address does not go on working for a week."""

    at_once: bool = False


class FeedOut(Answer):
    """`old_address_until`: so long the address before the last rotation works too."""

    id: str
    team_id: str
    user_id: str
    name: str
    level: int
    scope: Scope
    case_id: str | None
    kinds: list[DeadlineKind]
    language: Language | None
    tasks: bool
    alarms: bool
    fetchers: Fetchers
    expires_at: datetime
    old_address_until: datetime | None
    revoked_at: datetime | None
    revision: int
    created_at: datetime


class RevokedFeed(Answer):
    id: str
    name: str
    revoked_at: datetime


class FeedMade(FeedOut):
    """`qr_svg`: the address as a picture, for a phone to look at; `help_url`: what to do with it."""

    url: str
    webcal_url: str | None
    qr_svg: str
    help_url: str


class ReaderOut(Answer):
    """A program that fetches the feed. `last_fetched_at` null: it was only ever refused. `up_to_date`: it
    has seen the newest revision."""

    family: Family
    first_seen_at: datetime
    last_fetched_at: datetime | None
    refused_at: datetime | None
    up_to_date: bool


class FeedRead(FeedOut):
    """`shows_all`: nothing had to be left out for its size."""

    shows_all: bool
    readers: list[ReaderOut]


class EventOut(Answer):
    """One event as a calendar program would take it; a `date` for whole days."""

    summary: str
    start: datetime | date | None
    end: datetime | date | None
    status: str
    description: str | None
    url: str | None
    location: str | None


class FeedPreview(Answer):
    """What a stranger with the address would read: `raw` to the letter."""

    name: str
    shows_all: bool
    items: list[EventOut]
    raw: str
