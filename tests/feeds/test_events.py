"""What a subscriber sees of a deadline, at which level, and how each change reaches their client."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest

from tests.api.installation import Installation, Team, change, create, read
from tests.feeds.subscription import Subscription, subscribe

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


# --- one event


async def test_a_whole_day_stands_on_its_date_and_ends_before_the_next(
    team: Team, feed: Subscription
) -> None:
    """Row 43."""
    await team.deadline(due_on="2026-06-10")
    content = await feed.content()
    assert b"DTSTART;VALUE=DATE:20260610\r\n" in content
    assert b"DTEND;VALUE=DATE:20260611\r\n" in content
    assert b"VTIMEZONE" not in content


async def test_a_legal_hour_is_a_block_that_ends_at_it_on_the_forums_clock(
    team: Team, feed: Subscription
) -> None:
    """Rows 44 and 45."""
    await team.deadline(due_at="2026-06-10T13:00:00Z")
    content = await feed.content()
    assert b"DTSTART;TZID=Asia/Almaty:20260610T173000\r\n" in content
    assert b"DTEND;TZID=Asia/Almaty:20260610T180000\r\n" in content
    assert b"18:00 Almaty" in content


async def test_every_zone_that_is_named_is_defined_before_the_events(
    team: Team, feed: Subscription
) -> None:
    """Row 35."""
    await team.deadline(due_at="2026-06-10T13:00:00Z")
    await team.deadline(due_at="2026-06-11T13:00:00Z", timezone="Europe/Paris")
    content = await feed.content()
    for zone in (b"Asia/Almaty", b"Europe/Paris"):
        assert content.count(b"\r\nTZID:" + zone + b"\r\n") == 1
    assert content.rindex(b"END:VTIMEZONE") < content.index(b"BEGIN:VEVENT")
    assert b"COMMENT" not in content


async def test_utc_needs_no_definition(team: Team, feed: Subscription) -> None:
    """Row 36."""
    await team.deadline(due_at="2026-06-10T13:00:00Z", timezone="UTC")
    content = await feed.content()
    assert b"DTEND:20260610T130000Z\r\n" in content
    assert b"VTIMEZONE" not in content
    assert b"TZID" not in content


async def test_dtstamp_is_the_time_of_the_last_change_and_never_now(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    """Row 39."""
    await team.deadline()
    first = await feed.event()
    assert first["DTSTAMP"].dt == first["LAST-MODIFIED"].dt
    installation.clock.advance(9 * DAY)
    later = await feed.event()
    assert later["DTSTAMP"].dt == first["DTSTAMP"].dt


async def test_nothing_tells_when_we_learnt_of_it_or_who_we_are(
    installation: Installation, team: Team
) -> None:
    """Rows 25, 26, 32, 42 and 56."""
    due = await team.deadline(title="Appeal", notes="Notes of the defence", source="Ruling")
    content = await (await subscribe(installation, team, "owner", 1)).content()
    for word in (
        b"CREATED", b"ORGANIZER", b"ATTENDEE", b"SOURCE", b"ATTACH", b"CONTACT", b"GEO",
        b"RELATED-TO", b"RRULE", b"VALARM", b"http", b"Notes of", b"example.org",
        due["id"].encode(), due["case_id"].encode(), team.id.encode(),
    ):  # fmt: skip
        assert word not in content, word


async def test_the_uid_is_random_in_form_stable_for_ever_and_unlike_in_every_feed(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    """Row 38."""
    due = await team.deadline()
    uid = str((await feed.event())["UID"])
    assert UUID(uid).version == 4
    await change(team.admin, f"/deadlines/{due['id']}", {"title": "Another"})
    await change(team.admin, f"/feeds/{feed.id}", {"level": 0})
    installation.clock.advance(160 * DAY)
    assert str((await feed.event())["UID"]) == uid
    again = await subscribe(installation, team, "owner", 2)
    assert str((await again.event())["UID"]) != uid


async def test_the_state_is_told_in_words_for_clients_that_show_no_status(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    """Rows 46, 49 and 50: overdue stays."""
    due = await team.deadline(due_on="2026-03-10")
    event = await feed.event()
    assert (event["STATUS"], event["SUMMARY"]) == ("TENTATIVE", "[K-17] Appeal")
    person = {"user_id": team.people["deputy"]}
    await create(team.admin, f"/deadlines/{due['id']}/verify", person)
    assert (await feed.event())["STATUS"] == "CONFIRMED"
    installation.clock.advance(30 * DAY)
    assert (await feed.event())["SUMMARY"] == "OVERDUE [K-17] Appeal"
    await create(team.admin, f"/deadlines/{due['id']}/cancel", person | {"reason": "twice"})
    event = await feed.event()
    assert (event["STATUS"], event["SUMMARY"]) == ("CANCELLED", "CANCELLED [K-17] Appeal")


# --- levels

KINDS = [b"filing", b"hearing", b"custody", b"watch", b"expir", b"internal"]


@pytest.mark.parametrize("kind", ["filing", "hearing", "custody", "watch", "expiry", "internal"])
async def test_the_lowest_level_shows_neither_code_nor_kind(
    installation: Installation, team: Team, kind: str
) -> None:
    await team.deadline(title="Marked", kind=kind)
    bare = await subscribe(installation, team, "owner", 0)
    content = (await bare.content()).lower()
    assert b"begin:vevent" in content
    for word in (b"marked", b"k-17", *KINDS):
        assert word not in content, word


@pytest.mark.parametrize("kind", ["filing", "hearing"])
async def test_at_the_lowest_level_all_kinds_look_alike(
    installation: Installation, team: Team, kind: str
) -> None:
    await team.deadline(kind="internal")
    bare = await subscribe(installation, team, "owner", 0)
    plain = await bare.event()
    [listed] = (await read(team.admin, "/deadlines"))["items"]
    person = {"user_id": team.people["owner"], "reason": "another one instead"}
    await create(team.admin, f"/deadlines/{listed['id']}/cancel", person)
    await team.deadline(kind=kind)
    other = next(event for event in await bare.events() if event["STATUS"] != "CANCELLED")
    for name in ("SUMMARY", "CATEGORIES", "TRANSP", "CLASS", "STATUS"):
        assert other[name].to_ical() == plain[name].to_ical(), name


async def test_code_and_kind_without_the_title_at_the_next_level(
    installation: Installation, team: Team
) -> None:
    await team.deadline(title="Marked")
    feed = await subscribe(installation, team, "owner", 1)
    assert (await feed.event())["SUMMARY"] == "[K-17] Filing: last day"
    assert b"Marked" not in await feed.content()


async def test_an_observer_never_sees_more_than_code_and_kind(
    installation: Installation, team: Team
) -> None:
    await team.deadline(title="Marked")
    feed = await subscribe(installation, team, "observer", 2)
    assert (await feed.event())["SUMMARY"] == "[K-17] Filing: last day"
    assert b"Marked" not in await feed.content()


async def test_an_observer_who_is_owner_too_sees_what_the_owner_sees_once(
    installation: Installation, team: Team
) -> None:
    observer = team.people["observer"]
    roles = [{"role": role, "user_id": observer} for role in ("observer", "owner")]
    await change(team.admin, f"/cases/{team.case}", {"roles": roles})
    await team.deadline(title="Marked")
    feed = await subscribe(installation, team, "observer", 2)
    assert (await feed.event())["SUMMARY"] == "[K-17] Marked"


async def test_the_ceiling_of_the_case_wins_over_the_level_of_the_feed(
    team: Team, feed: Subscription
) -> None:
    await team.deadline(title="Marked")
    await change(team.admin, f"/cases/{team.case}", {"ceiling": 0})
    content = await feed.content()
    assert b"Marked" not in content
    assert b"K-17" not in content


async def test_somebody_on_no_case_has_a_calendar_without_events(
    installation: Installation, team: Team
) -> None:
    await team.deadline(title="Marked")
    body = {"name": "New", "email": "new@example.org", "timezone": "Asia/Almaty"}
    new = await create(team.admin, "/users", body)
    made = await create(team.admin, "/feeds", {"name": "f", "user_id": new["id"], "level": 2})
    path = "/f/" + made["url"].rpartition("/f/")[2]
    feed = Subscription(installation.outside, made["id"], path)
    content = await feed.content()
    assert content.startswith(b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
    assert b"VEVENT" not in content


# --- changes

Changing = Callable[[Installation, Team, Subscription, str], Awaitable[object]]


async def retitle(_: Installation, team: Team, __: Subscription, due: str) -> object:
    return await change(team.admin, f"/deadlines/{due}", {"title": "Another"})


async def complete(_: Installation, team: Team, __: Subscription, due: str) -> object:
    proof = {"user_id": team.people["owner"], "proof": "receipt 7/26"}
    return await create(team.admin, f"/deadlines/{due}/complete", proof)


async def verify(_: Installation, team: Team, __: Subscription, due: str) -> object:
    person = {"user_id": team.people["deputy"]}
    return await create(team.admin, f"/deadlines/{due}/verify", person)


async def lower_the_feed(_: Installation, team: Team, feed: Subscription, __: str) -> object:
    return await change(team.admin, f"/feeds/{feed.id}", {"level": 0})


async def lower_the_case(_: Installation, team: Team, __: Subscription, ___: str) -> object:
    return await change(team.admin, f"/cases/{team.case}", {"ceiling": 0})


async def make_the_owner_an_observer(
    _: Installation, team: Team, __: Subscription, ___: str
) -> object:
    people = {"observer": team.people["owner"], "owner": team.people["deputy"]}
    roles = [{"role": role, "user_id": user} for role, user in people.items()]
    return await change(team.admin, f"/cases/{team.case}", {"roles": roles})


async def let_it_fall_due(
    installation: Installation, _: Team, __: Subscription, ___: str
) -> object:
    return installation.clock.advance(120 * DAY)


CHANGES = [
    retitle,
    complete,
    verify,
    lower_the_feed,
    lower_the_case,
    make_the_owner_an_observer,
    let_it_fall_due,
]


async def stamp(feed: Subscription) -> tuple[int, datetime, bytes]:
    event = await feed.event()
    return int(event["SEQUENCE"]), event["LAST-MODIFIED"].dt, event["SUMMARY"].to_ical()


def rose(before: tuple[int, datetime, bytes], after: tuple[int, datetime, bytes]) -> bool:
    return after[0] > before[0] and after[1] >= before[1] + SECOND


@pytest.mark.parametrize("changing", CHANGES, ids=lambda one: one.__name__)
@pytest.mark.parametrize("pause", [timedelta(0), 5 * DAY], ids=["at once", "later"])
async def test_every_change_raises_sequence_and_last_modified(
    installation: Installation, team: Team, feed: Subscription, changing: Changing, pause: timedelta
) -> None:
    """Rows 40 and 41."""
    due = (await team.deadline(due_on="2026-06-10"))["id"]
    before = await stamp(feed)
    installation.clock.advance(pause)
    await changing(installation, team, feed, due)
    after = await stamp(feed)
    assert after != before
    assert rose(before, after)


async def test_several_changes_within_one_second_are_told_apart(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    """Row 40."""
    due = (await team.deadline(due_on="2026-06-10"))["id"]
    stamps = [await stamp(feed)]
    for changing in [*CHANGES[3:5], verify, retitle]:
        await changing(installation, team, feed, due)
        installation.clock.advance(timedelta(milliseconds=100))
        stamps.append(await stamp(feed))
    for title in ("One", "Two", "Three"):
        await change(team.admin, f"/deadlines/{due}", {"title": title})
        stamps.append(await stamp(feed))
    assert all(rose(a, b) for a, b in pairwise(stamps))


async def test_a_change_just_before_and_just_after_it_falls_due_are_told_apart(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    at = installation.clock.now + timedelta(seconds=3)
    due = (await team.deadline(due_at=at.isoformat().replace("+00:00", "Z")))["id"]
    for title in ("One", "Two", "Three"):
        await change(team.admin, f"/deadlines/{due}", {"title": title})
    before = await stamp(feed)
    installation.clock.set(at)
    at_due = await stamp(feed)
    await change(team.admin, f"/deadlines/{due}", {"title": "Four"})
    after = await stamp(feed)
    assert rose(before, at_due)
    assert rose(at_due, after)


async def test_looking_twice_changes_nothing(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    for day in (date(2026, 6, 10), date(2026, 3, 1)):
        await team.deadline(due_on=day.isoformat())
    first = await feed.content()
    installation.clock.advance(timedelta(hours=5))
    assert await feed.content() == first
