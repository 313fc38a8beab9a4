"""What of a mail may leave in clear to somebody who wants it encrypted, once their key cannot be used.

It encrypts nothing, and takes a mail's word for what is in it: that was decided when it was written.
"""

from collections.abc import Callable, Sequence
from email import policy
from email.parser import BytesParser
from enum import StrEnum
from typing import Any

from service.channels.email.assembly import assembled, field_of
from service.channels.email.bundle import as_written, text_of
from service.channels.wording import wording
from service.languages import Language

#: The header in which a mail says so of itself.
CLEAR_TEXT = "X-Clear-Text"
_SHARED = (
    "From",
    "Date",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "Importance",
)
_PARSER = BytesParser(policy=policy.SMTP)


class ClearText(StrEnum):
    """`harmless`: it says no more than that there is a date; `never`: it is of worth only because it was
    encrypted. A mail that says nothing is withheld, and its reader told that there was one."""

    HARMLESS = "harmless"
    NEVER = "never"


def clear_text_of(content: bytes) -> ClearText | None:
    """Of a frozen mail; only its own headers are looked at."""
    head = content.partition(b"\r\n\r\n")[0].split(b"\r\n")
    said = [kind for kind in ClearText if f"{CLEAR_TEXT}: {kind}".encode() in head]
    return said[0] if said else None


def in_clear(contents: Sequence[bytes], own_id: str, render: Callable[[str, Any], str]) -> bytes:
    """One mail in place of those: that the key cannot be used, the texts of the harmless ones, and how many
    others there were. The headers are those of the first; no To header."""
    mails = [_PARSER.parsebytes(content) for content in contents]
    first = mails[0]
    words = wording(Language(first["Content-Language"] or Language.ENGLISH))
    shown = [mail for mail in mails if mail[CLEAR_TEXT] == ClearText.HARMLESS]
    facts = {
        "words": words,
        "texts": [text_of(mail) for mail in shown],
        "withheld": len(mails) - len(shown),
    }
    own = f"<{own_id}@{str(first['Message-ID']).strip('<>').partition('@')[2]}>"
    fields = [
        *as_written(first, _SHARED),
        field_of("Subject", render("email/withheld/subject.txt", facts).strip()),
        ("Message-ID", own),
        *(("X-Notification-Id", str(mail["X-Notification-Id"])) for mail in mails),
        ("Content-Language", words.language),
    ]
    text, html = (render(f"email/withheld/body.{kind}", facts) for kind in ("txt", "html"))
    return assembled(fields, text, html, own_id)
