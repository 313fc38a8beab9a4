"""The key that seals is changed: what was sealed and what was signed under the one before stays good, and
the older key can then be taken away."""

import base64
from pathlib import Path

import pytest
import sqlalchemy
from sqlmodel import select

from service.commands import keyring
from service.flows.resealing import reseal
from service.flows.tools import credentials_of, secrets_of
from service.sealing import (
    Seal,
    answer_token,
    answered_message,
    load_seal,
    new_key,
    put_before,
    return_path,
    returned_message,
    unsubscribe_token,
    unsubscribed_message,
)
from service.store.endpoints import Endpoint
from tests.api.installation import Installation, Team, create, installed
from tests.harness.processes import run_command
from tests.harness.world import START

OLD, NEW = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))


def test_a_former_key_still_opens_and_its_links_still_lead_somewhere(tmp_path: Path) -> None:
    old, both = load_seal(OLD, tmp_path), load_seal(f"{NEW},{OLD}", tmp_path)
    message = "msg_" + "0" * 26
    assert both.open(old.close(b"secret", "end_1"), "end_1") == b"secret"
    assert answered_message(both, answer_token(old, message)) == message
    assert unsubscribed_message(both, unsubscribe_token(old, message)) == message
    assert returned_message(both, return_path(old, message, START), START) == message
    with pytest.raises(ValueError, match="does not open"):
        old.open(both.close(b"secret", "end_1"), "end_1")
    assert answered_message(old, answer_token(both, message)) is None, "only the newest key signs"
    assert answered_message(both, f"{message}.forged") is None


def test_a_key_that_is_none_stops_the_start(tmp_path: Path) -> None:
    for faulty in ("short", f"{NEW},AAAA", f"{NEW},,"):
        with pytest.raises(ValueError, match="32 bytes in base64"):
            load_seal(faulty, tmp_path)


def test_the_file_of_keys_is_replaced_in_one_step_and_stays_its_owners_own(tmp_path: Path) -> None:
    first = load_seal("", tmp_path)
    second = put_before(tmp_path)
    assert second.open(first.close(b"secret", "end_1"), "end_1") == b"secret"
    assert len(load_seal("", tmp_path).every) == 2
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["secret.key"]


@pytest.fixture
def settings(tmp_path: Path, sqlite_url: str) -> dict[str, str]:
    return {"ADQUEM_HOME": str(tmp_path / "home"), "ADQUEM_DATABASE_URL": sqlite_url}


async def endpoint_of(team: Team) -> str:
    header = {"name": "Authorization", "value": "Bearer hidden"}
    body = {"name": "e", "url": "https://hooks.example.com/in", "header": header}
    made = await create(team.admin, "/endpoints", body)
    await create(team.admin, f"/endpoints/{made['id']}/rotate-secret", {})
    return str(made["id"])


async def opened(installation: Installation, seal: Seal) -> object:
    async with installation.runtime.reading() as session:
        (endpoint,) = await session.exec(select(Endpoint))
        now = installation.clock.now
        return secrets_of(seal, endpoint, now), credentials_of(seal, endpoint)


async def test_everything_sealed_is_sealed_anew_and_the_older_key_can_go(
    any_database_url: str, tmp_path: Path
) -> None:
    async with installed(any_database_url, tmp_path, secret_key=OLD) as one:
        await endpoint_of(await one.team())
        before = await opened(one, one.runtime.seal)
        key = one.operator_key
    async with installed(any_database_url, tmp_path, key, secret_key=f"{NEW},{OLD}") as two:
        assert await opened(two, two.runtime.seal) == before
        said = await keyring.rotate(two.runtime)
        assert "newest of 2 keys" in said[0]
        assert await opened(two, load_seal(NEW, tmp_path)) == before
        secrets, _ = before  # type: ignore[misc]
        assert len(secrets) == 2, "an older secret of the endpoint itself was lost"


async def test_where_something_opens_with_no_key_nothing_is_changed(
    installation: Installation, team: Team, tmp_path: Path
) -> None:
    endpoint = await endpoint_of(team)
    rows = await installation.rows()
    strange = tmp_path / "strange"
    load_seal("", strange)
    seal = put_before(strange)
    with pytest.raises(ValueError, match=endpoint):
        async with installation.runtime.transaction() as session:
            await reseal(session, seal, installation.clock.now)
    assert await installation.rows() == rows


def test_the_command_makes_a_key_where_home_keeps_them_and_asks_for_one_elsewhere(
    settings: dict[str, str],
) -> None:
    run_command(settings, "keys", "create", "k")
    said = run_command(settings, "keys", "rotate-seal")
    assert "newest of 2 keys" in said
    file = Path(settings["ADQUEM_HOME"]) / "secret.key"
    assert len(file.read_text().split()) == 2
    said = run_command(settings | {"ADQUEM_SECRET_KEY": new_key()}, "keys", "rotate-seal")
    proposed = said.strip().rpartition(" ")[2]
    assert len(base64.b64decode(proposed)) == 32
    engine = sqlalchemy.create_engine(settings["ADQUEM_DATABASE_URL"])
    with engine.connect() as connection:
        query = "SELECT count(*) FROM journal_entries WHERE action = 'installation.resealed'"
        assert connection.execute(sqlalchemy.text(query)).scalar_one() == 2
    engine.dispose()
