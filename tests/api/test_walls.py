"""Two teams side by side: not one byte of one reaches the other, by any route that there is."""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from service.flows.release import release_due
from service.flows.sitting import Sitting
from service.ids import new_id
from service.store.reviews import Review, ReviewState
from tests.api.installation import Installation, Team, case_body, create, read
from tests.api.test_refusals import refused
from tests.harness.world import START

#: Stands in everything that a team can write, in both spellings that a code or an address needs.
MARK = re.compile(rb"Mark(Ours|Theirs)|MARK(OURS|THEIRS)|mark(ours|theirs)")

#: Path parameter of the OpenAPI document to the prefix of the ids that go there.
KINDS = {
    "team_id": "team",
    "user_id": "usr",
    "key_id": "key",
    "case_id": "cas",
    "deadline_id": "dln",
    "policy_id": "pol",
    "endpoint_id": "end",
    "feed_id": "fed",
    "message_id": "msg",
    "tolling_id": "tol",
    "extension_id": "ext",
    "alert_id": "alr",
    "source_id": "inb",
}
#: The same for every team: the rule library and the court calendars hold nothing of anyone's.
COMMON = {
    "/api/v1/rules",
    "/api/v1/rules/{rule_id}",
    "/api/v1/calendars",
    "/api/v1/calendars/{code}",
    "/api/v1/calendars/{code}/versions",
    "/api/v1/calendars/{code}/preview",
}
#: Opened by a secret of its own; tests/api/test_inbound_sources.py holds it against the wall.
BY_SECRET = {"/api/v1/inbound/{token}"}


@dataclass(frozen=True)
class Furnished:
    """A team with something under every noun, all of it marked. `ids`: path parameter to id."""

    team: Team
    ids: dict[str, str]


async def furnish(installation: Installation, mark: str) -> Furnished:
    team = await installation.team(mark.upper(), mark)
    admin = team.admin
    # Nobody leads the case: the second step is a gap in its coverage.
    steps = [
        {"targets": ["owner"], "before_due": "P200D"},
        {"targets": ["lead"], "before_due": "P50D"},
    ]
    policy = await create(admin, "/escalation-policies", {"name": mark, "steps": steps})
    url = f"https://{mark.lower()}.example.com/in"
    endpoint = await create(
        admin,
        "/endpoints",
        {"name": mark, "url": url, "level": 2, "detail": "full", "full_confirmed": True},
    )
    feed = await create(admin, "/feeds", {"name": mark, "user_id": team.people["owner"]})
    key = await create(admin, "/api-keys", {"name": mark, "scope": "read"})
    event = {
        "kind": "decision.extradition",
        "occurred_on": "2026-01-29",
        "served_on": "2026-01-29",
        "note": mark,
    }
    await create(admin, f"/cases/{team.case}/trigger-events", event)
    due = await team.deadline(
        title=mark, notes=mark, source=mark, external_id=mark, escalation_policy_id=policy["id"]
    )
    owner = team.people["owner"]
    await create(admin, f"/deadlines/{due['id']}/acknowledge", {"user_id": owner, "note": mark})
    path, said = f"/deadlines/{due['id']}", {"user_id": owner, "reason": mark}
    extension = await create(admin, f"{path}/extensions", said)
    standstill = {"from_on": "2026-03-01", "until_on": "2026-03-02"}
    tolling = await create(admin, f"{path}/tolling", said | standstill)
    raised = {"title": mark, "notes": mark, "external_id": mark, "case_id": team.case}
    alert = await create(admin, "/alerts", raised | {"user_id": owner})
    reports = {"title": {"value": mark}, "case": {"value": mark.upper()}}
    source = {"name": mark, "recipe": "custom", "makes": "alert", "mapping": reports}
    source = await create(admin, "/inbound-sources", source)
    headers = {"X-Adquem-Token": source["token"]}
    await installation.outside.post("/api/v1/inbound", json={}, headers=headers)
    runtime = installation.runtime
    async with runtime.transaction() as session:
        now = installation.clock.now
        session.add(_question(team, due["id"], mark, now))
        sitting = Sitting(session, runtime.channels, runtime.rules, now)
        while not (await release_due(sitting, 100)).last:
            pass  # alerts first, then deadlines
    messages = (await read(admin, f"/deadlines/{due['id']}/messages"))["items"]
    installation.clock.advance(timedelta(minutes=1))  # until events have settled for who polls them
    ids = {
        "team_id": team.id,
        "user_id": owner,
        "key_id": key["id"],
        "case_id": team.case,
        "deadline_id": due["id"],
        "policy_id": policy["id"],
        "endpoint_id": endpoint["id"],
        "feed_id": feed["id"],
        "message_id": messages[0]["id"],
        "tolling_id": tolling["tolling"]["id"],
        "extension_id": extension["id"],
        "alert_id": alert["id"],
        "source_id": source["id"],
    }
    return Furnished(team, ids)


def _question(team: Team, deadline_id: str, mark: str, now: datetime) -> Review:
    """A date that would move later, waiting for a person."""
    return Review(
        id=new_id("rev", now),
        team_id=team.id,
        case_id=team.case,
        deadline_id=deadline_id,
        state=ReviewState.WAITING,
        edition="another",
        reason=mark,
        old_on=now.date(),
        old_at=now,
        created_at=now,
    )


@pytest.fixture
async def ours(installation: Installation) -> Furnished:
    return await furnish(installation, "MarkOurs")


@pytest.fixture
async def theirs(installation: Installation) -> Furnished:
    return await furnish(installation, "MarkTheirs")


def operations(installation: Installation, *methods: str) -> list[tuple[str, str, dict[str, Any]]]:
    """(method, path template, operation) of the document that the service publishes."""
    return [
        (method, path, operation)
        for path, item in installation.app.openapi()["paths"].items()
        for method, operation in item.items()
        if method in methods
    ]


def filled(path: str, ids: dict[str, str]) -> str:
    """KeyError where the test does not know what goes there: then it must learn it."""
    return re.sub(r"\{(\w+)\}", lambda match: ids[match[1]], path)


def foreign(response: httpx.Response, team: Furnished, mark: bytes) -> list[bytes]:
    """What of the other team can be found in an answer."""
    everything = response.content + repr(response.headers.raw).encode()
    ids = [*team.ids.values(), *team.team.people.values()]
    found = [one.encode() for one in ids if one.encode() in everything]
    return found + [m[0] for m in MARK.finditer(everything) if m[0].lower() == mark]


async def get(installation: Installation, who: Furnished, path: str) -> httpx.Response:
    return await who.team.admin.get(path.removeprefix("/api/v1"))


async def test_the_marks_are_there_to_be_found(
    installation: Installation, ours: Furnished, theirs: Furnished
) -> None:
    """Else the next tests could not fail: every route shows a team what is its own."""
    for _, path, _ in operations(installation, "get"):
        if path in COMMON:
            continue
        response = await get(installation, ours, filled(path, ours.ids))
        assert response.status_code == 200, (path, response.text)
        assert foreign(response, ours, b"markours"), path
        assert foreign(response, theirs, b"marktheirs") == [], path


async def test_nothing_of_another_team_is_read_by_its_ids(
    installation: Installation, ours: Furnished, theirs: Furnished
) -> None:
    tried = 0
    for _, path, _ in operations(installation, "get"):
        if path in COMMON | BY_SECRET or "{" not in path:
            continue
        response = await get(installation, ours, filled(path, theirs.ids))
        refused(response, 404, "not_found")
        assert foreign(response, theirs, b"marktheirs") == [], path
        tried += 1
    assert tried >= 10


async def test_another_teams_id_and_no_ones_id_are_answered_alike(
    installation: Installation, ours: Furnished, theirs: Furnished
) -> None:
    for _, path, _ in operations(installation, "get"):
        if path in COMMON | BY_SECRET or "{" not in path:
            continue
        nobody = {name: new_id(kind, START) for name, kind in KINDS.items()}  # type: ignore[arg-type]
        for wrong in ({**ours.ids, **theirs.ids}, {**ours.ids, **nobody}):
            answers = [
                (response.status_code, _without_request_id(response))
                for ids in (theirs.ids, nobody, wrong)
                for response in [await get(installation, ours, filled(path, ids))]
            ]
            assert len(set(answers)) == 1, path


def _without_request_id(response: httpx.Response) -> bytes:
    request_id = response.headers["x-request-id"].encode()
    assert request_id in response.content
    headers = {k: v for k, v in response.headers.items() if k not in ("x-request-id", "date")}
    return json.dumps(sorted(headers.items())).encode() + response.content.replace(request_id, b"")


async def test_no_list_and_no_filter_shows_another_team(
    installation: Installation, ours: Furnished, theirs: Furnished
) -> None:
    for _, path, operation in operations(installation, "get"):
        if path in COMMON or "{" in path:
            continue
        for parameter in operation.get("parameters", []):
            for value in theirs.ids.values():
                query = f"{path}?{parameter['name']}={value}"
                response = await get(installation, ours, query)
                found = set(foreign(response, theirs, b"marktheirs"))
                assert found <= {value.encode()}, query
                assert not response.is_success or found == set(), query


async def test_nothing_of_another_team_can_be_changed(
    installation: Installation, ours: Furnished, theirs: Furnished
) -> None:
    bodies = _bodies(ours)
    before = await installation.rows()
    tried = set()
    for method, path, _ in operations(installation, "post", "patch", "put", "delete"):
        if path in COMMON | BY_SECRET or "{" not in path:
            continue
        response = await ours.team.admin.request(
            method.upper(),
            filled(path, theirs.ids).removeprefix("/api/v1"),
            json=bodies[method, path.removeprefix("/api/v1")],
            headers={"if-match": "*"},
        )
        assert response.status_code == 404, (method, path, response.text)
        assert foreign(response, theirs, b"marktheirs") == [], path
        tried.add((method, path.removeprefix("/api/v1")))
    assert tried == set(bodies)
    assert await installation.rows() == before


def _bodies(ours: Furnished) -> dict[tuple[str, str], dict[str, Any]]:
    """What each change wants; a new one fails the test until it stands here."""
    person = {"user_id": ours.team.people["owner"]}
    event = {"kind": "decision.extradition", "occurred_on": "2026-01-29"}
    deadline, said = "/deadlines/{deadline_id}", person | {"reason": "an order"}
    granted = person | {"granted_until_on": "2026-12-31", "source": "order"}
    return {
        ("patch", "/teams/{team_id}"): {"name": "Changed"},
        ("post", "/users/{user_id}/verify-address"): {},
        ("post", "/users/{user_id}/revoke-feeds"): {},
        ("patch", "/users/{user_id}"): {"name": "Changed"},
        ("put", "/users/{user_id}/openpgp-key"): {"key": "x"},
        ("delete", "/users/{user_id}/openpgp-key"): {},
        ("post", "/messages/{message_id}/resend"): {},
        ("post", "/endpoints/{endpoint_id}/rotate-secret"): {},
        ("post", "/endpoints/{endpoint_id}/enable"): {},
        ("post", "/endpoints/{endpoint_id}/disable"): {},
        ("post", "/endpoints/{endpoint_id}/recover"): {"since": "2026-02-20T00:00:00Z"},
        ("patch", "/cases/{case_id}"): {"ceiling": 0},
        ("patch", "/deadlines/{deadline_id}"): {"title": "Changed"},
        ("patch", "/alerts/{alert_id}"): {"title": "Changed"},
        ("post", "/alerts/{alert_id}/acknowledge"): person,
        ("post", "/alerts/{alert_id}/decline"): person | {"reason": "not_mine"},
        ("post", "/alerts/{alert_id}/resolve"): person | {"reason": "released"},
        ("patch", "/escalation-policies/{policy_id}"): {"name": "Changed"},
        ("patch", "/endpoints/{endpoint_id}"): {"name": "Changed"},
        ("patch", "/feeds/{feed_id}"): {"name": "Changed"},
        ("patch", "/inbound-sources/{source_id}"): {"name": "Changed"},
        ("post", "/inbound-sources/{source_id}/rotate"): {},
        ("post", "/inbound-sources/{source_id}/try"): {},
        ("post", "/api-keys/{key_id}/revoke"): {},
        ("post", "/escalation-policies/{policy_id}/simulate"): {
            "deadline_id": ours.ids["deadline_id"]
        },
        ("post", "/feeds/{feed_id}/rotate"): {},
        ("post", "/feeds/{feed_id}/revoke"): {},
        ("post", "/endpoints/{endpoint_id}/test"): {},
        ("post", "/cases/{case_id}/trigger-events"): event,
        ("post", "/deadlines/{deadline_id}/acknowledge"): person,
        ("post", "/deadlines/{deadline_id}/decline"): person | {"reason": "not_mine"},
        ("post", "/deadlines/{deadline_id}/snooze"): said | {"until": "2026-06-10T00:00:00Z"},
        ("post", "/deadlines/{deadline_id}/miss"): said,
        ("post", "/deadlines/{deadline_id}/verify"): person,
        ("post", "/deadlines/{deadline_id}/complete"): person | {"proof": "receipt 1"},
        ("post", "/deadlines/{deadline_id}/waive"): person | {"reason": "not needed"},
        ("post", "/deadlines/{deadline_id}/cancel"): person | {"reason": "entered twice"},
        ("post", f"{deadline}/override"): said | {"due_on": "2026-12-31"},
        ("post", f"{deadline}/tolling"): said | {"from_on": "2026-03-01"},
        ("post", f"{deadline}/tolling/{{tolling_id}}/lift"): said | {"until_on": "2026-03-02"},
        ("post", f"{deadline}/extensions"): said,
        ("post", f"{deadline}/extensions/{{extension_id}}/grant"): granted,
        ("post", f"{deadline}/extensions/{{extension_id}}/refuse"): person | {"source": "order"},
    }


async def test_nothing_of_another_team_can_be_referred_to(
    installation: Installation, ours: Furnished, theirs: Furnished
) -> None:
    admin, them = ours.team.admin, theirs.ids
    owner = them["user_id"]
    report = {"name": "x", "recipe": "n8n", "makes": "alert"}
    policy = {"escalation_policy_id": {"value": them["policy_id"]}}
    attempts: list[tuple[str, dict[str, Any]]] = [
        ("/cases", case_body("K-50", {"owner": owner})),
        ("/cases", case_body("K-50", {}, escalation_policy_id=them["policy_id"])),
        ("/cases", case_body("K-50", {}, team_id=them["team_id"])),
        (
            f"/escalation-policies/{ours.ids['policy_id']}/simulate",
            {"deadline_id": them["deadline_id"]},
        ),
        ("/deadlines", {"case_id": them["case_id"], "title": "x", "kind": "filing"}),
        ("/endpoints", {"name": "e", "url": "https://e.org/", "owner_id": owner}),
        ("/endpoints", {"name": "e", "url": "https://e.org/", "cases": [them["case_id"]]}),
        ("/feeds", {"name": "f", "user_id": owner}),
        ("/feeds", {"name": "f", "user_id": owner, "team_id": them["team_id"]}),
        ("/endpoints", {"name": "e", "url": "https://e.org/", "team_id": them["team_id"]}),
        ("/users", _user(team_ids=[them["team_id"]])),
        ("/users", _user(team_ids=[ours.team.id, them["team_id"]])),
        ("/api-keys", {"name": "k", "scope": "read", "user_id": owner}),
        ("/imports", {"cases": [case_body("K-50", {})], "team_id": them["team_id"]}),
        ("/imports", {"cases": [case_body("K-50", {})], "user_id": owner}),
        (
            f"/deadlines/{ours.ids['deadline_id']}/acknowledge",
            {"user_id": owner},
        ),
        ("/inbound-sources", report | {"team_id": them["team_id"]}),
        ("/inbound-sources", report | {"mapping": policy}),
        ("/alerts", {"title": "x", "case_id": them["case_id"]}),
        ("/alerts", {"title": "x", "team_id": them["team_id"]}),
        ("/alerts", {"title": "x", "user_id": owner}),
        ("/alerts", {"title": "x", "escalation_policy_id": them["policy_id"]}),
        (f"/alerts/{ours.ids['alert_id']}/acknowledge", {"user_id": owner}),
    ]
    before = await installation.rows()
    for path, body in attempts:
        body = body | ({"due_on": "2026-06-10"} if path == "/deadlines" else {})
        response = await admin.post(path, json=body)
        assert response.status_code in (404, 422), (path, response.text)
        assert response.json()["code"] in ("not_found", "unknown_reference"), (path, body)
    assert await installation.rows() == before


def _user(**given: Any) -> dict[str, Any]:
    return {"name": "New", "email": "new@example.org", "timezone": "Asia/Almaty"} | given


async def test_a_team_id_that_exists_elsewhere_and_one_that_does_not_are_told_alike(
    ours: Furnished, theirs: Furnished
) -> None:
    answers = []
    for team_id in (theirs.team.id, new_id("team", START)):
        response = await ours.team.admin.post("/cases", json=case_body("K-50", {}, team_id=team_id))
        answers.append((response.status_code, _without_request_id(response)))
    assert answers[0] == answers[1]


async def test_the_same_case_code_may_stand_in_two_teams(installation: Installation) -> None:
    first, second = await installation.team("K-17"), await installation.team("K-17")
    assert first.case != second.case


async def test_somebody_in_two_teams_shows_each_team_only_itself(
    installation: Installation, ours: Furnished, theirs: Furnished
) -> None:
    both = _user(team_ids=[ours.team.id, theirs.team.id])
    made = await create(installation.operator, "/users", both)
    seen = await read(ours.team.admin, f"/users/{made['id']}")
    assert seen["team_ids"] == [ours.team.id]
