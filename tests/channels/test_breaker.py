"""A relay that cannot be reached is left alone for a while, and then asked by few."""

import asyncio

import pytest

from service.channels.email.breaker import Breaker
from service.channels.email.relay import SmtpTransport
from service.channels.email.sender import EmailChannel
from service.domain.retry import Verdict
from tests.channels.drafts import parcel
from tests.channels.test_mail_sender import BYTES, CONTENT, FROM
from tests.harness.processes import free_port
from tests.harness.smtp import SmtpServer


def missed(breaker: Breaker, at: float, times: int) -> Breaker:
    for _ in range(times):
        breaker.missed(at)
    return breaker


def test_two_failures_are_borne_and_the_third_begins_a_rest() -> None:
    assert not missed(Breaker(), 0, 2).resting(0)
    breaker = missed(Breaker(), 0, 3)
    assert breaker.resting(4.9)
    assert not breaker.resting(5)


def test_those_that_were_under_way_when_the_rest_began_do_not_lengthen_it() -> None:
    assert not missed(Breaker(), 0, 64).resting(5)


def test_each_rest_is_longer_than_the_one_before_and_none_over_a_minute() -> None:
    breaker, at, rests = missed(Breaker(), 0, 2), 0.0, []
    for _ in range(7):
        breaker.missed(at)
        begun = at
        while breaker.resting(at):
            at += 1
        rests.append(at - begun)
    assert rests == [5, 10, 20, 40, 60, 60, 60]


def test_an_answer_of_whatever_kind_ends_it() -> None:
    breaker = missed(Breaker(), 0, 3)
    breaker.answered()
    assert not breaker.resting(0)
    assert not missed(breaker, 1, 2).resting(1)


async def test_many_mails_knock_a_few_times_at_a_relay_that_is_away() -> None:
    port = free_port()
    channel = EmailChannel(CONTENT, SmtpTransport(f"smtp://127.0.0.1:{port}", FROM, 2, None))
    outcomes = await asyncio.gather(
        *(channel.send(parcel("aigerim@example.org", BYTES)) for _ in range(40))
    )
    assert {one.verdict for one in outcomes} == {Verdict.TEMPORARY}
    knocked = [one for one in outcomes if one.code != "relay_away"]
    assert 3 <= len(knocked) <= 4, "three, and whoever was under way beside the third"
    assert channel.resting()
    await channel.close()


async def test_after_a_rest_one_mail_asks_for_all(smtp: SmtpServer) -> None:
    relay = SmtpTransport(smtp.url, FROM, 10, None)
    channel = EmailChannel(CONTENT, relay)
    # As after a rest that has ended.
    relay._breaker = missed(Breaker(), 0, 3)
    smtp.stop()

    async def sent() -> list[str]:
        mails = (channel.send(parcel("aigerim@example.org", BYTES)) for _ in range(10))
        return sorted(one.code for one in await asyncio.gather(*mails))

    assert await sent() == ["connection", *["relay_away"] * 9]
    smtp.start()
    relay._breaker = missed(Breaker(), 0, 3)
    assert await sent() == ["250"] * 10
    await channel.close()


@pytest.mark.parametrize("refusal", ["451 4.3.0 later", "550 5.1.1 nobody"])
async def test_a_relay_that_refuses_is_there(smtp: SmtpServer, refusal: str) -> None:
    """It is asked as often as there is something to say; what it says decides of each mail."""
    channel = EmailChannel(CONTENT, SmtpTransport(smtp.url, FROM, 2, None))
    smtp.on_recipient = lambda _: refusal
    for _ in range(5):
        await channel.send(parcel("aigerim@example.org", BYTES))
    assert not channel.resting()
    await channel.close()
