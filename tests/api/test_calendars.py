"""Court calendars: dated rows with their source, versioned, entered by the operator, read by all."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from service.flows.calendars import STANDARD_CODES, preview_calendar, refresh_calendars
from service.schemas.calendars import AmendmentIn
from service.store.calendars import (
    Day,
    DayKind,
    Draft,
    add_calendar,
    days_of,
    draft_of,
    newest_calendar,
    rows_of,
)
from service.store.journal import chains, first_broken
from tests.api.installation import Installation, Team, case_body, create, read
from tests.api.test_refusals import refused

ORDER = "Order of the Minister of Labour No 1, 20 February 2026"
RECESS = {"on": "2026-07-06", "until_on": "2026-07-19", "kind": "closure", "name": "Recess"}
OWN: dict[str, Any] = {
    "code": "XX-BENCH",
    "weekend": ["friday", "saturday"],
    "first_year": 2025,
    "last_year": 2027,
    "days": [{"on": "2026-03-09", "kind": "off", "name": "Bench day"}],
    "source": "Rules of the bench, rule 4",
}


@pytest.fixture
async def seeded(installation: Installation) -> Installation:
    """An installation with the standard calendars."""
    await refresh(installation)
    return installation


async def refresh(installation: Installation) -> list[str]:
    async with installation.runtime.transaction() as session:
        return await refresh_calendars(session, installation.clock.now)


async def amend(installation: Installation, *changes: dict[str, Any], code: str = "KZ") -> Any:
    body = {"changes": list(changes), "source": ORDER}
    return await create(installation.operator, f"/calendars/{code}/versions", body)


async def day(installation: Installation, on: str, code: str = "KZ", **query: Any) -> Any:
    """The row of one day, None where there is none."""
    found = await read(installation.operator, f"/calendars/{code}", **query)
    return next((one for one in found["days"] if one["on"] == on), None)


async def next_court_day(installation: Installation, after: str, calendar: str = "KZ") -> str:
    limit = {"amount": 1, "unit": "court_days"}
    return await computed(installation, after, limit, calendar)


async def computed(
    installation: Installation, trigger: str, limit: dict[str, Any], calendar: str
) -> str:
    body = {"trigger": trigger, "timezone": "Asia/Almaty", "time_limit": limit}
    answer = await create(installation.operator, "/computations", body | {"calendar": calendar})
    due_on: str = answer["due_on"]
    return due_on


async def stored(installation: Installation, code: str = "KZ") -> Draft:
    async with installation.runtime.reading() as session:
        row = await newest_calendar(session, code)
        assert row is not None
        return draft_of(row, await days_of(session, row.id))


async def written(installation: Installation, draft: Draft) -> None:
    async with installation.runtime.transaction() as session:
        assert await add_calendar(session, *rows_of(draft, installation.clock.now))


async def older_seed(installation: Installation) -> None:
    """As though an older release, which knew two holidays only, had seeded KZ."""
    days = {
        date(2026, month, on): Day(DayKind.OFF, "Holiday", "holidays 0.99", None)
        for month, on in ((1, 1), (12, 16))
    }
    older = Draft("KZ", "KZ", "holidays-0.99", 2016, 2031, (5, 6), days, "holidays 0.99, KZ")
    await written(installation, older)


# --- reading


async def test_every_key_reads_the_standard_calendars_whatever_its_team(
    seeded: Installation,
) -> None:
    team = await seeded.team()
    reader = seeded.client(await seeded.key(scope="read", team_id=team.id))
    listed = (await read(reader, "/calendars"))["items"]
    assert [one["code"] for one in listed] == sorted(STANDARD_CODES)
    kz = next(one for one in listed if one["code"] == "KZ")
    assert kz["version"].startswith("holidays-")
    assert (kz["based_on"], kz["first_year"], kz["last_year"]) == ("KZ", 2016, 2031)
    assert kz["weekend"] == ["saturday", "sunday"]
    assert kz["source"].startswith("holidays ")
    assert (kz["verified_on"], kz["entered_by"]) == (None, None)
    for code in STANDARD_CODES:
        assert (await read(reader, f"/calendars/{code}"))["days"]


async def test_the_moved_workday_of_january_2025_works_and_the_friday_before_does_not(
    seeded: Installation,
) -> None:
    sunday, friday = await day(seeded, "2025-01-05"), await day(seeded, "2025-01-03")
    assert (sunday["kind"], friday["kind"]) == ("court_day", "off")
    assert sunday["source"].startswith("holidays ")
    assert await next_court_day(seeded, "2025-01-02") == "2025-01-05"


async def test_strasbourg_and_geneva_have_holidays_of_their_own(seeded: Installation) -> None:
    """Good Friday is a holiday in Alsace, the Genevan Fast one in Geneva."""
    assert (await day(seeded, "2026-04-03", "FR-6AE"))["kind"] == "off"
    assert (await day(seeded, "2026-12-26", "FR-6AE"))["kind"] == "off"
    assert (await day(seeded, "2026-09-10", "CH-GE"))["name"] == "Genevan Fast"


async def test_one_year_of_a_calendar_can_be_asked_for(seeded: Installation) -> None:
    found = await read(seeded.operator, "/calendars/KZ", year=2025)
    assert found["days"]
    assert {one["on"][:4] for one in found["days"]} == {"2025"}


async def test_a_year_that_was_not_loaded_is_refused_rather_than_shown_empty(
    seeded: Installation,
) -> None:
    response = await seeded.operator.get("/calendars/KZ?year=2050")
    refused(response, 422, "outside_calendar", "query.year")


async def test_what_is_not_there_is_not_found(seeded: Installation) -> None:
    for path in ("/calendars/XX", "/calendars/XX/versions", "/calendars/KZ?version=none"):
        refused(await seeded.operator.get(path), 404, "not_found")
    body = {"changes": [RECESS], "source": ORDER}
    refused(await seeded.operator.post("/calendars/XX/versions", json=body), 404, "not_found")


async def test_calendars_and_versions_come_page_by_page(seeded: Installation) -> None:
    for on in ("2026-05-04", "2026-05-05", "2026-05-06"):
        await amend(seeded, {"on": on, "kind": "off", "name": "Day off"})
    for path, values in (
        ("/calendars", sorted(STANDARD_CODES)),
        ("/calendars/KZ/versions", [4, 3, 2, 1]),
    ):
        seen, query = [], {"limit": 3}
        while query:
            page = await read(seeded.operator, path, **query)
            seen += page["items"]
            query = {"limit": 3, "cursor": page["next_cursor"]} if page["next_cursor"] else {}
        assert [one["code" if path == "/calendars" else "number"] for one in seen] == values


# --- amending


async def test_a_new_version_leaves_the_old_one_as_it_was(seeded: Installation) -> None:
    before = await read(seeded.operator, "/calendars/KZ")
    change = {"on": "2026-05-04", "kind": "off", "name": "Bridge day"}
    made = await amend(seeded, change)
    assert made["version"] != before["version"]
    assert (made["number"], made["source"]) == (2, ORDER)
    for asked in (before["version"], before["version"].replace("+", " ")):
        assert await read(seeded.operator, "/calendars/KZ", version=asked) == before
    entered = await day(seeded, "2026-05-04")
    assert (entered["kind"], entered["name"], entered["source"]) == ("off", "Bridge day", ORDER)
    assert entered["entered_by"].startswith("key_")
    assert await next_court_day(seeded, "2026-05-02") == "2026-05-05"


async def test_what_was_checked_is_said_of_the_version_that_was_checked(
    seeded: Installation,
) -> None:
    change = {"on": "2026-05-04", "kind": "off", "name": "Bridge day"}
    body = {"changes": [change], "source": ORDER, "verified_on": "2026-03-01", "note": "gazette"}
    made = await create(seeded.operator, "/calendars/KZ/versions", body)
    assert (made["verified_on"], made["note"]) == ("2026-03-01", "gazette")
    later = await amend(seeded, change | {"on": "2026-05-05"})
    assert (later["verified_on"], later["note"]) == (None, None)


async def test_a_recess_does_not_count_at_all(seeded: Installation) -> None:
    limit = {"amount": 10, "unit": "days"}
    assert await computed(seeded, "2026-07-01", limit, "KZ") == "2026-07-11"
    await amend(seeded, RECESS)
    assert await computed(seeded, "2026-07-01", limit, "KZ") == "2026-07-25"
    assert await next_court_day(seeded, "2026-07-03") == "2026-07-20"


async def test_a_recess_is_taken_out_again_and_the_weekday_decides(seeded: Installation) -> None:
    await amend(seeded, RECESS)
    await amend(seeded, {"on": "2026-07-13", "until_on": "2026-07-19", "kind": "ordinary"})
    limit = {"amount": 10, "unit": "days"}
    assert await computed(seeded, "2026-07-01", limit, "KZ") == "2026-07-18"
    assert await next_court_day(seeded, "2026-07-03") == "2026-07-13"


async def test_a_weekend_day_and_a_holiday_become_court_days(seeded: Installation) -> None:
    saturday = {"on": "2026-05-16", "kind": "court_day", "name": "Moved workday"}
    await amend(seeded, saturday, {"on": "2026-12-16", "kind": "ordinary"})
    assert await next_court_day(seeded, "2026-05-15") == "2026-05-16"
    assert await next_court_day(seeded, "2026-12-15") == "2026-12-16"


async def test_a_change_there_and_back_is_a_version_of_its_own(seeded: Installation) -> None:
    off = {"on": "2026-05-04", "kind": "off", "name": "Bridge day"}
    versions = [
        (await amend(seeded, change))["version"]
        for change in (off, {"on": "2026-05-04", "kind": "ordinary"}, off)
    ]
    assert len(set(versions)) == 3
    assert all("+own." in version for version in versions)


CHANGES: dict[str, tuple[list[dict[str, Any]], str, str]] = {
    "before the loaded years": (
        [{"on": "2015-12-31", "kind": "off", "name": "n"}],
        "outside_calendar",
        "changes.0.on",
    ),
    "after the loaded years": (
        [RECESS, {"on": "2031-12-31", "until_on": "2032-01-01", "kind": "closure", "name": "n"}],
        "outside_calendar",
        "changes.1.until_on",
    ),
    "until before on": (
        [RECESS | {"until_on": "2026-07-05"}],
        "invalid_date",
        "changes.0.until_on",
    ),
    "no such day": ([RECESS | {"on": "2026-02-30"}], "invalid_date", "changes.0.on"),
    "a recess of a year": (
        [RECESS | {"on": "2026-01-01", "until_on": "2026-12-31"}],
        "invalid_input",
        "changes",
    ),
    "a recess that leaves a year its Sundays": (
        [RECESS | {"on": "2026-01-01", "until_on": "2026-12-26"}]
        + [{"on": f"2026-12-{on}", "kind": "off", "name": "n"} for on in (28, 29, 30, 31)],
        "invalid_input",
        "changes",
    ),
    "no change": ([], "invalid_input", "changes"),
    "nothing changed": ([{"on": "2026-05-04", "kind": "ordinary"}], "invalid_input", "changes"),
    "one day twice": (
        [RECESS, {"on": "2026-07-13", "kind": "ordinary"}],
        "invalid_input",
        "changes.1.on",
    ),
    "no name": ([{"on": "2026-05-04", "kind": "off"}], "missing_field", "changes.0.name"),
    "no such kind": ([RECESS | {"kind": "feast"}], "invalid_input", "changes.0.kind"),
    "unknown field": ([RECESS | {"colour": "red"}], "unknown_field", "changes.0.colour"),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_that_cannot_be_is_refused(seeded: Installation, name: str) -> None:
    changes, code, field = CHANGES[name]
    before = await seeded.rows()
    body = {"changes": changes, "source": ORDER}
    refused(await seeded.operator.post("/calendars/KZ/versions", json=body), 422, code, field)
    assert await seeded.rows() == before


async def test_the_same_change_a_second_time_is_no_change(seeded: Installation) -> None:
    await amend(seeded, RECESS)
    body = {"changes": [RECESS], "source": ORDER}
    response = await seeded.operator.post("/calendars/KZ/versions", json=body)
    refused(response, 422, "invalid_input", "changes")


async def test_a_change_needs_a_source_and_was_not_checked_tomorrow(seeded: Installation) -> None:
    post = seeded.operator.post
    path, body = "/calendars/KZ/versions", {"changes": [RECESS]}
    refused(await post(path, json=body), 422, "missing_field", "source")
    body |= {"source": ORDER, "verified_on": "2026-03-04"}
    refused(await post(path, json=body), 422, "invalid_date", "verified_on")


async def test_only_the_operator_changes_calendars(seeded: Installation) -> None:
    team = await seeded.team()
    writer = seeded.client(await seeded.key(scope="write"))
    before = await seeded.rows()
    for client in (team.admin, writer):
        body: dict[str, Any] = {"changes": [RECESS], "source": ORDER}
        refused(await client.post("/calendars/KZ/versions", json=body), 403, "forbidden")
        refused(await client.post("/calendars", json=OWN), 403, "forbidden")
    assert await seeded.rows() == before


async def test_there_is_no_way_to_remove_a_calendar(seeded: Installation) -> None:
    refused(await seeded.operator.delete("/calendars/KZ"), 405, "method_not_allowed")


async def test_a_repeated_request_makes_one_version(seeded: Installation) -> None:
    body = {"changes": [RECESS], "source": ORDER}
    answers = [
        await seeded.operator.post(
            "/calendars/KZ/versions", json=body, headers={"idempotency-key": "once"}
        )
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert (await stored(seeded)).number == 2


async def test_a_preview_is_the_very_calendar_that_the_change_makes(seeded: Installation) -> None:
    body = AmendmentIn.model_validate({"changes": [RECESS], "source": ORDER})
    before = await seeded.rows()
    async with seeded.runtime.reading() as session:
        preview = await preview_calendar(session, "KZ", body, seeded.clock.now)
    assert await seeded.rows() == before
    made = await amend(seeded, RECESS)
    assert (preview.code, preview.version) == ("KZ", made["version"])
    assert preview == (await stored(seeded)).court_calendar()
    assert [[str(first), str(last)] for first, last in preview.closures] == [
        ["2026-07-06", "2026-07-19"]
    ]


async def test_who_changed_a_calendar_stands_in_the_operators_chain(seeded: Installation) -> None:
    await create(seeded.operator, "/calendars", OWN)
    await amend(seeded, RECESS)
    rows = [row for row in (await seeded.rows())["journal_entries"] if "operator" in row]
    told = {row[5]: row for row in rows if "calendar." in row[5]}
    assert set(told) == {"calendar.created", "calendar.amended"}
    amended = told["calendar.amended"]
    assert amended[4].startswith("key_")
    data = next(value for value in amended if isinstance(value, dict))
    assert (data["code"], data["number"]) == ("KZ", 2)
    assert data["changed"] == [["2026-07-06", "2026-07-19", "closure"]]
    async with seeded.runtime.reading() as session:
        for head in await chains(session):
            assert await first_broken(session, head) is None


# --- calendars of one's own


async def test_a_calendar_of_ones_own_serves_cases_and_computations(
    seeded: Installation,
) -> None:
    team: Team = await seeded.team()
    made = await create(seeded.operator, "/calendars", OWN)
    assert made["version"].startswith("own+")
    assert (made["based_on"], made["weekend"]) == (None, ["friday", "saturday"])
    assert await next_court_day(seeded, "2026-03-07", "XX-BENCH") == "2026-03-08"
    assert await next_court_day(seeded, "2026-03-08", "XX-BENCH") == "2026-03-10"
    response = await seeded.operator.post(
        "/computations",
        json={
            "trigger": "2028-01-01",
            "timezone": "UTC",
            "time_limit": {"amount": 1, "unit": "court_days"},
            "calendar": "XX-BENCH",
        },
    )
    refused(response, 422, "outside_calendar", "calendar")
    await create(seeded.operator, "/calendars", OWN | {"code": "XX-B"})
    case = await create(team.admin, "/cases", case_body("K-18", {}, calendar="XX-B"))
    assert case["calendar"] == "XX-B"


async def test_a_city_takes_its_country_over_and_adds_its_own_days(seeded: Installation) -> None:
    body = {"code": "KZ-ALA", "based_on": "KZ", "days": [RECESS], "source": "City court, order 2"}
    made = await create(seeded.operator, "/calendars", body)
    assert made["based_on"] == "KZ"
    assert await next_court_day(seeded, "2026-07-03", "KZ-ALA") == "2026-07-20"
    assert await next_court_day(seeded, "2026-07-03", "KZ") == "2026-07-07"
    assert await day(seeded, "2026-12-16", "KZ-ALA")


async def test_a_calendar_of_the_library_can_be_stored_without_a_word_more(
    seeded: Installation,
) -> None:
    made = await create(seeded.operator, "/calendars", {"code": "TJ", "based_on": "TJ"})
    assert made["version"].startswith("holidays-")
    assert made["source"].endswith(", TJ")


NEW: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "code that is stored": ({"code": "KZ"}, 409, "duplicate", "code"),
    "code of no form": ({"code": "kazakhstan"}, 422, "invalid_input", "code"),
    "neither way": ({"weekend": None}, 422, "missing_field", "weekend"),
    "no last year": ({"last_year": None}, 422, "missing_field", "last_year"),
    "both ways": ({"based_on": "KZ"}, 422, "invalid_input", "weekend"),
    "years in reverse": ({"last_year": 2024}, 422, "invalid_input", "last_year"),
    "years without end": ({"last_year": 2099}, 422, "invalid_input", "last_year"),
    "no source": ({"source": None}, 422, "missing_field", "source"),
    "day outside its years": (
        {"days": [{"on": "2030-01-01", "kind": "off", "name": "n"}]},
        422,
        "outside_calendar",
        "days.0.on",
    ),
    "a library code that is none": (
        {"based_on": "XX", "weekend": None, "first_year": None, "last_year": None},
        422,
        "unknown_calendar",
        "based_on",
    ),
}


@pytest.mark.parametrize("name", NEW)
async def test_a_calendar_that_cannot_be_is_refused(seeded: Installation, name: str) -> None:
    given, status, code, field = NEW[name]
    before = await seeded.rows()
    refused(await seeded.operator.post("/calendars", json=OWN | given), status, code, field)
    assert await seeded.rows() == before


# --- the library moves on


async def test_a_second_refresh_changes_nothing(installation: Installation) -> None:
    assert await refresh(installation) == sorted(STANDARD_CODES)
    await amend(installation, RECESS, {"on": "2026-12-16", "kind": "ordinary"})
    before = await installation.rows()
    assert await refresh(installation) == []
    assert await installation.rows() == before


async def test_a_calendar_that_a_computation_seeded_is_left_as_it_is(
    installation: Installation,
) -> None:
    await next_court_day(installation, "2026-03-02")
    assert "KZ" not in await refresh(installation)
    assert (await stored(installation)).number == 1


async def test_a_newer_release_makes_a_version_beside_the_older_one(
    installation: Installation,
) -> None:
    await older_seed(installation)
    older = await read(installation.operator, "/calendars/KZ")
    assert "KZ" in await refresh(installation)
    newer = await read(installation.operator, "/calendars/KZ")
    assert len(newer["days"]) > len(older["days"]) == 2
    assert await read(installation.operator, "/calendars/KZ", version=older["version"]) == older
    told = [row for row in (await installation.rows())["journal_entries"] if "system" in row]
    assert [("calendar.refreshed" in row) for row in told] == [True]


async def test_what_a_person_entered_survives_a_refresh_and_removals_do_too(
    installation: Installation,
) -> None:
    await older_seed(installation)
    await amend(installation, RECESS, {"on": "2026-12-16", "kind": "ordinary"})
    assert await day(installation, "2025-09-01") is None
    assert "KZ" in await refresh(installation)
    assert (await day(installation, "2025-09-01"))["kind"] == "off"
    assert (await day(installation, "2026-12-16"))["kind"] == "ordinary"
    assert (await day(installation, "2026-07-06"))["source"] == ORDER
    assert await next_court_day(installation, "2026-07-03") == "2026-07-20"
    assert await next_court_day(installation, "2026-12-15") == "2026-12-16"
    newest = (await read(installation.operator, "/calendars/KZ/versions"))["items"][0]
    assert (newest["number"], newest["verified_on"], newest["entered_by"]) == (3, None, None)
    assert "+own." in newest["version"]
    assert await refresh(installation) == []


async def test_a_refresh_brings_a_city_what_its_country_has(seeded: Installation) -> None:
    body = {"code": "KZ-ALA", "based_on": "KZ", "days": [RECESS], "source": ORDER}
    await create(seeded.operator, "/calendars", body)
    seeded.clock.advance(timedelta(days=365))
    codes = await refresh(seeded)
    assert {"KZ", "KZ-ALA"} <= set(codes)
    city = await stored(seeded, "KZ-ALA")
    assert (city.first_year, city.last_year, city.code) == (2016, 2032, "KZ-ALA")
    assert await next_court_day(seeded, "2026-07-03", "KZ-ALA") == "2026-07-20"


async def test_a_calendar_of_ones_own_is_never_refreshed(seeded: Installation) -> None:
    await create(seeded.operator, "/calendars", OWN)
    seeded.clock.advance(timedelta(days=365))
    assert "XX-BENCH" not in await refresh(seeded)


async def test_an_older_release_takes_nothing_back_from_a_newer_one(seeded: Installation) -> None:
    """While one host after the other gets the new release, both refresh."""
    newer = replace(await stored(seeded), number=2, release="holidays-999.0", days={})
    await written(seeded, newer)
    assert await refresh(seeded) == []


async def test_two_workers_that_refresh_at_once_make_one_version(
    postgres_installation: Installation,
) -> None:
    one = postgres_installation
    await older_seed(one)
    both = await asyncio.gather(refresh(one), refresh(one))
    assert sorted(both[0] + both[1]) == sorted(STANDARD_CODES)
    versions = {code: f"/calendars/{code}/versions" for code in STANDARD_CODES}
    for code, path in versions.items():
        numbers = [row["number"] for row in (await read(one.operator, path))["items"]]
        assert numbers == ([2, 1] if code == "KZ" else [1])


async def test_changes_that_come_at_once_are_both_kept(
    postgres_installation: Installation,
) -> None:
    one = postgres_installation
    await refresh(one)
    days = ("2026-05-04", "2026-05-05", "2026-05-06")
    await asyncio.gather(*(amend(one, {"on": on, "kind": "off", "name": "Day off"}) for on in days))
    assert (await stored(one)).number == 4
    for on in days:
        assert (await day(one, on))["source"] == ORDER


async def test_of_two_calendars_of_one_code_that_come_at_once_one_is_refused(
    postgres_installation: Installation,
) -> None:
    post = postgres_installation.operator.post
    other = OWN | {"weekend": ["sunday"]}
    answers = await asyncio.gather(post("/calendars", json=OWN), post("/calendars", json=other))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
