"""A database with an engine on it, and a second engine where two processes are meant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel.ext.asyncio.session import AsyncSession

from service.settings import Settings
from service.store.database import make_engine, readers, writers
from tests.harness.compiled import compile_once


class Opened:
    """Sessions as the service opens them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine: AsyncEngine = make_engine(url)
        compile_once(self.engine)

    @property
    def is_postgres(self) -> bool:
        return self.url.startswith("postgresql")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        async with writers(self.engine)() as session, session.begin():
            yield session

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        async with readers(self.engine)() as session:
            yield session

    @asynccontextmanager
    async def again(self) -> AsyncIterator["Opened"]:
        """The same database as another process sees it."""
        other = Opened(self.url)
        try:
            yield other
        finally:
            await other.engine.dispose()


def driver_url(database_url: str, home: Path) -> str:
    """ADQUEM_DATABASE_URL as SQLAlchemy takes it."""
    return Settings(home=home, database_url=database_url).sqlalchemy_url
