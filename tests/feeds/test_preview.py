"""What a person can look at first: the calendar as a stranger reads it, its file, its QR."""

from xml.etree import ElementTree

from icalendar import Calendar

from tests.api.installation import Installation, Team, case_body, change, create, read
from tests.feeds.subscription import Subscription


async def test_the_preview_is_what_a_stranger_with_the_address_reads(
    team: Team, feed: Subscription
) -> None:
    """Row 68."""
    await team.deadline(title="Жалоба", due_on="2026-06-10")
    shown = await read(team.admin, f"/feeds/{feed.id}/preview")
    assert shown["raw"].encode() == await feed.content()
    [item] = shown["items"]
    assert "Жалоба" in item["summary"]
    assert (item["start"], item["end"], item["status"]) == ("2026-06-10", "2026-06-11", "TENTATIVE")
    assert (shown["name"], shown["shows_all"]) == ("Сроки", True)
    await create(team.admin, f"/feeds/{feed.id}/revoke", {})
    after = await read(team.admin, f"/feeds/{feed.id}/preview")
    assert after["raw"].encode() == await feed.content()


async def test_the_preview_is_no_fetch(team: Team, feed: Subscription) -> None:
    await read(team.admin, f"/feeds/{feed.id}/preview")
    assert (await read(team.admin, f"/feeds/{feed.id}"))["readers"] == []


async def test_the_file_to_take_along_holds_all_in_reach_and_opens_nothing(
    installation: Installation, team: Team, feed: Subscription
) -> None:
    await team.deadline(title="Marked", notes="Between us")
    await change(team.admin, f"/cases/{team.case}", {"ceiling": 3})
    theirs = await installation.team("K-2", "Theirs")
    await theirs.deadline(title="Foreign")
    response = await team.admin.get("/exports/deadlines.ics")
    assert response.headers["content-type"] == "text/calendar; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="deadlines.ics"'
    text = response.text.replace("\r\n ", "")
    assert "Marked" in text
    assert "Between us" in text
    for word in ("Foreign", "K-2", feed.id, feed.path.split(".")[1], "/f/"):
        assert word not in text
    assert (await team.admin.get("/exports/deadlines.ics")).content == response.content


async def test_a_person_takes_along_the_cases_on_which_they_hold_a_role_and_no_more_of_each(
    installation: Installation, team: Team
) -> None:
    await team.deadline(title="Marked")
    body = case_body("K-18", {"owner": team.people["deputy"]})
    other = await create(team.admin, "/cases", body)
    await team.deadline(title="Beyond", case_id=other["id"], user_id=team.people["deputy"])
    found = {}
    for role in ("owner", "observer"):
        key = await installation.key(scope="read", team_id=team.id, user_id=team.people[role])
        client = installation.client(key)
        calendar = Calendar.from_ical((await client.get("/exports/deadlines.ics")).content)
        found[role] = [str(one["SUMMARY"]) for one in calendar.walk("VEVENT")]
    assert [len(one) for one in found.values()] == [1, 1]
    assert "Marked" in found["owner"][0]
    assert "Marked" not in found["observer"][0]


async def test_the_address_is_a_picture_too_for_a_phone_to_look_at(
    installation: Installation, team: Team
) -> None:
    made = await create(team.admin, "/feeds", {"name": "f", "user_id": team.people["owner"]})
    assert ElementTree.fromstring(made["qr_svg"]).tag.endswith("svg")
    again = await create(team.admin, f"/feeds/{made['id']}/rotate", {})
    assert again["qr_svg"] != made["qr_svg"]
    assert "qr_svg" not in await read(team.admin, f"/feeds/{made['id']}")
