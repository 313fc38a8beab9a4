"""The drills in short: workers killed, Postgres and Valkey taken away, sinks that fail; nothing is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.postgres import PostgresServer
from tests.harness.processes import migrate
from tests.soak.chaos import run
from tests.soak.scenarios import short


@pytest.fixture(scope="module")
def breakable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PostgresServer, str]]:
    """A Postgres that no other test uses, and the name of a migrated database in it."""
    home = tmp_path_factory.mktemp("soak")
    with PostgresServer(synchronous_commit="on") as server:
        yield server, server.make_template("migrated", lambda url: migrate(url, home))


@pytest.mark.xdist_group("soak")
@pytest.mark.parametrize("name", list(short()))
def test_a_drill_in_short_is_survived(
    name: str, breakable: tuple[PostgresServer, str], tmp_path: Path
) -> None:
    result = run(short()[name], tmp_path, *breakable)
    assert result.passed, result.complaint
