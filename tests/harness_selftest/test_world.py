"""The service itself runs in a world, in both modes, and survives what a world can do to it."""

from datetime import timedelta

import sqlalchemy
from pydantic import SecretStr

from service.settings import Settings
from tests.harness.world import World


def test_a_webhook_leaves_and_verifies_at_the_worlds_own_time(world: World) -> None:
    team = world.api.post("/teams", json={"name": "Defence"}).json()
    made = world.api.post(
        "/endpoints",
        json={"name": "here", "url": world.receiver.url(), "team_id": team["id"]},
    ).json()
    now = world.clock.advance(timedelta(days=30))
    assert world.api.post(f"/endpoints/{made['id']}/test").status_code == 202
    [request] = world.receiver.wait_for(1)
    assert world.receiver.verify(made["secret"], request, now)["test"] is True


def test_it_is_ready_again_after_its_workers_were_killed(world: World) -> None:
    world.kill_workers()
    world.restart_workers()
    with world.without_queue():
        assert world.web.get("/readyz").json()["clock"] == "rehearsal"
        assert world.api.get("/cases").json()["items"] == []


def test_a_migrated_database_of_each_kind(any_database_url: str) -> None:
    settings = Settings(database_url=SecretStr(any_database_url))
    url = settings.sqlalchemy_url.replace("+aiosqlite", "")
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    tables = sqlalchemy.inspect(engine).get_table_names()
    engine.dispose()
    assert "alembic_version" in tables
    assert len(tables) > 10


def test_more_keys_and_clients(world: World) -> None:
    client = world.client(world.new_key("reader", "--scope", "read"), "/api/v1")
    assert client.get("/cases").status_code == 200
