"""Puts a mail together from its texts: CRLF, ASCII, no line too long, the same parts to the same bytes.

It writes no words. The library's own `EmailMessage` takes fifty times as long; tests hold the two together.
"""

import re
from base64 import b64encode, encodebytes
from binascii import b2a_qp
from collections.abc import Iterable, Iterator

#: RFC 5322, 2.1.1: no line should be longer.
_LINE = 78
#: Bytes that fit one encoded word, also where it stands beside the longest name (RFC 2047, 2).
_IN_A_WORD = 39
#: Printable, each word shorter than a line, and none that a reader would take for an encoded one.
_PLAIN = re.compile(r"(?!.*=\?)([!-~]{1,60}( [!-~]{1,60})*)?")
#: RFC 5322, 2.1.1 again: no line may be longer than 998. A further one begins with a space, or it would
#: begin another header.
_WRITTEN = re.compile(r"[ -~]{0,900}(\r\n[ \t][ -~]{1,900})*")
_CALENDAR = (
    b'Content-Type: text/calendar; method="PUBLISH"; charset="utf-8"\r\n'
    b"Content-Transfer-Encoding: base64\r\n"
    b'Content-Disposition: attachment; filename="deadline.ics"\r\n\r\n'
)

#: Name and value, as they are written.
Field = tuple[str, str]


def assembled(
    fields: Iterable[Field], text: str, html: str, own_id: str, calendar: bytes | None = None
) -> bytes:
    """`own_id`: of the mail, and of no other. `calendar`: goes beside the texts as a file; no mail program
    is asked to make an invitation of it."""
    texts = [_text(b"plain", text), _text(b"html", html)]
    if calendar is None:
        whole = _multipart("alternative", f"=_{own_id}", texts)
    else:
        # Neither boundary may begin with the other: some readers compare no further.
        inner = _multipart("alternative", f"=_texts_{own_id}", texts)
        file = _CALENDAR + encodebytes(calendar).replace(b"\n", b"\r\n")
        whole = _multipart("mixed", f"=_{own_id}", [inner, file])
    head = "".join(map(_line, fields))
    return head.encode("ascii") + b"MIME-Version: 1.0\r\n" + whole


def field_of(name: str, text: str) -> Field:
    """A header out of anybody's words, without line ends. It begins beside its name: some filters take a
    header that begins on the next line for the mark of a forger."""
    parts = _folded if _PLAIN.fullmatch(text) else _encoded
    return name, "\r\n ".join(parts(text, _LINE - len(name) - 2))


def _folded(text: str, room: int) -> Iterator[str]:
    while len(text) > room:
        # A word is shorter than any line: there is a space.
        at = text.rindex(" ", 0, room + 1)
        yield text[:at]
        text, room = text[at + 1 :], _LINE - 1
    yield text


def _encoded(text: str, _: int) -> Iterator[str]:
    word = b""
    for char in text:
        more = char.encode()
        if len(word) + len(more) > _IN_A_WORD:
            yield f"=?utf-8?b?{b64encode(word).decode()}?="
            word = b""
        word += more
    yield f"=?utf-8?b?{b64encode(word).decode()}?="


def _line(field: Field) -> str:
    name, value = field
    if not _WRITTEN.fullmatch(value):
        raise ValueError(f"{name} would not be one header")
    return f"{name}: {value}\r\n"


def _text(kind: bytes, text: str) -> bytes:
    """In quoted-printable, in which no line can look like a boundary."""
    # With a line end always: by the first one b2a_qp knows how to end those that it breaks.
    lines = b"\r\n".join(text.encode().splitlines()) + b"\r\n"
    head = b'Content-Type: text/%b; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable'
    return (head % kind) + b"\r\n\r\n" + b2a_qp(lines)


def _multipart(kind: str, boundary: str, parts: Iterable[bytes]) -> bytes:
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n'.encode()
    rule = f"\r\n--{boundary}".encode()
    return head + b"".join(rule + b"\r\n" + part for part in parts) + rule + b"--\r\n"
