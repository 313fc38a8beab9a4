"""Several workers of one host: whoever is killed is followed, and all end when told to or left alone."""

import base64
import os
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.polling import eventually
from tests.harness.postgres import PostgresServer
from tests.harness.processes import ServiceProcess

_WORKERS = 2


class Crew:
    """A foreman, and those who work."""

    def __init__(self, home: Path, database_url: str) -> None:
        settings = {
            "ADQUEM_HOME": str(home),
            "ADQUEM_DATABASE_URL": database_url,
            "ADQUEM_SECRET_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        }
        arguments = ["worker", "--processes", str(_WORKERS)]
        self.foreman = ServiceProcess("foreman", arguments, settings, home / "log")
        self.foreman.start()

    @property
    def pids(self) -> set[int]:
        pid = self.foreman.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return {int(child) for child in children.split()}

    def said(self, event: str) -> int:
        return self.foreman.log.read_text().count(f'"event": "{event}"')


@pytest.fixture
def crew(postgres: PostgresServer, postgres_template: str, tmp_path: Path) -> Iterator[Crew]:
    with postgres.database(postgres_template) as url:
        made = Crew(tmp_path, url)
        try:
            eventually(lambda: made.said("worker_started") == _WORKERS, 60)
            yield made
        finally:
            made.foreman.kill()
            eventually(lambda: made.said("worker_stopped") + made.said("worker_ended") >= _WORKERS)


def test_whoever_is_killed_is_followed_and_all_end_when_the_foreman_is_told_to(crew: Crew) -> None:
    victim, survivor = sorted(crew.pids)
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: crew.said("worker_started") == _WORKERS + 1)
    assert crew.said("worker_ended") == 1
    assert victim not in crew.pids
    assert survivor in crew.pids
    assert len(crew.pids) == _WORKERS
    assert crew.foreman.stop() == 0
    assert crew.said("worker_stopped") == _WORKERS


def test_workers_whose_foreman_is_killed_end_what_they_do_and_stop(crew: Crew) -> None:
    crew.foreman.kill()
    eventually(lambda: crew.said("worker_stopped") == _WORKERS)
