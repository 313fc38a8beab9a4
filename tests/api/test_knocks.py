"""Whoever guesses tokens is slowed down, by the address they come from; who has the right one is not."""

import httpx

from service.knocks import MOST, SECONDS, Knocks
from tests.api.installation import Installation, Team
from tests.api.test_inbound import kobo, payload
from tests.api.test_refusals import refused
from tests.feeds.subscription import subscribe

WRONG = "adqin_" + "A" * 43


async def knock(installation: Installation, address: str, token: str) -> httpx.Response:
    """By header from that address."""
    transport = httpx.ASGITransport(app=installation.app, client=(address, 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://adquem.test") as caller:
        headers = {"X-Adquem-Token": token}
        return await caller.post("/api/v1/inbound", json=payload("kobo"), headers=headers)


async def test_after_thirty_wrong_tokens_an_address_is_told_to_wait_and_the_right_one_still_opens(
    installation: Installation, team: Team
) -> None:
    form = await kobo(team)
    for _ in range(30):
        refused(await knock(installation, "203.0.113.7", WRONG), 404, "not_found")
    before = await installation.rows()
    late = await knock(installation, "203.0.113.7", WRONG)
    refused(late, 429, "too_many_requests")
    assert late.headers["retry-after"] == "60"
    assert await installation.rows() == before
    # The path is the same door as the header.
    installation.outside._transport = httpx.ASGITransport(
        installation.app, client=("203.0.113.7", 1)
    )
    by_path = await installation.outside.post(f"/api/v1/inbound/{WRONG}", json={})
    refused(by_path, 429, "too_many_requests")
    refused(await knock(installation, "203.0.113.8", WRONG), 404, "not_found")
    assert (await knock(installation, "203.0.113.7", form["token"])).status_code == 201


def wrong(knocks: Knocks, address: str, at: float, times: int = MOST) -> list[bool]:
    return [knocks.too_many(address, at) for _ in range(times)]


def test_a_minute_after_the_first_wrong_one_all_is_as_before() -> None:
    knocks = Knocks()
    assert not any(wrong(knocks, "203.0.113.7", 1000.0))
    assert all(wrong(knocks, "203.0.113.7", 1000.0 + SECONDS - 1))
    assert not any(wrong(knocks, "203.0.113.7", 1000.0 + SECONDS))


def test_who_changes_the_address_within_one_network_of_ipv6_is_still_one_caller() -> None:
    knocks = Knocks()
    assert not any(knocks.too_many(f"2001:db8::{n:x}", 0.0) for n in range(MOST))
    assert knocks.too_many("2001:db8::ffff", 0.0)
    assert not knocks.too_many("2001:db8:0:1::1", 0.0)


def test_callers_over_ipv4_are_told_apart_also_where_the_socket_writes_them_as_ipv6() -> None:
    knocks = Knocks()
    wrong(knocks, "::ffff:203.0.113.7", 0.0)
    assert knocks.too_many("::ffff:203.0.113.7", 0.0)
    assert not knocks.too_many("::ffff:203.0.113.8", 0.0)


def test_however_many_addresses_knock_no_more_than_so_many_are_remembered() -> None:
    knocks = Knocks(remembered=3)
    for n in range(100):
        knocks.too_many(f"203.0.113.{n}", float(n) / 100)
    assert len(knocks) == 3
    # Of those that are, the count is kept; a known one pushes none of the others out.
    wrong(knocks, "203.0.113.99", 1.0, MOST - 1)
    assert knocks.too_many("203.0.113.99", 1.0)
    assert len(knocks) == 3


async def test_guessed_addresses_of_calendars_are_slowed_down_and_the_right_one_still_answers(
    installation: Installation, team: Team
) -> None:
    feed = await subscribe(installation, team, "owner", 1)
    guess = f"/f/{feed.id}.{'A' * 43}.ics"
    for _ in range(30):
        assert (await installation.outside.get(guess)).status_code == 404
    late = await installation.outside.get(guess)
    assert (late.status_code, late.headers["retry-after"]) == (429, "60")
    assert (await feed.fetch()).status_code == 200
