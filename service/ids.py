"""Identifiers: a prefix that names the kind, then 26 characters that sort by time.

Never a secret and never a right: whoever knows an id has learnt nothing.
"""

import secrets
from datetime import datetime
from typing import Literal

Kind = Literal[
    "team", "usr", "key", "cas", "trg", "dln", "rsp", "pol", "esc", "msg", "att", "evt", "end",
    "fed", "cal", "jrn", "lse", "ans", "req", "tol", "ext", "rev", "gap", "alr", "inb", "inr", "lif",
]  # fmt: skip

# Crockford's alphabet, lower case: no i, l, o, u to be misread over the telephone.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
#: Two characters at a time: a tick makes an id for all that it writes.
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


def new_id(kind: Kind, now: datetime) -> str:
    """`kind` + 48 bits of Unix milliseconds + 80 random bits, as the ULID layout has it."""
    number = int(now.timestamp() * 1000) << 80 | secrets.randbits(80)
    return f"{kind}_" + "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])
