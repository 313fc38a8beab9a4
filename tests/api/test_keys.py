"""Who may do what: keys that do not open, scopes that do not reach, secrets that are shown once."""

from typing import Any

import httpx

from service.ids import new_id
from tests.api.installation import Installation, Team, change, create, read
from tests.api.test_refusals import refused
from tests.harness.world import START

WRONG = {
    "none": {},
    "empty": {"authorization": ""},
    "no key": {"authorization": "Bearer "},
    "unknown": {"authorization": "Bearer adq_" + "A" * 43},
    "another scheme": {"authorization": "Basic YTpi"},
    "no scheme": {"authorization": "adq_" + "A" * 43},
    "endless": {"authorization": "Bearer " + "A" * 10_000},
}


def without_id(response: httpx.Response) -> dict[str, Any]:
    problem: dict[str, Any] = response.json()
    del problem["request_id"]
    return problem


async def test_every_key_that_does_not_open_is_told_the_same(
    installation: Installation, team: Team
) -> None:
    made = await create(team.admin, "/api-keys", {"name": "gone", "scope": "admin"})
    await create(installation.operator, f"/api-keys/{made['id']}/revoke", {})
    wrong = WRONG | {"revoked": {"authorization": f"Bearer {made['key']}"}}
    before = await installation.rows()
    told = []
    for headers in wrong.values():
        for method, path in (("GET", "/api/v1/cases"), ("POST", "/api/v1/teams")):
            response = await installation.outside.request(
                method, path, headers=headers, json={"name": "x"}
            )
            refused(response, 401, "unauthenticated")
            assert response.headers["www-authenticate"] == "Bearer"
            told.append(without_id(response))
    assert all(one == told[0] for one in told)
    assert await installation.rows() == before


async def test_a_revoked_key_opens_nothing_from_the_next_request_on(
    installation: Installation, team: Team
) -> None:
    made = await create(team.admin, "/api-keys", {"name": "gone", "scope": "read"})
    client = installation.client(made["key"])
    await read(client, "/cases")
    await create(team.admin, f"/api-keys/{made['id']}/revoke", {})
    refused(await client.get("/cases"), 401, "unauthenticated")


NEEDS = [
    ("read", "POST", "/cases", {"code": "K-1", "timezone": "Asia/Almaty"}),
    ("read", "POST", "/feeds", {"name": "f", "user_id": new_id("usr", START)}),
    ("read", "POST", "/escalation-policies", {"name": "p", "steps": []}),
    ("write", "POST", "/users", {"name": "A", "email": "a@b.org", "timezone": "UTC"}),
    ("write", "POST", "/endpoints", {"name": "e", "url": "https://hooks.example.com/in"}),
    ("write", "POST", "/api-keys", {"name": "k", "scope": "read"}),
    ("write", "GET", "/api-keys", None),
    ("write", "POST", "/teams", {"name": "t"}),
]


async def test_a_scope_that_is_too_small_is_refused(installation: Installation, team: Team) -> None:
    clients = {
        scope: installation.client(await installation.key(scope=scope, team_id=team.id))
        for scope in ("read", "write")
    }
    before = await installation.rows()
    for scope, method, path, body in NEEDS:
        response = await clients[scope].request(method, path, json=body)
        refused(response, 403, "forbidden")
    assert await installation.rows() == before


async def test_a_team_cannot_put_up_another_team(installation: Installation, team: Team) -> None:
    before = await installation.rows()
    refused(await team.admin.post("/teams", json={"name": "Second"}), 403, "forbidden")
    assert await installation.rows() == before


async def test_nobody_makes_a_key_that_reaches_further_than_their_own(
    installation: Installation, team: Team
) -> None:
    other = await installation.team("K-99", "Others")
    made = await create(team.admin, "/api-keys", {"name": "mine", "scope": "admin"})
    assert made["team_id"] == team.id
    before = await installation.rows()
    body = {"name": "theirs", "scope": "read", "team_id": other.id}
    refused(await team.admin.post("/api-keys", json=body), 404, "not_found")
    assert await installation.rows() == before


async def test_a_key_that_acts_for_a_person_cannot_act_for_another(
    installation: Installation, team: Team
) -> None:
    due = await team.deadline()
    owner, deputy = team.people["owner"], team.people["deputy"]
    key = await installation.key(scope="write", team_id=team.id, user_id=owner)
    client = installation.client(key)
    path = f"/deadlines/{due['id']}/acknowledge"
    before = await installation.rows()
    refused(await client.post(path, json={"user_id": deputy}), 403, "forbidden", "user_id")
    assert await installation.rows() == before
    assert (await create(client, path, {}))["user_id"] == owner


async def test_a_key_that_acts_for_a_person_sees_no_feed_of_another(
    installation: Installation, team: Team
) -> None:
    theirs = await create(team.admin, "/feeds", {"name": "phone", "user_id": team.people["deputy"]})
    key = await installation.key(scope="write", team_id=team.id, user_id=team.people["owner"])
    client = installation.client(key)
    assert (await read(client, "/feeds"))["items"] == []
    refused(await client.get(f"/feeds/{theirs['id']}"), 404, "not_found")
    refused(await client.post(f"/feeds/{theirs['id']}/rotate"), 404, "not_found")


async def test_a_disabled_person_stays_listed_with_the_instant(
    installation: Installation, team: Team
) -> None:
    path = f"/users/{team.people['deputy']}"
    changed = await change(team.admin, path, {"disabled": True})
    assert changed["disabled_at"] == installation.clock.now.isoformat().replace("+00:00", "Z")
    assert (await read(team.admin, path))["disabled_at"] == changed["disabled_at"]
    assert (await change(team.admin, path, {"disabled": False}))["disabled_at"] is None


async def test_a_disabled_person_cannot_answer_for_a_deadline(
    installation: Installation, team: Team
) -> None:
    due = await team.deadline()
    await change(team.admin, f"/users/{team.people['deputy']}", {"disabled": True})
    before = await installation.rows()
    response = await team.admin.post(
        f"/deadlines/{due['id']}/acknowledge", json={"user_id": team.people["deputy"]}
    )
    refused(response, 422, "unknown_reference", "user_id")
    assert await installation.rows() == before


async def test_a_disabled_person_is_not_on_the_plan(installation: Installation, team: Team) -> None:
    due = await team.deadline()
    await change(team.admin, f"/users/{team.people['owner']}", {"disabled": True})
    plan = await read(team.admin, f"/deadlines/{due['id']}/plan")
    told = {person for step in plan["upcoming"] for person in step["people"]}
    assert told
    assert team.people["owner"] not in told


async def test_the_key_of_a_disabled_person_opens_nothing(
    installation: Installation, team: Team
) -> None:
    key = await installation.key(scope="write", team_id=team.id, user_id=team.people["owner"])
    client = installation.client(key)
    await read(client, "/cases")
    await change(team.admin, f"/users/{team.people['owner']}", {"disabled": True})
    refused(await client.get("/cases"), 401, "unauthenticated")


async def test_the_key_of_somebody_who_left_the_team_opens_nothing_of_it(
    installation: Installation, team: Team
) -> None:
    other = await installation.team("K-99", "Others")
    key = await installation.key(scope="write", team_id=team.id, user_id=team.people["owner"])
    client = installation.client(key)
    await read(client, f"/cases/{team.case}")
    path = f"/users/{team.people['owner']}"
    await change(installation.operator, path, {"team_ids": [other.id]})
    response = await client.get(f"/cases/{team.case}")
    assert response.status_code in (401, 404), response.text


async def test_a_secret_is_shown_once_and_kept_nowhere_in_clear(
    installation: Installation, team: Team
) -> None:
    key = await create(team.admin, "/api-keys", {"name": "k", "scope": "read"})
    endpoint = await create(
        team.admin, "/endpoints", {"name": "e", "url": "https://hooks.example.com/in"}
    )
    feed = await create(team.admin, "/feeds", {"name": "f", "user_id": team.people["owner"]})
    rotated = await create(team.admin, f"/feeds/{feed['id']}/rotate", {})
    secrets = [key["key"], endpoint["secret"]]
    secrets += [one["url"].rpartition("/f/")[2].split(".")[1] for one in (feed, rotated)]
    assert len(set(secrets)) == 4
    said = ""
    for path in (
        "/api-keys",
        "/endpoints",
        f"/endpoints/{endpoint['id']}",
        f"/endpoints/{endpoint['id']}/messages",
        "/feeds",
        f"/feeds/{feed['id']}",
        f"/cases/{team.case}/journal",
    ):
        said += (await team.admin.get(path)).text
    kept = repr(await installation.rows())
    for secret in secrets:
        assert secret not in said
        assert secret not in kept
        assert secret.removeprefix("whsec_").removeprefix("adq_") not in kept
