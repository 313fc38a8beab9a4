"""A mail says what its level allows, completely, and nobody's words can become its structure."""

import email
import email.policy
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pysequoia
import pytest
from pydantic import ValidationError

from service.channels.email.content import MailContent
from service.channels.email.openpgp import sealed
from service.domain.access import Level
from service.domain.notifications import EventType, OtherDate
from service.runtime import TEMPLATES
from service.schemas.cases import CaseIn
from tests.channels.drafts import DUE, NOW, draft, notice, parcel


def answer_link(message_id: str) -> str:
    return f"https://deadlines.example.org/r/{message_id}.mac"


def by(templates: Path) -> MailContent:
    """What writes the mails of this house by the templates in this folder."""
    sender = "Сроки <deadlines@example.org>"
    return MailContent(str(templates), sender, "example.org", answer_link, lambda _: "012345")


CONTENT = by(TEMPLATES)


def parsed(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def said(message: EmailMessage) -> str:
    """Everything that a reader, or whoever looks over their shoulder, can see."""
    return "\n".join([str(message["subject"]), part(message, "plain"), part(message, "html")])


WORDS = {
    Level.CODE: ["K-17", "filing"],
    Level.BASIS: ["Appeal against extradition", "kz.criminal", "art. 592(1)"],
    Level.FULL: ["Bring the power of attorney"],
}


@pytest.mark.parametrize("level", list(Level))
def test_nothing_above_the_level_is_said_and_everything_up_to_it(level: Level) -> None:
    text = said(parsed(CONTENT.compose(draft(notice(level)))))
    for needed, words in WORDS.items():
        for word in words:
            assert (word in text) == (needed <= level), word


@pytest.mark.parametrize("level", list(Level))
def test_the_subject_never_says_more_than_the_code(level: Level) -> None:
    subject = str(parsed(CONTENT.compose(draft(notice(level))))["subject"])
    code = ": K-17" if level >= Level.CODE else ""
    assert subject == f"Reminder{code}, due 9 March 2026 (7 days), not verified"


def test_it_carries_the_headers_that_machines_look_for() -> None:
    message = parsed(CONTENT.compose(draft()))
    headers = {name: str(value) for name, value in message.items()}
    assert headers["Message-ID"] == "<msg_01@example.org>"
    assert headers["In-Reply-To"] == headers["References"] == "<dln_01@example.org>"
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["X-Auto-Response-Suppress"] == "OOF, AutoReply"
    assert headers["X-Notification-Id"] == "msg_01"
    assert headers["X-Deadline-Version"] == "3"
    assert headers["Date"] == "Mon, 02 Mar 2026 04:00:00 +0000"
    assert headers["From"] == "Сроки <deadlines@example.org>"
    assert not {"To", "Cc", "Bcc", "Precedence", "Importance"} & set(headers)
    assert all(len(message.get_all(name, [])) == 1 for name in headers)


@pytest.mark.parametrize(
    ("left", "high"),
    [(timedelta(days=1, seconds=1), False), (timedelta(days=1), True), (-timedelta(hours=1), True)],
)
def test_it_is_marked_as_important_on_the_last_day_and_after(left: timedelta, high: bool) -> None:
    message = parsed(CONTENT.compose(draft(notice(released_at=DUE - left, planned_at=DUE - left))))
    assert (message["Importance"] == "high") == high


def test_the_text_alone_is_complete() -> None:
    text = part(parsed(CONTENT.compose(draft())), "plain")
    for words in (
        "A legal deadline is coming up.",
        "Monday, 9 March 2026",
        "9 March 2026, 18:00 (Asia/Almaty)",
        "9 March 2026, 14:00 (Europe/Paris) where you are",
        "7 days",
        "not yet verified by a second person",
        "Also told: deputy.",
        "If nobody answers, supervisor, lead will be told",
        "2 March 2026, 09:00 (Europe/Paris)",
    ):
        assert words in text, words
    assert "This notice is late" not in text


def test_a_late_notice_says_so() -> None:
    late = notice(planned_at=NOW - timedelta(hours=2))
    for kind in ("plain", "html"):
        text = part(parsed(CONTENT.compose(draft(late))), kind)
        assert "This notice is late" in text
        assert "2 March 2026, 03:00 (Europe/Paris)" in text


def test_an_overdue_notice_says_so_first() -> None:
    overdue = notice(released_at=DUE + timedelta(hours=3), planned_at=DUE + timedelta(hours=3))
    message = parsed(CONTENT.compose(draft(overdue)))
    assert str(message["subject"]) == "OVERDUE: K-17, due 9 March 2026 (3 hours ago), not verified"
    assert part(message, "plain").startswith("The due date has passed")


def test_who_is_asked_because_nobody_answered_is_told_so() -> None:
    message = parsed(CONTENT.compose(draft(notice(event=EventType.STEP_FIRED))))
    assert str(message["subject"]).startswith("No answer yet: K-17")
    assert part(message, "plain").startswith("Nobody has answered")


def test_the_same_draft_gives_the_same_bytes() -> None:
    assert CONTENT.compose(draft()) == by(TEMPLATES).compose(draft())


def test_once_read_in_it_asks_the_disk_for_nothing(tmp_path: Path) -> None:
    """Or every forked worker would compile each template by itself."""
    content = by(shutil.copytree(TEMPLATES, tmp_path / "templates"))
    content.read_in()
    shutil.rmtree(tmp_path / "templates")
    for event in (EventType.REMINDER_DUE, EventType.STEP_FIRED, EventType.DEADLINE_CANCELLED):
        assert content.compose(draft(notice(event=event)))


def without_answer_link(html: str) -> str:
    link = answer_link("msg_01")
    anchor = f'<a href="{link}">{link}</a>'
    assert html.count(anchor) == 1
    return html.replace(anchor, "")


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize(
    "event",
    [
        EventType.REMINDER_DUE,
        EventType.STEP_FIRED,
        EventType.ESCALATION_EXHAUSTED,
        EventType.DATE_CHANGED,
    ],
)
def test_every_mail_says_where_to_answer(level: Level, event: EventType) -> None:
    previous = OtherDate(DUE.date(), DUE)
    message = parsed(CONTENT.compose(draft(notice(level, event=event, previous=previous))))
    assert f"Answer: {answer_link('msg_01')}" in part(message, "plain").splitlines()
    without_answer_link(part(message, "html"))


def test_it_loads_nothing_from_elsewhere() -> None:
    html = without_answer_link(part(parsed(CONTENT.compose(draft())), "html").lower())
    for word in ("http", "src=", "<script", "<img", "<link", "url("):
        assert word not in html, word


FORGERIES = [
    "x\r\nBcc: evil@example.com\r\n\r\n<b>forged</b>",
    "x\nSubject: forged",
    "=?utf-8?q?x=0D=0ABcc:_evil@example.com?=",
    "x\r\n--=_msg_01\r\nContent-Type: text/html\r\n\r\n<b>forged</b>",
    "{{ 7*191 }}{% include '/etc/passwd' %}",
    "<script>alert(1)</script><img src=x onerror=y>",
    '"><a href="https://evil.example.com">here</a>',
    "\u2028Bcc: evil@example.com",
    "Срок: қазақша ә 👩‍⚖️ " * 60,
    "A" * 5000,
    ".\r\n.\r\nQUIT\r\n",
]


@pytest.mark.parametrize("text", FORGERIES, ids=range(len(FORGERIES)))
@pytest.mark.parametrize("field", ["title", "forum", "basis", "notes"])
def test_nobodys_words_become_structure(field: str, text: str) -> None:
    """The code of a case, which stands in the subject, has a form of its own: see the next test."""
    raw = CONTENT.compose(draft(notice(**{field: text})))
    message = parsed(raw)
    plain = parsed(CONTENT.compose(draft()))
    assert message.keys() == plain.keys()
    assert [one.get_content_type() for one in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert [one.defects for one in message.walk()] == [[], [], []]
    html = without_answer_link(part(message, "html"))
    for markup in ("<script", "<img", "<a ", "<b>"):
        assert markup not in html
    assert "1337" not in html + part(message, "plain")
    well_formed(raw)


@pytest.mark.parametrize(
    "code",
    [*FORGERIES, "k-17", "K 17", "K_17", "=?Q?=", "Ж-17", ""],
    ids=lambda code: ascii(code)[:30],
)
def test_what_could_break_a_subject_is_no_case_code(code: str) -> None:
    with pytest.raises(ValidationError):
        CaseIn(code=code, timezone="Asia/Almaty")


def well_formed(raw: bytes) -> None:
    assert raw.isascii()
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    head, _, body = raw.partition(b"\r\n\r\n")
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert max(map(len, body.split(b"\r\n"))) <= 78


@pytest.mark.parametrize("level", list(Level))
def test_the_standard_parser_finds_no_fault(level: Level) -> None:
    raw = CONTENT.compose(draft(notice(level)))
    assert [one.defects for one in parsed(raw).walk()] == [[], [], []]
    well_formed(raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 78


def test_no_mail_is_written_about_nothing() -> None:
    nothing: dict[str, Any] = {"notice": None, "event": EventType.ENDPOINT_TEST}
    with pytest.raises(ValueError, match=r"endpoint\.test"):
        CONTENT.compose(draft(**nothing))


def test_a_date_that_one_person_alone_has_seen_reminds_louder() -> None:
    verified = parsed(CONTENT.compose(draft(notice(provisional=False))))
    alone = parsed(CONTENT.compose(draft(notice(provisional=True))))
    assert str(alone["subject"]) == f"{verified['subject']}, not verified"
    for kind in ("plain", "html"):
        assert "Compare it with the paper" in part(alone, kind)
        assert "Compare it with the paper" not in part(verified, kind)


def test_a_long_subject_begins_on_the_line_of_its_name() -> None:
    long = notice(
        event=EventType.SECOND_PERSON_WANTED, proposed_verb="complete", case_code="K" * 16
    )
    raw = CONTENT.compose(draft(long))
    assert b"\r\nSubject: A second person is wanted: KKKKKKKKKKKKKKKK, due" in raw
    assert str(parsed(raw)["subject"]).startswith("A second person is wanted")


CALENDAR = b"BEGIN:VCALENDAR\r\nSUMMARY:EVENT-WORD\r\nEND:VCALENDAR\r\n"


def test_a_calendar_file_is_beside_the_texts_and_the_same_draft_gives_the_same_bytes() -> None:
    raw = CONTENT.compose(draft(calendar=CALENDAR))
    assert raw == CONTENT.compose(draft(calendar=CALENDAR))
    mail, bare = parsed(raw), parsed(CONTENT.compose(draft()))
    texts, file = mail.iter_parts()
    assert [one.get_content_type() for one in (mail, texts, file)] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/calendar",
    ]
    assert file.get_payload(decode=True) == CALENDAR
    assert said(mail) == said(bare)
    assert mail["Content-Language"] == bare["Content-Language"]
    outer, inner = (str(one.get_boundary()) for one in (mail, texts))
    assert not inner.startswith(outer)
    assert not outer.startswith(inner)
    assert not mail.defects


def test_of_several_mails_made_into_one_no_calendar_file_is_left() -> None:
    parcels = [
        parcel("a@example.org", CONTENT.compose(draft(message_id=name, calendar=CALENDAR)))
        for name in ("msg_1", "msg_2")
    ]
    made = parsed(CONTENT.bundle(replace(parcels[0], along=(parcels[1],))).content)
    assert made.get_content_type() == "multipart/alternative"
    assert part(made, "plain").count("Appeal against extradition") >= 2


@pytest.mark.parametrize("level", [Level.BARE, Level.FULL])
def test_a_calendar_file_never_leaves_in_clear_to_who_wants_it_encrypted(level: Level) -> None:
    raw = CONTENT.compose(draft(notice(level), calendar=CALENDAR))
    made = parsed(CONTENT.in_clear(parcel("a@example.org", raw)).content)
    assert made.get_content_type() == "multipart/alternative"
    key = pysequoia.Tsk.generate(user_id="<a@example.org>")
    sent = sealed(raw, bytes(key.extract_certificate()), datetime.now(UTC))
    _, armored = parsed(sent).iter_parts()
    opened = pysequoia.decrypt(armored.get_content(), decryptor=key.decryptor())
    _, file = parsed(opened.bytes or b"").iter_parts()
    assert file.get_payload(decode=True) == CALENDAR
    assert parsed(sent).get_content_type() == "multipart/encrypted"
