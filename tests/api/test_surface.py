"""What every answer has in common, the published document, health, and what the log says."""

from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from service.runtime import build_runtime
from service.settings import Settings
from service.store import migrations
from tests.api.installation import Installation, Team, create
from tests.api.test_walls import filled, furnish, operations

ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
}


async def feed_path(team: Team) -> str:
    feed = await create(team.admin, "/feeds", {"name": "f", "user_id": team.people["owner"]})
    return "/f/" + str(feed["url"].rpartition("/f/")[2])


async def test_every_answer_carries_the_headers_that_protect_it(
    installation: Installation, team: Team
) -> None:
    outside = installation.outside
    answers = [
        await team.admin.get("/cases"),
        await team.admin.post("/cases", json={}),
        await team.admin.get("/nowhere"),
        await team.admin.delete("/cases"),
        await team.admin.post("/cases", content=b"x" * 300_000),
        await outside.get("/api/v1/cases"),
        await outside.get(await feed_path(team)),
        await outside.get("/f/none.none.ics"),
        await outside.get("/healthz"),
        await outside.get("/metrics"),
        await outside.get("/"),
        await outside.get("/style.css"),
        await outside.get("/api/v1/openapi.json"),
    ]
    statuses = {answer.status_code for answer in answers}
    assert statuses == {200, 401, 404, 405, 413, 422}
    for answer in answers:
        assert ALWAYS.items() <= dict(answer.headers).items(), answer.request.url
        assert answer.headers["x-request-id"].startswith("req_")
        assert "server" not in answer.headers
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)


async def test_the_document_is_served_and_describes_every_refusal(
    installation: Installation,
) -> None:
    document = (await installation.outside.get("/api/v1/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    fields = set(document["components"]["schemas"]["Problem"]["properties"])
    assert {"type", "title", "status", "code", "detail", "field", "errors"} <= fields
    described = 0
    for path, item in document["paths"].items():
        for method, operation in item.items():
            problems = [
                str(answer.get("content"))
                for status, answer in operation["responses"].items()
                if status.startswith("4")
            ]
            assert problems, (method, path)
            assert all("schemas/Problem'" in problem for problem in problems), (method, path)
            described += 1
    assert described > 30


async def test_the_document_names_the_content_type_that_refusals_have(
    installation: Installation,
) -> None:
    document = (await installation.outside.get("/api/v1/openapi.json")).json()
    named = {
        kind
        for item in document["paths"].values()
        for operation in item.values()
        for status, answer in operation["responses"].items()
        if status.startswith("4")
        for kind in answer["content"]
    }
    assert named == {"application/problem+json"}


async def test_reading_changes_no_row(installation: Installation) -> None:
    team = await furnish(installation, "MarkOurs")
    ids = {**team.ids, "rule_id": "echr.art-35.application", "code": "KZ", "token": "none"}
    feed = await feed_path(team.team)
    await installation.outside.get(feed)  # that somebody fetches it is written down, now and then
    before = await installation.rows()
    for method in ("GET", "HEAD", "OPTIONS"):
        for _, path, _ in operations(installation, "get", "post", "patch"):
            await team.team.admin.request(method, filled(path, ids).removeprefix("/api/v1"))
        for path in (feed, "/healthz", "/readyz", "/metrics", "/", "/style.css"):
            await installation.outside.request(method, path)
    assert await installation.rows() == before


async def test_the_process_says_that_it_lives(installation: Installation) -> None:
    response = await installation.outside.get("/healthz")
    assert (response.status_code, response.json()["status"]) == (200, "ok")


async def test_an_installation_is_ready_on_its_own_schema(installation: Installation) -> None:
    response = await installation.outside.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (200, "ready")
    assert response.json()["schema"] == "current"


async def test_an_installation_on_another_schema_is_not_ready(either: Installation) -> None:
    url = either.runtime.settings.sqlalchemy_url
    async with either.runtime.transaction() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '2026112201'")
    response = await either.outside.get("/readyz")
    assert (response.status_code, response.json()["schema"]) == (503, "outdated")
    assert migrations.head() not in response.text
    assert url not in response.text


async def test_an_installation_on_an_empty_database_is_not_ready(
    installation: Installation,
) -> None:
    async with installation.runtime.transaction() as session:
        await (await session.connection()).exec_driver_sql("DROP TABLE alembic_version")
    assert (await installation.outside.get("/readyz")).status_code == 503
    assert (await installation.outside.get("/healthz")).status_code == 200


async def test_an_installation_whose_due_messages_do_not_move_is_not_ready(
    installation: Installation, team: Team
) -> None:
    url = "https://hooks.example.com/in"
    endpoint = await create(team.admin, "/endpoints", {"name": "e", "url": url})
    await create(team.admin, f"/endpoints/{endpoint['id']}/test", {})
    assert (await installation.outside.get("/readyz")).status_code == 200
    installation.clock.advance(timedelta(minutes=6))
    response = await installation.outside.get("/readyz")
    assert response.status_code == 503
    assert response.json()["oldest_due_seconds"] == 360


async def test_the_figures_say_what_is_pending_and_hold_no_ids(
    installation: Installation, team: Team
) -> None:
    url = "https://hooks.example.com/in"
    endpoint = await create(team.admin, "/endpoints", {"name": "e", "url": url})
    message = await create(team.admin, f"/endpoints/{endpoint['id']}/test", {})
    installation.clock.advance(timedelta(minutes=1))
    response = await installation.outside.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    lines = response.text.splitlines()
    assert 'adquem_messages_pending{channel="webhook"} 1' in lines
    assert "adquem_oldest_due_seconds 60.0" in lines
    for one in (team.id, endpoint["id"], message["id"]):
        assert one not in response.text


async def test_a_request_is_one_line_in_the_log_with_its_route_and_no_secret(
    installation: Installation, team: Team
) -> None:
    path = await feed_path(team)
    secret = path.split(".")[1]
    with structlog.testing.capture_logs() as logs:
        ok = await installation.outside.get(path)
        await installation.outside.get(path.replace(secret, secret[::-1]))
        await team.admin.get(f"/cases/{team.case}")
        await team.admin.get("/cases?cursor=secretcursor")
        await installation.outside.get(f"/nowhere/{secret}")
    lines = [line for line in logs if line["event"] == "request"]
    assert [line["status"] for line in lines] == [200, 404, 200, 400, 404]
    assert lines[0]["route"] == "/f/{name}.ics"
    assert lines[0]["method"] == "GET"
    assert lines[2]["route"].endswith("/{case_id}")
    said = repr(logs)
    assert ok.status_code == 200
    for word in (secret, secret[::-1], "secretcursor", team.case, installation.operator_key):
        assert word not in said


async def test_the_same_request_id_stands_in_the_log_and_in_the_answer(
    installation: Installation, capfd: pytest.CaptureFixture[str]
) -> None:
    response = await installation.outside.get("/nowhere")
    assert response.headers["x-request-id"] in capfd.readouterr().out


async def test_two_starts_on_the_same_home_keep_the_same_key(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Else every cursor and every sealed secret would be lost at a restart."""
    settings = Settings(home=tmp_path / "home", database_url=sqlite_url)
    first, second = build_runtime(settings), build_runtime(settings)
    try:
        sealed = first.seal.close(b"secret", "end_1")
        assert second.seal.open(sealed, "end_1") == b"secret"
        assert (tmp_path / "home" / "secret.key").stat().st_mode & 0o777 == 0o600
    finally:
        await first.close()
        await second.close()
