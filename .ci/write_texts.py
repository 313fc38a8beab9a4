"""Writes templates/locale anew: every text that a person reads, as the templates and the code have it now.

Translations are kept, new texts come in empty, texts that are gone go; the tests of tests/channels
fail until the empty ones are filled in. No date and no line number, so that only texts make a difference.
Run from the top of the project: `.venv/bin/python .ci/write_texts.py`, or `make texts`.
"""

from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
LOCALE = ROOT / "templates" / "locale"
LANGUAGES = ("ru", "kk")
#: Where texts stand, and how each kind of file is read.
PLACES = {
    "templates": [("**.txt", "jinja2.ext:babel_extract"), ("**.html", "jinja2.ext:babel_extract")],
    "service/channels": [("**.py", "python")],
    "service/feeds": [("**.py", "python")],
    "service/web": [("**.py", "python")],
}
KEYWORDS = {**DEFAULT_KEYWORDS, "marked": ((1, "c"), 2)}
OPTIONS = {"**.txt": {"trimmed": "true"}, "**.html": {"trimmed": "true"}}


def gathered() -> Catalog:
    """Every text, and the files in which it stands."""
    catalog = Catalog(project="adquem")
    for folder, methods in PLACES.items():
        found = extract_from_dir(ROOT / folder, methods, OPTIONS, KEYWORDS)
        for name, _, message, _, context in found:
            catalog.add(message, locations=[(f"{folder}/{name}", 0)], context=context)
    return catalog


def written(catalog: Catalog) -> bytes:
    """With a header that changes only with the language."""
    wanted = (
        "Language",
        "Plural-Forms",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    )
    lines = [f'"{name}: {value}\\n"\n' for name, value in catalog.mime_headers if name in wanted]
    body = BytesIO()
    write_po(
        body,
        catalog,
        omit_header=True,
        sort_by_file=True,
        ignore_obsolete=True,
        include_lineno=False,
    )
    return ('msgid ""\nmsgstr ""\n' + "".join(lines) + "\n").encode() + body.getvalue()


def main() -> None:
    texts = gathered()
    LOCALE.mkdir(exist_ok=True)
    (LOCALE / "adquem.pot").write_bytes(written(texts))
    for language in LANGUAGES:
        file = LOCALE / language / "LC_MESSAGES" / "adquem.po"
        with file.open("rb") as source:
            catalog = read_po(source, locale=language)
        catalog.update(texts, no_fuzzy_matching=True)
        file.write_bytes(written(catalog))


if __name__ == "__main__":
    main()
