"""What we assemble is read as the library's own messages are, whatever people have written."""

import re
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.channels.email.assembly import assembled, field_of
from service.channels.email.neutral import neutral, one_line

#: What reaches the assembly has been through these.
HEADERS = st.text().map(lambda text: one_line(neutral(text)))
BODIES = st.text(max_size=3000).map(neutral)
CALENDAR = b"BEGIN:VCALENDAR\r\nSUMMARY:Appeal\r\nEND:VCALENDAR\r\n"
#: Printable ASCII and tabs in lines of 78 characters, as RFC 5322 wishes them; it allows 998.
LINES = re.compile(rb"([\t -~]{0,78}\r\n)+")


def parsed(raw: bytes) -> EmailMessage:
    mail = BytesParser(policy=policy.default).parsebytes(raw)
    assert isinstance(mail, EmailMessage)
    return mail


def by_library(subject: str, text: str, html: str, calendar: bytes | None) -> EmailMessage:
    mail = EmailMessage(policy.SMTP)
    mail["From"], mail["Subject"] = "a@example.org", subject
    mail.set_content(text, cte="quoted-printable")
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    if calendar is not None:
        mail.add_attachment(
            calendar, maintype="text", subtype="calendar", filename="deadline.ics",
            params={"method": "PUBLISH", "charset": "utf-8"},
        )  # fmt: skip
    return parsed(mail.as_bytes())


def ours(subject: str, text: str = "", html: str = "", calendar: bytes | None = None) -> bytes:
    fields = [("From", "a@example.org"), field_of("Subject", subject)]
    return assembled(fields, text, html, "msg_01", calendar)


def seen(mail: EmailMessage) -> list[tuple[object, ...]]:
    """Every part: what it is, and what is in it."""
    return [
        (
            part.get_content_type(),
            part.get_content_disposition(),
            part.get_filename(),
            part.get_param("charset"),
            part.get_param("method"),
            None if part.is_multipart() else content(part),
        )
        for part in mail.walk()
    ]


def content(part: EmailMessage) -> bytes:
    """Line ends are whatever they are on the way."""
    return b"\n".join(part.get_payload(decode=True).splitlines()).rstrip(b"\n")  # type: ignore[union-attr]


@given(HEADERS, BODIES, BODIES, st.sampled_from([None, CALENDAR]))
@example("Appeal " * 40, "x" * 5000, ".\r\n..\nFrom me\n", CALENDAR)
@example("", "", "--=_msg_01--\n--=_texts_msg_01--", CALENDAR)
@example("Апелляция 𝓪 " * 30, " \t\n \r", "é" * 999, None)
def test_it_is_read_as_what_the_library_makes_of_the_same(
    subject: str, text: str, html: str, calendar: bytes | None
) -> None:
    mail, other = parsed(ours(subject, text, html, calendar)), by_library("", text, html, calendar)
    assert seen(mail) == seen(other)
    assert [part.defects for part in mail.walk()] == [[] for _ in other.walk()]
    assert {*mail.keys()} == {*other.keys()}
    assert (mail["From"], mail["MIME-Version"]) == (other["From"], other["MIME-Version"])
    assert str(mail["Subject"]) == subject


@given(HEADERS, BODIES)
@example("x" * 2000, "y" * 2000)
@example("=?utf-8?q?Bcc=3A?= " * 9, "\r\n.\r\nMAIL FROM:<>\r\n")
def test_no_line_is_too_long_or_holds_more_than_plain_characters(subject: str, text: str) -> None:
    raw = ours(subject, text, text, CALENDAR)
    assert LINES.fullmatch(raw)
    assert raw.index(b"\r\nSubject: ") > 0


@pytest.mark.parametrize("subject", ["=?utf-8?q?Paid?=", "a =?utf-8?b?UGFpZA==?= b"])
def test_words_that_look_encoded_are_read_as_they_were_written(subject: str) -> None:
    assert str(parsed(ours(subject))["Subject"]) == subject


@pytest.mark.parametrize(
    "value", ["a\r\nBcc: b@example.org", "a\nb", "a\r", "ё", "a\x00", "x" * 999]
)
def test_what_would_not_be_one_header_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="X-Own"):
        assembled([("X-Own", value)], "", "", "msg_01")


def test_the_same_parts_give_the_same_bytes() -> None:
    assert ours("Appeal", "text", "html", CALENDAR) == ours("Appeal", "text", "html", CALENDAR)
