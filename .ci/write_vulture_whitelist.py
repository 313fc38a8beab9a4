"""Writes vulture_whitelist.py anew: the fields and enumeration members that are read by name only.

Columns, fields of JSON shapes and members of closed lists are used by frameworks and clients, which
vulture cannot see. Functions, classes and variables are never listed: those it is right about.
Run from the top of the project: `.venv/bin/python .ci/write_vulture_whitelist.py`.
"""

import ast
import tomllib
from pathlib import Path

from vulture import Vulture

HEADER = '"""Fields and enumeration members read by name only; see write_vulture_whitelist.py."""\n'
WHITELIST = Path(".ci/vulture_whitelist.py")


def fields_of(file: Path) -> set[tuple[str, int]]:
    """Name and line of everything assigned or annotated in the body of a class."""
    fields = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        for statement in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                fields.add((statement.target.id, statement.lineno))
            elif isinstance(statement, ast.Assign):
                names = (one.id for one in statement.targets if isinstance(one, ast.Name))
                fields.update((name, statement.lineno) for name in names)
    return fields


def main() -> None:
    options = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["vulture"]
    search = Vulture(
        ignore_names=options["ignore_names"], ignore_decorators=options["ignore_decorators"]
    )
    search.scavenge([path for path in options["paths"] if Path(path).is_dir()])
    unused: dict[str, set[str]] = {}
    for item in search.get_unused_code(min_confidence=options["min_confidence"]):
        if (item.name, item.first_lineno) in fields_of(Path(item.filename)):
            file = Path(item.filename)
            relative = file.relative_to(Path.cwd()) if file.is_absolute() else file
            unused.setdefault(relative.as_posix(), set()).add(item.name)
    sections = (
        f"\n# {file}\n" + "".join(f"_.{name}\n" for name in sorted(names))
        for file, names in sorted(unused.items())
    )
    WHITELIST.write_text(HEADER + "".join(sections), encoding="utf-8")


if __name__ == "__main__":
    main()
