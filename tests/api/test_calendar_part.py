"""The date in a mail as a file for the calendar: for whoever wishes it, the same event as in their feed."""

import email
import email.policy
import warnings
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from itertools import pairwise
from typing import Any

import pytest
from icalendar import Calendar

from tests.api.installation import Installation, Team, change, create, read
from tests.api.test_answers import DAY, MARK, answer, laddered, tick
from tests.feeds.subscription import Subscription, subscribe

with warnings.catch_warnings():
    # It warns of itself when imported.
    warnings.simplefilter("ignore")
    import vobject

#: What a calendar goes by when it takes an event for the same, or for a newer one.
KNOWN_BY = ("uid", "sequence", "dtstamp", "last-modified")
TITLE = "Appeal"


async def wishing(team: Team, mail_level: int = 1, role: str = "owner") -> None:
    await change(team.admin, f"/cases/{team.case}", {"mail_level": mail_level, "ceiling": 2})
    user = await change(team.admin, f"/users/{team.people[role]}", {"calendar_part": True})
    assert user["calendar_part"] is True


async def mails(
    installation: Installation, team: Team, deadline: dict[str, Any], role: str = "owner"
) -> list[EmailMessage]:
    """What has left to that person about the deadline, in order."""
    items = (await read(team.admin, f"/deadlines/{deadline['id']}/messages", limit=200))["items"]
    own = [one["id"] for one in items if one["user_id"] == team.people[role]]
    folder = installation.runtime.settings.home / "outbox"
    files = [file for one in sorted(own) if (file := folder / f"{one}.eml").exists()]
    return [
        email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files
    ]


def part_of(mail: EmailMessage) -> bytes:
    [part] = mail.iter_attachments()
    assert part.get_filename() == "deadline.ics"
    assert part.get_content_type() == "text/calendar"
    assert dict(part["Content-Type"].params) == {"method": "PUBLISH", "charset": "utf-8"}
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def event_of(mail: EmailMessage) -> Any:
    calendar: Any = Calendar.from_ical(part_of(mail))
    assert str(calendar["method"]) == "PUBLISH"
    [event] = calendar.walk("VEVENT")
    assert not event.walk("VALARM")
    assert not {"organizer", "attendee"} & {name.lower() for name in event}
    return event


def known_by(event: Any) -> dict[str, bytes]:
    return {name: event[name].to_ical() for name in KNOWN_BY}


async def told(installation: Installation, team: Team, deadline: dict[str, Any], verb: str) -> Any:
    """What the owner is mailed when the date has moved, or there is none any more."""
    how = {"override": {"due_on": "2026-07-10"}, "cancel": {}}[verb]
    now = installation.clock.advance(timedelta(minutes=1))
    await answer(team, deadline, verb, "owner", reason="adjourned", **how)
    await tick(installation, now)
    return (await mails(installation, team, deadline))[-1]


async def same(mail: EmailMessage, feed: Subscription) -> Any:
    event = event_of(mail)
    assert event == await feed.event()
    return event


async def test_nobody_gets_one_who_has_not_asked_for_it(
    installation: Installation, team: Team
) -> None:
    await subscribe(installation, team, "owner", 1)
    assert (await read(team.admin, f"/users/{team.people['owner']}"))["calendar_part"] is False
    deadline = await laddered(team)
    await tick(installation, MARK)
    [mail] = await mails(installation, team, deadline)
    assert mail.get_content_type() == "multipart/alternative"
    body = {"name": "N", "email": "new@example.org", "timezone": "UTC", "calendar_part": True}
    assert (await create(team.admin, "/users", body))["calendar_part"] is True


async def test_it_is_the_event_of_the_readers_feed_from_the_first_mail_to_the_last(
    installation: Installation, team: Team
) -> None:
    await wishing(team)
    feed = await subscribe(installation, team, "owner", 1)
    installation.clock.advance(DAY)
    await subscribe(installation, team, "owner", 1)
    deadline = await laddered(team)
    await tick(installation, MARK)
    [reminder] = await mails(installation, team, deadline)
    first = await same(reminder, feed)
    second = await same(await told(installation, team, deadline, "override"), feed)
    third = await same(await told(installation, team, deadline, "cancel"), feed)
    events = [first, second, third]
    assert len({str(one["uid"]) for one in events}) == 1
    for earlier, later in pairwise(events):
        assert int(earlier["sequence"]) < int(later["sequence"])
        assert earlier["last-modified"].dt < later["last-modified"].dt
    assert [str(one["status"]) for one in events] == ["TENTATIVE", "TENTATIVE", "CANCELLED"]
    assert [f"{one['dtstart'].dt:%d.%m}" for one in events] == ["10.06", "10.07", "10.07"]


async def test_every_mail_that_climbs_the_ladder_carries_it_to_whoever_wishes_it(
    installation: Installation, team: Team
) -> None:
    await wishing(team, role="deputy")
    deadline = await laddered(team)
    for days in range(3):
        await tick(installation, MARK + days * DAY)
    deputys = await mails(installation, team, deadline, "deputy")
    assert deputys
    assert len({str(event_of(mail)["uid"]) for mail in deputys}) == 1
    for role in ("owner", "supervisor"):
        for mail in await mails(installation, team, deadline, role):
            assert not list(mail.iter_attachments())


async def test_without_a_feed_it_has_a_uid_of_its_own_that_stays_and_counts_up(
    installation: Installation, team: Team
) -> None:
    await wishing(team)
    revoked = await subscribe(installation, team, "owner", 1)
    assert (await team.admin.post(f"/feeds/{revoked.id}/revoke")).is_success
    deadline = await laddered(team)
    await tick(installation, MARK)
    for verb in ("override", "cancel"):
        await told(installation, team, deadline, verb)
    events = [event_of(mail) for mail in await mails(installation, team, deadline)]
    assert len(events) == 3
    assert len({str(one["uid"]) for one in events}) == 1
    sequences = [int(one["sequence"]) for one in events]
    assert sequences == sorted(set(sequences))
    assert str(events[-1]["status"]) == "CANCELLED"


async def test_a_feed_that_shows_more_than_the_mail_is_not_named_in_it(
    installation: Installation, team: Team
) -> None:
    await wishing(team, mail_level=1)
    open_feed = await subscribe(installation, team, "owner", 2)
    deadline = await laddered(team)
    await tick(installation, MARK)
    [mail] = await mails(installation, team, deadline)
    assert known_by(event_of(mail))["uid"] != known_by(await open_feed.event())["uid"]


@pytest.mark.parametrize(
    ("level", "says"),
    [(0, "Deadline"), (1, "Deadline"), (2, f"[K-17] {TITLE}")],
)
async def test_it_is_the_event_of_the_feed_and_says_no_more_than_the_mail(
    installation: Installation, team: Team, level: int, says: str
) -> None:
    await wishing(team, mail_level=level)
    feeds = []
    for most in (2, 0):
        feeds.append(await subscribe(installation, team, "owner", most))
        installation.clock.advance(DAY)
    deadline = await laddered(team)
    await tick(installation, MARK)
    [mail] = await mails(installation, team, deadline)
    event = event_of(mail)
    assert str(event["summary"]) == says
    assert (TITLE.encode() in part_of(mail)) == (level == 2)
    assert (b"K-17" in part_of(mail)) == (level == 2)
    # The oldest that shows no more than the mail.
    assert known_by(event) == known_by(await feeds[level < 2].event())


async def test_strict_and_lenient_readers_find_the_hour_of_a_hearing_where_it_is(
    installation: Installation, team: Team
) -> None:
    await wishing(team)
    policy = {"name": "p", "steps": [{"targets": ["owner"], "before_due": "P7D"}]}
    ladder = await create(team.admin, "/escalation-policies", policy)
    at = "2026-06-10T10:00:00+05:00"
    deadline = await team.deadline(
        due_at=at, kind="hearing", escalation_policy_id=ladder["id"], timezone="Asia/Almaty"
    )
    await tick(installation, datetime(2026, 6, 3, 5, tzinfo=UTC))
    [mail] = await mails(installation, team, deadline)
    content = part_of(mail)
    lenient = vobject.readOne(content.decode())
    assert lenient.vevent.uid.value == str(event_of(mail)["uid"])
    for begins in (lenient.vevent.dtstart.value, event_of(mail)["dtstart"].dt):
        assert begins == datetime.fromisoformat(at)
    assert b"BEGIN:VTIMEZONE\r\nTZID:Asia/Almaty" in content
    assert "text/html" in [part.get_content_type() for part in mail.walk()]


async def test_a_drill_and_what_else_is_written_about_a_deadline_carry_none(
    installation: Installation, team: Team
) -> None:
    await wishing(team, role="deputy")
    await wishing(team)
    critical = await team.deadline(due_on="2026-09-10", critical=True)
    await answer(team, critical, "cancel", "owner", reason="entered twice")
    drill = await team.deadline(due_on="2026-06-10", drill=True)
    await tick(installation, MARK + 6 * DAY)
    for sent in (
        await mails(installation, team, critical, "deputy"),
        await mails(installation, team, drill),
    ):
        assert sent
        assert not [one for mail in sent for one in mail.iter_attachments()]
