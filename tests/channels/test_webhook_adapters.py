"""What CiviCRM and Uwazi keep of a deadline: one entry, the newest news, whatever gets lost on the way."""

import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest

from service.channels.interface import Form, Parcel
from service.channels.webhook.sender import WebhookChannel
from service.domain.access import Level
from service.domain.notifications import EventType, Notice
from service.domain.retry import Verdict
from service.domain.webhooks import Detail, Format, carries
from service.errors import Code, Refusal
from tests.channels.drafts import DUE, draft, notice, parcel
from tests.harness import civicrm, uwazi
from tests.harness.civicrm import CiviCrm
from tests.harness.receiver import Answer
from tests.harness.uwazi import Uwazi

SOURCE = "https://adquem.example.org"
MAP = (
    f'{{"template": "{uwazi.TEMPLATE}", "due": "due_date", "status": "state", "sequence": "news"}}'
)
LOOPBACK = (ip_network("127.0.0.0/8"),)
#: Reading the authorities takes longer than a test.
TRUST = ssl.create_default_context()
IN_CIVICRM = Form(Format.CIVICRM)
IN_UWAZI = Form(Format.UWAZI, template=MAP)


@pytest.fixture
async def channel() -> AsyncIterator[WebhookChannel]:
    one = WebhookChannel(SOURCE, LOOPBACK, "adquem/1", try_seconds=5, context=TRUST)
    yield one
    await one.close()


@pytest.fixture
def crm() -> Iterator[CiviCrm]:
    with CiviCrm() as one:
        yield one


@pytest.fixture
def archive() -> Iterator[Uwazi]:
    with Uwazi() as one:
        yield one


def told(
    channel: WebhookChannel,
    to: CiviCrm | Uwazi,
    about: Notice | None = None,
    sequence: int = 1,
    **given: Any,
) -> Parcel:
    about = about or notice(Level.CODE, event=EventType.DEADLINE_CREATED)
    crm = isinstance(to, CiviCrm)
    own = draft(about, form=IN_CIVICRM if crm else IN_UWAZI, sequence=sequence, reader_zone=None)
    known = {
        "format": own.form.format,
        "credentials": ("X-Civi-Auth", civicrm.KEY) if crm else (uwazi.NAME, uwazi.PASSWORD),
    }
    return parcel(to.address, channel.compose(own), **known | given)


def moved(days: int, event: EventType = EventType.DATE_CHANGED, **given: Any) -> Notice:
    due_at = DUE + timedelta(days=days)
    return notice(Level.CODE, event=event, due_at=due_at, due_on=due_at.date(), **given)


# --- CiviCRM


async def test_a_new_deadline_becomes_an_activity_and_its_news_change_that_one(
    channel: WebhookChannel, crm: CiviCrm
) -> None:
    made = await channel.send(told(channel, crm))
    assert (made.verdict, made.remote_id) == (Verdict.ACCEPTED, "1")
    assert crm.activities[1] | {"details": ""} == {
        "id": 1,
        "activity_type_id:name": "Legal deadline",
        "status_id:name": "Scheduled",
        "priority_id:name": "Normal",
        "source_contact_id": 2,
        "subject": "Legal deadline K-17",
        "details": "",
        "activity_date_time": "2026-03-09 18:00:00",
        "Adquem.deadline_id": "dln_01",
        "Adquem.sequence": 1,
    }
    news = told(channel, crm, moved(3), 2, remote_id="1")
    assert (await channel.send(news)).remote_id == "1"
    assert crm.activities[1]["activity_date_time"] == "2026-03-12 18:00:00"
    done = told(channel, crm, moved(3, EventType.DEADLINE_COMPLETED), 3, remote_id="1")
    await channel.send(done)
    assert crm.activities[1]["status_id:name"] == "Completed"
    assert len(crm.activities) == 1
    for request in crm.requests:
        assert "webhook-signature" not in request.headers
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"


async def test_an_answer_that_was_lost_makes_no_second_activity(
    channel: WebhookChannel, crm: CiviCrm
) -> None:
    crm.lost = 1
    first = await channel.send(told(channel, crm))
    assert (first.verdict, first.code) == (Verdict.UNKNOWN, "no_reply")
    again = await channel.send(told(channel, crm, attempt=2, maybe_repeated=True))
    assert (again.verdict, again.remote_id) == (Verdict.ACCEPTED, "1")
    assert len(crm.activities) == 1


async def test_older_news_never_undoes_newer_in_civicrm(
    channel: WebhookChannel, crm: CiviCrm
) -> None:
    await channel.send(told(channel, crm, moved(3, EventType.DEADLINE_COMPLETED), 9))
    late = await channel.send(told(channel, crm, moved(0), 4))
    assert (late.verdict, late.remote_id) == (Verdict.ACCEPTED, "1")
    assert crm.activities[1]["status_id:name"] == "Completed"
    assert crm.actions == ["get", "save", "get"]


async def test_an_error_of_civicrm_inside_a_200_is_an_error(channel: WebhookChannel) -> None:
    with CiviCrm(without_fields=True) as crm:
        outcome = await channel.send(told(channel, crm))
    assert (outcome.verdict, outcome.code) == (Verdict.TEMPORARY, "error_in_200")
    assert "Invalid field 'Adquem.deadline_id'" in outcome.detail


@pytest.mark.parametrize(
    ("answer", "verdict", "code"),
    [
        (Answer(200, body=b"<!DOCTYPE html><title>Log in</title>"), Verdict.TEMPORARY, "not_json"),
        (Answer(200, body=b'{"is_error": 1}'), Verdict.TEMPORARY, "error_in_200"),
        (Answer(200, body=b'{"values": 3}'), Verdict.TEMPORARY, "not_json"),
        (Answer(200, body=b'{"values": [' + b"1," * 50_000), Verdict.UNKNOWN, "too_slow"),
        (Answer(503, {"retry-after": "60"}), Verdict.TEMPORARY, "503"),
        (Answer(302, {"location": "https://crm.example.org/user"}), Verdict.TEMPORARY, "302"),
    ],
    ids=["a page", "is_error", "no values", "no end", "maintenance", "redirect"],
)
async def test_whatever_else_civicrm_answers_is_no_success(
    channel: WebhookChannel, crm: CiviCrm, answer: Answer, verdict: Verdict, code: str
) -> None:
    crm.answers.append(answer)
    outcome = await channel.send(told(channel, crm))
    assert (outcome.verdict, outcome.code) == (verdict, code)
    assert crm.activities == {}


# --- Uwazi


async def test_a_new_deadline_becomes_an_entity_and_what_others_wrote_there_stays(
    channel: WebhookChannel, archive: Uwazi
) -> None:
    made = await channel.send(told(channel, archive))
    assert made.verdict is Verdict.ACCEPTED
    [shared_id] = archive.entities
    assert made.remote_id == shared_id
    entity = archive.entities[shared_id]
    assert entity["title"] == "Legal deadline K-17 (dln_01)"
    assert entity["metadata"] == {
        "due_date": [{"value": 1773014400}],
        "state": [{"value": "provisional"}],
        "news": [{"value": 1}],
    }
    entity["metadata"]["lawyer"] = [{"value": "the second one"}]
    entity["documents"] = [{"filename": "decision.pdf"}]
    outcome = await channel.send(told(channel, archive, moved(3), 2, remote_id=shared_id))
    assert (outcome.verdict, outcome.remote_id) == (Verdict.ACCEPTED, shared_id)
    entity = archive.entities[shared_id]
    assert entity["metadata"]["due_date"] == [{"value": 1773273600}]
    assert entity["metadata"]["lawyer"] == [{"value": "the second one"}]
    assert entity["documents"] == [{"filename": "decision.pdf"}]
    assert archive.calls.count("POST /api/login") == 1, "a session is used as long as it lasts"


async def test_a_session_that_has_ended_is_opened_anew(
    channel: WebhookChannel, archive: Uwazi
) -> None:
    await channel.send(told(channel, archive))
    archive.forget_sessions()
    outcome = await channel.send(told(channel, archive, moved(1), 2))
    assert outcome.verdict is Verdict.ACCEPTED
    assert archive.calls.count("POST /api/login") == 2
    assert len(archive.entities) == 1
    archive.forget_sessions()
    ping = replace(draft(form=IN_UWAZI), notice=None, event=EventType.ENDPOINT_TEST)
    outcome = await channel.send(replace(told(channel, archive), content=channel.compose(ping)))
    assert outcome.verdict is Verdict.ACCEPTED
    assert archive.calls.count("POST /api/login") == 3


async def test_an_answer_that_was_lost_makes_no_second_entity(
    channel: WebhookChannel, archive: Uwazi
) -> None:
    archive.lost = 1
    assert (await channel.send(told(channel, archive))).verdict is Verdict.UNKNOWN
    again = await channel.send(told(channel, archive, attempt=2, maybe_repeated=True))
    assert (again.verdict, [again.remote_id]) == (Verdict.ACCEPTED, list(archive.entities))


async def test_older_news_never_undoes_newer_in_uwazi(
    channel: WebhookChannel, archive: Uwazi
) -> None:
    await channel.send(told(channel, archive, moved(3, EventType.DEADLINE_WAIVED), 9))
    assert (await channel.send(told(channel, archive, moved(0), 4))).verdict is Verdict.ACCEPTED
    [entity] = archive.entities.values()
    assert entity["metadata"]["state"] == [{"value": "waived"}]


async def test_an_entity_that_somebody_has_deleted_is_made_again(
    channel: WebhookChannel, archive: Uwazi
) -> None:
    outcome = await channel.send(told(channel, archive, remote_id="gone"))
    assert [outcome.remote_id] == list(archive.entities)


async def test_a_wrong_password_is_tried_once_and_said(
    channel: WebhookChannel, archive: Uwazi
) -> None:
    wrong = told(channel, archive, credentials=(uwazi.NAME, "wrong"))
    outcome = await channel.send(wrong)
    assert (outcome.verdict, outcome.code) == (Verdict.TEMPORARY, "401")
    assert "name or the password" in outcome.detail
    assert archive.calls == ["POST /api/login"]


async def test_a_template_that_does_not_exist_is_shown_in_the_words_of_uwazi(
    channel: WebhookChannel, archive: Uwazi
) -> None:
    good = told(channel, archive)
    content = good.content.replace(uwazi.TEMPLATE.encode(), b"0" * 24)
    outcome = await channel.send(replace(good, content=content))
    assert (outcome.verdict, outcome.code) == (Verdict.TEMPORARY, "422")
    assert "template does not exist" in outcome.detail


# --- both


async def test_a_test_proves_the_way_and_enters_nothing(
    channel: WebhookChannel, crm: CiviCrm, archive: Uwazi
) -> None:
    for to, form in ((crm, IN_CIVICRM), (archive, IN_UWAZI)):
        ping = replace(draft(form=form), notice=None, event=EventType.ENDPOINT_TEST)
        sent = replace(told(channel, to), content=channel.compose(ping))
        assert (await channel.send(sent)).verdict is Verdict.ACCEPTED
    assert crm.activities == {}
    assert archive.entities == {}


@pytest.mark.parametrize("form", [IN_CIVICRM, IN_UWAZI], ids=lambda form: form.format)
def test_only_what_changes_an_entry_is_carried(channel: WebhookChannel, form: Form) -> None:
    kept = {event for event in EventType if carries(form.format, event)}
    assert EventType.DATE_CHANGED in kept
    assert not kept & {EventType.REMINDER_DUE, EventType.ALERT_RAISED, EventType.DIGEST}
    for event in kept - {EventType.ENDPOINT_TEST}:
        assert channel.compose(draft(notice(event=event), form=form))
    unreachable = replace(draft(form=form), notice=None, event=EventType.RECIPIENT_UNREACHABLE)
    with pytest.raises(ValueError, match="is not told of"):
        channel.compose(unreachable)


@pytest.mark.parametrize(
    ("form", "field"),
    [
        (Form(Format.CIVICRM, Detail.THIN), "detail"),
        (Form(Format.UWAZI, template=None), "template"),
        (Form(Format.UWAZI, template="{}"), "template"),
        (Form(Format.UWAZI, template='{"template": "x", "due": "due_date"}'), "template"),
        (Form(Format.UWAZI, template=MAP.replace("state", "__proto__.x")), "template"),
        (Form(Format.UWAZI, template=MAP.replace('"due"', '"until"')), "template"),
        (Form(Format.STANDARD, template="{}"), "template"),
        (Form(Format.NTFY), "url"),
    ],
    ids=str,
)
def test_a_form_in_which_nothing_could_be_written_is_refused(
    channel: WebhookChannel, form: Form, field: str
) -> None:
    with pytest.raises(Refusal) as caught:
        channel.check_form(form)
    assert caught.value.field == field
    assert caught.value.code in (Code.INVALID_INPUT, Code.INVALID_URL)
    channel.check_form(IN_UWAZI, (uwazi.NAME, uwazi.PASSWORD))
