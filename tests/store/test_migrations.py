"""One chain of migrations gives both databases exactly the tables that the classes describe."""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

import service.store
from alembic import command
from service.store import migrations
from tests.harness.postgres import PostgresServer
from tests.store.opened import Opened, driver_url

for _module in pkgutil.iter_modules(service.store.__path__):
    importlib.import_module(f"service.store.{_module.name}")


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An SQLAlchemy URL of a database without a table."""
    if request.param == "sqlite":
        yield driver_url(f"sqlite:///{tmp_path / 'empty.sqlite3'}", tmp_path)
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database() as url:
        yield driver_url(url, tmp_path)


def plainly(url: str) -> sa.Engine:
    return sa.create_engine(url.replace("+aiosqlite", ""), poolclass=sa.pool.NullPool)


def tables(url: str) -> set[str]:
    return set(sa.inspect(plainly(url)).get_table_names())


def shape(url: str) -> dict[str, object]:
    """Every column, key and index, as the database itself tells it."""
    inspector = sa.inspect(plainly(url))
    found: dict[str, object] = {}
    for table in sorted(set(inspector.get_table_names()) - {"alembic_version"}):
        found[table] = {
            "columns": sorted(
                (column["name"], str(column["type"]), column["nullable"])
                for column in inspector.get_columns(table)
            ),
            "primary key": inspector.get_pk_constraint(table)["constrained_columns"],
            "foreign keys": sorted(
                (key["name"], key["constrained_columns"], key["referred_table"])
                for key in inspector.get_foreign_keys(table)
            ),
            "unique": sorted(
                (one["name"], one["column_names"])
                for one in inspector.get_unique_constraints(table)
            ),
            "indexes": sorted(
                (index["name"], index["column_names"], index["unique"], _predicate(index))
                for index in inspector.get_indexes(table)
            ),
        }
    return found


def _predicate(index: object) -> str:
    options = dict(index).get("dialect_options", {})  # type: ignore[call-overload]
    return str(options.get("sqlite_where", options.get("postgresql_where", "")))


def test_the_chain_goes_up_from_nothing_down_again_and_up_again(empty_url: str) -> None:
    migrations.upgrade(empty_url)
    first = shape(empty_url)
    assert set(first) == set(SQLModel.metadata.tables)
    migrations.downgrade(empty_url, "base")
    assert tables(empty_url) <= {"alembic_version"}
    migrations.upgrade(empty_url)
    assert shape(empty_url) == first


def test_alembic_finds_no_difference_between_the_chain_and_the_classes(empty_url: str) -> None:
    migrations.upgrade(empty_url)
    command.check(migrations.config_for(empty_url))


def test_the_chain_builds_what_the_classes_would_build_indexes_and_predicates_included(
    empty_url: str,
) -> None:
    migrations.upgrade(empty_url)
    built_by_chain = shape(empty_url)
    migrations.downgrade(empty_url, "base")
    engine = plainly(empty_url)
    with engine.begin() as connection:
        SQLModel.metadata.create_all(connection)
    assert shape(empty_url) == built_by_chain


def test_a_migration_gives_up_a_lock_that_it_would_wait_for_and_can_be_run_again(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    """Behind one that waits, everybody else waits too."""
    with postgres.database() as database_url:
        url = driver_url(database_url, tmp_path)
        migrations.upgrade(url)
        migrations.downgrade(url, "2026112310")
        with plainly(url).begin() as held:
            held.execute(sa.text("LOCK TABLE escalations IN ROW EXCLUSIVE MODE"))
            with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
                migrations.upgrade(url)
        assert "installations" not in tables(url), "half a migration was left behind"
        migrations.upgrade(url)
        assert "installations" in tables(url)


async def test_a_database_behind_the_chain_is_noticed(empty_url: str) -> None:
    opened = Opened(empty_url)
    try:
        async with opened.reading() as session:
            assert not await migrations.at_head(session)
    finally:
        await opened.engine.dispose()


async def test_a_database_at_the_head_is_recognised(database: Opened) -> None:
    async with database.reading() as session:
        assert await migrations.at_head(session)
