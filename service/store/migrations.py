"""The one chain of migrations, for both databases: apply it, and tell whether it has been applied."""

from enum import StrEnum
from functools import cache
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession

from alembic import command

_SCRIPTS = Path(__file__).parents[2] / "alembic"


def config_for(url: str) -> Config:
    """Alembic's configuration for an SQLAlchemy URL; migrations run on the plain drivers."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("sqlalchemy.url", url.replace("+aiosqlite", "").replace("%", "%%"))
    return config


def upgrade(url: str, revision: str = "head") -> None:
    command.upgrade(config_for(url), revision)


def downgrade(url: str, revision: str) -> None:
    command.downgrade(config_for(url), revision)


@cache
def head() -> str:
    """The newest revision that this code knows."""
    return ScriptDirectory(str(_SCRIPTS)).get_current_head() or ""


class Schema(StrEnum):
    """As this code sees it. NEWER: made for newer code, and this one may still work on it."""

    CURRENT = "current"
    NEWER = "newer"
    OUTDATED = "outdated"
    UNKNOWN = "unknown"


#: Code may work on these; revisions are named by their day, and sort by it.
FIT = (Schema.CURRENT, Schema.NEWER)


async def schema_of(session: AsyncSession) -> Schema:
    """OUTDATED: to be migrated first, UNKNOWN: to be left to newer code."""
    connection = await session.connection()
    query = "SELECT version_num, (SELECT oldest_code FROM installations) FROM alembic_version"
    try:
        found = (await connection.execute(text(query))).one_or_none()
    except SQLAlchemyError:
        return Schema.OUTDATED
    return schema_by(*found or (None, None))


def schema_by(version: str | None, oldest_code: str | None) -> Schema:
    """As the database itself says of its revision, and of the oldest code that may work on it."""
    if version is None or version < head():
        return Schema.OUTDATED
    if version == head():
        return Schema.CURRENT
    return Schema.NEWER if (oldest_code or "") <= head() else Schema.UNKNOWN


async def at_head(session: AsyncSession) -> bool:
    """Whether the database has exactly the schema that this code was written for."""
    return await schema_of(session) is Schema.CURRENT
