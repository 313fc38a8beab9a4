"""SQLite has one writer, and no queue of its own."""

import asyncio

from sqlmodel import text

from tests.api.installation import Installation


async def test_writers_of_one_process_come_to_their_turn_in_the_order_in_which_they_came(
    installation: Installation,
) -> None:
    written: list[int] = []

    async def write(number: int) -> None:
        async with installation.runtime.transaction() as session:
            await session.exec(text("UPDATE teams SET name = name"))  # type: ignore[call-overload]
            written.append(number)

    async with installation.runtime.transaction() as first:
        await first.connection()
        waiting = [asyncio.create_task(write(number)) for number in range(30)]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert written == list(range(30))
