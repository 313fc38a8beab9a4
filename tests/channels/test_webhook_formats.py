"""Whatever a text holds, each format stays what it is: valid, bounded, with nothing in it but the text."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from service.channels.interface import Draft
from service.channels.webhook.free import PLACES, check_template
from service.channels.webhook.headers import check_header
from service.domain.access import Level
from service.domain.notifications import EventType
from service.domain.webhooks import CHATS, Detail, Format, carries
from service.errors import Code, Refusal
from service.languages import Language
from tests.channels.webhook_samples import HOSTILE, SOURCE, channel, form, hostile, of

BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f]")
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f]")
#: A calendar is told of no event: what stands in it, feeds/ renders.
WRITTEN = [one for one in Format if carries(one, EventType.DATE_CHANGED)]
SPELLED = '{"text": "{title} of {case_code}", "list": ["{basis}", "{reason}"]}'


def body_of(kind: Format, text: str, **given: Any) -> str:
    template = SPELLED if kind is Format.FREE else None
    own = hostile(EventType.DATE_CHANGED, text, form=form(kind, Detail.FULL, template), **given)
    content = channel().compose(own)
    assert len(content) <= 20_000
    return content.decode()


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", WRITTEN)
def test_no_text_can_break_a_format(kind: Format, name: str) -> None:
    harmless = json.loads(body_of(kind, "harmless"))
    parsed = json.loads(body_of(kind, HOSTILE[name]))
    assert parsed.keys() == harmless.keys()
    if kind in (Format.STANDARD, Format.CLOUDEVENTS):
        assert parsed["data"].keys() == harmless["data"].keys()
        return  # a machine gets the text as it is
    for text in texts(parsed):
        assert not CONTROL.search(text)
        assert not BIDI.search(text)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", sorted(CHATS))
def test_no_text_calls_anybody_or_becomes_a_link_in_a_room(kind: Format, name: str) -> None:
    """And a title never gets there, whatever the level."""
    for text in texts(json.loads(body_of(kind, HOSTILE[name]))):
        assert len(text) <= 3000
        assert not re.search(r"@\w", text)
        assert "https://evil.example" not in text


@pytest.mark.parametrize("name", HOSTILE)
def test_mattermost_reads_no_markup_but_the_link_for_the_answer(name: str) -> None:
    parsed = json.loads(body_of(Format.MATTERMOST, HOSTILE[name]))
    [attachment] = parsed["attachments"]
    attachment.pop("fallback")  # is read as it is
    for text in texts(parsed):
        unescaped = re.sub(r"\\.", "", text.replace(f"[Answer]({SOURCE}/r/msg_01.token)", ""))
        assert not re.search(r"[<>`*_~\[\]#|]", unescaped)


@pytest.mark.parametrize("name", HOSTILE)
def test_slack_reads_no_markup_and_fetches_no_page(name: str) -> None:
    parsed = json.loads(body_of(Format.SLACK, HOSTILE[name]))
    assert not re.search("[<>]|&(?!amp;|lt;|gt;)", parsed["text"])
    sections = [block["text"]["type"] for block in parsed["blocks"] if "text" in block]
    assert set(sections) == {"plain_text", "mrkdwn"}
    assert sections.count("mrkdwn") == 1, "the link for the answer"
    assert (parsed["unfurl_links"], parsed["unfurl_media"], parsed["mrkdwn"]) == (False,) * 3


@pytest.mark.parametrize("name", HOSTILE)
def test_a_matrix_room_is_shown_no_markup_but_ours(name: str) -> None:
    tags = Tags()
    tags.feed(json.loads(body_of(Format.MATRIX_HOOKSHOT, HOSTILE[name]))["html"])
    assert set(tags.seen) == {"p", "strong", "ul", "li", "a"}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)


@pytest.mark.parametrize("kind", sorted(CHATS))
@pytest.mark.parametrize("event", [one for one in EventType if carries(Format.SLACK, one)])
def test_a_room_is_told_of_each_event_without_a_title(kind: Format, event: EventType) -> None:
    for detail in Detail:
        body = channel().compose(of(event, Level.FULL, form=form(kind, detail))).decode()
        for word in (
            "Appeal against",
            "Detained at",
            "art. 592",
            "power of attorney",
            "court moved",
        ):
            assert word not in body
        if detail is Detail.THIN:
            assert "K-17" not in body
            assert "2026" not in body
    assert event.value not in body, "it has a headline of its own"


@pytest.mark.parametrize("kind", sorted(CHATS))
def test_a_room_reads_its_own_language_and_an_answer_is_asked_of_a_person_alone(
    kind: Format,
) -> None:
    about = of(EventType.REMINDER_DUE, form=form(kind), reader_language=Language.RUSSIAN)
    body = channel().compose(about).decode()
    assert "Дело" in body
    assert "9 марта 2026" in body.replace("\u00a0", " ")
    assert f"{SOURCE}/r/" not in body
    own = channel().compose(replace(about, reader_zone="Europe/Paris")).decode()
    assert f"{SOURCE}/r/msg_01.token" in own


def test_a_drill_says_so_in_every_format() -> None:
    for kind in WRITTEN:
        about = hostile(EventType.DATE_CHANGED, "harmless", form=form(kind))
        assert about.notice
        drill = replace(about, notice=replace(about.notice, drill=True))
        said = channel().compose(drill).decode()
        marked = '"drill":true' in said or "DRILL" in said
        assert marked or kind is Format.FREE, "whoever writes a template may leave it out"


# --- how much is said


@pytest.mark.parametrize("kind", [Format.STANDARD, Format.CLOUDEVENTS])
def test_a_thin_body_holds_ids_version_and_state(kind: Format) -> None:
    for event in EventType:
        if carries(kind, event):
            about = of(event, Level.FULL, form=form(kind, Detail.THIN))
            data = json.loads(channel().compose(about))["data"]
            allowed = {"deadline_id", "alert_id", "user_id", "endpoint_id", "message_id", "version",
                       "status", "message", "links"}  # fmt: skip
            assert data.keys() <= allowed, event


def test_a_title_needs_both_the_level_and_the_detail() -> None:
    for level in Level:
        for detail in Detail:
            about = of(EventType.REMINDER_DUE, level, form=form(Format.STANDARD, detail))
            body = channel().compose(about).decode()
            both = level >= Level.BASIS and detail is Detail.FULL
            assert ("Appeal against" in body) == both
            assert ("K-17" in body) == (level >= Level.CODE and detail is not Detail.THIN)


@pytest.mark.parametrize(
    ("actor", "told"),
    [
        ("usr_01", {"kind": "user", "id": "usr_01"}),
        ("key_01", {"kind": "api_key", "id": "key_01"}),
        (None, {"kind": "system"}),
        ("system", {"kind": "system"}),
    ],
)
def test_an_event_says_who_caused_it_by_id_alone(actor: str | None, told: dict[str, str]) -> None:
    about: Draft = of(EventType.DEADLINE_COMPLETED, actor=actor)
    assert json.loads(channel().compose(about))["actor"] == told


# --- templates and headers


@pytest.mark.parametrize(
    "template",
    [
        "",
        " \n",
        "{nobody_knows}",
        "{title",
        "title}",
        "{Title}",
        "{title.upper}",
        "{title!r}",
        "{0}",
        '{"text": "{nobody_knows}"}',
        '{"{nobody_knows}": 1} trailing',
        '{"days": {days_left}}',
        '{"a": NaN}',
        "[" * 5000,
        "[" * 60 + "]" * 60,
        "x" * 9000,
    ],
    ids=lambda text: text[:24],
)
def test_a_template_that_could_not_be_filled_in_is_refused(template: str) -> None:
    with pytest.raises(Refusal) as caught:
        check_template(template)
    assert (caught.value.code, caught.value.field) == (Code.INVALID_INPUT, "template")


def test_a_template_is_filled_in_once_and_braces_can_be_written() -> None:
    text = "{{{case_code}}} {{literal}} {title}"
    for template in (text, "{title}", "[{case_code}] due {due_on}", "[URGENT]", "{}", '[{"a": 1}]'):
        check_template(template)
    about = hostile(EventType.DATE_CHANGED, "{event_id}", form=form(Format.FREE, Detail.FULL, text))
    assert channel().compose(about) == b"{{event_id}} {literal} {event_id}"


def test_every_place_can_be_named_and_the_largest_body_is_bounded() -> None:
    text = " ".join(f"{{{place}}}" for place in PLACES)
    check_template(text)
    many = text + " {title}" * 800
    check_template(many)
    about = hostile(
        EventType.DATE_CHANGED, HOSTILE["a megabyte"], form=form(Format.FREE, Detail.FULL, many)
    )
    assert len(channel().compose(about)) <= 20_000


def test_a_template_that_holds_no_longer_costs_nobody_the_event() -> None:
    about = of(EventType.REMINDER_DUE, form=form(Format.FREE, template="{gone}"))
    assert json.loads(channel().compose(about))["id"] == "evt_01"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook-signature", "v1,x"),
        ("Webhook-Id", "x"),
        ("Host", "evil.example"),
        ("CONTENT-LENGTH", "0"),
        ("content-type", "text/html"),
        ("Transfer-Encoding", "chunked"),
        ("x-replayed", "true"),
        ("Proxy-Authorization", "x"),
        ("a b", "x"),
        ("x:y", "x"),
        ("", "x"),
        ("Authorization", ""),
        ("Authorization", "a\r\nX-Injected: 1"),
        ("Authorization", " padded"),
        ("Authorization", "Bearer ключ"),
        ("Authorization", "x" * 5000),
    ],
)
def test_a_header_that_is_ours_or_none_is_refused(name: str, value: str) -> None:
    with pytest.raises(Refusal) as caught:
        check_header(name, value)
    assert (caught.value.code, caught.value.field) == (Code.INVALID_INPUT, "header")
    assert value not in caught.value.detail or not value
    check_header("Authorization", "Bearer a-key")
    check_header("X-Api-Key", "k")


def test_the_page_about_webhooks_names_every_place_and_every_format() -> None:
    page = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text("utf-8")
    assert set(re.findall(r"`\{([a-z_]+)\}`", page)) == set(PLACES)
    assert all(f"`{kind}`" in page for kind in Format)
