"""What a database holds, read and put back whole, beside the processes that use it."""

from typing import Any

import sqlalchemy
from sqlalchemy.exc import OperationalError
from sqlmodel import SQLModel

import service.app  # noqa: F401  (both know tables that the other does not)
import workers.tasks  # noqa: F401

#: Table name to its rows.
Contents = dict[str, list[dict[str, Any]]]


def whole(url: str) -> Contents:
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        return {
            table.name: [dict(row) for row in connection.execute(table.select()).mappings()]
            for table in SQLModel.metadata.sorted_tables
        }


def put_back(url: str, contents: Contents, but: str = "") -> bool:
    """False where the processes stand in the way just now: try again. `but`: of this table what stands."""
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    tables = [one for one in SQLModel.metadata.sorted_tables if one.name != but]
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                names = ", ".join(f'"{table.name}"' for table in tables)
                connection.execute(sqlalchemy.text("SET LOCAL lock_timeout = '2s'"))
                connection.execute(sqlalchemy.text(f"TRUNCATE {names}"))
            else:
                for table in reversed(tables):
                    connection.execute(table.delete())
            for table in tables:
                if rows := contents[table.name]:
                    connection.execute(table.insert(), rows)
    except OperationalError:
        return False
    return True
