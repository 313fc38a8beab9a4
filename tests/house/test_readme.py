"""What the README says works: its tour runs as it stands, and what the pages name exists."""

import re
import shutil
import subprocess
import sys
import tomllib
from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.main import get_command

from service.settings import Settings
from tests.harness.processes import ServiceProcess, environment, free_port
from tests.harness.tether import tethered
from workers.line import line

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs" / "decisions").glob("*.md"))
)


def tour(page: str) -> list[str]:
    """The blocks of shell that are marked as steps of the tour, in their order."""
    return re.findall(r"^<!-- tour -->\n```bash\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def walk(script: str, settings: dict[str, str]) -> str:
    """What the script prints; AssertionError with all of it where it fails."""
    bash = shutil.which("bash")
    assert bash
    assert shutil.which("curl")
    variables = environment(settings)
    variables["PATH"] = f"{Path(sys.executable).parent}:{variables['PATH']}"
    done = subprocess.run(
        tethered([bash, "-eu", "-o", "pipefail", "-c", script]),
        cwd=ROOT,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_only_marked_blocks_belong_to_the_tour() -> None:
    block = "```bash\none\ntwo\n```\n"
    page = f"{block}\n<!-- tour -->\n{block}\n<!-- tour -->\n```text\nno\n```\n"
    assert tour(page) == ["one\ntwo\n"]


def test_the_tour_works_as_it_stands(tmp_path: Path) -> None:
    home, port = tmp_path / "home", free_port()
    settings = {
        "ADQUEM_HOME": str(home),
        "ADQUEM_PORT": str(port),
        "ADQUEM_POLL_SECONDS": "0.2",
        "ADQUEM_WEBHOOK_NETWORKS": '["127.0.0.1/32"]',
        "ADQUEM_MAILS_PER_MINUTE": "60",
    }
    steps = tour(README)
    assert len(steps) == README.count("<!-- tour -->") == 9
    service = ServiceProcess("tour", ["serve"], settings, tmp_path / "log", port)
    service.start()
    try:
        service.wait_ready()
        script = "\n".join((*steps, 'echo "started on $TODAY"', 'curl -sS "$FEED"'))
        said = walk(script, settings | {"TOOL_PORT": str(free_port())})
    finally:
        service.stop()

    today = date.fromisoformat(said.partition("started on ")[2][:10])
    custody, target = today + timedelta(days=38), today + timedelta(days=5)
    assert f"ends on {today + timedelta(days=2)} at 15:40 (Asia/Almaty)" in said
    assert f"ends on {custody} at 24:00 (Asia/Almaty)" in said
    assert f"ends on {today + timedelta(days=2)} at 03:40 (Asia/Almaty)" in said
    assert said.count("\nkz.cpc.58") == 4
    assert "art. 588(1)" in said
    assert "silence deputy\n" in said
    assert "silence supervisor\n" in said
    (mail,) = re.findall(r"^Subject: (.*)$", said, re.MULTILINE)
    assert mail.startswith(f"Reminder: K-17, due {target.day} {target:%B %Y}")
    assert len(list((home / "outbox").glob("*.eml"))) >= 4
    after_answer = said.partition("\nacknowledged\n")[2].splitlines()
    assert any(line.endswith("mark owner deputy supervisor") for line in after_answer)
    assert f"signed: deadline.completed K-17 {target}" in said
    assert f"DTSTART;VALUE=DATE:{custody:%Y%m%d}" in said
    assert "\nprovisional\ncompleted\n" in said, "what is critical wants a second person"
    assert "26 entries, whole" in said


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_links_to_exists(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text)
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_and_command_that_a_page_names_exists(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    settings = {f"ADQUEM_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"ADQUEM_[A-Z_]*[A-Z]", text)) - settings == set()
    commands = set(getattr(get_command(line), "commands"))  # noqa: B009  (Click's type is private)
    assert set(re.findall(r"[`$(\n]adquem ([a-z][a-z-]+)", text)) - commands == set()
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)`", text)) - targets == set()


def test_the_picture_of_the_layers_is_the_import_contract() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    picture = page.partition("<!-- layers -->\n```")[2].partition("```")[0]
    drawn = [re.findall(r"\w+", row.split("  ")[0]) for row in picture.splitlines() if row]
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {one["id"]: one for one in pyproject["tool"]["importlinter"]["contracts"]}
    wanted = [
        re.findall(r"\w+", layer)
        for room in ("worker-layers", "service-layers")
        for layer in contracts[room]["layers"]
    ]
    assert drawn == wanted
