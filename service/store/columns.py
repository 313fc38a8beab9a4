"""Column types on which both databases agree, and the base of every table."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    JSON,
    BindParameter,
    ColumnElement,
    DateTime,
    Dialect,
    MetaData,
    String,
    Table,
    bindparam,
    insert,
    literal,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

SQLModel.metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant in, an aware UTC instant out, on SQLite (which keeps no zone) as on Postgres."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without a zone must not reach the database")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Choice(TypeDecorator[Enum]):
    """A closed enumeration, kept as its text; an unknown text in a row is an error, never None."""

    impl = String(32)
    cache_ok = True

    def __init__(self, kind: type[Enum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Enum | None, dialect: Dialect) -> str | None:
        return None if value is None else str(self.kind(value).value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Enum | None:
        return None if value is None else self.kind(value)


class Row(SQLModel):
    """A table whose rows are made by the hundred. They take their values as they are: SQLModel leads each
    through four calls that note what has changed, of what is not written yet. Nothing is ever checked
    against a row, so that none of them needs a validator."""

    model_config = {"defer_build": True}

    def __init__(self, **values: Any) -> None:
        made = {name: make() for name, make in _made(type(self)).items() if name not in values}
        vars(self).update(_blanks(type(self)), **made, **values)


@cache
def _blanks(table: type[SQLModel]) -> dict[str, Any]:
    """What stands in each column for which nothing was given."""
    fields = table.model_fields.items()
    return {name: field.default for name, field in fields if not field.is_required()}


@cache
def _made(table: type[SQLModel]) -> dict[str, Any]:
    """Of those which no two rows may share, how it is made."""
    fields = table.model_fields.items()
    return {name: field.default_factory for name, field in fields if field.default_factory}


#: JSONB on Postgres, JSON text on SQLite.
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def as_rows(models: Iterable[SQLModel]) -> list[dict[str, Any]]:
    """Plain dicts for one Core insert; an ORM flush of thousands of rows costs ten times as much."""
    return [{name: vars(one)[name] for name in type(one).model_fields} for one in models]


async def insert_rows(
    session: AsyncSession, table: type[SQLModel], rows: Sequence[dict[str, Any]]
) -> None:
    """One Core insert for all rows."""
    if rows:
        await (await session.connection()).execute(insert(core_table(table)), list(rows))


async def insert_missing(
    session: AsyncSession, table: type[SQLModel], rows: Sequence[dict[str, Any]], *unique: str
) -> None:
    """One insert of all rows, passing over those whose `unique` columns are taken already."""
    if not rows:
        return
    connection = await session.connection()
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(core_table(table)).on_conflict_do_nothing(
        index_elements=list(unique)
    )
    await connection.execute(statement, list(rows))


def core_table(table: type[SQLModel]) -> Table:
    """The table behind a class, for statements that need no ORM."""
    return cast(Any, table).__table__  # type: ignore[no-any-return]


class Names(TypeDecorator[Iterable[str]]):
    """Texts that travel as one value, in no order. `IN` sends each by itself: of a few hundred that took a
    quarter of a claim, and the database read the statement anew for each number of them."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Iterable[str] | None, dialect: Dialect) -> str:
        return json.dumps([*{*(value or ())}])


def one_of(
    column: Any, values: Iterable[str] | BindParameter[Iterable[str]]
) -> ColumnElement[bool]:
    """Whether a text is among these; of a statement that is built once, among those that it is given."""
    given = values if isinstance(values, BindParameter) else literal([*values], Names)
    return _OneOf(column, given)


#: For a statement that is built once: what it is given as `ids`.
IDS = bindparam("ids", type_=Names)


@cache
def rows_by(column: Any, *order: Any) -> Any:
    """The rows in which this column is among `ids`, in that order; built once."""
    return select(column.class_).where(one_of(column, IDS)).order_by(*order)


class _OneOf(FunctionElement[bool]):
    # Of no type: as a Boolean it would be compared with 1 on SQLite, and no index would serve.
    inherit_cache = True


@compiles(_OneOf, "postgresql")
def _among_array(element: _OneOf, compiler: SQLCompiler, **how: Any) -> str:
    column, values = (compiler.process(one, **how) for one in element.clauses)
    return f"{column} = ANY (ARRAY(SELECT json_array_elements_text(CAST({values} AS JSON))))"


@compiles(_OneOf, "sqlite")
def _among_rows(element: _OneOf, compiler: SQLCompiler, **how: Any) -> str:
    column, values = (compiler.process(one, **how) for one in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"
