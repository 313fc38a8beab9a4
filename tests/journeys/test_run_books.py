"""The commands of docs/operations run as they stand there: a copy is made, put back, seen and let go."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.store import migrations
from tests.harness.postgres import PostgresServer, programs
from tests.harness.processes import environment, run_command

PAGES = Path(__file__).parents[2] / "docs" / "operations"
_BLOCK = re.compile(r"^ *```sh ([a-z ]+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass
class Host:
    """`mode`: the blocks that are meant for it."""

    mode: str
    settings: dict[str, str]
    copy: Path
    path: str

    def follow(self, page: str, *numbers: int) -> list[str]:
        """What each block of the page for this mode says, or those with these numbers."""
        text = (PAGES / page).read_text(encoding="utf-8")
        blocks = [body for modes, body in _BLOCK.findall(text) if self.mode in modes.split()]
        assert blocks, page
        return [self._run(blocks[number]) for number in numbers or range(len(blocks))]

    def adquem(self, *arguments: str) -> str:
        return run_command(self.settings, *arguments)

    def _run(self, block: str) -> str:
        given = environment(self.settings) | {"COPY": str(self.copy), "PATH": self.path}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            env=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(params=["embedded", "distributed"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    home, copy = tmp_path / "home", tmp_path / "copy"
    copy.mkdir()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    settings = {"ADQUEM_HOME": str(home)}
    if request.param == "embedded":
        yield Host("embedded", settings, copy, path)
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database() as url, server.database() as trial:
        settings |= {"ADQUEM_DATABASE_URL": url, "TRIAL_DATABASE_URL": trial}
        yield Host("distributed", settings, copy, f"{programs()}:{path}")


def test_a_copy_is_made_proved_put_back_seen_and_let_go(
    host: Host, request: pytest.FixtureRequest
) -> None:
    host.adquem("migrate")
    host.adquem("keys", "create", "before", "--scope", "admin")
    host.follow("backup.md")
    host.adquem("keys", "create", "after", "--scope", "admin")
    if host.mode == "distributed":
        server: PostgresServer = request.getfixturevalue("postgres")
        host.settings["ADQUEM_DATABASE_URL"] = server.create_database()
    put_back, shown, released = host.follow("restore.md")
    assert "nothing leaves" in put_back
    assert "operator: 2 entries, whole" in put_back, "the key, and the quarantine"
    assert shown.splitlines()[0].startswith("In quarantine since")
    assert "(by_hand)" in shown
    assert "possible repeat" in released
    assert "No quarantine" in host.adquem("quarantine", "show")


def test_an_upgrade_ends_at_the_head(host: Host) -> None:
    said = host.follow("upgrade.md")
    assert f"schema {migrations.head()}" in said[0]


def test_a_new_sealing_key_is_made_where_home_keeps_it(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    host = Host("embedded", {"ADQUEM_HOME": str(tmp_path)}, tmp_path, path)
    host.adquem("migrate")
    (said,) = host.follow("key-rotation.md")
    assert "newest of 2 keys" in said


def test_every_block_of_commands_is_meant_for_a_mode() -> None:
    for page in PAGES.glob("*.md"):
        opened = re.findall(r"^ *```(\S.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(opened) <= {"sh embedded", "sh distributed", "sh embedded distributed"}, page
