"""OpenPGP: what a public key is good for, and mails that only its holder can read (RFC 3156).

It keeps no secret key, signs nothing and looks no key up; whether a key is its person's is found out
elsewhere.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr

from pysequoia import Cert, encrypt
from pysequoia.packet import PacketPile, SignatureType, Tag

from service.errors import Code, Refusal

#: What a stranger on the way needs to see, or the relay, or the program that sorts by thread. The rest, the
#: subject before all, travels inside.
_OUTSIDE = frozenset(
    {
        b"to",
        b"x-possible-duplicate",
        b"from",
        b"date",
        b"message-id",
        b"in-reply-to",
        b"references",
        b"auto-submitted",
        b"x-auto-response-suppress",
        b"x-notification-id",
        b"list-unsubscribe",
        b"list-unsubscribe-post",
    }
)
_FIELDS = re.compile(rb"\r\n(?![ \t])")
#: No line of an armoured message can look like it.
_BOUNDARY = b"=_openpgp"


class Unusable(Exception):
    """Nothing can be encrypted to that key, or not any more."""


@dataclass(frozen=True)
class PublicKey:
    """`content`: without armour. `expires_at`: from when on nothing can be encrypted to it, None: never.
    `addresses`: of its user ids that have not been revoked, in lower case."""

    content: bytes
    fingerprint: str
    expires_at: datetime | None
    addresses: frozenset[str]


def read_key(armored: str, now: datetime) -> PublicKey:
    """Raises Refusal for what is not one public key to which something can be encrypted now. Nothing of
    what was given is repeated: it may have been a private key."""
    given = armored.encode(errors="replace")
    if "PRIVATE KEY" in armored:
        raise _refusal(
            "This is a private key. Give the public one, and replace this key by a new one."
        )
    try:
        tags = [packet.tag for packet in PacketPile.from_bytes(given)]
        certs = Cert.split_bytes(given)
    except Exception:
        # The library's words may repeat what was given.
        tags, certs = [], []
    if not certs:
        raise _refusal("This is not an OpenPGP key in ASCII armour.")
    if any(tag in (Tag.SecretKey, Tag.SecretSubkey) for tag in tags):
        raise _refusal(
            "This is a private key. Give the public one, and replace this key by a new one."
        )
    if len(certs) != 1:
        raise _refusal("Give exactly one key.")
    return _checked(certs[0], now)


def _checked(cert: Cert, now: datetime) -> PublicKey:
    if cert.is_revoked:
        raise _refusal("The key has been revoked.")
    content = bytes(cert)
    expires_at = _expires_at(cert, content)
    if expires_at is not None and expires_at <= now:
        raise _refusal("The key has expired.")
    try:
        sealed(b"Subject: x\r\n\r\n", content, now)
    except Unusable as error:
        raise _refusal("The key has no part that mails can be encrypted to.") from error
    addresses = (parseaddr(str(one))[1].lower() for one in cert.user_ids)
    return PublicKey(
        content, cert.fingerprint.upper(), expires_at, frozenset(one for one in addresses if one)
    )


def _refusal(sentence: str) -> Refusal:
    return Refusal(Code.INVALID_INPUT, sentence, "key")


def _expires_at(cert: Cert, content: bytes) -> datetime | None:
    """The end of the whole key, or that of the last of its parts for encryption, whichever is earlier."""
    ends: dict[str, tuple[datetime, datetime | None]] = {}
    part = None
    for packet in PacketPile.from_bytes(content):
        if packet.tag in (Tag.PublicKey, Tag.PublicSubkey):
            part = packet
        flags = packet.key_flags if packet.tag == Tag.Signature else None
        binding = flags is not None and packet.signature_type == SignatureType.SubkeyBinding
        if not binding or part is None or not flags:
            continue
        if not (flags.transport_encryption or flags.storage_encryption):
            continue
        lives, made_at = packet.key_validity_period, packet.signature_created
        end = part.key_created + lives if lives else None
        known = ends.get(part.fingerprint)
        if known is None or known[0] < made_at:
            ends[part.fingerprint] = (made_at, end)
    last = [end for _, end in ends.values()]
    limits = (
        [cert.expiration]
        if None in last or not last
        else [cert.expiration, max(filter(None, last))]
    )
    return min((one for one in limits if one is not None), default=None)


def sealed(mail: bytes, key: bytes, now: datetime) -> bytes:
    """The mail as multipart/encrypted: its subject and its text inside alone, outside `...`. Raises
    Unusable. The bytes differ each time, the Message-ID does not."""
    head, _, body = mail.partition(b"\r\n\r\n")
    fields = [field for field in _FIELDS.split(head) if field]
    inside = b"\r\n".join(map(_protecting, fields)) + b"\r\n\r\n" + body
    shown = [field for field in fields if _name(field) in _OUTSIDE]
    return b"\r\n".join([*shown, *_wrapped(_encrypted(inside, key, now))])


def _name(field: bytes) -> bytes:
    return field.partition(b":")[0].strip().lower()


def _protecting(field: bytes) -> bytes:
    """The mark by which mail programs know that these headers are the real ones."""
    if _name(field) != b"content-type":
        return field
    return field + b';\r\n protected-headers="v1"'


def _encrypted(inside: bytes, key: bytes, now: datetime) -> bytes:
    try:
        cert = Cert.from_bytes(key)
        if cert.expiration is not None and cert.expiration <= now:
            raise Unusable("expired")
        armored = encrypt(inside, recipients=[cert])
    except Unusable:
        raise
    except Exception as error:
        # The library has one kind of error for everything, with its own inner life in the text.
        raise Unusable(str(error).partition("\n")[0][:200]) from None
    return armored.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _wrapped(armored: bytes) -> list[bytes]:
    return [
        b"Subject: ...",
        b"MIME-Version: 1.0",
        b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted";',
        b' boundary="' + _BOUNDARY + b'"',
        b"",
        b"--" + _BOUNDARY,
        b"Content-Type: application/pgp-encrypted",
        b"Content-Description: PGP/MIME version identification",
        b"",
        b"Version: 1",
        b"",
        b"--" + _BOUNDARY,
        b'Content-Type: application/octet-stream; name="encrypted.asc"',
        b"Content-Description: OpenPGP encrypted message",
        b'Content-Disposition: inline; filename="encrypted.asc"',
        b"",
        armored.rstrip(),
        b"--" + _BOUNDARY + b"--",
        b"",
    ]
