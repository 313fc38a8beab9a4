"""Changes: one effect for one intention, nobody's change lost, every list walked once."""

import asyncio
import base64
import json
from typing import Any

import httpx
import psycopg
import pytest

from tests.api.installation import Installation, Team, case_body, create, deadline_body, read
from tests.api.test_refusals import refused
from tests.harness.polling import eventually


async def post(client: httpx.AsyncClient, path: str, key: str, body: Any) -> httpx.Response:
    return await client.post(path, json=body, headers={"idempotency-key": key})


# --- Idempotency-Key


async def test_the_same_key_and_body_have_one_effect_and_one_answer(
    installation: Installation, team: Team
) -> None:
    body = deadline_body(team.case)
    first = await post(team.admin, "/deadlines", "k1", body)
    rows = await installation.rows()
    again = await post(team.admin, "/deadlines", "k1", body)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert await installation.rows() == rows


async def test_the_same_key_with_another_body_is_refused(
    installation: Installation, team: Team
) -> None:
    await post(team.admin, "/deadlines", "k1", deadline_body(team.case))
    before = await installation.rows()
    other = deadline_body(team.case, title="Another")
    response = await post(team.admin, "/deadlines", "k1", other)
    refused(response, 409, "idempotency_key_reused", "header.Idempotency-Key")
    assert await installation.rows() == before


async def test_another_key_another_route_or_another_caller_is_another_intention(
    installation: Installation, team: Team
) -> None:
    other = await installation.team("K-99")
    body = {"code": "K-50", "timezone": "Asia/Almaty"}
    answers = [
        await post(team.admin, "/cases", "k1", body),
        await post(other.admin, "/cases", "k1", body),
        await post(team.admin, "/cases", "k2", body | {"code": "K-51"}),
        await post(team.admin, "/deadlines", "k1", deadline_body(team.case)),
    ]
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json()["id"] for answer in answers}) == 4


async def test_a_refused_request_leaves_its_key_free(
    installation: Installation, team: Team
) -> None:
    before = await installation.rows()
    wrong = deadline_body(team.case, timezone="Nowhere/None")
    refused(await post(team.admin, "/deadlines", "k1", wrong), 422, "invalid_timezone")
    critical = deadline_body(team.case, escalation_policy_id="pol_" + "0" * 26)
    refused(await post(team.admin, "/deadlines", "k1", critical), 422, "unknown_reference")
    assert await installation.rows() == before
    right = await post(team.admin, "/deadlines", "k1", deadline_body(team.case))
    assert right.status_code == 201


async def test_twins_at_the_same_time_have_one_effect(either: Installation) -> None:
    team = await either.team()
    body = deadline_body(team.case)
    answers = await asyncio.gather(*(post(team.admin, "/deadlines", "k1", body) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len((await either.rows())["deadlines"]) == 1


async def test_a_completion_repeated_under_its_key_answers_the_same_again(
    installation: Installation, team: Team
) -> None:
    due = await team.deadline()
    path = f"/deadlines/{due['id']}/complete"
    body = {"user_id": team.people["owner"], "proof": "receipt 7/26"}
    first = await post(team.admin, path, "done", body)
    again = await post(team.admin, path, "done", body)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content


# --- If-Match


async def nouns(team: Team) -> dict[str, tuple[str, dict[str, Any]]]:
    """Everything that can be changed: path and a change."""
    due = await team.deadline()
    url = "https://hooks.example.com/in"
    endpoint = await create(team.admin, "/endpoints", {"name": "e", "url": url})
    feed = await create(team.admin, "/feeds", {"name": "f", "user_id": team.people["owner"]})
    steps = [{"targets": ["owner"], "before_due": "P1D"}]
    policy = await create(team.admin, "/escalation-policies", {"name": "p", "steps": steps})
    return {
        "team": (f"/teams/{team.id}", {"name": "Renamed"}),
        "user": (f"/users/{team.people['owner']}", {"name": "Renamed"}),
        "case": (f"/cases/{team.case}", {"forum": "Renamed"}),
        "deadline": (f"/deadlines/{due['id']}", {"title": "Renamed"}),
        "endpoint": (f"/endpoints/{endpoint['id']}", {"name": "Renamed"}),
        "feed": (f"/feeds/{feed['id']}", {"name": "Renamed"}),
        "policy": (f"/escalation-policies/{policy['id']}", {"name": "Renamed"}),
    }


async def test_a_change_must_say_what_it_was_made_from(
    installation: Installation, team: Team
) -> None:
    changes = await nouns(team)
    before = await installation.rows()
    for path, body in changes.values():
        missing = await team.admin.patch(path, json=body)
        refused(missing, 428, "precondition_required", "header.If-Match")
        stale = await team.admin.patch(path, json=body, headers={"if-match": '"x.1"'})
        refused(stale, 412, "precondition_failed", "header.If-Match")
    assert await installation.rows() == before


async def test_a_change_under_the_etag_that_was_read_is_made_and_gives_the_next_one(
    team: Team,
) -> None:
    for path, body in (await nouns(team)).values():
        read_etag = (await team.admin.get(path)).headers["etag"]
        assert read_etag.startswith('"'), path
        changed = await team.admin.patch(path, json=body, headers={"if-match": read_etag})
        assert changed.status_code == 200, changed.text
        assert body.items() <= changed.json().items(), path
        assert changed.headers["etag"] != read_etag, path
        assert (await team.admin.get(path)).headers["etag"] == changed.headers["etag"], path
        again = await team.admin.patch(path, json=body, headers={"if-match": read_etag})
        refused(again, 412, "precondition_failed")


async def test_what_is_made_is_answered_with_the_etag_that_a_read_gives(team: Team) -> None:
    steps = [{"targets": ["owner"], "before_due": "P1D"}]
    made = {
        "/cases": {"code": "K-70", "timezone": "Asia/Almaty"},
        "/deadlines": deadline_body(team.case),
        "/users": {"name": "A", "email": "a@example.org", "timezone": "Asia/Almaty"},
        "/feeds": {"name": "f", "user_id": team.people["owner"]},
        "/endpoints": {"name": "e", "url": "https://hooks.example.com/in"},
        "/escalation-policies": {"name": "p", "steps": steps},
    }
    for path, body in made.items():
        response = await team.admin.post(path, json=body)
        found = await team.admin.get(f"{path}/{response.json()['id']}")
        assert response.headers["etag"] == found.headers["etag"], path


async def test_a_completion_changes_the_etag_so_that_an_older_edit_is_refused(team: Team) -> None:
    due = await team.deadline()
    path = f"/deadlines/{due['id']}"
    etag = (await team.admin.get(path)).headers["etag"]
    proof = {"user_id": team.people["owner"], "proof": "receipt 7/26"}
    await create(team.admin, f"{path}/complete", proof)
    response = await team.admin.patch(path, json={"title": "x"}, headers={"if-match": etag})
    refused(response, 412, "precondition_failed")


@pytest.mark.parametrize("noun", ["case", "user", "team", "feed", "endpoint", "policy", "deadline"])
async def test_of_two_changes_from_the_same_reading_one_is_refused(
    postgres_installation: Installation, noun: str
) -> None:
    """Both have begun before either has ended: a third transaction holds the row until both wait."""
    team = await postgres_installation.team()
    path, body = (await nouns(team))[noun]
    etag = (await team.admin.get(path)).headers["etag"]
    table = {"policy": "escalation_policies"}.get(noun, f"{noun}s")
    row_id = path.rpartition("/")[2]
    url = postgres_installation.runtime.settings.database_url.get_secret_value()
    with psycopg.connect(url, autocommit=True) as watcher, psycopg.connect(url) as holder:
        holder.execute(f"SELECT 1 FROM {table} WHERE id = %s FOR UPDATE", [row_id])
        changes = [
            asyncio.create_task(team.admin.patch(path, json=body, headers={"if-match": etag}))
            for _ in range(2)
        ]

        def both_wait() -> bool:
            query = (
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            [waiting] = watcher.execute(query).fetchone() or (0,)
            return bool(waiting == 2)

        await asyncio.to_thread(eventually, both_wait, 4)
        holder.rollback()
        answers = await asyncio.gather(*changes)
    assert sorted(answer.status_code for answer in answers) == [200, 412]


# --- cursors


async def walk(client: httpx.AsyncClient, path: str, limit: int) -> list[list[str]]:
    """The ids of every page."""
    pages, cursor = [], None
    while True:
        query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(path, params=httpx.URL(path).params.merge(query))).json()
        pages.append([item["id"] for item in page["items"]])
        cursor = page["next_cursor"]
        if cursor is None:
            return pages


async def test_pages_walk_every_row_once(team: Team) -> None:
    for number in range(11):
        await create(team.admin, "/cases", case_body(f"P-{number}", {}))
    pages = await walk(team.admin, "/cases", 5)
    ids = [one for page in pages for one in page]
    assert [len(page) for page in pages] == [5, 5, 2]
    assert len(set(ids)) == 12
    assert ids == [item["id"] for item in (await read(team.admin, "/cases"))["items"]]


async def test_a_full_last_page_ends_the_walk_too(team: Team) -> None:
    for number in range(3):
        await create(team.admin, "/cases", case_body(f"P-{number}", {}))
    assert [len(page) for page in await walk(team.admin, "/cases", 2)] == [2, 2, 0]


async def test_deadlines_are_walked_soonest_first_also_where_many_fall_on_one_day(
    team: Team,
) -> None:
    made = [await team.deadline(due_on=f"2026-06-1{n % 3}") for n in range(9)]
    ids = [one for page in await walk(team.admin, "/deadlines", 2) for one in page]
    wanted = sorted(made, key=lambda one: (one["due_at"], one["id"]))
    assert ids == [one["id"] for one in wanted]


async def cursor_of(client: httpx.AsyncClient, path: str) -> str:
    page = await read(client, path, limit=1)
    cursor: str = page["next_cursor"]
    assert cursor
    return cursor


async def test_a_cursor_belongs_to_its_list_and_filters(
    installation: Installation, team: Team
) -> None:
    await team.deadline()
    await team.deadline()
    for path, other in [
        ("/users", "/cases"),
        ("/users", "/deadlines"),
        ("/deadlines", "/deadlines?kind=filing"),
        ("/deadlines?kind=filing", "/deadlines?kind=hearing"),
        ("/deadlines?kind=filing", "/deadlines"),
    ]:
        page = await team.admin.get(path, params=httpx.URL(path).params.merge({"limit": 1}))
        cursor = page.json()["next_cursor"]
        query = httpx.URL(other).params.merge({"cursor": cursor, "limit": 1})
        refused(await team.admin.get(other, params=query), 400, "bad_cursor", "query.cursor")


def packed(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


FORGED = {
    "nothing": "",
    "no base64": "%%%",
    "not ascii": "курсор",
    "no json": base64.urlsafe_b64encode(b"\xff{").decode(),
    "a number": packed(5),
    "null": packed(None),
    "an empty list": packed([]),
    "three parts": packed(["a", "b", "c"]),
    "no signature": packed(['["usr_0"]', ""]),
    "a foreign signature": packed(['["usr_0"]', "A" * 22]),
    "no text": packed([["usr_0"], "A" * 22]),
    "a lone surrogate": packed(["\ud800", "A" * 22]),
    "an object": packed({"a": 1, "b": 2}),
    "nested deep": base64.urlsafe_b64encode(b"[" * 700).decode(),
}


@pytest.mark.parametrize("name", FORGED)
async def test_a_forged_cursor_is_refused(team: Team, name: str) -> None:
    response = await team.admin.get("/users", params={"cursor": FORGED[name]})
    refused(response, 400, "bad_cursor", "query.cursor")


async def test_a_cursor_with_one_character_changed_is_refused(team: Team) -> None:
    cursor = await cursor_of(team.admin, "/users")
    payload, signature = json.loads(base64.urlsafe_b64decode(cursor))
    moved = payload.replace("usr_0", "usr_1")
    assert moved != payload
    response = await team.admin.get("/users", params={"cursor": packed([moved, signature])})
    refused(response, 400, "bad_cursor")
