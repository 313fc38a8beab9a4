"""The languages that people read us in, and the catalogue of each, read at first use and then kept.

English is the source text; the others stand in templates/locale. Nothing here knows what a deadline is.
"""

from enum import StrEnum
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

import structlog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

_log = structlog.get_logger()
_LOCALE = Path(__file__).parent.parent / "templates" / "locale"


class Language(StrEnum):
    ENGLISH = "en"
    RUSSIAN = "ru"
    KAZAKH = "kk"


_NAMES = frozenset(one.value for one in Language)


def marked(context: str, text: str) -> str:
    """The text itself, found by whoever gathers texts; `Wording` looks it up under the context."""
    del context
    return text


@cache
def catalogue(language: Language, folder: Path = _LOCALE) -> NullTranslations:
    """A text that the catalogue lacks stays English, and all of them where it cannot be read: a notice
    is never held up for want of a word."""
    if language is Language.ENGLISH:
        return NullTranslations()
    try:
        return _read(folder / language / "LC_MESSAGES" / "adquem.po", language)
    except (OSError, ValueError):
        _log.exception("catalogue_unreadable", language=language.value)
        return NullTranslations()


def _read(file: Path, language: Language) -> GNUTranslations:
    compiled = BytesIO()
    with file.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def preferred(accept_language: str) -> Language:
    """What a browser asks for first among ours; English where it asks for none or cannot be read."""
    wishes = []
    for place, wish in enumerate(accept_language.split(",")):
        tag, _, weight = wish.partition(";")
        name = tag.strip().lower().partition("-")[0]
        if name in _NAMES and (wanted := _weight(weight)) > 0:
            wishes.append((-wanted, place, name))
    return Language(min(wishes)[2]) if wishes else Language.ENGLISH


def _weight(parameter: str) -> float:
    """`q=0.8`; left out, it is 1; what is no number counts as unwanted."""
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if name.strip() == "q" and 0 <= weight <= 1 else 0.0
