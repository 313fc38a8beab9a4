"""Small readers of source text, one per rule of the house; each returns the offences it finds.

They judge text that they are handed and open no file, so that a bad example can be shown to each.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

MOST_LINES_IN_A_FILE = 400
MOST_LINES_IN_A_FUNCTION = 40

#: Where a transaction ends: one request, one task, one command.
ENDS_TRANSACTIONS = (
    "service/dependencies.py", "workers/tasks.py", "workers/gate.py", "workers/recording.py",
    "service/commands", "service/api/calendar.py",
)  # fmt: skip
DEFINES_TRANSACTION = "service/runtime.py"
ASKS_THE_TIME = "service/clock.py"

_EMPTY_NAMES = {
    "base", "common", "core", "handler", "handlers", "helper", "helpers", "manager", "managers",
    "misc", "util", "utils",
}  # fmt: skip
_CLOCKS = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "time": {"time", "time_ns", "localtime", "gmtime"},
}
_DANGEROUS_MODULES = {"dill", "marshal", "pickle", "shelve", "subprocess"}
_DANGEROUS_NAMES = {"__import__", "eval", "exec"}
_DANGEROUS_CALLS = {
    "os": {"popen", "system"},
    "yaml": {"full_load", "load", "load_all", "unsafe_load"},
}


def too_long(source: str) -> list[str]:
    """Files and functions that nobody can keep in their head."""
    lines = len(source.splitlines())
    offences = [f"{lines} lines"] if lines > MOST_LINES_IN_A_FILE else []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MOST_LINES_IN_A_FUNCTION:
                offences.append(f"line {node.lineno}: {node.name} has {length} lines")
    return offences


def without_docstring(source: str) -> list[str]:
    """A module says in its first lines what it does; an empty one has nothing to say."""
    tree = ast.parse(source)
    return ["no docstring"] if tree.body and ast.get_docstring(tree) is None else []


def clock_readings(source: str) -> list[str]:
    """Every place that asks, or could ask, what time it is."""
    tree = ast.parse(source)
    offences = _attributes(tree, _CLOCKS)
    for node, module, name in _imported_names(tree):
        if module == "time" and name in _CLOCKS["time"]:
            offences.append(f"line {node.lineno}: from time import {name}")
    return offences


def transaction_ends(source: str, path: str) -> list[str]:
    """Commits anywhere, transactions outside the few places where they end."""
    offences = []
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        called = node.func.attr
        if called == "commit" or (
            (called == "transaction" and not _within(path, ENDS_TRANSACTIONS))
            or (called == "begin" and path != DEFINES_TRANSACTION)
        ):
            offences.append(f"line {node.lineno}: .{called}()")
    return offences


def dangerous(source: str) -> list[str]:
    """Code made from data: pickle, eval, yaml.load, a shell."""
    tree = ast.parse(source)
    offences = _attributes(tree, _DANGEROUS_CALLS)
    for statement, module, name in _imported_names(tree):
        if module.partition(".")[0] in _DANGEROUS_MODULES:
            offences.append(f"line {statement.lineno}: imports {module}")
        elif name in _DANGEROUS_CALLS.get(module, ()):
            offences.append(f"line {statement.lineno}: from {module} import {name}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in _DANGEROUS_NAMES:
            offences.append(f"line {node.lineno}: {node.id}")
    return offences


def orm_relationships(source: str) -> list[str]:
    """Rows are fetched by queries that one can read, never by touching an attribute."""
    offences = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name.lower() == "relationship":
                offences.append(f"line {node.lineno}: {name}()")
    return offences


def says_nothing(path: str) -> list[str]:
    """Parts of the path whose name fits everything and so tells nothing."""
    parts = [PurePosixPath(part).stem.strip("_") for part in PurePosixPath(path).parts]
    return [part for part in parts if part in _EMPTY_NAMES]


# Put together from pieces, so that this file does not hold what it looks for.
_PACKAGE_INDEX = re.compile(
    "|".join(
        (
            "pypi" + r"\.(org|python)",
            "files" + r"\.pythonhosted",
            "registry" + r"\.(npmjs|yarnpkg)",
            r"https?://\S+" + r"/simple\b",
            r"index-url\s*=?\s*[\"']?" + "https?:",
        )
    ),
    re.IGNORECASE,
)
_DEVELOPERS_PATH = re.compile(r"(?<![\w.~-])/(?:work|root|home/\w+|Users/\w+)/")


def package_index_addresses(text: str) -> list[str]:
    """The lock names packages and hashes; where they come from is the machine's affair."""
    return _lines_with(_PACKAGE_INDEX, text)


def developers_paths(text: str) -> list[str]:
    """Absolute paths that exist on one machine only."""
    return _lines_with(_DEVELOPERS_PATH, text)


def without_hash(requirements: str) -> list[str]:
    """Pinned requirements, one per logical line, that pip could not verify."""
    logical = requirements.replace("\\\n", " ").splitlines()
    wanted = [line for line in logical if line.strip() and not line.lstrip().startswith("#")]
    return [line.split()[0] for line in wanted if "--hash=sha256:" not in line]


def _lines_with(pattern: re.Pattern[str], text: str) -> list[str]:
    found = ((number, pattern.search(line)) for number, line in enumerate(text.splitlines(), 1))
    return [f"line {number}: {match[0]}" for number, match in found if match]


def _within(path: str, places: tuple[str, ...]) -> bool:
    return any(path in (place, f"{place}.py") or path.startswith(f"{place}/") for place in places)


def _attributes(tree: ast.AST, unwanted: dict[str, set[str]]) -> list[str]:
    """`owner.attribute` for each unwanted one, whether it is called or only handed on."""
    offences = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = getattr(node.value, "id", getattr(node.value, "attr", ""))
            if node.attr in unwanted.get(owner, ()):
                offences.append(f"line {node.lineno}: {owner}.{node.attr}")
    return offences


def _imported_names(tree: ast.AST) -> Iterator[tuple[ast.stmt, str, str]]:
    """(statement, module, name) of each import; the name is empty for `import module`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node, node.module or "", alias.name) for alias in node.names)
