"""Lays out a deadline's time line for the command line, in a hundred columns: UTC beside the forum's
clock, the step, who, and why. Names roles and ids, never an address; writes nothing."""

import textwrap
from collections.abc import Iterator
from datetime import datetime
from itertools import zip_longest
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from service.domain.access import Reach
from service.domain.plan import Why
from service.errors import Code, Refusal, not_found
from service.flows.foresight import Foreseen, Foresight, foresee
from service.flows.sitting import Sitting
from service.runtime import Runtime
from service.schemas.fields import Instant
from service.store.deadlines import Deadline, get_deadline

#: Of the table: UTC, local, step, who, why.
_COLUMNS = (16, 16, 4, 41, 15)
_MOMENT = "%Y-%m-%d %H:%M"
_WORDS = {
    Why.MARK: "mark",
    Why.MERGED: "missed marks",
    Why.SILENCE: "no answer",
    Why.NOT_REACHED: "nobody reached",
    Why.DECLINED: "declined",
    Why.ANSWER_EXPIRED: "answer ran out",
    Why.EXHAUSTED: "still no answer",
}


async def time_line(runtime: Runtime, deadline_id: str, at: str | None) -> list[str]:
    """Raises Refusal `not_found`, `invalid_instant`."""
    now = _instant(at) if at else runtime.clock()
    async with runtime.reading() as session:
        deadline = await get_deadline(session, deadline_id, Reach(None))
        if deadline is None:
            raise not_found("deadline")
        sitting = Sitting(session, runtime.channels, runtime.rules, now)
        return list(lines(await foresee(sitting, deadline), now))


def _instant(text: str) -> datetime:
    try:
        return TypeAdapter[datetime](Instant).validate_python(text)
    except ValidationError as error:
        raise Refusal(Code.INVALID_INSTANT, error.errors()[0]["msg"], "at") from None


def lines(ahead: Foresight[Deadline], now: datetime) -> Iterator[str]:
    """What the deadline is, what has been told, and what is to come."""
    deadline, facts = ahead.situation.subject, ahead.situation.facts
    zone = ZoneInfo(deadline.timezone)
    yield f"{deadline.id}, case {ahead.situation.case_code}, version {deadline.version}"
    yield f"Due {deadline.due_at:{_MOMENT}} UTC, {_end(deadline, zone)} {deadline.timezone}"
    yield f"Seen from {now:{_MOMENT}} UTC: {ahead.decision.state}"
    for order, told_at in sorted(facts.fired.items()):
        yield f"Step {order} was told {told_at:{_MOMENT}} UTC"
    yield ""
    turns = [*([ahead.due] if ahead.due else []), *ahead.upcoming]
    if not turns:
        yield f"Nobody will be told anything more: {ahead.decision.why.replace('_', ' ')}."
        return
    yield from _row(["UTC"], ["Local"], ["Step"], ["Who"], ["Why"])
    yield from _row(*([("-" * width)] for width in _COLUMNS))
    for turn in turns:
        yield from _turn_rows(turn, zone)


def _end(deadline: Deadline, zone: ZoneInfo) -> str:
    """The end of a whole day is its 24:00, not the next day's midnight."""
    local = deadline.due_at.astimezone(zone)
    if deadline.whole_day and local.date() > deadline.due_on:
        return f"{deadline.due_on} 24:00"
    return f"{local:{_MOMENT}}"


def _turn_rows(turn: Foreseen, zone: ZoneInfo) -> Iterator[str]:
    who = [f"{role} {user.id}" for user, role in turn.told]
    yield from _row(
        [f"{turn.at:{_MOMENT}}"],
        [f"{turn.at.astimezone(zone):{_MOMENT}}"],
        [str(turn.step)],
        who or [f"NOBODY ({', '.join(turn.roles)})"],
        [_WORDS.get(turn.why, turn.why)],
    )
    if turn.merged:
        yield f"  speaks for step {', '.join(map(str, turn.merged))} too"
    if turn.shifted_from is not None:
        yield f"  moved from {turn.shifted_from:{_MOMENT}} UTC (nobody is woken)"


def _row(*cells: list[str]) -> Iterator[str]:
    """One row of the table; a cell that is too long goes on below itself."""
    columns = [
        [part for text in texts for part in textwrap.wrap(text, width)]
        for texts, width in zip(cells, _COLUMNS, strict=True)
    ]
    for parts in zip_longest(*columns, fillvalue=""):
        padded = (f"{part:{width}}" for part, width in zip(parts, _COLUMNS, strict=True))
        yield "  ".join(padded).rstrip()
