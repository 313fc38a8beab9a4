"""A mail of every kind is complete in every language, and in none but the reader's."""

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from service.channels.email.bundle import bundled
from service.channels.email.content import MailContent
from service.channels.email.disclosure import in_clear
from service.channels.interface import Draft
from service.domain.access import Level
from service.domain.coverage import GapCode
from service.domain.deadlines import DeadlineKind
from service.domain.digest import How, Line, Overview, Section
from service.domain.endpoints import News, Report
from service.domain.escalation import Role
from service.domain.feeds import Family, FeedNews, FeedReport
from service.domain.inbound import SourceReport
from service.domain.notifications import EventType, OtherDate, SubjectKind
from service.languages import Language
from service.runtime import TEMPLATES
from tests.channels.drafts import DUE, NOW, draft, notice
from tests.channels.test_languages import CLOSED_LISTS, TRANSLATED

CONTENT = MailContent(
    str(TEMPLATES),
    "Сроки <deadlines@example.org>",
    "example.org",
    lambda message_id: f"https://deadlines.example.org/r/{message_id}.mac",
    lambda _: "012345",
)
PREVIOUS = OtherDate(DUE.date() - timedelta(days=3), DUE - timedelta(days=3))
#: Everything that a mail can say, so that everything is seen in each language.
FULL: dict[str, Any] = {
    "standing": "unverified",
    "basis": "KZ-592 (unverified: confirm before relying)",
    "title": "TITLE",
    "forum": "kz.criminal",
    "notes": "NOTES",
    "act_by_on": date(2026, 3, 6),
    "planned_at": NOW - timedelta(hours=2),
    "critical": True,
    "others_told": tuple(Role),
    "next_roles": tuple(Role),
}
OVERDUE = {"released_at": DUE + timedelta(hours=3), "planned_at": DUE}
STOPPED = {"tolled_since": date(2026, 3, 1), "previous": PREVIOUS, "because": "BECAUSE"}
ALERT = {"subject": SubjectKind.ALERT, "kind": None, "basis": None, "provisional": False} | OVERDUE
LINE = Line(
    case_id="cas_01",
    case_code="K-17",
    kind=DeadlineKind.FILING,
    title="TITLE",
    due_at=DUE,
    timezone="Asia/Almaty",
    instead_of=tuple(Role),
    who=tuple(Role),
    at=NOW,
    because="BECAUSE",
    other_on=date(2026, 3, 6),
)
#: What the lines of a section may be about, where that changes their words.
WHATS: dict[Section, list[str]] = {
    Section.DECISIONS: [*CLOSED_LISTS["verb"], "review"],
    Section.UNREACHABLE: ["disabled", "undeliverable", "mails_lost", "unverified", "complained"],
    Section.GAPS: [code.value for code in GapCode],
    Section.TICKED_OFF: list(How),
}


def about(**given: Any) -> Draft:
    """A draft about one deadline, or one alert."""
    return draft(notice(**FULL | given))


def overview(event: EventType, *sections: Section) -> Draft:
    """A draft about every kind of line that these sections may have."""
    lines = []
    for section in sections:
        whats: list[str | None] = [*WHATS.get(section, [])] or [None]
        found = [replace(LINE, what=one, days_left=1) for one in whats]
        found += [replace(found[0], days_left=days) for days in (-1, 0, 5)]
        found.append(replace(found[0], who=(), case_code=None, other_on=None))
        lines.append((section, tuple(found)))
    given = Overview(event, "usr_01", NOW.date(), "Europe/Paris", NOW - timedelta(days=1), NOW)
    return draft(notice=None, event=event, overview=replace(given, sections=tuple(lines)))


#: Folder of templates/email to what its mails may be about.
SAMPLES: dict[str, list[Draft]] = {
    "reminder": [about(), about(**OVERDUE)],
    "escalation": [about(event=EventType.STEP_FIRED, **more) for more in ({}, OVERDUE)],
    "exhausted": [about(event=EventType.ESCALATION_EXHAUSTED, **more) for more in ({}, OVERDUE)],
    "changed": [
        about(event=EventType.DATE_CHANGED, previous=PREVIOUS, because="BECAUSE"),
        about(event=EventType.DATE_CHANGED, **STOPPED),
    ],
    "cancelled": [about(event=EventType.DEADLINE_CANCELLED, because="BECAUSE")],
    "second": [
        about(event=EventType.SECOND_PERSON_WANTED, proposed_verb=verb)
        for verb in CLOSED_LISTS["verb"]
    ],
    "alert": [
        about(event=event, drill=drill, **ALERT)
        for event in (EventType.STEP_FIRED, EventType.ESCALATION_EXHAUSTED)
        for drill in (False, True)
    ],
    "digest": [
        overview(EventType.DIGEST, *Section),
        overview(EventType.DIGEST, Section.UNVERIFIED),
    ],
    "exit_check": [overview(EventType.EXIT_CHECK, Section.TICKED_OFF, Section.OPEN)],
    "gaps": [overview(EventType.GAPS_AHEAD, Section.GAPS)],
    "verify": [draft(notice=None, event=EventType.ADDRESS_VERIFICATION)],
    "endpoint": [
        draft(
            notice=None,
            event=EventType.ENDPOINT_TROUBLE,
            report=Report("end_1", "K-17", news, "503", NOW, 3),
        )
        for news in News
    ],
    "feed": [
        draft(
            notice=None,
            event=EventType.FEED_NEWS,
            report=FeedReport("fed_1", "K-17", news, Family.GOOGLE, NOW),
        )
        for news in FeedNews
    ],
    "source": [
        draft(
            notice=None,
            event=EventType.INBOUND_TROUBLE,
            report=SourceReport("inb_1", "K-17", NOW, "missing_field", "case"),
        )
    ],
    "verify_key": [draft(notice=None, event=EventType.KEY_VERIFICATION)],
}
#: What stays as it is in every language: data, names of zones, the address to answer at.
DATA = (
    "end_1", "fed_1", "Google Calendar", "missing_field (case)",
    "/api/v1/inbound-sources/inb_1/receipts?state=refused", "inb_1",
    "K-17", "KZ-592", "TITLE", "kz.criminal", "NOTES", "BECAUSE", "Asia/Almaty", "Europe/Paris",
    "https://deadlines.example.org/r/msg_01.mac", "/v/msg_01", "OpenPGP",
)  # fmt: skip


def drafts() -> Iterator[Draft]:
    for samples in SAMPLES.values():
        yield from samples


def mailed(one: Draft, language: Language) -> tuple[EmailMessage, str, str]:
    """The mail, its text and its HTML without tags."""
    return opened(CONTENT.compose(replace(one, reader_language=language)), language)


def opened(raw: bytes, language: Language) -> tuple[EmailMessage, str, str]:
    assert raw.isascii()
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert [part.defects for part in message.walk()] == [[], [], []]
    assert message["Content-Language"] == language
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert f'<html lang="{language}">' in html.get_content()
    seen = re.sub(r"<[^>]*>", " ", html.get_content())
    return message, plain.get_content().replace("\r\n", "\n"), seen


def latin(text: str) -> list[str]:
    """Words in Latin letters that are not data."""
    for one in DATA:
        text = text.replace(one, "")
    return re.findall(r"[A-Za-z]{2,}", text)


def test_every_kind_of_mail_is_tried_here() -> None:
    kinds = {path.parent.name for path in TEMPLATES.glob("email/*/subject.txt")}
    assert {*SAMPLES, "bundle", "withheld"} == kinds


@pytest.mark.parametrize("language", TRANSLATED)
def test_several_mails_made_into_one_stay_in_the_readers_language(language: Language) -> None:
    parts = [replace(sample[0], reader_language=language) for sample in SAMPLES.values()]
    together = bundled([CONTENT.compose(one) for one in parts], "bundle-01", CONTENT.render)
    message, plain, html = opened(together, language)
    assert latin(str(message["Subject"])) == latin(plain) == latin(html) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_is_withheld_is_so_in_the_readers_language(language: Language) -> None:
    bare = draft(notice(Level.BARE), reader_language=language)
    contents = [CONTENT.compose(replace(one, reader_language=language)) for one in (bare, about())]
    raw = in_clear(contents, "bundle-01", CONTENT.render)
    message, plain, html = opened(raw, language)
    assert latin(str(message["Subject"])) == latin(plain) == latin(html) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_mail_says_nothing_in_english_to_who_reads_another_language(language: Language) -> None:
    for one in drafts():
        message, plain, html = mailed(one, language)
        for said in (str(message["Subject"]), plain, html):
            assert latin(said) == [], one.event
            assert re.search(r"[а-яёәғқңөұүһі]", said)


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_mail_is_as_complete_in_every_language_as_in_english(language: Language) -> None:
    for sample in drafts():
        _, in_english, _ = mailed(sample, Language.ENGLISH)
        _, plain, html = mailed(sample, language)
        pairs = list(zip(in_english.splitlines(), plain.splitlines(), strict=True))
        assert [ours for ours, theirs in pairs if ours == theirs and latin(ours)] == []
        for one in DATA:
            assert (one in plain) == (one in html) == (one in in_english), one


def test_a_mail_without_a_language_is_in_english() -> None:
    _, plain, _ = mailed(draft(), Language.ENGLISH)
    assert plain.startswith("A legal deadline is coming up.\n")
    assert CONTENT.compose(draft()) == CONTENT.compose(draft(reader_language=Language.ENGLISH))


@pytest.mark.parametrize("language", list(Language))
def test_the_columns_of_a_text_part_stand_under_each_other(language: Language) -> None:
    _, plain, _ = mailed(draft(notice(**FULL)), language)
    block = max(plain.split("\n\n"), key=len).splitlines()
    starts = {
        re.match(r"(?:\S[^:]*:)?\s+", line).end()  # type: ignore[union-attr]  # each line has one
        for line in block
    }
    assert len(block) > 10
    assert len(starts) == 1
