"""Both databases agree: instants are UTC, no update is lost, readers neither wait nor write."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlmodel import select

from service.domain.access import Reach
from service.domain.notifications import EventType
from service.store.columns import one_of
from service.store.deadlines import Deadline, lock_deadline
from service.store.teams import Team, existing_team_ids
from tests.store import factories
from tests.store.factories import NOW, Docket, put
from tests.store.opened import Opened

LITERALLY = {"literal_binds": True}
ALMATY_SUMMER_2023 = timezone(timedelta(hours=6))


async def test_an_instant_comes_back_aware_and_in_utc(database: Opened) -> None:
    written = datetime(2023, 7, 1, 18, 30, 15, 123456, tzinfo=ALMATY_SUMMER_2023)
    row = factories.team(created_at=written)
    async with database.transaction() as session:
        await put(session, row)
    async with database.reading() as session:
        found = (await session.exec(select(Team.created_at).where(Team.id == row.id))).one()
    assert found == written
    assert found.isoformat() == "2023-07-01T12:30:15.123456+00:00"


async def test_an_instant_without_a_zone_never_reaches_the_database(database: Opened) -> None:
    naive = datetime(2026, 3, 2, 4, 0)  # noqa: DTZ001  (that is the point)
    row = factories.team(created_at=naive)
    with pytest.raises(StatementError, match="without a zone"):
        async with database.transaction() as session:
            await put(session, row)
    async with database.reading() as session:
        assert await existing_team_ids(session, [row.id]) == set()


async def test_an_instant_in_a_query_is_compared_as_an_instant(
    database: Opened, docket: Docket
) -> None:
    due_at = datetime(2026, 3, 20, 19, 0, tzinfo=UTC)
    row = factories.deadline(docket.case, due_at=due_at)
    async with database.transaction() as session:
        await put(session, row)
    elsewhere = due_at.astimezone(timezone(timedelta(hours=-7)))
    async with database.reading() as session:
        query = select(Deadline.id).where(Deadline.due_at == elsewhere)
        assert list(await session.exec(query)) == [row.id]


async def test_a_choice_that_nobody_declared_is_an_error_not_a_guess(
    database: Opened, docket: Docket
) -> None:
    row = factories.deadline(docket.case)
    async with database.transaction() as session:
        await put(session, row)
        await (await session.connection()).execute(sa.text("UPDATE deadlines SET kind = 'feast'"))
    async with database.reading() as session:
        with pytest.raises(ValueError, match="feast"):
            (await session.exec(select(Deadline))).all()


async def test_a_choice_of_another_kind_is_not_written(database: Opened, docket: Docket) -> None:
    row = factories.deadline(docket.case, kind=EventType.REMINDER_DUE)
    with pytest.raises(StatementError):
        async with database.transaction() as session:
            await put(session, row)


async def test_what_refers_to_nothing_is_not_written(database: Opened) -> None:
    row = factories.case(factories.team())
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            await put(session, row)


async def test_a_transaction_that_fails_keeps_nothing(database: Opened) -> None:
    row = factories.team()

    async def write_and_fail() -> None:
        async with database.transaction() as session:
            await put(session, row)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await write_and_fail()
    async with database.reading() as session:
        assert await existing_team_ids(session, [row.id]) == set()


async def test_writers_that_lock_what_they_read_lose_no_update(
    database: Opened, docket: Docket
) -> None:
    row = factories.deadline(docket.case, shown=0)
    async with database.transaction() as session:
        await put(session, row)

    async def raise_by_one(opened: Opened) -> None:
        for _ in range(10):
            async with opened.transaction() as session:
                locked = await lock_deadline(session, row.id, Reach(None))
                assert locked is not None
                locked.shown += 1
                session.add(locked)

    async with database.again() as other:
        await asyncio.gather(*(raise_by_one(opened) for opened in (database, other) * 2))
    async with database.reading() as session:
        assert (await session.exec(select(Deadline.shown))).one() == 40


async def test_on_sqlite_a_plain_read_then_write_loses_no_update(sqlite: Opened) -> None:
    row = factories.team(revision=0)
    async with sqlite.transaction() as session:
        await put(session, row)

    async def raise_by_one(opened: Opened) -> None:
        for _ in range(10):
            async with opened.transaction() as session:
                read = await session.get_one(Team, row.id)
                await asyncio.sleep(0)
                read.revision += 1
                session.add(read)

    async with sqlite.again() as other:
        await asyncio.gather(*(raise_by_one(opened) for opened in (sqlite, other) * 2))
    async with sqlite.reading() as session:
        assert (await session.exec(select(Team.revision))).one() == 40


async def test_a_reader_sees_the_last_kept_state_while_a_writer_is_at_work(
    database: Opened,
) -> None:
    row = factories.team(name="before")
    async with database.transaction() as session:
        await put(session, row)
    async with database.transaction() as writer:
        (await writer.get_one(Team, row.id)).name = "after"
        await writer.flush()
        async with asyncio.timeout(5), database.reading() as reader:
            assert (await reader.exec(select(Team.name))).one() == "before"


async def test_a_reader_does_not_hold_up_a_writer(database: Opened) -> None:
    row = factories.team()
    async with database.reading() as reader:
        assert (await reader.exec(select(Team))).all() == []
        async with asyncio.timeout(5), database.transaction() as writer:
            await put(writer, row)


async def test_what_a_reader_writes_is_never_kept(database: Opened) -> None:
    row = factories.team()
    try:
        async with database.reading() as reader:
            await put(reader, row)
    except DBAPIError:
        assert database.is_postgres
    async with database.reading() as reader:
        assert await existing_team_ids(reader, [row.id]) == set()


async def test_on_postgres_a_reader_is_refused_at_once(postgresql: Opened) -> None:
    with pytest.raises(DBAPIError, match="read-only"):
        async with postgresql.reading() as reader:
            await put(reader, factories.team())


async def test_a_writer_after_a_reader_on_the_same_connections_may_write(database: Opened) -> None:
    """What is said of a reader's connection must not stick to it in the pool."""
    for _ in range(3):
        async with database.reading() as reader:
            await reader.exec(select(Team))
        async with database.transaction() as writer:
            await put(writer, factories.team(created_at=NOW))
    async with database.reading() as reader:
        assert len((await reader.exec(select(Team))).all()) == 3


@pytest.mark.parametrize("wanted", [[], ["o'ne", 'tw"o', "t\\h,{r}ee", "дело-🕊", "four%"]])
async def test_whatever_a_list_holds_its_rows_are_found_and_no_others(
    database: Opened, wanted: list[str]
) -> None:
    known = ("o'ne", 'tw"o', "t\\h,{r}ee", "дело-🕊", "other")
    rows = [factories.team(id=one, name=one) for one in known]
    async with database.transaction() as session:
        await put(session, *rows)
    async with database.reading() as session:
        found = set(await session.exec(select(Team.id).where(one_of(Team.id, wanted))))
        others = set(await session.exec(select(Team.id).where(~one_of(Team.id, wanted))))
    assert found == set(wanted) - {"four%"}
    assert others == {row.id for row in rows} - found


async def test_what_a_list_names_is_looked_up_and_not_searched_for(database: Opened) -> None:
    async with database.transaction() as session:
        connection = await session.connection()
        query = select(Team.name).where(one_of(Team.id, ["one", "two"])).with_for_update()
        told = "EXPLAIN" if database.is_postgres else "EXPLAIN QUERY PLAN"
        text = f"{told} {query.compile(connection.sync_engine, compile_kwargs=LITERALLY)}"
        plan = str((await connection.exec_driver_sql(text)).all())
    assert "Index Cond" in plan if database.is_postgres else "SEARCH teams USING INDEX" in plan
