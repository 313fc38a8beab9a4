"""`adquem quarantine`: what a restored database would send is seen by a person before any of it leaves."""

from collections import Counter

from service.flows import quarantine
from service.flows.sitting import Sitting
from service.runtime import Runtime
from service.store.installation import Because
from service.store.waiting import Waiting

#: Lines of the list that are printed; the counts above them are of all.
_LISTED = 200


async def turn_on(runtime: Runtime) -> list[str]:
    async with runtime.transaction() as session:
        since = await quarantine.confine(session, Because.BY_HAND, await runtime.now(session))
    return [f"In quarantine since {since:%Y-%m-%dT%H:%MZ}: nothing leaves."]


async def turn_off(runtime: Runtime) -> list[str]:
    async with runtime.transaction() as session:
        since = await quarantine.end(session, await runtime.now(session))
    if since is None:
        return ["There was no quarantine."]
    return [f"Released. What was due before {since:%Y-%m-%dT%H:%MZ} leaves as a possible repeat."]


async def show(runtime: Runtime) -> list[str]:
    """What is released here to be shown is not kept."""
    async with runtime.transaction() as session:
        state = await quarantine.quarantine_of(session)
        now = await runtime.now(session)
        sitting = Sitting(session, runtime.channels, runtime.rules, now)
        waiting = await quarantine.would_leave(sitting)
        await session.rollback()
    return [_state(state), *_told(waiting)]


def _state(state: quarantine.Quarantine) -> str:
    if state.since is None:
        return "No quarantine: what follows is on its way."
    return f"In quarantine since {state.since:%Y-%m-%dT%H:%MZ} ({state.because}): nothing leaves."


def _told(waiting: list[Waiting]) -> list[str]:
    if not waiting:
        return ["Nothing would leave."]
    lines = [f"{len(waiting)} messages would leave; the oldest was due {_at(waiting[0])}."]
    lines += [f"  {channel}: {n}" for channel, n in Counter(one.channel for one in waiting).items()]
    lines += [f"  to {to}: {n}" for to, n in Counter(one.to for one in waiting).most_common()]
    lines += [
        f"{_at(one)}  {one.channel:8} {one.case or '-':12} {one.event:28} {one.to}"
        for one in waiting[:_LISTED]
    ]
    left = len(waiting) - _LISTED
    return [*lines, f"and {left} more"] if left > 0 else lines


def _at(one: Waiting) -> str:
    return f"{one.due_at:%Y-%m-%dT%H:%MZ}"
