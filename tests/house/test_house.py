"""The house stands as it was drawn: rooms, sizes, names, and where things may happen."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from service.settings import Settings
from tests.house import checkers

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    file.relative_to(ROOT).as_posix()
    for room in ("service", "workers")
    for file in (ROOT / room).rglob("*.py")
)


def offences(check: Callable[[str], list[str]], paths: list[str] = MODULES) -> list[str]:
    """What the check finds in each file, with the file's name before it."""
    return [
        f"{path}: {offence}"
        for path in paths
        for offence in check((ROOT / path).read_text(encoding="utf-8"))
    ]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """The import contract, judged in a process of its own."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_room_imports_only_the_rooms_below_it() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("service/domain/retry.py", "import time"),
        ("service/domain/retry.py", "from service import settings"),
        ("service/store/teams.py", "from service.flows import release"),
        ("service/flows/release.py", "import httpx"),
        ("service/surprise.py", "import json"),
    ],
)
def test_the_import_contract_notices_a_breach(tmp_path: Path, path: str, line: str) -> None:
    for room in ("service", "workers"):
        shutil.copytree(ROOT / room, tmp_path / room)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / path).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    result = lint_imports(tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    assert path.removesuffix(".py").replace("/", ".") in result.stdout


def test_no_file_and_no_function_is_too_long() -> None:
    assert offences(checkers.too_long) == []


def test_every_module_says_what_it_does() -> None:
    assert offences(checkers.without_docstring) == []


def test_only_the_clock_asks_what_time_it_is() -> None:
    elsewhere = [path for path in MODULES if path != checkers.ASKS_THE_TIME]
    assert offences(checkers.clock_readings, elsewhere) == []


def test_transactions_end_in_few_places_only() -> None:
    found = [
        f"{path}: {offence}"
        for path in MODULES
        for offence in checkers.transaction_ends((ROOT / path).read_text(encoding="utf-8"), path)
    ]
    assert found == []


def test_no_data_becomes_code_and_no_shell_is_called() -> None:
    assert offences(checkers.dangerous) == []


def test_no_query_hides_behind_an_attribute() -> None:
    assert offences(checkers.orm_relationships) == []


def test_no_file_has_a_name_that_fits_everything() -> None:
    assert [path for path in MODULES if checkers.says_nothing(path)] == []


def test_the_migrations_folder_does_not_shadow_the_library() -> None:
    assert list((ROOT / "alembic").rglob("__init__.py")) == []


def test_every_setting_says_what_it_means() -> None:
    silent = [name for name, field in Settings.model_fields.items() if not field.description]
    assert silent == []


def test_the_list_of_things_used_by_name_holds_fields_and_enumeration_members_only() -> None:
    declared = {
        target.id
        for path in MODULES
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        for statement in node.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for target in getattr(statement, "targets", [getattr(statement, "target", None)])
        if isinstance(target, ast.Name)
    }
    whitelist = ast.parse((ROOT / ".ci/vulture_whitelist.py").read_text(encoding="utf-8"))
    listed = {node.attr for node in ast.walk(whitelist) if isinstance(node, ast.Attribute)}
    assert listed - declared == set()
