"""The journal is one chain for each team, and whoever tampers with it is found out."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from service.ids import new_id
from service.store.columns import core_table
from service.store.journal import (
    OPERATOR_CHAIN,
    Happening,
    JournalEntry,
    JournalHead,
    _digest,
    case_journal,
    chains,
    first_broken,
    record,
)
from tests.store.factories import NOW
from tests.store.opened import Opened

ENTRIES = core_table(JournalEntry)
CASE = "cas_1"


def happening(team_id: str | None = "team_1", number: int = 0) -> Happening:
    data = {"n": number, "roles": [["owner", "usr_1"]], "seconds": 604800.0, "word": "срок қ"}
    return Happening(team_id, "usr_1", "deadline.changed", f"dln_{number}", CASE, data)


async def write(database: Opened, count: int, team_id: str | None = "team_1") -> None:
    async with database.transaction() as session:
        await record(session, [happening(team_id, n) for n in range(count)], NOW)


async def broken(database: Opened) -> dict[str, int | None]:
    async with database.reading() as session:
        return {head.chain: await first_broken(session, head) for head in await chains(session)}


async def tamper(database: Opened, *statements: sa.Executable) -> None:
    async with database.transaction() as session:
        for statement in statements:
            await (await session.connection()).execute(statement)


async def test_an_untouched_chain_is_whole(database: Opened) -> None:
    for _ in range(3):
        await write(database, 4)
    assert await broken(database) == {"team_1": None}
    async with database.reading() as session:
        [head] = await chains(session)
    assert head.number == 12


async def test_each_team_has_its_own_chain_and_the_operator_one_too(database: Opened) -> None:
    async with database.transaction() as session:
        mixed = [happening(team, 0) for team in ("team_2", None, "team_1", "team_2")]
        await record(session, mixed, NOW)
    async with database.reading() as session:
        lengths = {head.chain: head.number for head in await chains(session)}
    assert lengths == {"team_1": 1, "team_2": 2, OPERATOR_CHAIN: 1}
    assert set((await broken(database)).values()) == {None}


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "jrn_other"},
        {"at": NOW + timedelta(microseconds=1)},
        {"actor": "usr_2"},
        {"action": "deadline.completed"},
        {"subject_id": "dln_9"},
        {"case_id": "cas_2"},
        {"case_id": None},
        {"data": {}},
        {"data": {"n": 2, "roles": [], "seconds": 604800.0, "word": "срок қ"}},
        {"previous_hash": "0" * 64},
        {"hash": "f" * 64},
        {"number": 77},
        {"chain": "team_2"},
    ],
    ids=lambda changes: "-".join(changes),
)
async def test_an_edit_of_any_part_of_an_entry_is_found(
    database: Opened, changes: dict[str, Any]
) -> None:
    await write(database, 5)
    await tamper(database, sa.update(ENTRIES).where(ENTRIES.c.number == 3).values(**changes))
    assert (await broken(database))["team_1"] == 3


async def test_an_edit_with_its_hash_made_anew_is_found_at_the_next_entry(
    database: Opened,
) -> None:
    await write(database, 5)
    async with database.transaction() as session:
        entries = [one for one in await case_journal(session, CASE, None, 10) if one.number == 3]
        forged = entries[0]
        forged.actor = "usr_2"
        forged.hash = _digest(forged.model_dump())  # whoever forges has read our source
        session.add(forged)
    assert (await broken(database))["team_1"] == 4


@pytest.mark.parametrize("number", [1, 3, 5])
async def test_an_entry_taken_out_is_found(database: Opened, number: int) -> None:
    await write(database, 5)
    await tamper(database, sa.delete(ENTRIES).where(ENTRIES.c.number == number))
    assert await broken(database) == {"team_1": number}


async def test_a_chain_without_any_entry_left_is_found(database: Opened) -> None:
    await write(database, 5)
    await tamper(database, sa.delete(ENTRIES))
    assert await broken(database) == {"team_1": 1}


async def test_a_tail_cut_off_with_the_head_set_back_to_no_known_entry_is_found(
    database: Opened,
) -> None:
    await write(database, 5)
    heads = core_table(JournalHead)
    cut = sa.delete(ENTRIES).where(ENTRIES.c.number > 3)
    await tamper(database, cut, sa.update(heads).values(number=3))
    assert await broken(database) == {"team_1": 4}


async def test_two_entries_that_changed_places_are_found(database: Opened) -> None:
    await write(database, 5)
    moves = [(2, 100), (4, 2), (100, 4)]
    await tamper(
        database,
        *(sa.update(ENTRIES).where(ENTRIES.c.number == a).values(number=b) for a, b in moves),
    )
    assert await broken(database) == {"team_1": 2}


async def test_writers_at_the_same_time_keep_one_chain(database: Opened) -> None:
    async def keep_writing(opened: Opened) -> None:
        for _ in range(6):
            await write(opened, 2)

    async with database.again() as other:
        await asyncio.gather(*(keep_writing(opened) for opened in (database, other) * 2))
    async with database.reading() as session:
        [head] = await chains(session)
        assert (head.number, await first_broken(session, head)) == (48, None)


async def test_writers_of_the_same_chains_in_another_order_do_not_block_each_other(
    database: Opened,
) -> None:
    teams = ["team_1", "team_2", "team_3"]

    async def keep_writing(opened: Opened, order: list[str]) -> None:
        for _ in range(6):
            async with opened.transaction() as session:
                await record(session, [happening(team) for team in order], NOW)

    async with database.again() as other:
        await asyncio.gather(keep_writing(database, teams), keep_writing(other, teams[::-1]))
    assert await broken(database) == dict.fromkeys(teams)


async def test_what_is_rolled_back_is_not_journalled(database: Opened) -> None:
    await write(database, 1)

    async def write_and_fail() -> None:
        async with database.transaction() as session:
            await record(session, [happening()], NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await write_and_fail()
    await write(database, 1)
    assert await broken(database) == {"team_1": None}


async def test_a_case_is_read_in_the_order_in_which_things_happened(database: Opened) -> None:
    """Also what happened within one transaction, at one instant."""
    await write(database, 12)
    read: list[JournalEntry] = []
    async with database.reading() as session:
        while page := await case_journal(session, CASE, read[-1].number if read else None, 5):
            read += page
    assert [entry.number for entry in read] == list(range(1, 13))


async def test_an_id_sorts_by_the_millisecond_in_which_it_was_made() -> None:
    instants = [NOW + timedelta(milliseconds=n) for n in range(200)]
    ids = [new_id("jrn", at) for at in instants]
    assert ids == sorted(ids)
