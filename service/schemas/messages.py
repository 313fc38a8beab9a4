"""Shapes of messages and their attempts."""

from datetime import datetime

from service.schemas.fields import Answer


class AttemptOut(Answer):
    """`verdict` None: under way, or the worker died and nobody has noticed yet."""

    id: str
    number: int
    worker: str
    opened_at: datetime
    closed_at: datetime | None
    verdict: str | None
    code: str | None
    detail: str | None


class MessageOut(Answer):
    """`maybe_repeated`: an attempt has no known end, so the recipient may hold two copies, which carry
    the same id. `deadline_version`: of the deadline or of the alert. `bounce`: what was reported of the
    mail after it had left (`hard`, `soft`, `blocked`, `delayed`, `complaint`), with the status by
    RFC 3463."""

    id: str
    team_id: str
    case_id: str | None
    deadline_id: str | None
    alert_id: str | None
    deadline_version: int | None
    drill: bool
    step: str
    occurrence: int
    event: str
    event_id: str
    channel: str
    user_id: str | None
    endpoint_id: str | None
    level: int
    state: str
    reason: str | None
    maybe_repeated: bool
    due_at: datetime
    next_attempt_at: datetime | None
    accepted_at: datetime | None
    bounce: str | None
    bounce_status: str | None
    bounced_at: datetime | None
    created_at: datetime
    attempts: list[AttemptOut]


class PreviewOut(Answer):
    """What its reader was sent. Links and codes by which only the reader answers are left out. `subject`
    and `html` null: a webhook, of which `text` is the body."""

    id: str
    level: int
    subject: str | None
    text: str
    html: str | None
