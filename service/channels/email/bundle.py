"""Mails that would reach one reader at the same moment, made into one; what each says stays as frozen.

It decides nothing about what belongs together, and it keeps no state: the same mails give the same bytes.
"""

from collections.abc import Callable, Sequence
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any

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
    made = EmailMessage(policy.SMTP)
    for name in _SHARED:
        made[name] = newest[name]
    made["Subject"] = render("email/bundle/subject.txt", facts).strip()
    made["Message-ID"] = f"<{own_id}@{str(newest['Message-ID']).strip('<>').partition('@')[2]}>"
    # Whoever threads mails by deadline finds each of them here.
    threads = dict.fromkeys(str(mail["References"]) for mail in mails)
    made["References"] = " ".join(threads)
    if any(mail["Importance"] for mail in mails):
        made["Importance"] = "high"
    for mail in mails:
        made["X-Notification-Id"] = mail["X-Notification-Id"]
    made.set_content(render("email/bundle/body.txt", facts), cte="quoted-printable")
    html = render("email/bundle/body.html", facts)
    made.add_alternative(html, subtype="html", cte="quoted-printable")
    made["Content-Language"] = words.language.value
    made.set_boundary(f"=_{own_id}")
    return flattened(made)


def text_of(mail: EmailMessage) -> str:
    """What its text part says."""
    part = mail.get_body(("plain",))
    assert part is not None, "every mail of ours has a text part"
    text: str = part.get_content()
    return text.strip()


def flattened(mail: EmailMessage) -> bytes:
    """The mail with CRLF line ends. The library begins a header that is a little too long on the line after
    its name, which some filters take for the mark of a forger."""
    return mail.as_bytes().replace(b"\r\nSubject:\r\n ", b"\r\nSubject: ", 1)
