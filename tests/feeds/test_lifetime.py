"""From the day a feed is made to that on which nothing answers: what each calendar is left with."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.api.installation import Installation, Team, change, create
from tests.api.test_refusals import refused
from tests.feeds.subscription import Subscription, modified_at, of, subscribe
from tests.harness.world import START

DAY = timedelta(days=1)


def at(days: int) -> str:
    return (START + days * DAY).isoformat().replace("+00:00", "Z")


async def test_a_feed_expires_in_half_a_year_unless_another_day_is_named(
    installation: Installation, team: Team
) -> None:
    person = {"name": "f", "user_id": team.people["owner"]}
    made = await create(team.admin, "/feeds", person)
    assert made["expires_at"] == at(180)
    made = await create(team.admin, "/feeds", person | {"expires_at": at(366)})
    assert made["expires_at"] == at(366)
    for wrong in (at(367), at(0), at(-1)):
        response = await team.admin.post("/feeds", json=person | {"expires_at": wrong})
        refused(response, 422, "invalid_instant", "expires_at")


async def test_two_weeks_before_the_calendar_itself_says_that_it_expires(
    installation: Installation, feed: Subscription
) -> None:
    """Row 66."""
    installation.clock.advance(165 * DAY)
    before = await feed.fetch()
    assert await feed.events() == []
    installation.clock.advance(DAY)
    event = await feed.event()
    assert event["DTSTART"].dt == (START + 166 * DAY).date()
    assert modified_at(await feed.fetch()) > modified_at(before)
    etag = before.headers["etag"]
    assert (await feed.fetch(if_none_match=etag)).status_code == 200


async def test_a_feed_that_is_given_more_time_goes_on(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    await team.deadline(due_on="2027-03-01")
    uid = (await feed.event())["UID"]
    installation.clock.advance(181 * DAY)
    assert (await feed.event())["UID"] != uid
    await change(team.admin, f"/feeds/{feed.id}", {"expires_at": at(400)})
    assert (await feed.event())["UID"] == uid


Ending = Callable[[Installation, Team, Subscription], Awaitable[object]]


async def revoke(_: Installation, team: Team, feed: Subscription) -> object:
    return await create(team.admin, f"/feeds/{feed.id}/revoke", {})


async def revoke_all(_: Installation, team: Team, __: Subscription) -> object:
    return await create(team.admin, f"/users/{team.people['owner']}/revoke-feeds", {})


async def expire(installation: Installation, _: Team, __: Subscription) -> object:
    return installation.clock.set(START + 180 * DAY)


async def disable(_: Installation, team: Team, __: Subscription) -> object:
    return await change(team.admin, f"/users/{team.people['owner']}", {"disabled": True})


async def leave(installation: Installation, team: Team, _: Subscription) -> object:
    other = await installation.team("K-99", "Others")
    path = f"/users/{team.people['owner']}"
    return await change(installation.operator, path, {"team_ids": [other.id]})


ENDS = pytest.mark.parametrize(
    "ending", [revoke, revoke_all, expire, disable, leave], ids=lambda one: one.__name__
)


@ENDS
async def test_what_calendars_keep_is_taken_back_by_a_farewell_and_then_all_is_gone(
    installation: Installation, team: Team, feed: Subscription, ending: Ending
) -> None:
    """Rows 17 and 67: a month long one event stands in place of all others."""
    due = await team.deadline(title="Marked", due_on="2027-01-10")
    uid = str((await feed.event())["UID"])
    before = await feed.fetch()
    await ending(installation, team, feed)
    response = await feed.fetch()
    assert response.status_code == 200
    event = await feed.event()
    assert str(event["UID"]) != uid
    assert event["DTSTART"].dt == installation.clock.now.date()
    for word in ("Marked", "K-17", due["id"]):
        assert word not in response.text
    known = before.headers["etag"]
    assert (await feed.fetch(if_none_match=known)).status_code == 200
    assert (await feed.fetch(if_none_match=response.headers["etag"])).status_code == 304
    installation.clock.advance(30 * DAY - timedelta(seconds=1))
    assert (await feed.fetch()).content == response.content
    installation.clock.advance(timedelta(seconds=1))
    assert (await feed.fetch()).status_code == 410


async def test_a_wrong_secret_is_not_told_that_a_feed_was_revoked(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    await revoke(installation, team, feed)
    wrong = Subscription(feed.client, feed.id, feed.path.replace(".ics", "x.ics"))
    assert (await wrong.fetch()).status_code == 404
    installation.clock.advance(31 * DAY)
    assert (await wrong.fetch()).status_code == 404


async def test_a_farewell_is_given_to_programs_that_may_not_read_the_feed(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    await revoke(installation, team, feed)
    assert (await feed.fetch(user_agent="Google-Calendar-Importer")).status_code == 200


async def test_after_a_rotation_both_addresses_show_the_same_for_a_week(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    await team.deadline()
    new = of(installation, await create(team.admin, f"/feeds/{feed.id}/rotate", {}))
    assert await new.content() == await feed.content()
    installation.clock.advance(7 * DAY - timedelta(seconds=1))
    assert (await feed.fetch()).status_code == 200
    installation.clock.advance(timedelta(seconds=1))
    assert (await feed.fetch()).status_code == 404
    assert (await new.fetch()).status_code == 200


async def test_an_address_in_wrong_hands_is_ended_at_once(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    await create(team.admin, f"/feeds/{feed.id}/rotate", {})
    rotated = await create(team.admin, f"/feeds/{feed.id}/rotate", {"at_once": True})
    assert (await feed.fetch()).status_code == 404
    assert (await of(installation, rotated).fetch()).status_code == 200


async def test_without_the_database_it_is_unavailable_and_never_empty(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    """Row 18: an empty calendar wipes what its reader has."""
    await team.deadline()
    etag = (await feed.fetch()).headers["etag"]
    for table in ("deadlines", "feeds"):
        async with installation.runtime.transaction() as session:
            connection = await session.connection()
            await connection.execute(text(f"ALTER TABLE {table} RENAME TO away"))
        for headers in ({}, {"if_none_match": '"x"'}):
            response = await feed.fetch(**headers)
            assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        async with installation.runtime.transaction() as session:
            connection = await session.connection()
            await connection.execute(text(f"ALTER TABLE away RENAME TO {table}"))
    assert (await feed.fetch()).headers["etag"] == etag


# --- what it shows


async def test_a_feed_may_show_one_case_or_those_on_which_its_person_acts(
    installation: Installation, team: Team
) -> None:
    people = {"observer": team.people["owner"], "owner": team.people["deputy"]}
    roles = [{"role": role, "user_id": user} for role, user in people.items()]
    body = {"code": "K-18", "timezone": "Asia/Almaty", "roles": roles}
    watched = await create(team.admin, "/cases", body)
    await team.deadline()
    await team.deadline(case_id=watched["id"], user_id=team.people["deputy"])
    codes = {}
    for scope in ({"scope": "team"}, {"scope": "mine"}, {"scope": "case", "case_id": team.case}):
        feed = await subscribe(installation, team, "owner", 1, **scope)
        events = await feed.events()
        codes[scope["scope"]] = {str(one["SUMMARY"]).partition("]")[0] for one in events}
    assert codes == {"team": {"[K-17", "[K-18"}, "mine": {"[K-17"}, "case": {"[K-17"}}
    foreign = await subscribe(
        installation, team, "supervisor", 1, scope="case", case_id=watched["id"]
    )
    assert await foreign.events() == []


async def test_a_scope_that_cannot_be_is_refused(installation: Installation, team: Team) -> None:
    theirs = await installation.team("K-2", "Theirs")
    person = {"name": "f", "user_id": team.people["owner"]}
    for wrong, code in (
        ({"scope": "case"}, "missing_field"),
        ({"scope": "mine", "case_id": team.case}, "invalid_input"),
        ({"scope": "case", "case_id": theirs.case}, "unknown_reference"),
    ):
        response = await team.admin.post("/feeds", json=person | wrong)
        refused(response, 422, code, "case_id")


async def test_only_the_kinds_that_were_chosen_are_shown(
    installation: Installation, team: Team
) -> None:
    for kind in ("filing", "hearing", "custody"):
        await team.deadline(kind=kind, title=kind)
    feed = await subscribe(installation, team, "owner", 2, kinds=["hearing", "custody"])
    shown = {str(one["SUMMARY"]).partition("] ")[2] for one in await feed.events()}
    assert shown == {"hearing", "custody"}


async def test_a_calendar_speaks_its_own_language_or_else_that_of_its_person(
    installation: Installation, team: Team
) -> None:
    await team.deadline(kind="hearing")
    spoken = await subscribe(installation, team, "owner", 1)
    chosen = await subscribe(installation, team, "owner", 1, language="kk")
    english = str((await spoken.event())["SUMMARY"])
    kazakh = str((await chosen.event())["SUMMARY"])
    assert english != kazakh
    await change(team.admin, f"/users/{team.people['owner']}", {"language": "kk"})
    assert str((await spoken.event())["SUMMARY"]) == kazakh


async def test_what_lies_too_far_ahead_comes_when_it_is_near_enough(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    """Row 21."""
    await team.deadline(due_at=at(760))
    assert await feed.events() == []
    before = await feed.fetch()
    installation.clock.advance(30 * DAY)
    assert (await feed.fetch(if_none_match=before.headers["etag"])).status_code == 200
    assert len(await feed.events()) == 1


async def test_a_cancelled_one_stays_two_weeks_and_what_was_done_a_month(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    """Rows 21 and 49."""
    person = {"user_id": team.people["owner"]}
    done, dropped = await team.deadline(title="Done"), await team.deadline(title="Dropped")
    await create(team.admin, f"/deadlines/{done['id']}/complete", person | {"proof": "7/26"})
    await create(team.admin, f"/deadlines/{dropped['id']}/cancel", person | {"reason": "twice"})
    shown = []
    for days in (0, 14, 16):
        installation.clock.advance(days * DAY)
        content = await feed.content()
        shown.append((b"Done" in content, b"Dropped" in content))
    assert shown == [(True, True), (True, False), (False, False)]


async def test_a_date_that_has_moved_is_marked_for_two_weeks(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    due = await team.deadline()
    title = str((await feed.event())["SUMMARY"])
    body = {"user_id": team.people["owner"], "due_on": "2026-07-10", "reason": "adjourned"}
    await create(team.admin, f"/deadlines/{due['id']}/override", body)
    assert str((await feed.event())["SUMMARY"]) != title
    installation.clock.advance(14 * DAY)
    assert str((await feed.event())["SUMMARY"]) == title
