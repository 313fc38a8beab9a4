"""The headers of a webhook: ours, the signature, and the one that the receiver asked for.

Theirs never takes the place of one of ours.
"""

import re
from datetime import UTC

from standardwebhooks.webhooks import Webhook

from service.channels.interface import Parcel
from service.channels.webhook import free
from service.channels.webhook.cloudevents import CONTENT_TYPE
from service.domain.webhooks import UNSIGNED, Format
from service.errors import Code, Refusal

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,4094}[\x21-\x7e])?")
_PREFIXES = ("webhook-", "proxy-", "sec-", "x-forwarded-")
_OURS = frozenset(
    {
        "accept-encoding", "connection", "content-encoding", "content-length", "content-type",
        "expect", "forwarded", "host", "idempotency-key", "keep-alive", "te", "trailer",
        "transfer-encoding", "upgrade", "user-agent", "x-delivery-attempt", "x-message-id",
        "x-possible-duplicate", "x-replayed",
    }
)  # fmt: skip


def check_header(name: str, value: str, field: str = "header") -> None:
    """Raises Refusal `invalid_input` for a header that could not be sent, or would be one of ours."""
    if not _TOKEN.fullmatch(name):
        raise _refused("The header's name must be a plain word such as Authorization.", field)
    if name.lower() in _OURS or name.lower().startswith(_PREFIXES):
        raise _refused("That header is ours to set: choose another one.", field)
    if not _VALUE.fullmatch(value):
        text = "The header's value must be at most 4096 printable ASCII characters on one line."
        raise _refused(text, field)


def headers_of(parcel: Parcel) -> dict[str, str]:
    """Raises what signing raises where the secret is no good, and Refusal for a header that is none."""
    theirs = {}
    if parcel.credentials is not None:
        check_header(*parcel.credentials)
        theirs = {parcel.credentials[0].lower(): parcel.credentials[1]}
    return theirs | _plain_headers(parcel) | _signature(parcel)


def _plain_headers(parcel: Parcel) -> dict[str, str]:
    headers = {
        "content-type": _content_type(parcel),
        "x-message-id": parcel.message_id,
        "x-delivery-attempt": str(parcel.attempt),
    }
    headers |= {"x-possible-duplicate": "yes"} if parcel.maybe_repeated else {}
    return headers | ({"x-replayed": "true"} if parcel.replayed else {})


def _content_type(parcel: Parcel) -> str:
    if parcel.format is Format.CLOUDEVENTS:
        return CONTENT_TYPE
    if parcel.format is Format.FREE and not free.is_json(parcel.content):
        return "text/plain; charset=utf-8"
    return "application/json"


def _signature(parcel: Parcel) -> dict[str, str]:
    """By the Standard Webhooks specification, once for each secret that is still good."""
    if parcel.format in UNSIGNED:
        return {}
    if not parcel.secrets:
        raise ValueError("a webhook without a secret is not sent")
    sent_at = parcel.sent_at.astimezone(UTC)
    body = parcel.content.decode()
    signatures = [Webhook(one).sign(parcel.event_id, sent_at, body) for one in parcel.secrets]
    return {
        "webhook-id": parcel.event_id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(signatures),
        "idempotency-key": parcel.event_id,
    }


def _refused(sentence: str, field: str) -> Refusal:
    return Refusal(Code.INVALID_INPUT, sentence, field)
