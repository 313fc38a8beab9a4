"""Seals what the database must hold but must not reveal, and signs what travels through a client.

AES-256-GCM with the owner's id as associated data, so that a sealed value copied to another row
does not open; HMAC-SHA256 for cursors, links and forms. Never hashes passwords (there are none).
"""

import base64
import contextlib
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Seal:
    """Holds the key of an installation. `formers`: those given up, newest first; they still open, and what
    they have signed is still known, but nothing is closed or signed with them."""

    def __init__(self, key: bytes, *formers: bytes) -> None:
        if len(key) != 32:
            raise ValueError("the secret key must be 32 bytes")
        self._formers = tuple(Seal(one) for one in formers)
        self._aeads = [AESGCM(one) for one in (key, *formers)]
        self._mac_key = hmac.digest(key, b"adquem cursor", "sha256")
        self._purposes = hmac.digest(key, b"adquem purposes", "sha256")

    def close(self, secret: bytes, owner_id: str) -> bytes:
        """Sealed bytes that only `open` with the same `owner_id` gives back."""
        nonce = os.urandom(12)
        return nonce + self._aeads[0].encrypt(nonce, secret, owner_id.encode())

    def open(self, sealed: bytes, owner_id: str) -> bytes:
        """Raises ValueError when the bytes, the key or the owner are not those of `close`."""
        for one in self._aeads:
            with contextlib.suppress(InvalidTag):
                return one.decrypt(sealed[:12], sealed[12:], owner_id.encode())
        raise ValueError("a sealed secret does not open with this key")

    @property
    def every(self) -> tuple["Seal", ...]:
        """Whose word counts: this one, and one for each key given up."""
        return (self, *self._formers)

    def made(self, make: Callable[["Seal"], str], theirs: str) -> bool:
        """Whether any of the keys would have made the same."""
        return any(same(make(one), theirs) for one in self.every)

    def sign(self, text: str) -> str:
        """16 bytes of HMAC-SHA256, base64url."""
        return _b64(hmac.digest(self._mac_key, text.encode(), "sha256")[:16])

    def mac(self, purpose: str, text: str) -> str:
        """32 bytes of HMAC-SHA256, base64url, under a key of its own for each purpose."""
        own = hmac.digest(self._purposes, purpose.encode(), "sha256")
        return _b64(hmac.digest(own, text.encode(), "sha256"))


def load_seal(configured: str, home: Path) -> Seal:
    """The keys from the settings, else from HOME/secret.key, made there at the first start; several, the
    newest first, while one takes the place of another."""
    if configured:
        try:
            return _seal_of(configured)
        except ValueError as error:
            raise ValueError("ADQUEM_SECRET_KEY must be 32 bytes in base64") from error
    file = home / "secret.key"
    if not file.exists():
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(new_key())
    return _seal_of(file.read_text())


def put_before(home: Path) -> Seal:
    """A new key before those of HOME/secret.key, in one step: a reader sees the old file or the new one."""
    file, unfinished = home / "secret.key", home / "secret.key.part"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(f"{new_key()}\n{file.read_text()}")
        out.flush()
        os.fsync(out.fileno())
    unfinished.replace(file)
    return load_seal("", home)


def new_key() -> str:
    """32 random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _seal_of(keys: str) -> Seal:
    """Of keys in base64, with commas or blanks between them."""
    return Seal(
        *(base64.b64decode(one, validate=True) for one in re.split(r"[\s,]+", keys.strip()))
    )


def answer_token(seal: Seal, message_id: str) -> str:
    """What stands in the address of a mail's page; it follows from the id, so nothing is stored."""
    return f"{message_id}.{seal.mac('answer link', message_id)}"


def answer_code(seal: Seal, message_id: str) -> str:
    """Six digits that stand in the text of a mail and not in its link."""
    return f"{int(fingerprint(seal.mac('answer code', message_id)), 16) % 1_000_000:06}"


def answered_message(seal: Seal, token: str) -> str | None:
    """The message that a token was made for; None for every other text, in the same time."""
    message_id = token.partition(".")[0]
    return message_id if seal.made(lambda one: answer_token(one, message_id), token) else None


def return_path(seal: Seal, message_id: str, at: datetime) -> str:
    """Where what becomes of a mail is to be reported: 54 characters before the @, in lower case."""
    part, stamp = message_id.partition("_")[2], f"{int(at.timestamp()):08x}"
    return f"b-{part}-{stamp}-{_short_mac(seal, 'return path', f'{part}-{stamp}')}"


def returned_message(seal: Seal, local_part: str, now: datetime) -> str | None:
    """The message that a return path was made for; None for one that is forged, or too old. Relays may
    have changed its case."""
    found = _RETURN_PATH.fullmatch(local_part.lower())
    if found is None:
        return None
    part, stamp, mac = found.groups()
    sent_at = datetime.fromtimestamp(int(stamp, 16), UTC)
    ours = seal.made(lambda one: _short_mac(one, "return path", f"{part}-{stamp}"), mac)
    return f"msg_{part}" if ours and now - sent_at <= RETURN_PATH_LIVES else None


def is_return_path(local_part: str) -> bool:
    """Whether it looks like one, whoever made it."""
    return _RETURN_PATH.fullmatch(local_part.lower()) is not None


def unsubscribe_token(seal: Seal, message_id: str) -> str:
    """Stands in a header of optional mails; short enough for a local part, and free of case."""
    part = message_id.partition("_")[2]
    return f"{part}-{_short_mac(seal, 'unsubscribe', part)}"


def unsubscribed_message(seal: Seal, token: str) -> str | None:
    """The message whose header it stood in; None for every other text."""
    message_id = f"msg_{token.lower().partition('-')[0]}"
    made = seal.made(lambda one: unsubscribe_token(one, message_id), token.lower())
    return message_id if made else None


def verification_token(seal: Seal, message_id: str) -> str:
    """Stands in the mail that finds out whether an address is read by its person."""
    return f"{message_id}.{seal.mac('verification link', message_id)}"


def verifying_message(seal: Seal, token: str) -> str | None:
    """The mail that a token stood in; None for every other text."""
    message_id = token.partition(".")[0]
    return message_id if seal.made(lambda one: verification_token(one, message_id), token) else None


def reader_keys(seal: Seal, message_id: str) -> tuple[str, ...]:
    """All that stands in a message and is for its reader alone, because whoever has it acts as them."""
    kinds = (answer_token, answer_code, verification_token, unsubscribe_token)
    return tuple(make(one, message_id) for one in seal.every for make in kinds)


#: So long a report of what became of a mail is believed.
RETURN_PATH_LIVES = timedelta(days=14)
_RETURN_PATH = re.compile(r"b-([0-9a-z]{26})-([0-9a-f]{8})-([0-9a-f]{16})")


def _short_mac(seal: Seal, purpose: str, text: str) -> str:
    """64 bits in hex, where the case of letters is not kept and there is little room."""
    return fingerprint(seal.mac(purpose, text))[:16]


def same(ours: str, theirs: str) -> bool:
    """Compared in a time that tells nothing of where they differ."""
    return hmac.compare_digest(ours.encode(), theirs.encode())


def new_secret() -> str:
    """256 random bits, base64url without padding."""
    return _b64(secrets.token_bytes(32))


def fingerprint(secret: str) -> str:
    """SHA-256 in hex: what is kept of a secret that we only ever compare."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
