"""Everything that can be refused, under a code that never changes.

Says nothing of HTTP: the one table from code to status stands in `service/refusals.py`.
"""

from collections.abc import Sequence
from enum import StrEnum


class Code(StrEnum):
    """Stable names of refusals; a client may branch on them, so none is ever renamed."""

    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    MALFORMED_JSON = "malformed_json"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    BODY_TOO_LARGE = "body_too_large"
    INVALID_INPUT = "invalid_input"
    UNKNOWN_FIELD = "unknown_field"
    MISSING_FIELD = "missing_field"
    INVALID_DATE = "invalid_date"
    INVALID_INSTANT = "invalid_instant"
    INVALID_TIMEZONE = "invalid_timezone"
    INVALID_TEXT = "invalid_text"
    INVALID_URL = "invalid_url"
    BAD_CURSOR = "bad_cursor"
    UNKNOWN_RULE = "unknown_rule"
    RULE_NOT_IN_FORCE = "rule_not_in_force"
    RULE_NOT_APPLICABLE = "rule_not_applicable"
    UNKNOWN_CALENDAR = "unknown_calendar"
    OUTSIDE_CALENDAR = "outside_calendar"
    NONEXISTENT_LOCAL_TIME = "nonexistent_local_time"
    UNKNOWN_REFERENCE = "unknown_reference"
    OWNER_REQUIRED = "owner_required"
    DEPUTY_REQUIRED = "deputy_required"
    SECOND_PERSON_REQUIRED = "second_person_required"
    PERSON_REQUIRED = "person_required"
    ILLEGAL_STATE = "illegal_state"
    DUPLICATE = "duplicate"
    IMPORT_REFUSED = "import_refused"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    PRECONDITION_FAILED = "precondition_failed"
    PRECONDITION_REQUIRED = "precondition_required"
    TOO_MANY_REQUESTS = "too_many_requests"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class Refusal(Exception):
    """The request, or the data, cannot be honoured; nothing has been changed.

    `detail` is a sentence for the person who asked. `field` is the path of the offending
    input in dotted form (`time_limit.amount`), None where no single field is at fault.
    `faults`: where several things are wrong at once, each of them.
    """

    def __init__(
        self,
        code: Code,
        detail: str,
        field: str | None = None,
        faults: "Sequence[Refusal]" = (),
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.field = field
        self.faults = faults


def not_found(noun: str) -> Refusal:
    """The same answer for what does not exist and for what the caller may not see."""
    return Refusal(Code.NOT_FOUND, f"There is no such {noun}.")


#: Faults that the library of the shapes finds by itself and has names of its own for.
_SHAPE_CODES = {
    "extra_forbidden": Code.UNKNOWN_FIELD,
    "missing": Code.MISSING_FIELD,
    "json_invalid": Code.MALFORMED_JSON,
}


def shape_fault(kind: str, where: Sequence[str | int], sentence: str) -> Refusal:
    """What a shape has found wrong. `kind`: the library's name of the fault, or a code of ours;
    `where`: the way to the field."""
    code = _SHAPE_CODES.get(kind) or (Code(kind) if kind in set(Code) else Code.INVALID_INPUT)
    if code is Code.MALFORMED_JSON:
        return Refusal(code, "The body is not valid JSON.")
    if code is Code.UNKNOWN_FIELD:
        sentence = "There is no such field."
    return Refusal(code, sentence, ".".join(map(str, where)) or None)
