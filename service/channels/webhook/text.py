"""What goes into a webhook's body, made safe to stand there: JSON as bytes, and text on one line.

Decides nothing about what is said, and never raises because of what a text holds.
"""

import json
import unicodedata
from typing import Any

#: Marks that change the direction of what follows, so that a text reads as what it is not.
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
#: Control characters, lone surrogates, and both separators of lines and paragraphs.
_UNFIT = frozenset({"Cc", "Cs", "Zl", "Zp"})
_SILENT = "\u200b"


def as_json(value: Any) -> bytes:
    """Minified UTF-8; half a surrogate pair becomes a question mark, for no receiver could read it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "replace")


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def plain(text: str, most: int = 500) -> str:
    """One line that reads from its beginning to its end, whatever was written into it."""
    kept = (
        " " if unicodedata.category(char) in _UNFIT else char
        for char in text[: most * 2]
        if char not in _DIRECTIONS
    )
    return shortened(" ".join("".join(kept).split(" ")).strip(), most)


def unlinked(text: str) -> str:
    """Calls nobody, and is no link: an unseen space stands where a chat would find either."""
    text = text.replace("@", f"@{_SILENT}").replace("://", f":{_SILENT}//")
    return text.replace("www.", f"www{_SILENT}.")
