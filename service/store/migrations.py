"""The one chain of migrations, for both databases: apply it, and tell whether it has been applied."""

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


async def at_head(session: AsyncSession) -> bool:
    """Whether the database has exactly the schema that this code was written for."""
    connection = await session.connection()
    try:
        found = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
    except SQLAlchemyError:
        return False
    return bool(found == head())
