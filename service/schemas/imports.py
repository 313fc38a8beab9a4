"""Shapes of imports: many cases at once, each with its trigger events and deadlines.

Each part of a case is checked by itself, so that one wrong date hides no other fault.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    StrictBool,
    ValidationError,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from service.domain.deadlines import DeadlineKind, DeadlineState
from service.domain.escalation import Role
from service.errors import Code, Refusal, shape_fault
from service.schemas.cases import CaseIn
from service.schemas.deadlines import DeadlineIn
from service.schemas.fields import Answer, Id, Line, Shape
from service.schemas.trigger_events import TriggerEventIn

_MOST_CASES, _MOST_PARTS = 1000, 100
#: Taken for what is wrong, so that the rest of a case can be looked at; nothing of it is kept.
_STAND_INS = {"code": "K", "timezone": "UTC", "forum": "none"}

Part = TypeVar("Part", bound=Shape)


def _said_elsewhere(_: Any) -> Any:
    raise PydanticCustomError(Code.UNKNOWN_FIELD.value, "There is no such field.")


#: A field of the single request that an import says once for all, or by where a part stands.
_Elsewhere = BeforeValidator(_said_elsewhere)


class ImportedRole(Shape):
    """Exactly one of `user_id` and `email`: the address of a member of the team, as tables have it."""

    role: Role
    user_id: Id | None = None
    email: Line | None = None

    @model_validator(mode="after")
    def _one_person(self) -> Self:
        if (self.user_id is None) == (self.email is None):
            raise PydanticCustomError(Code.MISSING_FIELD.value, "Give either user_id or email.")
        return self


class ImportedEvent(TriggerEventIn):
    user_id: SkipJsonSchema[Annotated[None, _Elsewhere]] = None


class ImportedDeadline(DeadlineIn):
    case_id: SkipJsonSchema[Annotated[str, _Elsewhere]] = ""
    user_id: SkipJsonSchema[Annotated[None, _Elsewhere]] = None


class ImportedCase(CaseIn):
    """A case as a single request has it, with what starts its clocks and its stated dates."""

    team_id: SkipJsonSchema[Annotated[None, _Elsewhere]] = None
    roles: Annotated[list[ImportedRole], Field(max_length=50)] = Field(  # type: ignore[assignment]  # it may say more than a single request
        default_factory=list
    )
    trigger_events: Annotated[list[ImportedEvent], Field(max_length=_MOST_PARTS)] = Field(
        default_factory=list
    )
    deadlines: Annotated[list[ImportedDeadline], Field(max_length=_MOST_PARTS)] = Field(
        default_factory=list
    )


@dataclass(frozen=True)
class CheckedCase:
    """What could be read of one case, by its place in the body, and everything that could not.

    `case`: without its parts, None where nothing can be made of it. `at_fault`: its own fields that
    are wrong and were left out or stood in for. The paths of `faults` begin within the case.
    """

    case: ImportedCase | None
    trigger_events: Mapping[int, ImportedEvent]
    deadlines: Mapping[int, ImportedDeadline]
    at_fault: frozenset[str]
    faults: tuple[Refusal, ...]

    @classmethod
    def of(cls, raw: Any) -> Self:
        own = dict(raw) if isinstance(raw, dict) else raw
        events, of_events = _parts(ImportedEvent, own, "trigger_events")
        deadlines, of_deadlines = _parts(ImportedDeadline, own, "deadlines")
        case, faults = _checked(ImportedCase, own)
        at_fault = frozenset((fault.field or "").partition(".")[0] for fault in faults)
        if faults and isinstance(own, dict):
            rest = {name: own[name] for name in own if name.partition(".")[0] not in at_fault}
            stand_ins = {name: _STAND_INS[name] for name in at_fault & set(_STAND_INS)}
            case, _ = _checked(ImportedCase, rest | stand_ins)
        return cls(case, events, deadlines, at_fault, (*faults, *of_events, *of_deadlines))

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Described as `ImportedCase`, taken as anything: what is wrong with it is said later."""
        described = handler.generate_schema(ImportedCase)
        return core_schema.no_info_wrap_validator_function(lambda raw, _: cls.of(raw), described)


class ImportIn(Shape):
    """`dry_run`, unless it is set to false: answers what would come into being, and keeps nothing.
    `user_id`: who enters it all, where the key does not stand for a person."""

    team_id: Id | None = None
    dry_run: StrictBool = True
    user_id: Id | None = None
    cases: Annotated[list[CheckedCase], Field(min_length=1, max_length=_MOST_CASES)]


class ImportedDeadlineOut(Answer):
    """`trigger_event`: the place, in its case, of the event that started it, itself or through the end
    of another deadline; None for a stated date. `id` None: a dry run."""

    id: str | None
    trigger_event: int | None
    external_id: str | None
    title: str
    kind: DeadlineKind
    state: DeadlineState
    due_on: date
    due_at: datetime
    timezone: str
    act_by_on: date | None
    rule_id: str | None
    rule_status: str | None
    warnings: list[str]


class NotStartedOut(Answer):
    """A rule that gave no date, and why; `rule_id` None: no rule starts from such an event."""

    trigger_event: int
    rule_id: str | None
    reason: str


class ImportedCaseOut(Answer):
    """The ids are those of the rows, and missing after a dry run."""

    id: str | None
    code: str
    external_id: str | None
    trigger_event_ids: list[str]
    deadlines: list[ImportedDeadlineOut]
    not_started: list[NotStartedOut]


class ImportCounts(Answer):
    cases: int
    trigger_events: int
    deadlines: int
    not_started: int


class ImportOut(Answer):
    """The cases in the order of the import."""

    dry_run: bool
    counts: ImportCounts
    cases: list[ImportedCaseOut]


def _parts(shape: type[Part], own: Any, name: str) -> tuple[dict[int, Part], list[Refusal]]:
    """Takes the parts of that name out of the case. What is no list, or too long, is left where it is
    for the case's own shape to refuse."""
    found, faults = dict[int, Part](), list[Refusal]()
    raw = own.get(name) if isinstance(own, dict) else None
    if isinstance(raw, list) and len(raw) <= _MOST_PARTS:
        del own[name]
        for index, one in enumerate(raw):
            part, wrong = _checked(shape, one, name, index)
            faults += wrong
            if part is not None:
                found[index] = part
    return found, faults


def _checked(
    shape: type[Part], raw: Any, *where: str | int
) -> tuple[Part | None, Sequence[Refusal]]:
    try:
        return shape.model_validate(raw), ()
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        return None, [shape_fault(one["type"], (*where, *one["loc"]), one["msg"]) for one in faults]
