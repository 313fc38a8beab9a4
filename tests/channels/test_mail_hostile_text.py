"""Words that were made to do harm: in any field of any mail they come out as words, or not at all."""

from dataclasses import replace
from typing import Any

import pytest

from service.channels.email.bundle import bundled
from service.channels.email.disclosure import in_clear
from service.channels.email.outbox import Outbox
from service.channels.email.sender import EmailChannel
from service.channels.interface import Draft
from service.domain.access import Level
from service.domain.digest import Section
from service.domain.notifications import EventType
from service.domain.retry import Verdict
from tests.channels.drafts import draft, notice, parcel
from tests.channels.test_mail_content import CONTENT, FORGERIES, parsed, part, well_formed
from tests.channels.test_mails_in_languages import ALERT, overview

OVERRIDE, ISOLATE = "\u202e", "\u2067"
HOSTILE = {
    "forged": FORGERIES[0] + FORGERIES[4] + FORGERIES[5],
    "turned": f"Appeal {OVERRIDE}lareppa {ISOLATE}won eud",
    "halved": "Appeal \ud83d against \udc00",
    "bells": "Appeal\x00\x07\x1b[31m\x9b red",
    "long": "<b>{{ 7*191 }}\u202e</b>" * 60_000,
}
TURNING = [*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))]
FIELDS = ("title", "forum", "basis", "notes", "case_code", "because")


def checked(raw: bytes) -> str:
    """All that is seen of the mail."""
    mail = parsed(raw)
    well_formed(raw)
    assert [one.defects for one in mail.walk()] == [[], [], []]
    assert mail.get_all("Bcc", []) == []
    assert len(mail.get_all("Subject", [])) == 1
    html, text = part(mail, "html"), part(mail, "plain")
    seen = str(mail["Subject"]) + text + html
    assert not any(char in seen for char in [*TURNING, "\x00", "\x07", "\x1b", "\x9b"])
    assert "1337" not in seen
    for markup in ("<script", "<img", "<b>"):
        assert markup not in html
    assert len(raw) < 1_000_000
    return seen


def everywhere(text: str) -> list[Draft]:
    """In each kind of mail, in every field that comes from people."""
    given: dict[str, Any] = dict.fromkeys(FIELDS, text)
    notices = [
        notice(**given),
        notice(**given, event=EventType.DATE_CHANGED),
        notice(**given, event=EventType.DEADLINE_CANCELLED),
        notice(**ALERT | given, event=EventType.STEP_FIRED),
    ]
    return [*map(draft, notices), listing(text)]


def listing(text: str) -> Draft:
    one = overview(EventType.DIGEST, Section.OVERDUE, Section.DECISIONS)
    assert one.overview is not None
    sections = tuple(
        (section, tuple(replace(line, title=text, case_code=text, because=text) for line in lines))
        for section, lines in one.overview.sections
    )
    return replace(one, overview=replace(one.overview, sections=sections))


@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "long"])
def test_hostile_words_come_out_neutral_in_every_kind_of_mail(name: str) -> None:
    contents = [CONTENT.compose(one) for one in everywhere(HOSTILE[name])]
    for raw in contents:
        assert "Appeal" in checked(raw) or name == "forged"
    checked(bundled(contents, "bundle-01", CONTENT.render))


def test_a_megabyte_in_a_title_leaves_a_mail_that_can_be_read() -> None:
    assert len(HOSTILE["long"]) > 1_000_000
    checked(CONTENT.compose(draft(notice(title=HOSTILE["long"]))))


def test_words_that_are_read_from_right_to_left_stay_as_they_are() -> None:
    arabic = "استئناف ضد التسليم (K-17) עברית"
    assert arabic in checked(CONTENT.compose(draft(notice(title=arabic))))


def test_what_is_said_in_place_of_a_withheld_mail_holds_nothing_of_it() -> None:
    contents = [CONTENT.compose(one) for one in everywhere(HOSTILE["turned"])]
    seen = checked(in_clear(contents, "bundle-01", CONTENT.render))
    assert "Appeal" not in seen
    bare = CONTENT.compose(draft(notice(Level.BARE, title=HOSTILE["turned"])))
    assert "9 March 2026" in checked(in_clear([bare], "msg_01", CONTENT.render))


@pytest.mark.parametrize("address", ["a@example.org\r\nBcc: b@example.org", "a@example.org\x00"])
async def test_no_address_begins_another_header(tmp_path: Any, address: str) -> None:
    channel = EmailChannel(CONTENT, Outbox(tmp_path))
    outcome = await channel.send(parcel(address, CONTENT.compose(draft())))
    assert outcome.verdict is Verdict.PERMANENT
    assert list(tmp_path.iterdir()) == []
