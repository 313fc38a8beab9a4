"""Two real programs: vdirsyncer fetches the calendars of a running installation, khal lists what came."""

import json
import os
import subprocess
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.harness.world import Mode, World
from tests.journeys.docket import Docket, open_docket

CLIENTS = Path(__file__).parents[2] / ".venv" / "clients" / "bin"
pytestmark = [
    pytest.mark.skipif(
        not (CLIENTS / "khal").exists(),
        reason="vdirsyncer and khal are missing: `make .venv/clients` installs them",
    ),
    pytest.mark.parametrize("world", [Mode.EMBEDDED], indirect=True, ids=str),
]

SYNC = """[general]
status_path = "{folder}/status"
"""
PAIR = """
[pair {name}]
a = "{name}_from"
b = "{name}_to"
collections = null
[storage {name}_from]
type = "http"
url = "{url}"
[storage {name}_to]
type = "filesystem"
path = "{folder}/{name}"
fileext = ".ics"
"""
LIST = """[calendars]
[[{name}]]
path = {folder}/{name}
[locale]
local_timezone = Asia/Almaty
default_timezone = Asia/Almaty
timeformat = %H:%M
dateformat = %Y-%m-%d
longdateformat = %Y-%m-%d
datetimeformat = %Y-%m-%d %H:%M
longdatetimeformat = %Y-%m-%d %H:%M
[sqlite]
path = {folder}/{name}.db
[default]
default_calendar = {name}
"""
#: All that any event here stands in.
RANGE = ("2026-03-01", "2026-07-07")

DAY = "2026-06-10", "2026-06-10"
UNTIL_SIX = "2026-06-11 17:30", "2026-06-11 18:00"
FROM_TEN = "2026-06-12 10:00", "2026-06-12 10:30"
APPEAL = "Жалоба на продление ареста: «последний день»; ёлка"
MOTION = "Өтініш: ғ, қ, ң, ә, ұ, ү, һ, і – барлығы орнында"
HEARING = "Апелляция, Қостанай"


@dataclass(frozen=True)
class Computer:
    """Of somebody who has subscribed to calendars with these names."""

    folder: Path

    def subscribe(self, urls: dict[str, str]) -> None:
        config = SYNC.format(folder=self.folder)
        for name, url in urls.items():
            (self.folder / name).mkdir(parents=True)
            config += PAIR.format(name=name, url=url, folder=self.folder)
            (self.folder / f"{name}.khal").write_text(LIST.format(name=name, folder=self.folder))
        (self.folder / "sync").write_text(config)
        self._run("vdirsyncer", "-c", self.folder / "sync", "discover")

    def sync(self) -> None:
        self._run("vdirsyncer", "-c", self.folder / "sync", "sync")

    def listed(self, name: str) -> set[tuple[str, str, str]]:
        """Start, last moment or day, and title of each event; one that came twice is found."""
        fields = [f"--json={field}" for field in ("start-long", "end-long", "title")]
        said = self._run("khal", "-c", self.folder / f"{name}.khal", "list", *fields, *RANGE)
        events = [one for line in said.splitlines() for one in json.loads(line)]
        found = {(one["start-long"], one["end-long"], one["title"]) for one in events}
        assert len(found) == len(events)
        return found

    def _run(self, program: str, *arguments: object) -> str:
        own = {"HOME": str(self.folder), "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}
        command = [CLIENTS / program, *map(str, arguments)]
        done = subprocess.run(
            command, env=own, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def feed(docket: Docket, language: str) -> dict[str, Any]:
    made: dict[str, Any] = docket.post(
        "/feeds",
        team_id=docket.team,
        user_id=docket.people["owner"],
        name="Сроки",
        level=2,
        language=language,
    )
    return made


def enter(docket: Docket, title: str, **given: Any) -> str:
    person = docket.people["owner"]
    body = {"case_id": docket.case, "kind": "filing", "user_id": person, "title": title} | given
    made: str = docket.post("/deadlines", **body)["id"]
    return made


def test_two_calendars_are_synchronised_listed_moved_and_taken_back(
    world: World, tmp_path: Path
) -> None:
    """Every event stands on its day, once, with its title whole; of a revoked one the farewell is left."""
    docket = open_docket(world, [{"before_due": "P1D", "targets": ["owner"]}])
    feeds = {language: feed(docket, language) for language in ("ru", "kk")}
    computer = Computer(tmp_path / "computer")
    computer.subscribe({language: one["url"] for language, one in feeds.items()})
    appeal = enter(docket, APPEAL, due_on="2026-06-10")
    enter(docket, MOTION, due_at="2026-06-11T13:00:00Z")
    enter(docket, HEARING, kind="hearing", due_at="2026-06-12T05:00:00Z")

    computer.sync()
    unmoved = {
        (*UNTIL_SIX, f"[K-17] {MOTION} (18:00 Алматы)"),
        (*FROM_TEN, f"[K-17] {HEARING} (10:00 Алматы)"),
    }
    for language in feeds:
        assert computer.listed(language) == unmoved | {(*DAY, f"[K-17] {APPEAL}")}

    person = docket.people["owner"]
    world.clock.advance(timedelta(hours=1))
    docket.post(
        f"/deadlines/{appeal}/override", user_id=person, due_on="2026-06-30", reason="adjourned"
    )
    docket.post(f"/feeds/{feeds['kk']['id']}/revoke")
    computer.sync()
    moved = ("2026-06-30", "2026-06-30", f"ПЕРЕНЕСЕНО [K-17] {APPEAL}")
    assert computer.listed("ru") == unmoved | {moved}
    farewell = "Күнтізбе өшірілді / Feed switched off / Лента отключена"
    assert computer.listed("kk") == {("2026-03-02", "2026-03-02", farewell)}
