"""The shape of every event that webhooks carry, as it is published: the envelope, and what is in it.

Fields are added, never renamed or taken away, within one `schema_version`; whoever reads leaves alone what
is new. Nothing here makes an event: a test holds what is made against this.
"""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from service.domain.deadlines import DeadlineKind
from service.domain.notifications import UNPUBLISHED, ChannelKind, EventType

_Roles = list[str]


class EventPart(BaseModel):
    """Of all events; what is new in it does not make it invalid."""

    model_config = ConfigDict(frozen=True)


class EventSubject(EventPart):
    kind: Literal["deadline", "alert", "user", "endpoint"]
    id: str


class EventActor(EventPart):
    """Who caused it, by id alone."""

    kind: Literal["user", "api_key", "system"]
    id: str | None = None


class EventLinks(EventPart):
    """`self`: in this interface; `web`: a page; `respond`: where the one person answers whose own endpoint
    it is."""

    self: str | None = None
    web: str | None = None
    respond: str | None = None


class Event(EventPart):
    """`id`: the same for all endpoints, retries and replays, and equal to the header `webhook-id`: remember
    it for seven days. `timestamp`: when it happened. `sequence` rises by one with each event of the same
    subject: leave alone what is lower than what you know, and fetch where there is a gap. `drill`: people
    are practising."""

    id: str
    type: EventType
    timestamp: datetime
    schema_version: Literal["1"]
    source: str
    team_id: str
    subject: EventSubject | None
    sequence: int
    test: bool
    drill: bool
    actor: EventActor
    links: EventLinks
    data: EventPart


class Told(EventPart):
    """Of a deadline and of an alert, from the detail `dates` on; `case_code` from level 1. `told`: roles of
    the people who are told as well; `next_roles` follow at `next_at` where nobody answers."""

    case_code: str | None = None
    critical: bool | None = None
    timezone: str | None = None
    planned_at: datetime | None = None
    told: _Roles | None = None
    next_at: datetime | None = None
    next_roles: _Roles | None = None
    step: int | None = Field(
        default=None, description="Of the ladder; left out where none is climbed."
    )
    title: str | None = Field(default=None, description="Of level 2, at the detail `full`.")
    forum: str | None = Field(default=None, description="Of level 2, at the detail `full`.")
    reason: str | None = Field(default=None, description="Of level 2, at the detail `full`.")


class Dates(Told):
    """`due_at` is the end of `due_on` in `timezone`. `previous_…`: what held before; `proposed_…`: what the
    law now says, once a person has confirmed it. `rule_status` null: a person stated the date."""

    kind: DeadlineKind | None = None
    due_on: date | None = None
    due_at: datetime | None = None
    act_by_on: date | None = None
    provisional: bool | None = None
    rule_status: str | None = None
    tolled_since: date | None = None
    previous_due_on: date | None = None
    previous_due_at: datetime | None = None
    proposed_due_on: date | None = None
    proposed_due_at: datetime | None = None
    basis: str | None = Field(default=None, description="Of level 2, at the detail `full`.")


class DeadlineData(Dates):
    deadline_id: str
    version: int
    status: Literal[
        "provisional", "open", "suspended", "completed", "missed", "waived", "cancelled"
    ]


class AlertData(Told):
    alert_id: str
    version: int
    status: Literal["open", "resolved"]
    raised_at: datetime | None = None


class LadderData(Dates):
    """Of the ladder of a deadline or of an alert: `deadline_id` or `alert_id`."""

    deadline_id: str | None = None
    alert_id: str | None = None
    version: int
    status: Literal[
        "provisional", "open", "suspended", "completed", "missed", "waived", "cancelled", "resolved"
    ]
    raised_at: datetime | None = None


class RecipientData(EventPart):
    """Empty for endpoints of level 0."""

    user_id: str | None = None


class NotificationData(Dates):
    """About the deadline or the alert of which one person was told: `deadline_id` or `alert_id`. `reason`:
    a code: of the last answer to a notice that failed, by RFC 3463 of a mail that came back or is delayed,
    `too_soon` or `one_client` of an answer that is not believed. `message_id` and `channel` of the notice
    are left out where they are not known; `user_id`: who it was for, from level 1."""

    deadline_id: str | None = None
    alert_id: str | None = None
    version: int
    status: Literal["provisional", "open", "suspended"]
    raised_at: datetime | None = None
    message_id: str | None = None
    channel: ChannelKind | None = None
    user_id: str | None = None
    reason: str | None = None


class EndpointData(EventPart):
    """About another endpoint of the team. `reason`: the code of its last answer; `since`: it has taken
    nothing; `held`: so many events wait for it."""

    endpoint_id: str
    status: Literal["active", "failing", "paused", "disabled"]
    reason: str | None = None
    since: datetime | None = None
    held: int | None = None


class TestData(EventPart):
    message: Literal["ping"]


_DATA: dict[str, type[EventPart]] = {
    "alert": AlertData,
    "escalation": LadderData,
    "recipient": RecipientData,
    "notification": NotificationData,
    "endpoint": EndpointData,
}


def _shape(event: EventType) -> type[Event]:
    group = event.partition(".")[0]
    data = TestData if event is EventType.ENDPOINT_TEST else _DATA.get(group, DeadlineData)
    name = "".join(part.capitalize() for part in event.replace(".", "_").split("_"))
    own = {"type": (Literal[event.value], ...), "data": (data, ...)}
    shape: type[Event] = create_model(f"{name}Event", __base__=Event, **own)  # type: ignore[call-overload]
    return shape


#: By the name of the event; every one that an endpoint can subscribe to.
SHAPES: dict[EventType, type[Event]] = {
    event: _shape(event) for event in EventType if event not in UNPUBLISHED
}
