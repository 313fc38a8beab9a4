"""Many notices at one moment arrive as one mail: complete, in the reader's language, the same each time."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from service.channels.email.bundle import bundle_id, bundled
from service.channels.email.content import MailContent
from service.domain.access import Level
from service.languages import Language
from service.runtime import TEMPLATES
from tests.channels.drafts import draft, notice


@pytest.fixture
def content() -> MailContent:
    return MailContent(
        str(Path(TEMPLATES)),
        "Adquem <deadlines@example.org>",
        "example.org",
        lambda message_id: f"https://example.org/r/{message_id}.mac",
        lambda _: "012345",
    )


def mails(content: MailContent, *codes: str, language: Language = Language.ENGLISH) -> list[bytes]:
    return [
        content.compose(
            draft(
                notice(Level.CODE, case_code=code, subject_id=f"dln_{code}"),
                message_id=f"msg_{code}",
                reader_language=language,
            )
        )
        for code in codes
    ]


def read(content: MailContent, contents: list[bytes]) -> EmailMessage:
    made = bundled(contents, "bundle-1", content.render)
    return message_from_bytes(made, policy=policy.default)  # type: ignore[return-value]


def text(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    words: str = part.get_content()
    return words


def test_each_notice_is_in_it_with_its_own_link(content: MailContent) -> None:
    mail = read(content, mails(content, "A-1", "B-2", "C-3"))
    for kind in ("plain", "html"):
        for code in ("A-1", "B-2", "C-3"):
            assert f"https://example.org/r/msg_{code}.mac" in text(mail, kind)
    assert str(mail["Subject"]).startswith("3 notices: Reminder: A-1, due 9 March 2026")
    assert mail.get_all("X-Notification-Id") == ["msg_A-1", "msg_B-2", "msg_C-3"]
    assert str(mail["References"]).split() == [
        f"<dln_{code}@example.org>" for code in ("A-1", "B-2", "C-3")
    ]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["To"] is None


def test_it_speaks_the_readers_language(content: MailContent) -> None:
    mail = read(content, mails(content, "A-1", "B-2", language=Language.RUSSIAN))
    assert mail["Content-Language"] == "ru"
    assert "notices" not in mail["Subject"]
    assert "So many" not in text(mail)


def test_the_same_mails_give_the_same_bytes_and_the_same_id(content: MailContent) -> None:
    contents = mails(content, "A-1", "B-2")
    assert bundled(contents, "bundle-1", content.render) == bundled(
        contents, "bundle-1", content.render
    )
    assert bundle_id(["msg_2", "msg_1"]) == bundle_id(["msg_1", "msg_2"])
    assert bundle_id(["msg_1"]) != bundle_id(["msg_2"])


def test_one_that_is_urgent_makes_all_of_it_urgent(content: MailContent) -> None:
    calm = mails(content, "A-1")
    hurried = content.compose(
        draft(notice(due_at=notice().released_at), message_id="msg_2", reader_zone="UTC")
    )
    assert read(content, [*calm, hurried])["Importance"] == "high"
    assert read(content, calm)["Importance"] is None
