"""Bad input: refused with a stable code and the field at fault, nothing written, nothing echoed."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from service.errors import Code
from service.ids import new_id
from tests.api.installation import (
    Installation,
    Team,
    case_body,
    create,
    deadline_body,
    installed,
)
from tests.harness.world import START

#: All of these share one installation, which none of them may change.
pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Put into offending values: whatever comes back must not hold it.
ECHO = "Zq7ECHO"
URLS = json.loads((Path(__file__).parents[1] / "data" / "ssrf-urls.json").read_text("utf-8"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def installation(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    folder = tmp_path_factory.mktemp("refusals")
    copy = shutil.copy(sqlite_template, folder / "adquem.sqlite3")
    async with installed(f"sqlite:///{copy}", folder) as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def team(installation: Installation) -> Team:
    return await installation.team()


@pytest_asyncio.fixture(params=["sqlite", "postgres"], loop_scope="module")
async def either(
    request: pytest.FixtureRequest, installation: Installation, tmp_path: Path
) -> AsyncIterator[Installation]:
    """The shared one on SQLite, or one of its own on Postgres."""
    if request.param == "sqlite":
        yield installation
        return
    async with installed(request.getfixturevalue("postgres_url"), tmp_path) as one:
        yield one


def refused(response: httpx.Response, status: int, code: str, field: str | None = None) -> None:
    """What every refusal promises."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    problem = response.json()
    assert (response.status_code, problem["code"]) == (status, code), response.text
    assert problem["status"] == status
    assert code in set(Code)
    assert problem["request_id"] == response.headers["x-request-id"]
    assert problem["detail"].strip()
    if field is not None:
        named = {problem.get("field"), *(error["field"] for error in problem.get("errors", []))}
        assert field in named, response.text
    assert "Traceback" not in response.text
    assert ".py" not in response.text
    assert ECHO not in response.text


# --- deadlines

DEADLINES: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown zone": ({"timezone": f"Asia/{ECHO}"}, "invalid_timezone", "timezone"),
    "zone by abbreviation": ({"timezone": "EST"}, "invalid_timezone", "timezone"),
    "zone by reversed offset": ({"timezone": "Etc/GMT+5"}, "invalid_timezone", "timezone"),
    "zone as a path": ({"timezone": "../../etc/passwd"}, "invalid_timezone", "timezone"),
    "date without a year": ({"due_on": "06-10"}, "invalid_date", "due_on"),
    "30 February": ({"due_on": "2026-02-30"}, "invalid_date", "due_on"),
    "29 February of a common year": ({"due_on": "2026-02-29"}, "invalid_date", "due_on"),
    "date as a number": ({"due_on": 20260610}, "invalid_date", "due_on"),
    "date as an instant": ({"due_on": "2026-06-10T00:00:00Z"}, "invalid_date", "due_on"),
    "date in other digits": ({"due_on": "٢٠٢٦-٠٦-١٠"}, "invalid_date", "due_on"),
    "year out of use": ({"due_on": "9999-12-31"}, "invalid_date", "due_on"),
    "instant without offset": ({"due_at": "2026-06-10T18:00:00"}, "invalid_instant", "due_at"),
    "instant with a space": ({"due_at": "2026-06-10 18:00:00Z"}, "invalid_instant", "due_at"),
    "instant as a number": ({"due_at": 1781114400}, "invalid_instant", "due_at"),
    "hour 25": ({"due_at": "2026-06-10T25:00:00Z"}, "invalid_instant", "due_at"),
    "offset of a day": ({"due_at": "2026-06-10T18:00:00+23:59"}, "invalid_instant", "due_at"),
    "unknown field": ({"colour": ECHO}, "unknown_field", "colour"),
    "unknown kind": ({"kind": ECHO}, "invalid_input", "kind"),
    "empty title": ({"title": ""}, "invalid_text", "title"),
    "blank title": ({"title": " \u3000"}, "invalid_text", "title"),
    "title of an essay": ({"title": ECHO * 100}, "invalid_input", "title"),
    "title of another type": ({"title": {"en": ECHO}}, "invalid_input", "title"),
    "NUL in a title": ({"title": f"{ECHO}\0"}, "invalid_text", "title"),
    "line end in a title": ({"title": f"{ECHO}\r\nBcc: x"}, "invalid_text", "title"),
    "escape in a title": ({"title": f"{ECHO}\x1b[2J"}, "invalid_text", "title"),
    "line separator in a title": ({"title": f"{ECHO}\u2028"}, "invalid_text", "title"),
    "C1 control in a title": ({"title": f"{ECHO}\x85"}, "invalid_text", "title"),
    "NUL in notes": ({"notes": f"{ECHO}\0"}, "invalid_text", "notes"),
    "lone surrogate in a title": ({"title": f"{ECHO}\ud800"}, "invalid_input", "title"),
    "external id with a space": ({"external_id": f"{ECHO} 1"}, "invalid_input", "external_id"),
    "case of no form": ({"case_id": ECHO}, "invalid_input", "case_id"),
    "case that is none": (
        {"case_id": new_id("cas", START)},
        "unknown_reference",
        "case_id",
    ),
    "policy that is none": (
        {"escalation_policy_id": new_id("pol", START)},
        "unknown_reference",
        "escalation_policy_id",
    ),
}


@pytest.mark.parametrize("name", DEADLINES)
async def test_a_deadline_that_cannot_be_is_refused(
    installation: Installation, team: Team, name: str
) -> None:
    given, code, field = DEADLINES[name]
    before = await installation.rows()
    body = json.dumps(deadline_body(team.case, **given))
    response = await team.admin.post(
        "/deadlines", content=body, headers={"content-type": "application/json"}
    )
    refused(response, 422, code, field)
    assert await installation.rows() == before


@pytest.mark.parametrize(
    "moments", [{}, {"due_on": "2026-06-10", "due_at": "2026-06-10T13:00:00Z"}], ids=len
)
async def test_a_deadline_needs_a_day_or_an_instant_and_not_both(
    installation: Installation, team: Team, moments: dict[str, str]
) -> None:
    before = await installation.rows()
    body = {"case_id": team.case, "title": "Appeal", "kind": "filing"} | moments
    refused(await team.admin.post("/deadlines", json=body), 422, "missing_field")
    assert await installation.rows() == before


@pytest.mark.parametrize("field", ["case_id", "title", "kind"])
async def test_what_is_left_out_is_named(
    installation: Installation, team: Team, field: str
) -> None:
    before = await installation.rows()
    body = deadline_body(team.case)
    del body[field]
    refused(await team.admin.post("/deadlines", json=body), 422, "missing_field", field)
    assert await installation.rows() == before


# --- everything else that is written

OTHERS: dict[str, tuple[str, dict[str, Any], str, str | None]] = {
    "team without a name": ("/teams", {}, "missing_field", "name"),
    "team of control characters": ("/teams", {"name": f"{ECHO}\x07"}, "invalid_text", "name"),
    "user of no address": (
        "/users",
        {"name": "A", "email": ECHO, "timezone": "Asia/Almaty"},
        "invalid_input",
        "email",
    ),
    "user of two addresses": (
        "/users",
        {"name": "A", "email": f"{ECHO}@example.org, b@example.org", "timezone": "Asia/Almaty"},
        "invalid_input",
        "email",
    ),
    "user with a header in the address": (
        "/users",
        {"name": "A", "email": f"a@example.org\r\nBcc: {ECHO}@x.org", "timezone": "Asia/Almaty"},
        "invalid_input",
        "email",
    ),
    "user in an unknown zone": (
        "/users",
        {"name": "A", "email": "a@example.org", "timezone": ECHO},
        "invalid_timezone",
        "timezone",
    ),
    "case by a person's name": ("/cases", case_body(f"{ECHO} Ivan", {}), "invalid_input", "code"),
    "case with a person who is none": (
        "/cases",
        case_body("K-18", {"owner": new_id("usr", START)}),
        "unknown_reference",
        "roles.0.user_id",
    ),
    "case with an unknown role": (
        "/cases",
        case_body("K-18", {ECHO: new_id("usr", START)}),
        "invalid_input",
        "roles.0.role",
    ),
    "case with an unknown calendar": (
        "/cases",
        case_body("K-18", {}, calendar="XX"),
        "unknown_calendar",
        "calendar",
    ),
    "case above every level": (
        "/cases",
        case_body("K-18", {}, ceiling=9),
        "invalid_input",
        "ceiling",
    ),
    "key of an unknown scope": (
        "/api-keys",
        {"name": "k", "scope": ECHO},
        "invalid_input",
        "scope",
    ),
    "endpoint for an unknown pattern": (
        "/endpoints",
        {"name": "e", "url": "https://hooks.example.com/in", "events": [ECHO]},
        "invalid_input",
        "events.0",
    ),
    "endpoint for nothing": (
        "/endpoints",
        {"name": "e", "url": "https://hooks.example.com/in", "events": []},
        "invalid_input",
        "events",
    ),
    "endpoint that would show everything": (
        "/endpoints",
        {"name": "e", "url": "https://hooks.example.com/in", "level": 3},
        "invalid_input",
        "level",
    ),
    "feed of a person who is none": (
        "/feeds",
        {"name": "f", "user_id": new_id("usr", START)},
        "unknown_reference",
        "user_id",
    ),
    "policy without a step": (
        "/escalation-policies",
        {"name": "p", "steps": []},
        "invalid_input",
        "steps",
    ),
    "policy that starts with silence": (
        "/escalation-policies",
        {"name": "p", "steps": [{"targets": ["owner"], "no_response_for": "PT1H"}]},
        "invalid_input",
        "steps.0",
    ),
    "policy whose marks run backwards": (
        "/escalation-policies",
        {
            "name": "p",
            "steps": [
                {"targets": ["owner"], "before_due": "P1D"},
                {"targets": ["owner"], "before_due": "P7D"},
            ],
        },
        "invalid_input",
        "steps.1",
    ),
    "step of two spans": (
        "/escalation-policies",
        {"name": "p", "steps": [{"targets": ["owner"], "before_due": "P1D", "after_due": "P1D"}]},
        "invalid_input",
        "steps.0",
    ),
    "step that tells nobody": (
        "/escalation-policies",
        {"name": "p", "steps": [{"targets": [], "before_due": "P1D"}]},
        "invalid_input",
        "steps.0.targets",
    ),
    "span in words": (
        "/escalation-policies",
        {"name": "p", "steps": [{"targets": ["owner"], "before_due": ECHO}]},
        "invalid_input",
        "steps.0.before_due",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
async def test_what_cannot_be_is_refused(installation: Installation, team: Team, name: str) -> None:
    path, body, code, field = OTHERS[name]
    before = await installation.rows()
    client = installation.operator if path == "/teams" else team.admin
    refused(await client.post(path, json=body), 422, code, field)
    assert await installation.rows() == before


TRIGGERS: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "no moment": ({}, "missing_field", None),
    "two moments": (
        {"occurred_on": "2026-01-29", "occurred_at": "2026-01-29T10:00:00+05:00"},
        "missing_field",
        None,
    ),
    "unknown rule": ({"occurred_on": "2026-01-29", "rules": [ECHO]}, "unknown_rule", "rules.0"),
    "rule that runs from service, without service": (
        {"occurred_on": "2026-01-29", "rules": ["kz.cpc.592.extradition-appeal"]},
        "missing_field",
        "served_on",
    ),
    "rule in hours, without an hour": (
        {"occurred_on": "2026-01-29", "rules": ["kz.cpc.587.identity-check"]},
        "invalid_instant",
        "occurred_at",
    ),
    "beyond the calendar's years": (
        {
            "occurred_on": "2050-01-29",
            "served_on": "2050-01-29",
            "rules": ["kz.cpc.592.extradition-appeal"],
        },
        "outside_calendar",
        None,
    ),
}


@pytest.mark.parametrize("name", TRIGGERS)
async def test_a_trigger_event_that_starts_no_clock_as_asked_is_refused(
    installation: Installation, team: Team, name: str
) -> None:
    given, code, field = TRIGGERS[name]
    before = await installation.rows()
    body = {"kind": "decision.extradition"} | given
    response = await team.admin.post(f"/cases/{team.case}/trigger-events", json=body)
    refused(response, 422, code, field)
    assert await installation.rows() == before


# --- addresses of endpoints

#: Only a look-up or the answer tells these apart from good ones; see channels/test_guard.py.
AT_CONNECT_TIME = [entry for entry in URLS if ".rebind.example.com" in entry["url"]]
AT_SAVE_TIME = [entry for entry in URLS if entry not in AT_CONNECT_TIME]
MORE_URLS = [
    {"url": "http://hooks.example.com/in", "why": "plain http", "must": "reject"},
    {"url": "http://localhost:8000/", "why": "localhost", "must": "reject"},
    {"url": "http://127.0.0.1/", "why": "loopback over http", "must": "reject"},
]


@pytest.mark.parametrize(
    "entry",
    [entry for entry in AT_SAVE_TIME + MORE_URLS if entry["must"] == "reject"],
    ids=lambda entry: f"{entry['why']} {entry['url'][:60]!a}",
)
async def test_an_endpoint_is_not_put_where_it_must_not_reach(
    installation: Installation, team: Team, entry: dict[str, str]
) -> None:
    before = await installation.rows()
    response = await team.admin.post("/endpoints", json={"name": "e", "url": entry["url"]})
    refused(response, 422, "invalid_url", "url")
    assert await installation.rows() == before


@pytest.mark.parametrize(
    "url", [entry["url"] for entry in AT_SAVE_TIME if entry["must"] == "allow"]
)
async def test_an_endpoint_may_stand_at_a_public_name(team: Team, url: str) -> None:
    made = await create(team.admin, "/endpoints", {"name": "e", "url": url})
    assert made["url"] == url


async def test_an_endpoint_cannot_be_moved_to_where_it_must_not_reach(
    installation: Installation, team: Team
) -> None:
    body = {"name": "e", "url": "https://hooks.example.com/in"}
    made = await team.admin.post("/endpoints", json=body)
    before = await installation.rows()
    response = await team.admin.patch(
        f"/endpoints/{made.json()['id']}",
        json={"url": "https://127.0.0.1/"},
        headers={"if-match": made.headers["etag"]},
    )
    refused(response, 422, "invalid_url", "url")
    assert await installation.rows() == before


# --- bodies

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"{'name': 1}",
        b'{"name": "' + b"\xff" * 4 + b'"}',
        b"[" * 100_000,
        b'{"name": ' + b"9" * 5000 + b"}",
    ],
    ids=["cut short", "nothing", "not quoted", "not utf-8", "nested deep", "number without end"],
)
async def test_what_is_not_json_is_refused(installation: Installation, body: bytes) -> None:
    before = await installation.rows()
    response = await installation.operator.post("/teams", content=body, headers=JSON)
    assert response.status_code in (400, 422)
    codes = {400: "malformed_json", 422: "missing_field"}
    refused(response, response.status_code, codes[response.status_code])
    assert (response.status_code == 422) == (body == b"")
    assert await installation.rows() == before


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"null", b"17", b"NaN"])
async def test_json_of_another_kind_is_refused(installation: Installation, body: bytes) -> None:
    before = await installation.rows()
    response = await installation.operator.post("/teams", content=body, headers=JSON)
    refused(response, response.status_code, response.json()["code"])
    assert response.status_code in (400, 422)
    assert await installation.rows() == before


async def test_a_form_is_not_taken_for_json(installation: Installation) -> None:
    """A page on another site can send forms with its visitor's rights, but no JSON."""
    before = await installation.rows()
    response = await installation.operator.post(
        "/teams", content=b'{"name": "Team"}', headers={"content-type": "text/plain"}
    )
    refused(response, response.status_code, response.json()["code"])
    assert 400 <= response.status_code < 500
    assert await installation.rows() == before


TEN_MEGABYTES = 10_000_000


async def test_a_body_of_ten_megabytes_is_refused(installation: Installation) -> None:
    before = await installation.rows()
    body = b'{"name": "' + b"x" * TEN_MEGABYTES + b'"}'
    response = await installation.operator.post("/teams", content=body, headers=JSON)
    refused(response, 413, "body_too_large")
    assert await installation.rows() == before


async def test_a_body_that_declares_no_length_is_counted_while_it_comes(
    installation: Installation,
) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'{"name": "'
        for _ in range(TEN_MEGABYTES // 10_000):
            sent += 10_000
            yield b"x" * 10_000
        yield b'"}'

    before = await installation.rows()
    response = await installation.operator.post("/teams", content=chunks(), headers=JSON)
    refused(response, 413, "body_too_large")
    assert sent < TEN_MEGABYTES
    assert await installation.rows() == before


async def test_the_largest_body_that_is_allowed_is_read(installation: Installation) -> None:
    head, tail = b'{"name": "Team"', b"}"
    most = installation.runtime.settings.max_body_bytes
    body = head + b" " * (most - len(head) - len(tail)) + tail
    assert (
        await installation.operator.post("/teams", content=body, headers=JSON)
    ).status_code == 201
    refused(
        await installation.operator.post("/teams", content=body + b" ", headers=JSON),
        413,
        "body_too_large",
    )


@pytest.mark.parametrize("name", ["\ud800", ECHO * 1000, "a\r\nb"], ids=ascii)
async def test_the_name_of_an_unknown_field_may_be_anything(
    installation: Installation, name: str
) -> None:
    body = json.dumps({"name": "Team", name: 1})
    response = await installation.operator.post("/teams", content=body, headers=JSON)
    assert response.status_code == 422, response.text
    assert response.json()["code"] in ("unknown_field", "invalid_input")


# --- twins


async def test_a_second_case_of_the_same_name_is_refused(
    installation: Installation, team: Team
) -> None:
    first = case_body("K-20", {}, external_id="kobo/20")
    await create(team.admin, "/cases", first)
    before = await installation.rows()
    for field, other in (("external_id", {"code": "K-21"}), ("code", {"external_id": "kobo/21"})):
        refused(await team.admin.post("/cases", json=first | other), 409, "duplicate", field)
    assert await installation.rows() == before


async def test_a_second_deadline_of_the_same_external_id_is_refused(
    installation: Installation, team: Team
) -> None:
    await team.deadline(external_id="kobo/1")
    before = await installation.rows()
    body = deadline_body(team.case, external_id="kobo/1")
    refused(await team.admin.post("/deadlines", json=body), 409, "duplicate", "external_id")
    assert await installation.rows() == before


async def test_one_address_belongs_to_one_person_whatever_its_capitals(
    installation: Installation, team: Team
) -> None:
    body = {"name": "A", "email": "Aigerim@Example.org", "timezone": "Asia/Almaty"}
    await create(team.admin, "/users", body)
    before = await installation.rows()
    twin = body | {"email": "aigerim@example.org"}
    refused(await team.admin.post("/users", json=twin), 409, "duplicate", "email")
    assert await installation.rows() == before


# --- queries and paths

QUERIES = {
    "due_after=tomorrow": ("invalid_instant", "query.due_after"),
    "due_before=2026-06-10T00:00:00": ("invalid_instant", "query.due_before"),
    "status=lost": ("invalid_input", "query.status.0"),
    "kind=feast": ("invalid_input", "query.kind"),
    "limit=0": ("invalid_input", "query.limit"),
    "limit=201": ("invalid_input", "query.limit"),
    "limit=many": ("invalid_input", "query.limit"),
}


@pytest.mark.parametrize("query", QUERIES)
async def test_a_filter_that_says_nothing_is_refused(team: Team, query: str) -> None:
    code, field = QUERIES[query]
    refused(await team.admin.get(f"/deadlines?{query}"), 422, code, field)


NONSENSE = (
    "/deadlines/%00",
    "/cases/%00/journal",
    "/rules/%00",
    "/users/%FF",
    "/messages/..%2f..%2fetc",
    "/feeds/" + "x" * 5000,
)


async def test_a_path_of_nonsense_leads_nowhere(either: Installation) -> None:
    for path in NONSENSE:
        refused(await either.operator.get(path), 404, "not_found")


async def test_a_filter_of_nonsense_finds_nothing(either: Installation) -> None:
    response = await either.operator.get("/deadlines?case=%00")
    assert response.status_code in (200, 422), response.text


@pytest.mark.parametrize("path", ["/nowhere", "/teams/x/y/z"])
async def test_an_unknown_path_is_refused_in_the_same_shape(
    installation: Installation, path: str
) -> None:
    refused(await installation.operator.get(path), 404, "not_found")


async def test_an_unknown_method_is_refused_in_the_same_shape(installation: Installation) -> None:
    refused(await installation.operator.delete("/teams"), 405, "method_not_allowed")
