"""Engines of one process share what was compiled for those before them: a fifth of most tests' work."""

from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.ext.asyncio import AsyncEngine

#: By the name of an engine its dialect, which compiled statements are known by, and these.
_compiled: dict[str, tuple[Dialect, Any]] = {}


def compile_once(engine: AsyncEngine) -> None:
    """Before its first session is opened."""
    own = engine.sync_engine
    own.dialect, own._compiled_cache = _compiled.setdefault(
        own.name, (own.dialect, own._compiled_cache)
    )
