"""Mails that would reach one reader at the same moment, made into one; what each says stays as frozen.

It decides nothing about what belongs together, and it keeps no state: the same mails give the same bytes.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any

from service.channels.email.assembly import Field, assembled, field_of
from service.channels.wording import wording
from service.languages import Language

#: What all of them have in common, taken from the newest.
_SHARED = ("From", "Date", "Auto-Submitted", "X-Auto-Response-Suppress")
_PARSER = BytesParser(policy=policy.SMTP)


def bundle_id(message_ids: Sequence[str]) -> str:
    """The same mails, sent together once more, carry the same id."""
    return f"bundle-{sha256(' '.join(sorted(message_ids)).encode()).hexdigest()[:32]}"


def bundled(contents: Sequence[bytes], own_id: str, render: Callable[[str, Any], str]) -> bytes:
    """One mail out of several to the same reader, in their order. `render`: from a template's name and
    what it may use to the text. No To header, as those that it is made of."""
    mails = [_PARSER.parsebytes(content) for content in contents]
    newest = max(mails, key=lambda mail: parsedate_to_datetime(mail["Date"]))
    words = wording(Language(newest["Content-Language"] or Language.ENGLISH))
    notices = [{"subject": str(mail["Subject"]), "text": text_of(mail)} for mail in mails]
    facts = {"words": words, "notices": notices}
    own = f"<{own_id}@{str(newest['Message-ID']).strip('<>').partition('@')[2]}>"
    # Whoever threads mails by deadline finds each of them here.
    threads = dict.fromkeys(str(mail["References"]) for mail in mails)
    urgent = any(mail["Importance"] for mail in mails)
    fields = [
        *as_written(newest, _SHARED),
        field_of("Subject", render("email/bundle/subject.txt", facts).strip()),
        ("Message-ID", own),
        ("References", "\r\n ".join(threads)),
        *([("Importance", "high")] if urgent else []),
        *(("X-Notification-Id", str(mail["X-Notification-Id"])) for mail in mails),
        ("Content-Language", words.language),
    ]
    text, html = (render(f"email/bundle/body.{kind}", facts) for kind in ("txt", "html"))
    return assembled(fields, text, html, own_id)


def as_written(mail: EmailMessage, names: Collection[str]) -> Iterator[Field]:
    """Those of its headers, encoded and folded as they stand."""
    return ((name, value) for name, value in mail.raw_items() if name in names)


def text_of(mail: EmailMessage) -> str:
    """What its text part says."""
    part = mail.get_body(("plain",))
    assert part is not None, "every mail of ours has a text part"
    text: str = part.get_content()
    return text.strip()
