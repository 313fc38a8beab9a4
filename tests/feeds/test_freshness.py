"""Which programs read a calendar, which may, and when its owner hears that none does."""

from datetime import timedelta
from typing import Any

import pytest

from service.domain.feeds import Family, FeedNews, Freshness, family_of, stale, usual_interval
from tests.api.installation import Installation, Team, change, create, read
from tests.feeds.subscription import Subscription, letters, subscribe, text_of
from tests.harness.world import START
from workers.tasks import tend_feeds

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
GOOGLE, THUNDERBIRD = "Google-Calendar-Importer", "Mozilla/5.0 Thunderbird/128.0"


@pytest.mark.parametrize(
    ("user_agent", "family"),
    [
        ("Google-Calendar-Importer", Family.GOOGLE),
        ("Microsoft.Exchange/15.20", Family.OUTLOOK),
        ("MicrosoftPreview/2.0", Family.OUTLOOK),
        ("Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0)", Family.OUTLOOK),
        ("iCloudCalendar/1.0", Family.ICLOUD),
        ("iOS/17.5 (21F79) dataaccessd/1.0", Family.IOS),
        ("macOS/14.5 (23F79) CalendarAgent/1020", Family.APPLE),
        ("Mozilla/5.0 (X11; Linux) Gecko/20100101 Thunderbird/128.0", Family.THUNDERBIRD),
        ("ICSx5/2.2 (okhttp/4.12; Android/14)", Family.ICSX5),
        ("Nextcloud Server Crawler", Family.NEXTCLOUD),
        ("HomeAssistant/2026.3", Family.HOME_ASSISTANT),
        ("vdirsyncer/0.21", Family.VDIRSYNCER),
        ("curl/8", Family.OTHER),
        ("", Family.OTHER),
    ],
)
def test_a_program_is_known_by_what_it_calls_itself(user_agent: str, family: Family) -> None:
    assert family_of(user_agent) is family


def test_a_calendar_is_stale_after_three_times_its_usual_pause_and_a_day_at_the_least() -> None:
    seldom = Freshness(START, START, 12 * HOUR)
    assert stale(seldom, START + 35 * HOUR) is None
    assert stale(seldom, START + 36 * HOUR) is FeedNews.STALE
    often = Freshness(START, START, HOUR)
    assert stale(often, START + 23 * HOUR) is None
    assert stale(often, START + DAY) is FeedNews.STALE
    assert usual_interval(4 * HOUR, 100 * DAY) == 7 * HOUR


async def readers(team: Team, feed: Subscription) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await read(team.admin, f"/feeds/{feed.id}"))["readers"]
    return found


async def test_the_owner_sees_which_programs_read_it_and_how_far_each_has_come(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    due = await team.deadline()
    etag = (await feed.fetch(user_agent=THUNDERBIRD)).headers["etag"]
    [one] = await readers(team, feed)
    assert (one["family"], one["up_to_date"]) == ("thunderbird", True)
    await change(team.admin, f"/deadlines/{due['id']}", {"title": "Another"})
    [one] = await readers(team, feed)
    assert one["up_to_date"] is False
    installation.clock.advance(HOUR)
    await feed.fetch(user_agent="ICSx5/2.2")
    assert [one["up_to_date"] for one in await readers(team, feed)] == [False, True]
    await feed.fetch(user_agent=THUNDERBIRD, if_none_match=etag)
    assert all(one["up_to_date"] for one in await readers(team, feed))


async def test_an_answer_that_nothing_changed_keeps_the_reader_fresh(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    etag = (await feed.fetch()).headers["etag"]
    installation.clock.advance(HOUR)
    assert (await feed.fetch(if_none_match=etag)).status_code == 304
    [one] = await readers(team, feed)
    assert one["last_fetched_at"] == (START + HOUR).isoformat().replace("+00:00", "Z")


async def test_the_owner_is_told_once_of_each_family_of_programs_and_of_no_address(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    await change(team.admin, f"/users/{team.people['owner']}", {"language": "ru"})
    for user_agent in (THUNDERBIRD, "ICSx5/2.2", THUNDERBIRD.replace("128", "129"), "ICSx5/3"):
        await feed.fetch(user_agent=user_agent)
        installation.clock.advance(HOUR)
    mails = await letters(installation)
    assert {mail["To"] for mail in mails} == {f"owner.{team.id}@example.org"}
    texts = [text_of(mail) for mail in mails]
    assert [("Thunderbird" in text, "ICSx5" in text) for text in texts] == [
        (True, False),
        (False, True),
    ]
    assert not any("fetched" in text for text in texts)
    rows = await installation.rows()
    assert "127.0.0.1" not in repr(rows["feed_readers"])


async def test_what_shows_titles_is_not_given_to_programs_of_a_cloud_unless_that_was_chosen(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    await team.deadline(title="Marked")
    for _ in range(2):
        response = await feed.fetch(user_agent=GOOGLE)
        assert response.status_code == 403
        assert "Marked" not in response.text
    [mail] = await letters(installation)
    assert "Google Calendar" in text_of(mail)
    assert (await feed.fetch(user_agent=THUNDERBIRD)).status_code == 200
    await change(team.admin, f"/feeds/{feed.id}", {"fetchers": "any"})
    assert (await feed.fetch(user_agent=GOOGLE)).status_code == 200
    plain = await subscribe(installation, team, "owner", 1)
    assert (await plain.fetch(user_agent=GOOGLE)).status_code == 200
    await change(team.admin, f"/feeds/{plain.id}", {"fetchers": "no_cloud"})
    assert (await plain.fetch(user_agent=GOOGLE)).status_code == 403


async def warned(installation: Installation) -> int:
    await tend_feeds(installation.runtime)
    return len(await letters(installation))


async def test_a_calendar_that_nothing_ever_fetched_is_told_of_once_while_a_date_is_near(
    installation: Installation, team: Team
) -> None:
    await subscribe(installation, team, "owner", 1)
    await team.deadline(due_on="2026-03-20")
    assert await warned(installation) == 0
    installation.clock.set(START + 5 * DAY)
    assert await warned(installation) == 0
    installation.clock.set(START + 13 * DAY)
    assert await warned(installation) == 1
    installation.clock.advance(DAY)
    assert await warned(installation) == 1


async def test_one_that_falls_silent_is_told_of_once_for_each_silence(
    installation: Installation, team: Team
) -> None:
    feed = await subscribe(installation, team, "owner", 1)
    await team.deadline(due_on="2026-03-08")
    for _ in range(3):
        await feed.fetch()
        installation.clock.advance(HOUR)
    told = [await warned(installation)]
    for hours in (25, 25):
        installation.clock.advance(hours * HOUR)
        told.append(await warned(installation))
    await feed.fetch()
    told.append(await warned(installation))
    installation.clock.advance(25 * HOUR)
    told.append(await warned(installation))
    assert told == [1, 2, 2, 2, 3]  # the first: that a program has come


async def test_nobody_is_warned_of_a_feed_that_is_switched_off(
    installation: Installation, team: Team
) -> None:
    feed = await subscribe(installation, team, "owner", 1)
    await team.deadline(due_on="2026-03-08")
    await create(team.admin, f"/feeds/{feed.id}/revoke", {})
    installation.clock.advance(2 * DAY)
    assert await warned(installation) == 0
