"""What a reader sees of a mail of ours: subject, text and HTML out of its bytes; nothing is changed."""

from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser


@dataclass(frozen=True)
class SeenMail:
    """`subject` and `html` None where the message is no mail."""

    subject: str | None
    text: str
    html: str | None


def read_mail(content: bytes) -> SeenMail:
    mail = BytesParser(policy=policy.default).parsebytes(content)
    assert isinstance(mail, EmailMessage)
    return SeenMail(str(mail["Subject"]), _part(mail, "plain") or "", _part(mail, "html"))


def _part(mail: EmailMessage, kind: str) -> str | None:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part else None
