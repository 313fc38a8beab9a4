"""Shapes of endpoints; the secret is shown once, in the answer that makes it."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator
from pydantic_core import PydanticCustomError

from service.domain.access import Level
from service.domain.notifications import EventType
from service.domain.webhooks import Detail, Format
from service.errors import Code
from service.languages import Language
from service.schemas.fields import Answer, Id, Line, Shape

Patterns = Annotated[
    list[Annotated[str, Field(pattern=r"^(\*|[a-z]+\.(\*|[a-z_]+))$")]],
    Field(min_length=1, max_length=50),
]
Cases = Annotated[list[Id], Field(max_length=500)]
Url = Annotated[str, Field(max_length=2048)]
ShownLevel = Annotated[Level, Field(le=Level.BASIS)]
AtOnce = Annotated[int, Field(ge=1, le=64)]
PerSecond = Annotated[float, Field(ge=0.1, le=1000)]
Template = Annotated[str, Field(min_length=1, max_length=8192)]


class StaticHeader(Shape):
    """The one header that a receiver wants to see, such as `Authorization`; sealed, never shown again."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    value: Annotated[str, Field(min_length=1, max_length=4096)]


class Account(Shape):
    """The login of a system that wants one (Uwazi); kept sealed, never shown again."""

    username: Annotated[str, Field(min_length=1, max_length=200)]
    password: Annotated[str, Field(min_length=1, max_length=200)]


class EndpointIn(Shape):
    """`events`: names, patterns such as `deadline.*`, or `*` for all. `cases`: ids, to hear of these alone.
    `user_id`: whose own notices it is to carry, as a second way beside mail (a push service, a chat of
    one): exactly what that person is told, never what the team's tools hear, and so without `events`.
    `owner_id`: who is told when it fails, in place of everybody in the team. `detail` `full` shows titles
    at level 2, and wants `full_confirmed`. `template`: the body of the free format.
    """

    name: Line
    url: Url
    format: Format = Format.STANDARD
    detail: Detail = Detail.DATES
    full_confirmed: bool = False
    template: Template | None = None
    language: Language = Language.ENGLISH
    header: StaticHeader | None = None
    account: Account | None = None
    events: Patterns = Field(default_factory=lambda: ["*"])
    cases: Cases = Field(default_factory=list)
    critical_only: bool = False
    level: ShownLevel = Level.CODE
    at_once: AtOnce | None = None
    per_second: PerSecond | None = None
    team_id: Id | None = None
    user_id: Id | None = None
    owner_id: Id | None = None

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if self.user_id is not None and {"events", "cases"} & self.model_fields_set:
            raise PydanticCustomError(
                Code.INVALID_INPUT.value,
                "An endpoint of one person carries that person's notices: leave events out.",
            )
        return self


class EndpointPatch(Shape):
    """`events` and `cases` cannot be given to an endpoint that is one person's. The format stays: what is
    written already would reach the receiver in the other one."""

    name: Line | None = None
    url: Url | None = None
    detail: Detail | None = None
    full_confirmed: bool = False
    template: Template | None = None
    language: Language | None = None
    header: StaticHeader | None = None
    account: Account | None = None
    events: Patterns | None = None
    cases: Cases | None = None
    critical_only: bool | None = None
    level: ShownLevel | None = None
    at_once: AtOnce | None = None
    per_second: PerSecond | None = None
    owner_id: Id | None = None
    disabled: bool | None = None


class Example(Shape):
    """`type`: the event to send an example of, marked as a `test`."""

    type: EventType = EventType.ENDPOINT_TEST


class Rotation(Shape):
    """`grace_seconds`: how long the secret of before still signs too."""

    grace_seconds: Annotated[int, Field(ge=0, le=604_800)] = 86_400


class Recovery(Shape):
    """Events written for the endpoint from `since` until `until`: those that failed, or all of them."""

    since: AwareDatetime
    until: AwareDatetime | None = None
    only: Literal["failed", "all"] = "failed"


class RecoveryOut(Answer):
    """How many are sent once more, under the ids that they had."""

    messages: int


class EndpointOut(Answer):
    """`user_id`: of the one person whose notices it carries; `events` is then empty, and `url` has no path
    for anybody but that person and administrators. `state`: `active`, `failing` (its people were told),
    `paused` (events are held, and it is tried now and then), `disabled`; `state_at` since when, `reason`
    the code of the answer that brought it there, or `by_hand`. `held`: events that wait for it;
    `alive_at`: when it last took anything, or was put up or enabled."""

    id: str
    team_id: str
    user_id: str | None
    owner_id: str | None
    name: str
    url: str
    format: Format
    detail: Detail
    template: str | None
    language: Language
    events: list[str]
    cases: list[str]
    critical_only: bool
    level: int
    at_once: int
    per_second: float
    state: str
    state_at: datetime | None
    reason: str | None
    failures: int
    failing_since: datetime | None
    alive_at: datetime | None
    probe_at: datetime | None
    held: int
    revision: int
    created_at: datetime


class EndpointMade(EndpointOut):
    secret: str
