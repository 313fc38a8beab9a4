"""A mail is handed over once, to one recipient; each way in which that can fail has its verdict."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from service.channels.email.content import MailContent
from service.channels.email.outbox import Outbox
from service.channels.email.relay import SmtpTransport
from service.channels.email.sender import EmailChannel
from service.channels.interface import Parcel
from service.domain.retry import Outcome, Verdict
from service.errors import Refusal
from service.runtime import TEMPLATES
from tests.channels.drafts import draft, parcel
from tests.harness.polling import connections_closed
from tests.harness.smtp import HANG_UP, SmtpServer

FROM = "Deadlines <deadlines@example.org>"
CONTENT = MailContent(
    str(TEMPLATES), FROM, "example.org", "https://example.org/r/{}".format, lambda _: "012345"
)
BYTES = CONTENT.compose(draft())

Make = Callable[..., EmailChannel]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Channels that are closed, with all that they opened, when the test ends."""
    made: list[EmailChannel] = []

    def channel(url: str, ca_file: Path | None = None, connections: int = 2) -> EmailChannel:
        made.append(EmailChannel(CONTENT, SmtpTransport(url, FROM, connections, ca_file)))
        return made[-1]

    yield channel
    for one in made:
        await one.close()
    await connections_closed()


def to(address: str = "aigerim@example.org", **given: object) -> Parcel:
    return parcel(address, BYTES, **given)


async def test_a_mail_arrives_at_one_recipient_with_its_bytes_untouched(
    make: Make, smtp: SmtpServer
) -> None:
    outcome = await make(smtp.url).send(to())
    assert (outcome.verdict, outcome.code) == (Verdict.ACCEPTED, "250")
    [mail] = smtp.mails
    assert mail.recipients == ("aigerim@example.org",)
    assert mail.sender == "deadlines@example.org"
    assert mail.raw.rstrip() == (b"To: aigerim@example.org\r\n" + BYTES).rstrip()
    assert str(mail.message["to"]) == "aigerim@example.org"
    assert mail.message.defects == []


async def test_a_second_copy_says_that_it_may_be_one(make: Make, smtp: SmtpServer) -> None:
    channel = make(smtp.url)
    await channel.send(to())
    await channel.send(to(maybe_repeated=True))
    first, second = (mail.message for mail in smtp.mails)
    assert (first["X-Possible-Duplicate"], second["X-Possible-Duplicate"]) == (None, "yes")
    assert first["Message-ID"] == second["Message-ID"]


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("451 4.3.0 later", Verdict.TEMPORARY),
        ("452 4.2.2 full", Verdict.TEMPORARY),
        ("550 5.1.1 unknown", Verdict.PERMANENT),
        ("553 5.1.3 no address", Verdict.PERMANENT),
    ],
)
async def test_what_the_relay_says_of_the_recipient_decides(
    make: Make, smtp: SmtpServer, reply: str, verdict: Verdict
) -> None:
    smtp.on_recipient = lambda _: reply
    outcome = await make(smtp.url).send(to())
    assert (outcome.verdict, outcome.code) == (verdict, reply[:3])
    assert reply[4:] in outcome.detail
    assert smtp.mails == []


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [("451 4.3.0 later", Verdict.TEMPORARY), ("554 5.7.1 refused", Verdict.PERMANENT)],
)
async def test_what_the_relay_says_of_the_content_decides(
    make: Make, smtp: SmtpServer, reply: str, verdict: Verdict
) -> None:
    smtp.on_data = lambda _: reply
    outcome = await make(smtp.url).send(to())
    assert (outcome.verdict, outcome.code) == (verdict, reply[:3])


async def test_a_relay_that_is_away_is_tried_again(make: Make, smtp: SmtpServer) -> None:
    channel = make(smtp.url)
    smtp.stop()
    assert (await channel.send(to())).verdict is Verdict.TEMPORARY
    smtp.start()
    assert (await channel.send(to())).verdict is Verdict.ACCEPTED


async def test_a_kept_connection_that_died_is_made_anew(make: Make, smtp: SmtpServer) -> None:
    channel = make(smtp.url, connections=1)
    await channel.send(to())
    smtp.stop()
    smtp.start()
    assert (await channel.send(to())).verdict is Verdict.ACCEPTED
    assert len(smtp.mails) == 2


async def test_silence_after_the_body_has_left_is_unknown(make: Make, smtp: SmtpServer) -> None:
    """The relay may have taken it."""
    smtp.on_data = lambda _: HANG_UP
    outcome = await make(smtp.url).send(to())
    assert (outcome.verdict, outcome.code) == (Verdict.UNKNOWN, "no_reply")


async def test_silence_before_the_body_has_left_is_a_failure(make: Make, smtp: SmtpServer) -> None:
    smtp.on_recipient = lambda _: HANG_UP
    assert (await make(smtp.url).send(to())).verdict is Verdict.TEMPORARY


async def test_after_a_failure_the_next_mail_goes_through(make: Make, smtp: SmtpServer) -> None:
    channel = make(smtp.url, connections=1)
    smtp.on_recipient = lambda address: None if "good" in address else "550 5.1.1 unknown"
    verdicts = [
        (await channel.send(to(address))).verdict
        for address in ("bad@example.org", "good@example.org", "bad@example.org")
    ]
    assert verdicts == [Verdict.PERMANENT, Verdict.ACCEPTED, Verdict.PERMANENT]


async def test_starttls_and_login_work_and_the_mail_travels_encrypted(
    make: Make, secure_smtp: SmtpServer
) -> None:
    channel = make(secure_smtp.url, secure_smtp.ca_file)
    assert (await channel.send(to())).verdict is Verdict.ACCEPTED
    [mail] = secure_smtp.mails
    assert (mail.encrypted, mail.login) == (True, "adquem")


async def test_a_certificate_that_nobody_vouches_for_is_refused_and_nothing_is_sent(
    make: Make, secure_smtp: SmtpServer
) -> None:
    outcome = await make(secure_smtp.url).send(to())
    assert outcome.verdict is Verdict.TEMPORARY
    assert "certificate" in outcome.detail.lower()
    assert secure_smtp.mails == []


async def test_a_relay_without_tls_is_not_spoken_to_in_clear(make: Make, smtp: SmtpServer) -> None:
    asked = smtp.url.replace("smtp://", "smtp+starttls://")
    assert (await make(asked).send(to())).verdict is Verdict.TEMPORARY
    assert smtp.mails == []


async def test_a_wrong_password_is_the_operators_fault_and_waits(
    make: Make, secure_smtp: SmtpServer
) -> None:
    url = secure_smtp.url.replace("adquem:", "somebody:")
    outcome = await make(url, secure_smtp.ca_file).send(to())
    assert (outcome.verdict, outcome.code) == (Verdict.TEMPORARY, "535")
    assert secure_smtp.mails == []


@pytest.mark.parametrize("address", ["почта@пример.рф", "\udcff@example.org", "a@b@c", "", "a\nb"])
async def test_an_address_that_no_relay_can_take_is_an_outcome_not_an_exception(
    make: Make, smtp: SmtpServer, address: str
) -> None:
    outcome = await make(smtp.url).send(to(address))
    assert isinstance(outcome, Outcome)
    assert outcome.verdict is not Verdict.UNKNOWN


@pytest.mark.parametrize("url", ["http://relay", "smtp://", "relay:25", "smtps:///x"])
def test_a_url_that_names_no_relay_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(ValueError, match="ADQUEM_SMTP_URL"):
        SmtpTransport(url, FROM, 1, None)


@pytest.mark.parametrize("address", ["", "a", "a@b", "a@b.org, c@d.org", "a@b.org\r\nBcc: x@y.org"])
async def test_what_is_not_one_address_is_refused(make: Make, address: str) -> None:
    with pytest.raises(Refusal):
        make("smtp://127.0.0.1:25").check_address(address)


async def test_the_relay_is_looked_at_for_the_doctor(make: Make, smtp: SmtpServer) -> None:
    assert (await make(smtp.url)._transport.check())["noop"] == 250
    assert smtp.mails == []


# --- no relay: files


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


async def test_without_a_relay_a_mail_becomes_a_file_and_a_repeat_overwrites_it(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "outbox"
    channel = EmailChannel(CONTENT, Outbox(folder))
    for repeated in (False, True):
        outcome = await channel.send(to(maybe_repeated=repeated))
        assert outcome.verdict is Verdict.ACCEPTED
    mail = b"To: aigerim@example.org\r\nX-Possible-Duplicate: yes\r\n" + BYTES
    assert files(folder) == {"msg_01.eml": mail}
    assert folder.stat().st_mode & 0o777 == 0o700


async def test_a_file_half_written_by_a_process_that_died_is_never_taken_for_a_mail(
    tmp_path: Path,
) -> None:
    (tmp_path / ".msg_01.part").write_bytes(b"half a ma")
    assert not any(name.endswith(".eml") for name in files(tmp_path))
    await EmailChannel(CONTENT, Outbox(tmp_path)).send(to())
    assert list(files(tmp_path)) == ["msg_01.eml"]


async def test_a_folder_that_cannot_be_written_to_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file where the folder should be")
    outcome = await EmailChannel(CONTENT, Outbox(tmp_path / "outbox")).send(to())
    assert outcome.verdict is Verdict.TEMPORARY
