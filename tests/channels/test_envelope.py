"""Every mail leaves under a return path of its own, and asks the relay to report what becomes of it."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.channels.email.relay import SmtpTransport
from service.channels.email.sender import EmailChannel
from service.ids import new_id
from service.sealing import (
    RETURN_PATH_LIVES,
    Seal,
    is_return_path,
    return_path,
    returned_message,
)
from tests.channels.drafts import NOW, parcel
from tests.channels.test_mail_sender import BYTES, CONTENT, FROM
from tests.harness.polling import connections_closed
from tests.harness.smtp import SmtpServer

SEAL, OTHER = Seal(bytes(range(32))), Seal(bytes(32))
MESSAGE = new_id("msg", NOW)
PATH = return_path(SEAL, MESSAGE, NOW)

Make = Callable[[str], EmailChannel]


def signed(message_id: str, at: object) -> str:
    return f"{return_path(SEAL, message_id, NOW)}@bounces.example.org"


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    made: list[EmailChannel] = []

    def channel(url: str) -> EmailChannel:
        made.append(EmailChannel(CONTENT, SmtpTransport(url, FROM, 1, None), signed))
        return made[-1]

    yield channel
    for one in made:
        await one.close()
    await connections_closed()


@pytest.fixture
def reporting() -> Iterator[SmtpServer]:
    with SmtpServer(offers_dsn=True) as server:
        yield server


async def test_the_return_path_names_the_mail_and_the_relay_is_asked_for_a_report(
    make: Make, reporting: SmtpServer
) -> None:
    sent = parcel("zh+k17@example.org", BYTES, message_id=MESSAGE)
    await make(reporting.url).send(sent)
    [mail] = reporting.mails
    assert mail.sender == f"{PATH}@bounces.example.org"
    assert mail.parameters == {
        "RET": "HDRS",
        "ENVID": MESSAGE.upper(),
        "NOTIFY": "FAILURE,DELAY",
        "ORCPT": "RFC822;ZH+2BK17@EXAMPLE.ORG",
    }


async def test_a_relay_that_offers_no_reports_is_asked_for_none(
    make: Make, smtp: SmtpServer
) -> None:
    await make(smtp.url).send(parcel("owner@example.org", BYTES, message_id=MESSAGE))
    [mail] = smtp.mails
    assert (mail.sender, mail.parameters) == (f"{PATH}@bounces.example.org", {})


async def test_what_leaves_as_one_mail_returns_to_the_first_of_them(
    make: Make, smtp: SmtpServer
) -> None:
    along = parcel("owner@example.org", BYTES, message_id=new_id("msg", NOW))
    sent = parcel("owner@example.org", BYTES, message_id=MESSAGE, along=(along,))
    await make(smtp.url).send(sent)
    assert smtp.mails[0].sender == f"{PATH}@bounces.example.org"


def test_it_is_as_long_as_was_agreed_and_fits_a_local_part() -> None:
    assert len(PATH) == 54
    assert is_return_path(PATH)


@pytest.mark.parametrize("changed", [str.upper, str.title, str.swapcase])
def test_relays_may_change_its_case(changed: Callable[[str], str]) -> None:
    assert returned_message(SEAL, changed(PATH), NOW) == MESSAGE


def test_it_is_believed_for_fourteen_days() -> None:
    end = NOW + RETURN_PATH_LIVES
    assert returned_message(SEAL, PATH, end) == MESSAGE
    assert returned_message(SEAL, PATH, end + timedelta(seconds=1)) is None


def test_a_return_path_of_another_key_is_not_ours() -> None:
    assert returned_message(SEAL, return_path(OTHER, MESSAGE, NOW), NOW) is None


@given(st.integers(2, 53), st.sampled_from("0123456789abcdefz-"))
def test_whatever_is_changed_in_it_makes_it_worthless(place: int, char: str) -> None:
    changed = PATH[:place] + char + PATH[place + 1 :]
    assert returned_message(SEAL, changed, NOW) == (MESSAGE if changed == PATH else None)
