"""Every format as it leaves, byte by byte.

Where a body is meant to change: `REWRITE_GOLDEN=1 python -m pytest tests/channels/test_webhook_golden.py`,
then read the difference as a receiver would.
"""

import os
from pathlib import Path

import pytest

from service.channels.interface import Draft
from service.domain.access import Level
from service.domain.notifications import EventType
from service.domain.webhooks import CHATS, Detail, Format
from tests.channels.webhook_samples import ENTRY, TEMPLATES, channel, form, of

FOLDER = Path(__file__).parent / "golden" / "webhooks"
OWN = {"reader_zone": "Europe/Paris", "step": 2}


def samples() -> dict[str, Draft]:
    """By the name of the file that holds what is made of each."""
    standard, cloud, free = Format.STANDARD, Format.CLOUDEVENTS, Format.FREE
    made = {
        "standard-reminder.due-thin": of(EventType.REMINDER_DUE, form=form(standard, Detail.THIN)),
        "standard-reminder.due": of(EventType.REMINDER_DUE, Level.CODE, **OWN),
        "standard-reminder.due-bare": of(EventType.REMINDER_DUE, Level.BARE),
        "standard-alert.resolved": of(EventType.ALERT_RESOLVED),
        "cloudevents-reminder.due": of(EventType.REMINDER_DUE, form=form(cloud), **OWN),
        "cloudevents-endpoint.test": of(EventType.ENDPOINT_TEST, form=form(cloud)),
        "free-reminder.due": of(EventType.REMINDER_DUE, form=form(free)),
        "free-endpoint.test": of(EventType.ENDPOINT_TEST, form=form(free)),
        "free-deadline.date_changed": of(
            EventType.DATE_CHANGED, form=form(free, template=TEMPLATES["text"])
        ),
    }
    for event in (EventType.DATE_CHANGED, EventType.DEADLINE_COMPLETED, EventType.ALERT_RAISED):
        made[f"standard-{event}-full"] = of(event, form=form(standard, Detail.FULL))
    for event in (
        EventType.RECIPIENT_UNREACHABLE,
        EventType.ENDPOINT_TEST,
        EventType.ENDPOINT_FAILING,
        EventType.NOTIFICATION_BOUNCED,
    ):
        made[f"standard-{event}"] = of(event)
    for kind in CHATS:
        for event in (EventType.DATE_CHANGED, EventType.ALERT_RAISED, EventType.ENDPOINT_FAILING):
            made[f"{kind}-{event}"] = of(event, Level.CODE, form=form(kind))
        made[f"{kind}-reminder.due"] = of(
            EventType.REMINDER_DUE, Level.CODE, form=form(kind), **OWN
        )
        made[f"{kind}-reminder.due-thin"] = of(EventType.REMINDER_DUE, form=form(kind, Detail.THIN))
    for kind in (Format.CIVICRM, Format.UWAZI):
        made[f"{kind}-deadline.created"] = of(
            EventType.DEADLINE_CREATED, form=form(kind, Detail.FULL)
        )
        made[f"{kind}-deadline.completed"] = of(
            EventType.DEADLINE_COMPLETED, Level.CODE, form=form(kind)
        )
    for event in (EventType.ENTRY_WRITTEN, EventType.ENTRY_WITHDRAWN, EventType.ENDPOINT_TEST):
        made[f"caldav-{event}"] = of(event, form=form(Format.CALDAV), calendar=ENTRY)
    return made


def file_of(name: str, body: bytes) -> Path:
    return FOLDER / f"{name}.{'json' if body[:1] in (b'{', b'[') else 'txt'}"


@pytest.mark.parametrize("name", sorted(samples()))
def test_each_format_is_written_as_it_was_agreed(name: str) -> None:
    body = channel().compose(samples()[name])
    file = file_of(name, body)
    if os.environ.get("REWRITE_GOLDEN"):
        file.write_bytes(body)
    assert body == file.read_bytes()


def test_there_is_no_file_that_nothing_is_compared_with() -> None:
    wanted = {file_of(name, channel().compose(one)) for name, one in samples().items()}
    assert set(FOLDER.iterdir()) == wanted


def test_every_format_has_its_files() -> None:
    assert {name.partition("-")[0] for name in samples()} == set(Format)
