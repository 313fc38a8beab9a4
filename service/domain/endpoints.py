"""How an endpoint fares: from its first failure in a row to being left alone, and back.

Events for an endpoint that takes nothing are held, not dropped; whoever looks after it is told by another
route. This file decides; it holds, sends and tells nothing itself.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from service.domain.retry import OVERLOADED, Outcome
from service.domain.webhooks import EndpointState

_MANY, _TOO_MANY = 3, 10
_FAILING_AFTER = timedelta(minutes=10)
_PAUSED_AFTER = timedelta(hours=1)
_WARNED_AFTER, DISABLED_AFTER = timedelta(hours=96), timedelta(hours=120)
#: What was enabled again is not paused for as long.
_GRACE = timedelta(hours=24)
#: Its people are not told of the same trouble more often than this.
_TOLD_EVERY = timedelta(hours=24)
_FIRST_PROBE, _LAST_PROBE = timedelta(minutes=15), timedelta(hours=2)
#: For so long a receiver that has too much to do is asked half as often.
_SLOW_FOR = timedelta(minutes=15)
#: Held events are kept for so long; what is not held is tried for the length of the table of retries.
HELD_FOR = timedelta(days=30)
TRIED_FOR = timedelta(hours=76)


class News(StrEnum):
    """What those who look after an endpoint are told."""

    REFUSED = "refused"
    FAILING = "failing"
    PAUSED = "paused"
    DISABLED_SOON = "disabled_soon"
    DISABLED = "disabled"
    STILL_DISABLED = "still_disabled"
    ENABLED = "enabled"


@dataclass(frozen=True)
class Report:
    """What is told of an endpoint: `code` of the last answer, `since` when it has taken nothing, `held`
    how many events wait for it."""

    endpoint_id: str
    name: str
    news: News
    code: str | None = None
    since: datetime | None = None
    held: int = 0


@dataclass(frozen=True)
class Health:
    """`failures` in a row since `failing_since`; `alive_at`: when it last took anything, or was put up or
    enabled; `spared_until`: how long it is not paused; `told_at`: when its people were last told of
    trouble. `reason`: the code of the answer that brought it where it is, or `by_hand`. `probe_at` None:
    no probe can help, a person must."""

    state: EndpointState
    state_at: datetime
    alive_at: datetime
    spared_until: datetime | None = None
    failures: int = 0
    failing_since: datetime | None = None
    told_at: datetime | None = None
    reason: str | None = None
    probe_at: datetime | None = None
    probes: int = 0
    slow_until: datetime | None = None


def after_success(health: Health, now: datetime) -> tuple[Health, News | None]:
    """A success ends every run of failures, and whoever was told of it is told; what was disabled waits for
    a person all the same."""
    if health.state is EndpointState.DISABLED:
        return replace(health, alive_at=now), None
    recovered = health.state is not EndpointState.ACTIVE
    state_at = now if recovered else health.state_at
    well = Health(EndpointState.ACTIVE, state_at, now, told_at=health.told_at)
    if not recovered:
        return replace(well, slow_until=health.slow_until), None
    known = health.told_at is not None and health.told_at >= (health.failing_since or now)
    return well, News.ENABLED if known else None


def after_failure(health: Health, outcome: Outcome, now: datetime) -> tuple[Health, News | None]:
    """`failing` is tried as before; `paused` is probed; `disabled` waits for a person."""
    if health.state is EndpointState.DISABLED:
        return health, None
    run = replace(
        health,
        failures=health.failures + 1,
        failing_since=health.failing_since or now,
        reason=outcome.code,
        slow_until=now + _SLOW_FOR if outcome.code in OVERLOADED else health.slow_until,
    )
    if outcome.code == "410" or _given_up(run, now):
        return _moved(run, EndpointState.DISABLED, now), News.DISABLED
    if run.state is EndpointState.PAUSED:
        pause = min(_FIRST_PROBE * 2 ** (run.probes + 1), _LAST_PROBE)
        return replace(run, probes=run.probes + 1, probe_at=now + pause), None
    if outcome.code == "blocked_address":
        return replace(_moved(run, EndpointState.PAUSED, now), probe_at=None), News.PAUSED
    if _hopeless(run, now):
        paused = _moved(run, EndpointState.PAUSED, now)
        return replace(paused, probe_at=now + _FIRST_PROBE, probes=0), News.PAUSED
    return _still_tried(run, now)


def _still_tried(run: Health, now: datetime) -> tuple[Health, News | None]:
    """A refusal is told at the first one: most are wrong settings that a person can mend."""
    begun = run.failing_since or now
    failing = run.failures >= _MANY and now - begun >= _FAILING_AFTER
    if failing and run.state is EndpointState.ACTIVE:
        run = _moved(run, EndpointState.FAILING, now, told=False)
    refused = run.failures == 1 and _is_refusal(run.reason)
    if not failing and not refused:
        return run, None
    if run.told_at is not None and now - run.told_at < _TOLD_EVERY:
        return run, None
    return replace(run, told_at=now), News.FAILING if failing else News.REFUSED


def tended(health: Health, now: datetime, waiting: bool) -> tuple[Health, News | None]:
    """What time alone brings; `waiting`: events are held for it."""
    if health.state is EndpointState.PAUSED:
        if _given_up(health, now):
            return _moved(health, EndpointState.DISABLED, now), News.DISABLED
        if now >= (warned_at := health.alive_at + _WARNED_AFTER) and _untold(health, warned_at):
            return replace(health, told_at=now), News.DISABLED_SOON
    if health.state is EndpointState.DISABLED and waiting and health.reason != BY_HAND:
        mark = _newest_reminder(health.state_at, now)
        if mark is not None and _untold(health, mark):
            return replace(health, told_at=now), News.STILL_DISABLED
    return health, None


def disabled(health: Health, now: datetime) -> Health:
    """By a person, who needs not be told."""
    return replace(_moved(health, EndpointState.DISABLED, now), reason=BY_HAND)


def enabled(health: Health, now: datetime) -> Health:
    """By a person: nothing of the past counts, and for a day it is not paused again."""
    return Health(EndpointState.ACTIVE, now, now, spared_until=now + _GRACE)


def interval(per_second: float, slow_until: datetime | None, now: datetime) -> timedelta:
    """Between two requests to one endpoint."""
    halved = slow_until is not None and now < slow_until
    return timedelta(seconds=(2 if halved else 1) / per_second)


#: Why an endpoint that a person has disabled is so.
BY_HAND = "by_hand"


def _moved(health: Health, state: EndpointState, now: datetime, told: bool = True) -> Health:
    told_at = now if told else health.told_at
    return replace(health, state=state, state_at=now, told_at=told_at, probe_at=None)


def _hopeless(run: Health, now: datetime) -> bool:
    spared = run.spared_until is not None and now < run.spared_until
    return not spared and run.failures >= _TOO_MANY and now - run.alive_at >= _PAUSED_AFTER


def _given_up(health: Health, now: datetime) -> bool:
    return health.failing_since is not None and now - health.alive_at >= DISABLED_AFTER


def _is_refusal(code: str | None) -> bool:
    return code is not None and code.startswith("4") and code not in ("408", "410", "429")


def _untold(health: Health, mark: datetime) -> bool:
    return health.told_at is None or health.told_at < mark


def _newest_reminder(disabled_at: datetime, now: datetime) -> datetime | None:
    """One, two and three days after it was disabled, and then each week."""
    days = (now - disabled_at) // timedelta(days=1)
    if days < 1:
        return None
    newest = days if days <= 3 else 3 + (days - 3) // 7 * 7
    return disabled_at + timedelta(days=newest)
