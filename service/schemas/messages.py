"""Shapes of messages and their attempts."""

from datetime import datetime

from service.schemas.fields import Answer


class AttemptOut(Answer):
    """`verdict` None: under way, or the worker died and nobody has noticed yet. `code`: the status, or what
    went wrong; `detail`: the other side's words, for 30 days, of a webhook for those alone who look after
    its endpoint. `address`: what was dialled, of a mail the relay. `asked_by`: who asked for it to be sent,
    once more or as a test; null: the clockwork. `along_with`: the attempt whose mail carried this one."""

    id: str
    number: int
    worker: str
    opened_at: datetime
    closed_at: datetime | None
    verdict: str | None
    code: str | None
    detail: str | None
    address: str | None
    took_ms: int | None
    asked_by: str | None
    along_with: str | None


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
