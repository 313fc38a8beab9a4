"""A mail to who has an OpenPGP key: GnuPG reads it, and nobody else learns from it what it says."""

import email
import email.policy
import re
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pysequoia
import pytest

from service.channels.email.openpgp import PublicKey, read_key
from service.channels.email.outbox import Outbox
from service.channels.email.sender import EmailChannel
from service.channels.interface import Draft, Parcel
from service.domain.access import Level
from service.domain.notifications import EventType
from service.domain.retry import Outcome, Verdict
from service.errors import Refusal
from tests.channels.drafts import draft, notice, parcel
from tests.channels.test_mail_sender import CONTENT
from tests.harness.gnupg import GnuPG

#: The library goes by the clock of the machine, and so do the keys that are made here.
NOW = datetime.now(UTC)
ADDRESS = "owner@example.org"
needs_gnupg = pytest.mark.skipif(shutil.which("gpg") is None, reason="GnuPG is not installed")


@pytest.fixture(scope="module")
def gnupg() -> Iterator[GnuPG]:
    """With the secret key of the reader. A short path: its agent listens at a socket in there."""
    with tempfile.TemporaryDirectory(prefix="gpg") as folder, GnuPG(Path(folder)) as one:
        one.make(ADDRESS)
        yield one


@pytest.fixture(scope="module")
def key(gnupg: GnuPG) -> PublicKey:
    return read_key(gnupg.public(ADDRESS), NOW)


def made(lives: timedelta = timedelta(days=30), *addresses: str) -> pysequoia.Tsk:
    user_ids = [f"Reader <{one}>" for one in addresses or (ADDRESS,)]
    seconds = int(lives.total_seconds())
    return pysequoia.Tsk.generate(user_ids=user_ids, validity_seconds=seconds)


def opened(raw: bytes) -> EmailMessage:
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    assert mail.defects == []
    return mail


def newest(folder: Path) -> bytes:
    files = sorted(folder.glob("*.eml"))
    return files[-1].read_bytes() if files else b""


async def leaves(folder: Path, one: Parcel) -> tuple[Outcome, bytes]:
    """What the channel makes of it, as a file; none where it refuses."""
    outcome = await EmailChannel(CONTENT, Outbox(folder)).send(one)
    return outcome, newest(folder)


def to_holder(key: PublicKey, *drafts: Draft, **given: object) -> Parcel:
    first, *rest = (
        parcel(
            ADDRESS,
            CONTENT.compose(one),
            message_id=one.message_id,
            openpgp_key=key.content,
            sent_at=NOW,
        )
        for one in drafts
    )
    return Parcel(**{**vars(first), "along": tuple(rest), **given})


@needs_gnupg
async def test_gnupg_decrypts_it_and_its_subject_and_text_are_nowhere_outside(
    tmp_path: Path, gnupg: GnuPG, key: PublicKey
) -> None:
    about = notice(title="TITLE-WORD", notes="NOTES-WORD")
    sent = to_holder(key, draft(about))
    outcome, raw = await leaves(tmp_path, sent)
    assert outcome.verdict is Verdict.ACCEPTED
    mail = opened(raw)
    assert mail.get_content_type() == "multipart/encrypted"
    assert mail["Content-Type"].params["protocol"] == "application/pgp-encrypted"
    version, armored = mail.iter_parts()
    assert version.get_content_type() == "application/pgp-encrypted"
    assert version.get_content().strip() == b"Version: 1"
    assert armored.get_content_type() == "application/octet-stream"
    inside = opened(gnupg.decrypt(armored.get_content()))
    clear = opened(sent.content)
    body, was = inside.get_body(("plain",)), clear.get_body(("plain",))
    assert body is not None
    assert was is not None
    assert body.get_content() == was.get_content()
    assert "NOTES-WORD" in body.get_content()
    assert (inside["Subject"], inside["To"]) == (clear["Subject"], ADDRESS)
    assert inside["Content-Type"].params["protected-headers"] == "v1"
    # Outside: what it takes to carry it and to sort it, and nothing of what it says.
    assert mail["Subject"] == "..."
    kept = ("From", "Date", "Message-ID", "In-Reply-To", "References", "X-Notification-Id")
    assert [mail[name] for name in kept] == [clear[name] for name in kept]
    for word in (
        b"TITLE-WORD",
        b"NOTES-WORD",
        b"K-17",
        b"deadline",
        b"Content-Language",
        b"Importance",
    ):
        assert word not in raw.replace(b"deadlines@", b"").replace(b"Deadlines <", b""), word


@needs_gnupg
async def test_several_mails_made_into_one_are_encrypted_as_one(
    tmp_path: Path, gnupg: GnuPG, key: PublicKey
) -> None:
    sent = to_holder(key, *(draft(message_id=f"msg_{number}") for number in range(4)))
    _, raw = await leaves(tmp_path, sent)
    mail = opened(raw)
    assert (mail["Subject"], len(mail.get_all("X-Notification-Id", []))) == ("...", 4)
    _, armored = mail.iter_parts()
    body = opened(gnupg.decrypt(armored.get_content())).get_body(("plain",))
    assert body is not None
    assert "4. [" in body.get_content() or "4. " in body.get_content()


@needs_gnupg
async def test_a_second_try_is_another_ciphertext_under_the_same_id(
    tmp_path: Path, key: PublicKey
) -> None:
    (_, first), (_, second) = [
        await leaves(tmp_path, to_holder(key, draft(), maybe_repeated=again))
        for again in (False, True)
    ]
    assert opened(first)["Message-ID"] == opened(second)["Message-ID"]
    assert opened(second)["X-Possible-Duplicate"] == "yes"
    assert first.partition(b"BEGIN PGP")[2] != second.partition(b"BEGIN PGP")[2]


@needs_gnupg
async def test_optional_mail_is_still_left_with_one_click(tmp_path: Path, key: PublicKey) -> None:
    _, raw = await leaves(tmp_path, to_holder(key, digest()))
    mail = opened(raw)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "/u/msg_01" in mail["List-Unsubscribe"]


def digest() -> Draft:
    from tests.channels.test_mails_in_languages import overview

    return overview(EventType.DIGEST)


def expired(key: pysequoia.Tsk) -> PublicKey:
    """Good when it was given, and not any more when the mail leaves."""
    return read_key(str(key.extract_certificate()), NOW)


@pytest.mark.parametrize(
    ("level", "shown"), [(Level.FULL, False), (Level.CODE, False), (Level.BARE, True)]
)
async def test_once_the_key_has_expired_no_more_than_the_date_leaves_in_clear_and_says_why(
    tmp_path: Path, level: Level, shown: bool
) -> None:
    key = expired(made(timedelta(days=1)))
    sent = to_holder(key, draft(notice(level)), sent_at=NOW + timedelta(days=2))
    outcome, raw = await leaves(tmp_path, sent)
    mail = opened(raw)
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert outcome.verdict is Verdict.ACCEPTED
    assert "Nothing can be encrypted to your OpenPGP key any more" in text
    assert ("9 March 2026" in text) is shown
    assert ("not shown here" in text) is not shown
    assert (mail["Message-ID"], mail["References"]) == (
        "<msg_01@example.org>",
        "<dln_01@example.org>",
    )
    assert "K-17" not in str(mail) + text
    assert "Appeal" not in str(mail) + text


async def test_a_mail_that_is_of_worth_only_encrypted_never_leaves_in_clear(tmp_path: Path) -> None:
    asking = draft(notice=None, event=EventType.KEY_VERIFICATION)
    late = to_holder(expired(made(timedelta(days=1))), asking, sent_at=NOW + timedelta(days=2))
    for sent in (late, to_holder(expired(made()), asking, openpgp_key=None)):
        outcome, raw = await leaves(tmp_path, sent)
        assert (outcome.verdict, outcome.code, raw) == (Verdict.PERMANENT, "openpgp", b"")


def test_what_a_key_says_of_itself_is_read(key: PublicKey) -> None:
    assert key.addresses == {ADDRESS}
    assert re.fullmatch(r"[0-9A-F]{40}", key.fingerprint)
    own = made(timedelta(days=3), "one@example.org", "Two@Example.org").extract_certificate()
    read = read_key(str(own), NOW)
    assert read.addresses == {"one@example.org", "two@example.org"}
    assert read.expires_at is not None
    assert abs(read.expires_at - NOW - timedelta(days=3)) < timedelta(minutes=5)


def _revoked() -> str:
    secret = made()
    cert = secret.extract_certificate()
    said = cert.revoke(secret.certifier())
    both = bytes(cert) + bytes(said)
    return pysequoia.armor(both, pysequoia.ArmorKind.PublicKey)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (lambda: str(made()), "private"),
        (lambda: pysequoia.armor(bytes(made()), pysequoia.ArmorKind.PublicKey), "private"),
        (lambda: str(made().extract_certificate()) * 2, "exactly one"),
        (lambda: str(made(timedelta(hours=1)).extract_certificate()), "expired"),
        (_revoked, "revoked"),
        (lambda: "", "not an OpenPGP key"),
        (lambda: "\udcff\x00{{ 7*7 }}", "not an OpenPGP key"),
        (lambda: str(made().extract_certificate())[:400], "not an OpenPGP key"),
    ],
)
def test_what_is_no_usable_public_key_is_refused_and_never_repeated(
    given: object, why: str
) -> None:
    text = given()  # type: ignore[operator]
    with pytest.raises(Refusal, match=why) as refusal:
        read_key(text, NOW + timedelta(hours=2))
    assert refusal.value.field == "key"
    assert "BEGIN" not in refusal.value.detail


@needs_gnupg
def test_a_key_that_only_signs_is_refused(gnupg: GnuPG) -> None:
    gnupg.make("signs@example.org", "ed25519", "sign")
    with pytest.raises(Refusal, match="no part that mails can be encrypted to"):
        read_key(gnupg.public("signs@example.org"), NOW)
