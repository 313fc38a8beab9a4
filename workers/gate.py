"""Asked before the clockwork does anything: may it move, on this schema and this database? Watching alone
needs no leave to look."""

import functools
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from service.flows import quarantine
from service.flows.quarantine import Rest
from service.runtime import Runtime
from service.store.migrations import FIT, schema_of
from service.store.pulse import pulse

Result = TypeVar("Result")
_Task = Callable[[Runtime], Coroutine[Any, Any, Result]]


async def rests(runtime: Runtime) -> Rest | None:
    """None: it may move. Whoever finds first that the database was put back begins the quarantine."""
    why = await _why_at_rest(runtime)
    if why is Rest.WENT_BACK:
        async with runtime.transaction() as session:
            now = await runtime.now(session)
            why = await quarantine.confine_what_went_back(session, runtime.memory, now)
    runtime.memory.rests(why)
    return why


async def _why_at_rest(runtime: Runtime) -> Rest | None:
    try:
        return quarantine.why_at_rest(await pulse(runtime.glances), runtime.memory)
    except SQLAlchemyError:
        # It is away, or too old to have what was asked for.
        async with runtime.reading() as session:
            if await schema_of(session) in FIT:
                raise
        return Rest.SCHEMA_UNFIT


def while_working(nothing: Result) -> Callable[[_Task[Result]], _Task[Result]]:
    """A task that answers `nothing`, and does nothing, where the clockwork may not move."""

    def gated(task: _Task[Result]) -> _Task[Result]:
        @functools.wraps(task)
        async def run(runtime: Runtime) -> Result:
            return nothing if await rests(runtime) else await task(runtime)

        return run

    return gated
