"""What is short goes first: whoever takes long stands back for it, and yet comes to an end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from service.precedence import Precedence


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
