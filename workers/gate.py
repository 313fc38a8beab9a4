"""Asked before the clockwork does anything: may it move, on this schema and this database? Watching alone
needs no leave to look."""

import functools
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from service.flows import quarantine
from service.flows.quarantine import Rest
from service.runtime import Runtime

Result = TypeVar("Result")
_Task = Callable[[Runtime], Coroutine[Any, Any, Result]]


async def rests(runtime: Runtime) -> Rest | None:
    """None: it may move. Whoever finds first that the database was put back begins the quarantine."""
    async with runtime.reading() as session:
        why = await quarantine.why_at_rest(session, runtime.memory)
    if why is Rest.WENT_BACK:
        async with runtime.transaction() as session:
            now = await runtime.now(session)
            why = await quarantine.confine_what_went_back(session, runtime.memory, now)
    runtime.memory.rests(why)
    return why


def while_working(nothing: Result) -> Callable[[_Task[Result]], _Task[Result]]:
    """A task that answers `nothing`, and does nothing, where the clockwork may not move."""

    def gated(task: _Task[Result]) -> _Task[Result]:
        @functools.wraps(task)
        async def run(runtime: Runtime) -> Result:
            return nothing if await rests(runtime) else await task(runtime)

        return run

    return gated
