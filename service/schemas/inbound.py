"""Shapes of inbound sources and of what came from them; the token is shown once."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from service.domain.mapping import check_pointer
from service.domain.recipes import KeyBy, Makes, Recipe
from service.errors import Code
from service.schemas.alerts import AlertIn
from service.schemas.deadlines import DeadlineOut
from service.schemas.fields import Answer, Id, Line, Shape, ZoneName
from service.schemas.trigger_events import TriggerEventIn


def _pointer(value: str) -> str:
    try:
        return check_pointer(value)
    except ValueError as error:
        raise PydanticCustomError(Code.INVALID_INPUT.value, str(error)) from None


Pointer = Annotated[str, Field(max_length=500), AfterValidator(_pointer)]
Answers = Annotated[dict[Line, Line], Field(min_length=1, max_length=200)]
Constant = Line | StrictBool | Annotated[list[Line], Field(max_length=20)]


class PlaceIn(Shape):
    """Where a field comes from: `pointer` (RFC 6901; a / in a name is written ~1), or a constant `value`.
    `timezone`: where times without an offset are written, and whose day a time is when a day is wanted.
    `as`: a number counts seconds since 1970. `optional`: it may be missing. `values`: what each of the
    sender's answers means; any other is refused."""

    pointer: Pointer | None = None
    value: Constant | None = None
    timezone: ZoneName | None = None
    as_: Literal["epoch_seconds"] | None = Field(None, alias="as")
    optional: StrictBool = False
    values: Answers | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.pointer is None) == (self.value is None):
            raise PydanticCustomError(Code.MISSING_FIELD.value, "Give either pointer or value.")
        return self

    def kept(self) -> dict[str, Any]:
        """As it is stored."""
        return self.model_dump(by_alias=True, exclude_defaults=True)


class ConditionIn(Shape):
    """Payloads with nothing at `pointer`, or with none of `values` there, are passed over."""

    pointer: Pointer
    values: Annotated[list[Line], Field(min_length=1, max_length=200)] | None = None


Mapping = Annotated[dict[Line, PlaceIn | None], Field(max_length=20)]


class InboundSourceIn(Shape):
    """`mapping`: field to place, over those of the recipe; null takes one of the recipe's away.
    `id_pointer`: where the sender's own id of the event stands, over the recipe's."""

    name: Line
    recipe: Recipe
    makes: Makes
    mapping: Mapping = Field(default_factory=dict)
    id_pointer: Pointer | None = None
    only_if: ConditionIn | None = None
    team_id: Id | None = None


class InboundSourcePatch(Shape):
    """`mapping` is laid over the recipe's anew. `only_if` null: it is about every payload again."""

    name: Line | None = None
    mapping: Mapping | None = None
    id_pointer: Pointer | None = None
    only_if: ConditionIn | None = None
    disabled: StrictBool | None = None


class InboundSourceOut(Answer):
    """`mapping`: the whole of it, the recipe's part included. `key_by`: what tells one event from the
    next. `refusing_since`: for more than a quarter of an hour nothing was made of what came, and what came
    was refused: see its receipts, and put the mapping right or the form."""

    id: str
    team_id: str
    name: str
    recipe: Recipe
    makes: Makes
    mapping: dict[str, Any]
    key_by: KeyBy
    id_pointer: str | None
    only_if: dict[str, Any] | None
    disabled: bool
    revision: int
    created_at: datetime
    refusing_since: datetime | None = None


class InboundSourceMade(InboundSourceOut):
    """`url` holds the token; a sender that keeps addresses in its log sends the token as X-Adquem-Token to
    /inbound instead."""

    token: str
    url: str


class MadeOut(Answer):
    kind: Makes
    id: str
    deadlines: int


class ReceivedOut(Answer):
    """What the sender is told: ids, and nothing of the case. `made` null: the source is not about such
    payloads. `changed`: the same event came with other facts, in `changed_fields`; nothing has moved."""

    receipt_id: str
    made: MadeOut | None
    changed: bool
    changed_fields: list[str]


class FaultOut(Answer):
    field: str | None
    code: str
    message: str


class TriedOut(Answer):
    """What a payload would do. `key`: by which it is known again; `known`: it has made something already.
    `facts`: what the mapping reads; `faults`: why it would be refused. `trigger_event` with `deadlines`,
    or `alert`: what would be made."""

    passed_over: bool
    key: str | None
    known: bool
    facts: dict[str, JsonValue]
    faults: list[FaultOut]
    trigger_event: TriggerEventIn | None
    alert: AlertIn | None
    case_id: str | None
    deadlines: list[DeadlineOut]
    not_started: dict[str, str]
    warnings: list[str]


class ReceiptOut(Answer):
    """One event of the sender's. `code` and `field`: why it was refused last; `tries`: how often it
    came."""

    id: str
    source_id: str
    key: str
    state: str
    made_id: str | None
    case_id: str | None
    deadlines: int
    not_started: list[str]
    changed_fields: list[str]
    changed_at: datetime | None
    code: str | None
    field: str | None
    tries: int
    received_at: datetime
    seen_at: datetime
