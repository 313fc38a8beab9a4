"""People's words as a mail may carry them: whole, but without what would turn the lines around them, break
the mail, or drown it. It changes no word.
"""

import re
from typing import Any

#: Longer than anything that anybody reads in a mail.
MOST_CHARACTERS = 20_000
#: Overrides and isolates of direction reach beyond the words in which they stand. Letters of right-to-left
#: scripts need none of them.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
#: Halves of a character, and what is no character at all, but for tab and line ends.
_BROKEN = re.compile("[\ud800-\udfff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_LINE_ENDS = re.compile("[\r\n\x0b\x0c\x85\u2028\u2029]+")


def neutral(value: Any) -> Any:
    """Of a template's every value; what is marked as HTML stays so."""
    if not isinstance(value, str) or (value.isascii() and value.isprintable()):
        return value if not isinstance(value, str) else _short(value)
    cleaned = _BROKEN.sub("\ufffd", _TURNING.sub("", value))
    # Substituting makes plain text of what is marked as HTML.
    return _short(value if cleaned == value else type(value)(cleaned))


def one_line(text: str) -> str:
    """For a header."""
    return _LINE_ENDS.sub(" ", text.strip())


def _short(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else type(text)(text[:MOST_CHARACTERS] + "…")
