"""Runs the migrations over a plain connection; the tables come from the classes in service/store."""

import importlib
import pkgutil
from typing import Any, Literal

import sqlalchemy as sa
from sqlmodel import AutoString, SQLModel

import service.store
from alembic import context
from service.store.columns import Choice, UtcDateTime

for module in pkgutil.iter_modules(service.store.__path__):
    importlib.import_module(f"service.store.{module.name}")


def plain_type(kind: str, column: Any, _: Any) -> str | Literal[False]:
    """Migrations name plain types only, so that an old one still runs when our classes have moved."""
    if kind != "type":
        return False
    if isinstance(column, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(column, Choice):
        return "sa.String(32)"
    if isinstance(column, sa.JSON):
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return "sa.String()" if isinstance(column, sa.String | AutoString) else False


#: A migration that waits for a lock holds up everybody behind it: it fails instead, and is run again.
_LOCK_TIMEOUT = "3s"


def run() -> None:
    url = context.config.get_main_option("sqlalchemy.url") or ""
    waits = {"options": f"-c lock_timeout={_LOCK_TIMEOUT}"} if url.startswith("postgres") else {}
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args=waits)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=SQLModel.metadata,
            render_as_batch=True,
            render_item=plain_type,
            compare_type=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
