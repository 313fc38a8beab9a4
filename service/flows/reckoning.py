"""Which date a deadline's facts give: the rule's, a person's word over it, the time that stood still.

Changes nothing; `moving.py` compares the answer with the date that people were told.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from service.clock import zone_data_version
from service.domain.deadlines import stated
from service.domain.derivations import Computation, DerivationStep
from service.domain.time_limits import END_OF_DAY, Unit
from service.domain.tolling import TollingPeriod
from service.errors import Code, Refusal
from service.flows.readings import Found, basis_of
from service.flows.sitting import Sitting
from service.store import tolling as periods_of_deadlines
from service.store.cases import Case
from service.store.deadlines import Deadline
from service.store.trigger_events import TriggerEvent


@dataclass(frozen=True)
class Circumstances:
    """What a deadline's date rests on. `event` is None where a person stated the date; `parent`: the
    deadline whose end the limit is counted from; `as_of`: when open tolling is taken to be lifted."""

    case: Case
    event: TriggerEvent | None
    parent: Deadline | None
    periods: Sequence[periods_of_deadlines.TollingPeriod]
    as_of: date

    @property
    def tolling(self) -> tuple[TollingPeriod, ...]:
        return tuple(TollingPeriod(one.from_on, one.until_on) for one in self.periods)


def date_values(found: Found | None, word: Computation | None) -> dict[str, Any]:
    """The columns of a deadline that tell its date and why: by the rule, and by a person's `word`,
    which stands over it. At least one of the two is given."""
    law = found.safe.computation if found else None
    holds = word or law
    assert holds is not None
    steps = [*(law.derivation if law else ()), *(word.derivation if word else ())]
    return {
        "due_on": holds.due_on,
        "due_at": holds.due_at,
        "timezone": holds.timezone,
        "computed_on": law.due_on if law else None,
        "computed_at": law.due_at if law else None,
        "tolled_since": holds.tolled_since,
        "derivation": [_written(step) for step in steps],
        "zone_data_version": zone_data_version(),
        **(_values_of_rule(found, word is None) if found else {}),
    }


def _values_of_rule(found: Found, holds: bool) -> dict[str, Any]:
    """`holds`: no person's word stands over the rule's date."""
    limit = found.safe.limit
    whole_day = limit.unit is not Unit.HOURS and limit.cutoff == END_OF_DAY
    readings = [
        {
            "due_on": read.computation.due_on.isoformat(),
            "due_at": read.computation.due_at.isoformat(),
            "reason": read.reason,
        }
        for read in found.reads
    ]
    own = {"whole_day": whole_day, "act_by_on": found.act_by_on} if holds else {}
    return {"readings": readings, "calendar_version": found.calendar_version, **own}


async def reckon(sitting: Sitting, deadline: Deadline, around: Circumstances) -> dict[str, Any]:
    """The columns as `date_values` has them. Raises Refusal where the law gives no date and nobody has
    stated one."""
    word = _word(deadline, around)
    try:
        found = await _by_rule(sitting, deadline, around)
    except Refusal:
        if word is None:
            raise
        found = None  # a person's word needs no rule behind it
    if found is None and word is None:
        raise Refusal(Code.ILLEGAL_STATE, "Nothing is known of how this date came about.")
    values = date_values(found, word)
    if around.parent is not None:
        values["tolled_since"] = values["tolled_since"] or around.parent.tolled_since
    if word is not None and deadline.stated is not None:
        values["whole_day"] = deadline.stated["due_on"] is not None
        values["act_by_on"] = None
    return values


async def _by_rule(sitting: Sitting, deadline: Deadline, around: Circumstances) -> Found | None:
    if around.event is None or deadline.rule_id is None:
        return None
    rule = sitting.library.get(deadline.rule_id, "rule_id")
    basis = basis_of(around.event, around.case, around.tolling, around.as_of)
    return await sitting.read(rule, basis)


def _word(deadline: Deadline, around: Circumstances) -> Computation | None:
    """What a person stated, with the time that has been made to stand still since."""
    if deadline.stated is None:
        return None
    on, at = deadline.stated["due_on"], deadline.stated["due_at"]
    since = datetime.fromisoformat(deadline.stated["at"])
    later = tuple(
        TollingPeriod(one.from_on, one.until_on)
        for one in around.periods
        if one.entered_at >= since
    )
    return stated(
        date.fromisoformat(on) if on else None,
        datetime.fromisoformat(at) if at else None,
        ZoneInfo(deadline.timezone),
        deadline.stated["source"],
        later,
        around.as_of,
    )


def word(
    due_on: date | None,
    due_at: datetime | None,
    reason: str | None,
    source: str | None,
    by: str,
    now: datetime,
) -> dict[str, Any]:
    """A person's word on a date, as the deadline keeps it."""
    return {
        "due_on": due_on.isoformat() if due_on else None,
        "due_at": due_at.astimezone(UTC).isoformat() if due_at else None,
        "reason": reason,
        "source": source,
        "by": by,
        "at": now.isoformat(),
    }


def _written(step: DerivationStep) -> dict[str, Any]:
    """A derivation step as JSON keeps it."""
    return {name: _plain(value) for name, value in vars(step).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain(one) for one in value]
    return value
