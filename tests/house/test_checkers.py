"""Each rule of the house finds a bad example, and leaves a good one alone."""

import pytest

from tests.house import checkers


def test_a_long_function_is_found() -> None:
    body = "    pass\n" * checkers.MOST_LINES_IN_A_FUNCTION
    assert checkers.too_long(f"async def endless():\n{body}") != []
    assert checkers.too_long(f"def long_enough():\n{body.removesuffix('    pass' + chr(10))}") == []


def test_a_long_file_is_found() -> None:
    assert checkers.too_long("x = 1\n" * checkers.MOST_LINES_IN_A_FILE) == []
    assert checkers.too_long("x = 1\n" * (checkers.MOST_LINES_IN_A_FILE + 1)) != []


def test_a_module_without_docstring_is_found() -> None:
    assert checkers.without_docstring("import json\n") != []
    assert checkers.without_docstring('"""Reads JSON."""\nimport json\n') == []
    assert checkers.without_docstring("") == []


@pytest.mark.parametrize(
    "source",
    [
        "datetime.now(UTC)",
        "datetime.datetime.utcnow()",
        "date.today()",
        "dt.date.today()",
        "time.time()",
        "Field(default_factory=datetime.now)",
        "from time import time",
    ],
)
def test_a_reading_of_the_clock_is_found(source: str) -> None:
    assert checkers.clock_readings(source) != []


@pytest.mark.parametrize("source", ["now()", "time.monotonic()", "clock.now()", "row.today"])
def test_a_handed_clock_is_left_alone(source: str) -> None:
    assert checkers.clock_readings(source) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("service/flows/release.py", "await session.commit()"),
        ("workers/tasks.py", "await session.commit()"),
        ("service/api/cases.py", "runtime.transaction()"),
        ("service/commandments.py", "runtime.transaction()"),
        ("workers/tasks.py", "session.begin()"),
    ],
)
def test_a_transaction_that_ends_elsewhere_is_found(path: str, source: str) -> None:
    assert checkers.transaction_ends(source, path) != []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("service/runtime.py", "self.writers.begin()"),
        ("service/dependencies.py", "runtime.transaction()"),
        ("service/commands/keys.py", "runtime.transaction()"),
        ("service/commands.py", "runtime.transaction()"),
        ("workers/tasks.py", "runtime.transaction()"),
    ],
)
def test_a_transaction_that_ends_in_its_place_is_left_alone(path: str, source: str) -> None:
    assert checkers.transaction_ends(source, path) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from subprocess import run",
        "import asyncio.subprocess, subprocess",
        "yaml.load(text)",
        "from yaml import unsafe_load",
        "eval(text)",
        "exec(text)",
        "os.system('ls')",
    ],
)
def test_data_that_becomes_code_is_found(source: str) -> None:
    assert checkers.dangerous(source) != []


@pytest.mark.parametrize("source", ["yaml.safe_load(text)", "await session.exec(query)"])
def test_plain_reading_is_left_alone(source: str) -> None:
    assert checkers.dangerous(source) == []


def test_a_relationship_is_found() -> None:
    assert checkers.orm_relationships("cases: list[Case] = Relationship()") != []


@pytest.mark.parametrize("path", ["service/utils.py", "service/core/cases.py", "a/_base.py"])
def test_a_name_that_fits_everything_is_found(path: str) -> None:
    assert checkers.says_nothing(path) != []
    assert checkers.says_nothing("service/store/database.py") == []


@pytest.mark.parametrize(
    "line",
    [
        "https://" + "pypi" + ".org/project/x",
        "url = https://" + "files" + ".pythonhosted.org/x.whl",
        "--index-" + "url https" + "://mirror.example/py",
        "https://mirror.example" + "/sim" + "ple/",
        "https://registry" + ".npmjs.org/htmx",
    ],
)
def test_an_address_of_a_package_index_is_found(line: str) -> None:
    assert checkers.package_index_addresses(f"first\n{line}\n") != []


def test_ordinary_text_names_no_package_index() -> None:
    text = "--no-emit-index-url\nA simple/plain text, see https://example.org/simpler\n"
    assert checkers.package_index_addresses(text) == []


@pytest.mark.parametrize("folder", ["work", "root", "home/aigerim"])
def test_a_path_of_somebodys_machine_is_found(folder: str) -> None:
    assert checkers.developers_paths(f'open("/{folder}/notes.txt")') != []
    assert checkers.developers_paths(f"https://example.org/{folder}/notes.txt") == []


def test_a_requirement_without_hash_is_found() -> None:
    good = "arq==0.28 \\\n    --hash=sha256:ab\n    # via adquem\n"
    assert checkers.without_hash(good) == []
    assert checkers.without_hash(good + "redis==5.3\n") == ["redis==5.3"]
