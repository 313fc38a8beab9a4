"""What is short goes first: whoever takes long stands back for it, and yet comes to an end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from service.precedence import Precedence
from tests.api.installation import Installation, on_both
from tests.api.test_routes import DAY, START, laddered
from workers import tasks


class Counted(Precedence):
    """How often something short went first, and how often a letter let it."""

    def __init__(self) -> None:
        super().__init__()
        self.first = self.letters = 0

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        self.first += 1
        async with super().taken():
            yield

    async def stand_back(self) -> None:
        self.letters += 1
        await super().stand_back()


@asynccontextmanager
async def letter(precedence: Precedence) -> AsyncIterator[asyncio.Task[None]]:
    """The next letter of a batch that has been at it for long enough; whatever else is to run has run."""
    await precedence.stand_back()
    await asyncio.sleep(0.02)
    following = asyncio.create_task(precedence.stand_back())
    await _some_rounds()
    yield following
    await following


async def _some_rounds() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_letter_waits_for_the_verdict_that_is_being_written_down() -> None:
    precedence = Precedence()
    async with precedence.taken(), letter(precedence) as following:
        assert not following.done()


async def test_two_verdicts_are_both_waited_for() -> None:
    precedence = Precedence()
    async with precedence.taken():
        async with precedence.taken():
            pass
        async with letter(precedence) as following:
            assert not following.done()


async def test_a_letter_is_written_although_a_verdict_cannot_be_written_down() -> None:
    precedence = Precedence()
    async with precedence.taken(), asyncio.timeout(5), letter(precedence) as following:
        await following


async def test_once_there_is_nothing_to_write_down_letters_wait_for_nothing() -> None:
    precedence = Precedence()
    async with precedence.taken():
        pass
    with pytest.raises(ConnectionError):
        async with precedence.taken():
            raise ConnectionError
    async with letter(precedence) as following:
        assert following.done()


async def test_a_verdict_that_comes_in_beside_a_letter_begins_before_the_next_one() -> None:
    precedence, told = Precedence(), list[str]()

    async def verdict() -> None:
        async with precedence.taken():
            await asyncio.sleep(0)
            told.append("verdict")

    await precedence.stand_back()
    await asyncio.sleep(0.02)
    heard = asyncio.create_task(verdict())
    await precedence.stand_back()
    told.append("letter")
    await heard
    assert told == ["verdict", "letter"]


@on_both
async def test_claims_that_find_something_and_verdicts_go_first_and_letters_stand_back(
    installation: Installation,
) -> None:
    team = await installation.team()
    await laddered(team, START + DAY)
    counted = Counted()
    runtime = replace(installation.runtime, precedence=counted)
    assert await tasks.deliver(runtime) == 0
    assert (counted.first, counted.letters) == (0, 0)
    assert await tasks.tick(runtime) == 1
    assert (counted.first, counted.letters) == (0, 1)
    assert await tasks.deliver(runtime) == 1
    assert (counted.first, counted.letters) == (2, 1)
    await runtime.glances.close()
