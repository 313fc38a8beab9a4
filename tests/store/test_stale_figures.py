"""What waits is claimed without reading all of it, also where the planner's figures are of a calmer hour.

Whatever falls due at once does so before anybody has counted it anew.
"""

from datetime import timedelta

from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.bundles import Pace
from service.domain.notifications import MessageState
from service.store.columns import core_table
from service.store.deadlines import Deadline, claim_due
from service.store.leasing import lease_company, lease_due
from service.store.outbox import mark_accepted
from service.store.queues import along_indexes
from service.store.users import User
from tests.store import factories
from tests.store.factories import DAY, MINUTE, NOW, put, put_docket
from tests.store.opened import Opened

_CROWD = 10_000


async def _multiply(session: AsyncSession, row: SQLModel, *keys: str, count: int = _CROWD) -> None:
    """Writes the row, and as many others like it, whose keys are their own."""
    await put(session, row)
    table = core_table(type(row))
    names = [column.name for column in table.c]
    own = [f"{name} || n" if name in keys else name for name in names]
    await _run(
        session,
        f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {', '.join(own)} "
        f"FROM {table.name}, generate_series(1, {count}) AS n "
        f"WHERE id = '{row.model_dump()['id']}'",
    )


async def _somebody(session: AsyncSession) -> tuple[User, Deadline]:
    """A person, and a deadline of which mails tell them."""
    docket = await put_docket(session)
    about = factories.deadline(docket.case)
    await put(session, about)
    return docket.user, about


async def _run(session: AsyncSession, statement: str) -> int:
    """The one figure that it answers, if it answers any."""
    result = await (await session.connection()).exec_driver_sql(statement)
    return int(result.scalar_one()) if result.returns_rows else 0


async def _rows_read(session: AsyncSession, table: str) -> int:
    """By this transaction."""
    read = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables"
    return await _run(session, f"{read} WHERE relname = '{table}'")


async def test_messages_that_fall_due_at_once_are_claimed_without_reading_them_all(
    postgresql: Opened,
) -> None:
    async with postgresql.transaction() as session:
        user, about = await _somebody(session)
        ended = factories.mail(user, about, state=MessageState.ACCEPTED, accepted_at=NOW)
        await _multiply(session, ended, "id", "dedupe_key")
        await _run(session, "ANALYZE messages")
    async with postgresql.transaction() as session:
        due = factories.mail(user, about, useful_until=NOW + MINUTE)
        await _multiply(session, due, "id", "dedupe_key")
    async with postgresql.transaction() as session:
        claimed = await lease_due(session, Pace(1, 20), NOW, "lse_1", timedelta(minutes=1), 10)
        assert len(claimed) == 10
        assert await _rows_read(session, "messages") < _CROWD / 2


async def test_the_other_mails_to_a_reader_are_found_without_reading_those_to_everybody(
    postgresql: Opened,
) -> None:
    async with postgresql.transaction() as session:
        docket = await put_docket(session)
        about, other = factories.deadline(docket.case), factories.user()
        await put(session, about, other)
        await _multiply(session, factories.mail(docket.user, about), "id", "dedupe_key")
        # A reader of many years, to whom three are due.
        ended = factories.mail(other, about, state=MessageState.ACCEPTED, accepted_at=NOW)
        await _multiply(session, ended, "id", "dedupe_key")
        await put(session, *(factories.mail(other, about) for _ in range(3)))
    async with postgresql.transaction() as session:
        await along_indexes(session)
        lease_for = timedelta(minutes=1)
        mails = await lease_company(session, {other.id}, NOW, "lse_1", lease_for, 10)
        assert len(mails) == 3
        assert await _rows_read(session, "messages") < 20


async def test_deadlines_that_fall_due_at_once_are_held_without_reading_them_all_again(
    postgresql: Opened,
) -> None:
    async with postgresql.transaction() as session:
        docket = await put_docket(session)
        asleep = factories.deadline(docket.case, wake_at=NOW + DAY)
        await _multiply(session, asleep, "id")
        await _run(session, "ANALYZE deadlines")
    async with postgresql.transaction() as session:
        due = factories.deadline(docket.case)
        await _multiply(session, due, "id")
    async with postgresql.transaction() as session:
        assert len(await claim_due(session, NOW, 10)) == 10
        # All of them are weighed, once: the soonest are to go first.
        assert await _rows_read(session, "deadlines") < _CROWD * 1.5


async def test_what_is_named_by_ids_is_not_searched_for_once_its_table_has_grown(
    postgresql: Opened,
) -> None:
    """A connection keeps the plan of a statement that it hears often: also one made on the first day."""
    async with postgresql.transaction() as session:
        user, about = await _somebody(session)
        first = factories.mail(user, about)
        await _multiply(session, first, "id", "dedupe_key", count=20)
    for _ in range(20):
        async with postgresql.transaction() as session:
            await mark_accepted(session, [first.id], NOW)
    async with postgresql.transaction() as session:
        later = factories.mail(user, about)
        await _multiply(session, later, "id", "dedupe_key")
    async with postgresql.transaction() as session:
        await mark_accepted(session, [later.id], NOW)
        assert await _rows_read(session, "messages") < _CROWD / 2
