"""What is handed over with the code: locks with hashes, and no trace of anyone's machine."""

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house import checkers

ROOT = Path(__file__).parents[2]
LOCKS = ("base.txt", "dev.txt", "bench.txt")


def handed_over() -> list[Path]:
    """Files that git tracks or would track, as text where they are text."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = (ROOT / name for name in listing.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


def pins(lock: str) -> dict[str, Requirement]:
    """Package to pinned requirement; one package may be pinned once per platform."""
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    lines = (line.split(" \\")[0] for line in text.splitlines() if line[:1].isalnum())
    return {canonicalize_name(one.name): one for one in map(Requirement, lines)}


def test_no_file_names_a_package_index() -> None:
    assert {
        path.relative_to(ROOT).as_posix(): found
        for path in handed_over()
        if (found := checkers.package_index_addresses(path.read_text("utf-8", errors="ignore")))
    } == {}


def test_no_file_holds_a_path_of_somebodys_machine() -> None:
    assert {
        path.relative_to(ROOT).as_posix(): found
        for path in handed_over()
        if (found := checkers.developers_paths(path.read_text("utf-8", errors="ignore")))
    } == {}


def test_locks_of_other_tools_are_not_tracked() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"uv.lock", "pylock.toml"} <= set(ignored)
    assert {"uv.lock", "pylock.toml"}.isdisjoint(path.name for path in handed_over())


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_has_a_hash(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    assert pins(lock)
    assert checkers.without_hash(text) == []


@pytest.mark.parametrize(
    ("lock", "groups"),
    [
        ("base.txt", ("project", "build")),
        ("dev.txt", ("project", "dev")),
        ("bench.txt", ("bench",)),
    ],
)
def test_what_the_project_asks_for_is_what_the_lock_pins(
    lock: str, groups: tuple[str, ...]
) -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = {"project": pyproject["project"]["dependencies"], **pyproject["dependency-groups"]}
    locked = pins(lock)
    for text in (text for group in groups for text in asked[group] if isinstance(text, str)):
        wanted = Requirement(text)
        assert canonicalize_name(wanted.name) in locked, f"{text} is not locked"
        pinned = str(locked[canonicalize_name(wanted.name)].specifier).removeprefix("==")
        assert wanted.specifier.contains(pinned), f"{text} is locked at {pinned}"


def test_all_locks_pin_the_same_versions() -> None:
    base, dev, bench = (pins(lock) for lock in LOCKS)
    assert {name: one for name, one in base.items() if dev.get(name) != one} == {}
    # Peers want some of it on fewer platforms; the version is what counts.
    elsewhere = {name: dev.get(name, one).specifier for name, one in bench.items()}
    assert {name: one for name, one in bench.items() if elsewhere[name] != one.specifier} == {}
