"""Messages for rooms: what happened and until when, in the reader's language, dressed for each chat.

Never a name and never a title; no text of a case calls anybody, becomes a link, or is read as markup.
"""

import re
from collections.abc import Callable
from html import escape
from typing import Any

from service.channels.interface import Draft
from service.channels.webhook.sayings import Saying, said
from service.channels.webhook.text import shortened, unlinked
from service.domain.notifications import SubjectKind
from service.domain.webhooks import Format

#: More than a room reads; the strictest of the four takes 4,096 bytes.
MOST_CHARACTERS, _MOST_BYTES = 3000, 3500
_NAME = "Adquem"
_MARKDOWN = re.compile(r"([\\`*_~\[\]<>#|])")


def compose(draft: Draft, link: str | None) -> dict[str, Any]:
    """`link`: where its reader answers, or where there is more to see."""
    return _DRESSED[draft.form.format](draft, said(draft, link))


def _slack(draft: Draft, saying: Saying) -> dict[str, Any]:
    """Blocks of plain text, in which Slack reads no markup at all; `text` is what a notification shows."""
    del draft
    facts = [_slack_text(f"{label}: {value}") for label, value in saying.facts]
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": _slack_text(saying.headline)},
        *([{"type": "section", "fields": facts[:10]}] if facts else []),
        *({"type": "section", "text": _slack_text(note)} for note in saying.notes),
    ]
    if saying.link:
        markup = f"<{_slack_escaped(saying.link)}|{_slack_escaped(saying.link_label)}>"
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": markup}})
    return {
        "text": _slack_escaped(_bounded(unlinked(_lines(saying)))),
        "mrkdwn": False,
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _slack_text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": unlinked(shortened(text, 2000)), "emoji": False}


def _slack_escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mattermost(draft: Draft, saying: Saying) -> dict[str, Any]:
    """A post with an attachment has no link preview. A critical one asks everybody in the room to say that
    they have seen it, which stops nothing here."""
    attachment: dict[str, Any] = {
        "fallback": _bounded(unlinked(_lines(saying))),
        "fields": [
            {"short": True, "title": _marked_down(label), "value": _marked_down(value)}
            for label, value in saying.facts
        ],
    }
    lines = [_marked_down(note) for note in saying.notes]
    if saying.link:
        lines.append(f"[{_marked_down(saying.link_label)}]({saying.link})")
    if lines:
        attachment["text"] = "\n".join(lines)
    post = {
        "text": _marked_down(saying.headline),
        "username": _NAME,
        "attachments": [attachment],
    }
    urgent = {"priority": {"priority": "urgent", "requested_ack": True}}
    return post | (urgent if _is_critical(draft) else {})


def _marked_down(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", unlinked(shortened(text, 1000)))


def _matrix(draft: Draft, saying: Saying) -> dict[str, Any]:
    """`text` always: without it the bridge would put the whole JSON into the room."""
    del draft
    facts = "".join(f"<li>{_html(f'{label}: {value}')}</li>" for label, value in saying.facts)
    html = f"<p><strong>{_html(saying.headline)}</strong></p>"
    html += f"<ul>{facts}</ul>" if facts else ""
    html += "".join(f"<p>{_html(note)}</p>" for note in saying.notes)
    if saying.link:
        html += f'<p><a href="{escape(saying.link)}">{_html(saying.link_label)}</a></p>'
    link = f"\n{saying.link_label}: {saying.link}" if saying.link else ""
    text = shortened(unlinked(_lines(saying)), MOST_CHARACTERS - len(link)) + link
    return {"text": text, "html": html, "username": _NAME}


def _html(text: str) -> str:
    return escape(unlinked(shortened(text, 1000)))


def _ntfy(draft: Draft, saying: Saying) -> dict[str, Any]:
    body = "\n".join([*(f"{label}: {value}" for label, value in saying.facts), *saying.notes])
    while len((body := shortened(body, MOST_CHARACTERS)).encode("utf-8", "replace")) > _MOST_BYTES:
        body = shortened(body, len(body) * 9 // 10)
    message = {
        "topic": draft.form.topic,
        "title": shortened(saying.headline, 200),
        "message": unlinked(body) or saying.headline,
        "priority": 5 if _is_critical(draft) else 4 if saying.overdue else 3,
        "tags": ["rotating_light" if _is_alert(draft) else "calendar"],
    }
    return message | ({"click": saying.link} if saying.link else {})


def _lines(saying: Saying) -> str:
    facts = (f"{label}: {value}" for label, value in saying.facts)
    return "\n".join([saying.headline, *facts, *saying.notes])


def _bounded(text: str) -> str:
    """What is escaped afterwards may grow: five characters for one at most."""
    return shortened(text, MOST_CHARACTERS // 2)


def _is_alert(draft: Draft) -> bool:
    return draft.notice is not None and draft.notice.subject is SubjectKind.ALERT


def _is_critical(draft: Draft) -> bool:
    return draft.notice is not None and (draft.notice.critical or _is_alert(draft))


_DRESSED: dict[Format, Callable[[Draft, Saying], dict[str, Any]]] = {
    Format.SLACK: _slack,
    Format.MATTERMOST: _mattermost,
    Format.MATRIX_HOOKSHOT: _matrix,
    Format.NTFY: _ntfy,
}
