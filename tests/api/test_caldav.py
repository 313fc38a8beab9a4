"""The team's calendar on a CalDAV server shows its deadlines as they stand, and nothing else of ours."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar, Event

from tests.api.installation import (
    LOOPBACK,
    Installation,
    Team,
    change,
    create,
    deadline_body,
    on_both,
    read,
)
from tests.api.test_refusals import refused
from tests.harness.radicale import NAME, PASSWORD, Radicale
from tests.harness.world import START
from workers import tasks

SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86400))
ACCOUNT = {"username": NAME, "password": PASSWORD}


@pytest.fixture
def radicale(tmp_path: Path) -> Iterator[Radicale]:
    with Radicale(tmp_path / "radicale") as one:
        yield one


@pytest.fixture
def own_settings() -> dict[str, Any]:
    return {"webhook_networks": LOOPBACK}


async def calendar(team: Team, radicale: Radicale, **given: Any) -> dict[str, Any]:
    body = {"name": "Calendar", "url": radicale.address, "format": "caldav", "account": ACCOUNT}
    return await create(team.admin, "/endpoints", body | {"per_second": 1000} | given)


async def rounds(installation: Installation, at: datetime | timedelta) -> None:
    """What every process does, at that instant or so long after the start."""
    installation.clock.set(at if isinstance(at, datetime) else START + at)
    await tasks.tend_endpoints(installation.runtime)
    await tasks.tick(installation.runtime)
    await tasks.mirror(installation.runtime)
    await tasks.deliver(installation.runtime)


def events(radicale: Radicale) -> list[Event]:
    """By their beginning: all that stands there."""
    found = [Calendar.from_ical(one).walk("VEVENT") for one in radicale.objects()]
    return [event for (event,) in sorted(found, key=lambda one: str(one[0].start))]


def the_event(radicale: Radicale) -> Event:
    (event,) = events(radicale)
    return event


def summaries(radicale: Radicale) -> list[str]:
    return [str(event["summary"]) for event in events(radicale)]


async def say(team: Team, deadline: dict[str, Any], verb: str, **given: Any) -> None:
    body = {"user_id": team.people["owner"]} | given
    await create(team.admin, f"/deadlines/{deadline['id']}/{verb}", body)


async def move(team: Team, deadline: dict[str, Any], due_on: str) -> None:
    await say(team, deadline, "override", reason="an order", source="order", due_on=due_on)


async def cancel(team: Team, deadline: dict[str, Any]) -> None:
    await say(team, deadline, "cancel", reason="entered twice")


@on_both
async def test_a_deadline_is_one_event_from_its_entry_to_its_end(
    installation: Installation, team: Team, radicale: Radicale
) -> None:
    await calendar(team, radicale)
    due = await team.deadline(due_on="2026-06-10")
    await rounds(installation, SECOND)
    entered = the_event(radicale)
    assert entered.start.isoformat() == "2026-06-10"
    await move(team, due, "2026-06-08")
    await rounds(installation, 2 * SECOND)
    moved = the_event(radicale)
    assert (moved["uid"], moved.start.isoformat()) == (entered["uid"], "2026-06-08")
    assert moved["sequence"] > entered["sequence"]
    assert moved["last-modified"].dt > entered["last-modified"].dt
    assert moved.walk("VALARM")
    await say(team, due, "complete", proof="receipt 1")
    await rounds(installation, 3 * SECOND)
    assert the_event(radicale)["summary"].startswith("✓ ")
    assert the_event(radicale)["sequence"] > moved["sequence"]


async def test_what_is_stored_has_no_method_and_is_named_by_its_uid(
    installation: Installation, team: Team, radicale: Radicale
) -> None:
    await calendar(team, radicale)
    due = await team.deadline(due_on="2026-06-10")
    await rounds(installation, SECOND)
    (stored,) = radicale.objects()
    assert "METHOD" not in stored
    uid = the_event(radicale)["uid"]
    assert radicale.names() == [f"{uid}.ics"]
    assert due["id"] not in stored


async def test_a_calendar_fills_itself_with_what_there_was_before_it(
    installation: Installation, team: Team, radicale: Radicale
) -> None:
    await team.deadline(due_on="2026-06-10")
    await team.deadline(due_on="2026-06-11", drill=True)
    gone = await team.deadline(due_on="2026-06-12")
    await cancel(team, gone)
    await rounds(installation, 20 * DAY)
    await calendar(team, radicale)
    await rounds(installation, 20 * DAY + SECOND)
    assert [event.start.isoformat() for event in events(radicale)] == ["2026-06-10"]


async def test_nothing_is_written_again_while_nothing_changes(
    installation: Installation, team: Team, radicale: Radicale
) -> None:
    endpoint = await calendar(team, radicale)
    await team.deadline(due_on="2026-06-10")
    for after in range(1, 4):
        await rounds(installation, after * MINUTE)
    messages = await read(team.admin, f"/endpoints/{endpoint['id']}/messages")
    assert [(one["event"], one["state"]) for one in messages["items"]] == [
        ("entry.written", "accepted")
    ]


async def test_what_was_cancelled_stays_for_two_weeks_and_what_was_done_for_thirty_days(
    installation: Installation, team: Team, radicale: Radicale
) -> None:
    await calendar(team, radicale)
    await cancel(team, await team.deadline(due_on="2026-06-10"))
    await say(team, await team.deadline(due_on="2026-06-11"), "complete", proof="receipt 1")
    await rounds(installation, 14 * DAY - MINUTE)
    assert [event["status"] for event in events(radicale)] == ["CANCELLED", "CONFIRMED"]
    await rounds(installation, 14 * DAY + MINUTE)
    assert [event.start.isoformat() for event in events(radicale)] == ["2026-06-11"]
    await rounds(installation, 30 * DAY - MINUTE)
    assert len(events(radicale)) == 1
    await rounds(installation, 30 * DAY + MINUTE)
    assert events(radicale) == []
    await rounds(installation, 31 * DAY)
    assert events(radicale) == []


async def test_the_day_passes_and_the_event_says_so(
    installation: Installation, team: Team, radicale: Radicale
) -> None:
    await calendar(team, radicale)
    await team.deadline(due_on="2026-03-04")
    await rounds(installation, SECOND)
    before = the_event(radicale)
    await rounds(installation, 4 * DAY)
    after = the_event(radicale)
    assert "OVERDUE" in after["summary"]
    assert "OVERDUE" not in before["summary"]
    assert after["sequence"] > before["sequence"]


@pytest.mark.parametrize("bumps", [1, 1000])
async def test_whatever_somebody_makes_of_an_event_by_hand_our_next_word_stands(
    installation: Installation, team: Team, radicale: Radicale, bumps: int
) -> None:
    await calendar(team, radicale)
    due = await team.deadline(due_on="2026-06-10")
    await rounds(installation, SECOND)
    event = the_event(radicale)
    event["sequence"] = event["sequence"] + bumps
    event["summary"] = "As somebody would have it"
    edited = Calendar()
    edited.add("version", "2.0")
    edited.add("prodid", "-//A phone//EN")
    edited.add_component(event)
    there = radicale.address + radicale.names()[0]
    assert radicale.client.put(there, content=edited.to_ical()).is_success
    await move(team, due, "2026-06-08")
    await rounds(installation, 2 * SECOND)
    stands = the_event(radicale)
    assert stands.start.isoformat() == "2026-06-08"
    assert "somebody" not in stands["summary"]


async def test_an_event_that_somebody_deleted_is_written_anew(
    installation: Installation, team: Team, radicale: Radicale
) -> None:
    await calendar(team, radicale)
    due = await team.deadline(due_on="2026-06-10")
    await rounds(installation, SECOND)
    (name,) = radicale.names()
    radicale.client.delete(radicale.address + name)
    await move(team, due, "2026-06-08")
    await rounds(installation, 2 * SECOND)
    assert radicale.names() == [name]


async def test_an_event_that_somebody_deleted_is_withdrawn_all_the_same(
    installation: Installation, team: Team, radicale: Radicale
) -> None:
    endpoint = await calendar(team, radicale)
    await cancel(team, await team.deadline(due_on="2026-06-10"))
    await rounds(installation, SECOND)
    radicale.client.delete(radicale.address + radicale.names()[0])
    await rounds(installation, 15 * DAY)
    messages = await read(team.admin, f"/endpoints/{endpoint['id']}/messages")
    assert [(one["event"], one["state"]) for one in messages["items"]] == [
        ("entry.written", "accepted"),
        ("entry.withdrawn", "accepted"),
    ]


@on_both
async def test_a_server_that_was_down_has_the_newest_word_when_it_is_back(
    installation: Installation, team: Team, radicale: Radicale
) -> None:
    endpoint = await calendar(team, radicale)
    due, gone, *others = [await team.deadline(due_on=f"2026-06-1{day}") for day in range(4)]
    await rounds(installation, SECOND)
    radicale.stop()
    for day, one in enumerate([due, *others], 6):
        await move(team, one, f"2026-06-0{day}")
    for minutes in (1, 2, 10, 55):
        await rounds(installation, minutes * MINUTE)
    await team.deadline(due_on="2026-06-15")
    await rounds(installation, 70 * MINUTE)
    known = await read(team.admin, f"/endpoints/{endpoint['id']}")
    assert (known["state"], known["held"]) == ("paused", 4)
    await move(team, due, "2026-06-05")
    await cancel(team, gone)
    await rounds(installation, 71 * MINUTE)
    radicale.start()
    for minutes in (190, 191, 192):
        await rounds(installation, minutes * MINUTE)
    stands = [(one.start.day, one["status"] == "CANCELLED") for one in events(radicale)]
    assert stands == [(5, False), (7, False), (8, False), (11, True), (15, False)]
    known = await read(team.admin, f"/endpoints/{endpoint['id']}")
    assert (known["state"], known["held"]) == ("active", 0)


async def test_behind_a_wrong_password_everything_waits_until_it_is_right(
    installation: Installation, team: Team, radicale: Radicale
) -> None:
    wrong = ACCOUNT | {"password": "wrong"}
    endpoint = await calendar(team, radicale, account=wrong)
    await team.deadline(due_on="2026-06-10")
    for minutes in (0, 1, 7, 40):
        await rounds(installation, minutes * MINUTE)
    known = await read(team.admin, f"/endpoints/{endpoint['id']}")
    assert (known["state"], known["reason"]) == ("failing", "401")
    assert radicale.names() == []
    path = f"/endpoints/{endpoint['id']}"
    await change(team.admin, path, {"account": ACCOUNT})
    await create(team.admin, f"{path}/enable", {})
    await rounds(installation, 41 * MINUTE)
    assert len(events(radicale)) == 1


async def test_titles_in_any_letters_arrive_whole_and_forge_no_line(
    installation: Installation, team: Team, radicale: Radicale
) -> None:
    await calendar(team, radicale, detail="full", level=2, full_confirmed=True, language="ru")
    titles = ["Апелляциялық шағым: өңір", "Жалоба\\nUID:other\\; ATTENDEE:mailto:x@example.org"]
    for title in titles:
        await team.deadline(title=title, due_on="2026-06-10")
    broken = deadline_body(team.case, user_id=team.people["owner"], title="a\r\nUID:other")
    refused(await team.admin.post("/deadlines", json=broken), 422, "invalid_text")
    await rounds(installation, SECOND)
    found = events(radicale)
    assert len(found) == 2
    assert any(titles[0] in event["summary"] for event in found)
    assert not any("attendee" in event for event in found)
    assert {f"{event['uid']}.ics" for event in found} == set(radicale.names())


@pytest.mark.parametrize(
    ("detail", "title", "code"), [("thin", False, False), ("dates", False, True)]
)
async def test_a_calendar_shows_no_more_than_was_asked_for(
    installation: Installation, team: Team, radicale: Radicale, detail: str, title: bool, code: bool
) -> None:
    await calendar(team, radicale, detail=detail)
    await team.deadline(title="A name", due_on="2026-06-10")
    await rounds(installation, SECOND)
    (stored,) = radicale.objects()
    assert ("A name" in stored, "K-17" in stored) == (title, code)


async def test_the_ceiling_of_a_case_wins_also_over_what_stands_there_already(
    installation: Installation, team: Team, radicale: Radicale
) -> None:
    await calendar(team, radicale, detail="full", level=2, full_confirmed=True)
    await team.deadline(title="A name", due_on="2026-06-10")
    await rounds(installation, SECOND)
    assert "A name" in radicale.objects()[0]
    await change(team.admin, f"/cases/{team.case}", {"ceiling": 1})
    await rounds(installation, 2 * SECOND)
    assert "A name" not in radicale.objects()[0]


async def test_what_the_endpoint_no_longer_asks_for_is_withdrawn(
    installation: Installation, team: Team, radicale: Radicale
) -> None:
    endpoint = await calendar(team, radicale)
    await team.deadline(due_on="2026-06-10")
    await team.deadline(due_on="2026-06-11", critical=True)
    await rounds(installation, SECOND)
    before = the_sequences(radicale)
    await change(team.admin, f"/endpoints/{endpoint['id']}", {"critical_only": True})
    await rounds(installation, 2 * SECOND)
    assert [event.start.isoformat() for event in events(radicale)] == ["2026-06-11"]
    await change(team.admin, f"/endpoints/{endpoint['id']}", {"critical_only": False})
    await rounds(installation, 3 * SECOND)
    after = the_sequences(radicale)
    assert after.keys() == before.keys()
    assert all(after[uid] > before[uid] for uid in before)


def the_sequences(radicale: Radicale) -> dict[str, int]:
    return {str(event["uid"]): int(event["sequence"]) for event in events(radicale)}


async def test_older_news_sent_once_more_undoes_nothing(
    installation: Installation, team: Team, radicale: Radicale
) -> None:
    endpoint = await calendar(team, radicale)
    due = await team.deadline(due_on="2026-06-10")
    await rounds(installation, SECOND)
    await move(team, due, "2026-06-08")
    await rounds(installation, 2 * SECOND)
    body = {"since": START.isoformat(), "only": "all"}
    recovered = await create(team.admin, f"/endpoints/{endpoint['id']}/recover", body)
    assert recovered["messages"] == 2
    await rounds(installation, 3 * SECOND)
    assert the_event(radicale).start.isoformat() == "2026-06-08"


async def test_a_test_says_whether_there_is_a_calendar_and_writes_nothing(
    installation: Installation, team: Team, radicale: Radicale
) -> None:
    outcomes = []
    for url in (radicale.address, radicale.elsewhere, radicale.address + "none/"):
        endpoint = await calendar(team, radicale, url=url)
        sent = await create(team.admin, f"/endpoints/{endpoint['id']}/test", {})
        await tasks.deliver(installation.runtime)
        message = await read(team.admin, f"/messages/{sent['id']}")
        outcomes.append((message["state"], message["attempts"][0]["code"]))
    assert outcomes == [("accepted", "207"), ("due", "not_a_calendar"), ("due", "404")]
    assert radicale.names() == []


async def test_a_calendar_wants_an_account_and_is_no_way_to_a_person(
    installation: Installation, team: Team, radicale: Radicale
) -> None:
    body = {"name": "Calendar", "url": radicale.address, "format": "caldav"}
    refused(await team.admin.post("/endpoints", json=body), 422, "invalid_input")
    body |= {"account": ACCOUNT, "user_id": team.people["owner"]}
    refused(await team.admin.post("/endpoints", json=body), 422, "invalid_input")
