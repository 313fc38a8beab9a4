"""Properties as content lines by RFC 5545: escaped, folded at 75 octets. Knows no calendar, and no words.

The library takes many times as long; tests hold the two together.
"""

from datetime import UTC, date, datetime

#: Without the space that a further line begins with.
_ROOM = 74
_CONTINUED = 0b1000_0000
#: The only one of ours whose value is no text: what stands in an address is not escaped.
_ADDRESS = "url"


def line(name: str, value: object, parameters: str = "") -> bytes:
    """`parameters`: as they are written, each with the semicolon before it."""
    match value:
        case datetime() if value.tzinfo is UTC:
            written = f"{value:%Y%m%dT%H%M%SZ}"
        case datetime():
            parameters, written = f";TZID={value.tzinfo}", f"{value:%Y%m%dT%H%M%S}"
        case date():
            parameters, written = ";VALUE=DATE", f"{value:%Y%m%d}"
        case _:
            written = str(value) if name == _ADDRESS else _escaped(str(value))
    return _folded(f"{name.upper()}{parameters}:{written}".encode()) + b"\r\n"


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return text.replace("\n", "\\n")


def _folded(whole: bytes) -> bytes:
    parts = []
    while len(whole) > _ROOM:
        at = _ROOM
        while whole[at] & 0b1100_0000 == _CONTINUED:
            at -= 1
        # Some readers take apart what is escaped before they put the lines together.
        at -= whole[at - 1] in b"\\^"
        parts.append(whole[:at])
        whole = whole[at:]
    return b"\r\n ".join([*parts, whole])
