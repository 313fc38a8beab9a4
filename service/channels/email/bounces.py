"""Reads what comes back to our mails: reports of failure and of delay (RFC 3464), complaints (RFC 5965),
and the odd ones. It believes nothing of what it reads, raises nothing, and never writes to anybody.
"""

import re
from collections.abc import Iterable, Iterator
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses

import structlog
from flufl.bounce import all_failures

from service.domain.bounces import UNSTATED, Arrived, BounceClass, Report, class_of, status_in

_log = structlog.get_logger()
_OURS = re.compile(
    rb"^(?:original-envelope-id|x-notification-id|message-id):\s*<?(msg_[0-9a-z]{26})\b",
    re.IGNORECASE | re.MULTILINE,
)
#: Where a mail server writes to whom it has delivered, for those who are piped a mail without envelope.
_ADDRESSED = ("X-Original-To", "Delivered-To", "Envelope-To", "To")
_AUTOMATIC = ("X-Autoreply", "X-Autorespond", "X-Auto-Response-From", "X-Vacation")
_COMPLAINTS = frozenset({"abuse", "fraud", "opt-out", "virus", "other"})
#: Of an odd one so much is searched for a status.
_MOST_TEXT = 65_536


def read_arrived(raw: bytes, recipients: Iterable[str] = ()) -> Arrived:
    """`recipients`: of the envelope; where there are none, what the headers say."""
    try:
        mail = message_from_bytes(raw)
        addresses = list(recipients) or list(_addressed(mail))
        report = _report(mail, raw)
    except Exception:
        # Whatever strangers send: a mail that the library cannot read reports nothing.
        _log.warning("mail_unreadable", size=len(raw))
        return Arrived((), None)
    parts = (address.rpartition("@")[0] or address for address in addresses)
    return Arrived(tuple(dict.fromkeys(parts)), report)


def _addressed(mail: Message) -> Iterator[str]:
    lines = [str(line) for name in _ADDRESSED for line in mail.get_all(name, [])]
    for _, address in getaddresses(lines):
        if address:
            yield address


def _report(mail: Message, raw: bytes) -> Report | None:
    ids = tuple(dict.fromkeys(found.decode() for found in _OURS.findall(raw)))
    kinds = {part.get_content_type(): part for part in mail.walk()}
    if "message/delivery-status" in kinds:
        return _of_delivery(kinds["message/delivery-status"], ids)
    if "message/feedback-report" in kinds:
        return _complaint(kinds["message/feedback-report"], ids)
    if "message/disposition-notification" in kinds or _is_automatic(mail):
        return None
    return _odd(mail, raw, ids)


def _of_delivery(part: Message, ids: tuple[str, ...]) -> Report | None:
    """Our mails have one recipient: of several groups the first that failed is ours, else the first that
    is delayed. `delivered`, `relayed` and `expanded` are no news."""
    groups = _groups(part)
    by_action = {
        action: group
        for group in reversed(groups)
        if (action := str(group.get("Action", "")).strip().lower().partition(" ")[0])
    }
    if failed := by_action.get("failed"):
        status = _status_of(failed)
        return Report(class_of(status), status, ids)
    if delayed := by_action.get("delayed"):
        return Report(BounceClass.DELAYED, _status_of(delayed), ids)
    return None


def _groups(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _status_of(group: Message) -> str:
    """Where the status says no more than that it failed, the server's own words may."""
    stated = status_in(str(group.get("Status", "")))
    if stated and not stated.endswith(".0.0"):
        return stated
    return status_in(str(group.get("Diagnostic-Code", ""))) or stated or UNSTATED


def _complaint(part: Message, ids: tuple[str, ...]) -> Report | None:
    groups = _groups(part)
    fields = groups[0] if groups else message_from_bytes(_decoded(part))
    kind = str(fields.get("Feedback-Type", "")).strip().lower()
    return Report(BounceClass.COMPLAINT, "", ids) if kind in _COMPLAINTS else None


def _decoded(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _is_automatic(mail: Message) -> bool:
    """Somebody is away, or thanks for the mail. Servers that name failed recipients in a header mark their
    reports as automatic too."""
    if mail.get("X-Failed-Recipients"):
        return False
    automatic = str(mail.get("Auto-Submitted", "no")).strip().lower()
    precedence = str(mail.get("Precedence", "")).strip().lower()
    marked = any(mail.get(name) for name in _AUTOMATIC)
    return marked or not automatic.startswith("no") or precedence == "auto_reply"


def _odd(mail: Message, raw: bytes, ids: tuple[str, ...]) -> Report | None:
    temporary, permanent = all_failures(mail)
    if not temporary and not permanent:
        return None
    said = status_in(raw[:_MOST_TEXT].decode("ascii", "replace"))
    if permanent:
        status = said or UNSTATED
        return Report(class_of(status), status, ids)
    return Report(BounceClass.DELAYED, said or "4.0.0", ids)
