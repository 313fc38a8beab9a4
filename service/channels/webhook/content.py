"""From a draft to the bytes that are frozen, in the format that the endpoint asked for.

Each format has a file of its own; this one chooses. It sends nothing.
"""

from service.channels.interface import Draft, Form
from service.channels.webhook import caldav, chats, civicrm, cloudevents, free, uwazi
from service.channels.webhook.envelope import Pages, envelope, subject_of
from service.channels.webhook.text import as_json
from service.domain.webhooks import ADAPTERS, CHATS, Detail, Format
from service.errors import Code, Refusal


def check_form(form: Form) -> None:
    """Raises Refusal where nothing could be written that way; for use before an endpoint is saved."""
    if form.format is Format.UWAZI:
        uwazi.check_map(form.template)
    elif form.format is Format.FREE:
        free.check_template(form.template or "")
    elif form.template is not None:
        text = "Only the formats free and uwazi have a template."
        raise Refusal(Code.INVALID_INPUT, text, "template")
    if form.format in ADAPTERS - {Format.CALDAV} and form.detail is Detail.THIN:
        text = "There is nothing to enter without dates: choose the detail dates or full."
        raise Refusal(Code.INVALID_INPUT, text, "detail")
    if form.format is Format.NTFY and not form.topic:
        text = "The URL must end with the topic, as in https://ntfy.example.org/topic."
        raise Refusal(Code.INVALID_URL, text, "url")


def compose(draft: Draft, source: str, respond: str | None, pages: Pages | None = None) -> bytes:
    """`source` is the address of this installation; `respond` the one at which a person answers who
    reads it; `pages` knows the page of a subject. Raises ValueError for an event that the format does not
    carry."""
    respond = respond if _is_answered(draft) else None
    if draft.form.format is Format.CIVICRM:
        return civicrm.compose(draft, source)
    if draft.form.format is Format.UWAZI:
        return uwazi.compose(draft)
    if draft.form.format is Format.CALDAV:
        return caldav.compose(draft)
    if draft.form.format in CHATS:
        return as_json(chats.compose(draft, respond or _page(draft, pages)))
    own = envelope(draft, source, respond, pages)
    if draft.form.format is Format.CLOUDEVENTS:
        return as_json(cloudevents.cloud_event(own))
    if draft.form.format is Format.FREE:
        link = respond or _page(draft, pages) or own["links"].get("self")
        try:
            return free.compose(draft, draft.form.template or "", source, link)
        except Refusal:
            # A template that holds no longer costs nobody the event.
            return as_json(own)
    return as_json(own)


def _is_answered(draft: Draft) -> bool:
    """A machine is never given a link by which it could answer in a person's place."""
    return draft.notice is not None and draft.reader_zone is not None


def _page(draft: Draft, pages: Pages | None) -> str | None:
    subject = subject_of(draft)
    return pages(subject["kind"], subject["id"]) if pages and subject else None
