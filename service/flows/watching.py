"""The watch: gathers what should have moved, asks the domain, and keeps its verdict for every process.

It mends nothing and journals nothing; a verdict holds instants and counts, never an id.
"""

from dataclasses import asdict, dataclass
from datetime import datetime

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from service.domain.watch import Finding, Verdict, WatchFacts, judge, unwatched
from service.store.alerts import longest_unseen_alert, number_of_alerts_asleep
from service.store.digests import longest_waiting_reader
from service.store.endpoints import lately_served
from service.store.installation import the_installation
from service.store.messages import oldest_due_at
from service.store.watch import (
    Watch,
    keep_watch,
    last_watch,
    longest_failing,
    longest_unseen,
    longest_untaken,
    number_asleep,
)

_log = structlog.get_logger()


@dataclass(frozen=True)
class Condition:
    """How the installation stands at this moment, as any process may know it.

    `watched_at`: the newest watch, None before the first. `watch_well`: it found nothing, and is not
    too old to count. `findings`: of this moment, and what the newest watch found besides.
    """

    findings: tuple[Finding, ...]
    oldest_due_seconds: float
    watched_at: datetime | None
    watch_well: bool
    ticked_at: datetime | None


async def look(session: AsyncSession, now: datetime, ticked: bool) -> Verdict:
    """One watch, kept. `ticked`: a tick of the caller has ended well since the caller's last watch."""
    before = await last_watch(session)
    known = before.ticked_at if before else None
    ticked_at = now if ticked else known
    verdict = judge(await _facts(session, now, ticked_at), now)
    _tell(before, verdict)
    row = Watch(
        at=now,
        well=verdict.well,
        findings=[asdict(one) for one in verdict.findings],
        oldest_due_seconds=verdict.oldest_due_seconds,
        ticked_at=ticked_at,
    )
    await keep_watch(session, row)
    return verdict


async def condition(session: AsyncSession, now: datetime) -> Condition:
    """What `look` would find now, and what was found last, wherever that was; writes nothing."""
    last = await last_watch(session)
    verdict = judge(await _facts(session, now, last.ticked_at if last else None), now)
    late = unwatched(last.at if last else None, now)
    findings = [*verdict.findings, *([late] if late else [])]
    seen = {one.code for one in findings}
    findings += [one for one in _found(last) if one.code not in seen]
    return Condition(
        findings=tuple(findings),
        oldest_due_seconds=verdict.oldest_due_seconds,
        watched_at=last.at if last else None,
        ticked_at=last.ticked_at if last else None,
        watch_well=last is not None and last.well and late is None,
    )


async def _facts(session: AsyncSession, now: datetime, ticked_at: datetime | None) -> WatchFacts:
    passing = await lately_served(session, now)
    return WatchFacts(
        wake_at=await longest_unseen(session, now),
        due_at=await oldest_due_at(session, passing),
        next_attempt_at=await longest_untaken(session, passing),
        asleep=await number_asleep(session),
        alert_wake_at=await longest_unseen_alert(session, now),
        failing_since=await longest_failing(session),
        reader_wake_at=await longest_waiting_reader(session, now),
        alerts_asleep=await number_of_alerts_asleep(session),
        ticked_at=ticked_at,
        quarantined_at=(await the_installation(session)).quarantined_at,
    )


def _found(last: Watch | None) -> list[Finding]:
    """By name: a worker of another release may have written more."""
    kept = last.findings if last else []
    return [Finding(one["code"], one["seconds"], one["sentence"]) for one in kept]


def _tell(before: Watch | None, verdict: Verdict) -> None:
    """One line when things turn, not one at each watch: an outage of a day must not fill the log."""
    found = [one.code for one in verdict.findings]
    known = [one.code for one in _found(before)]
    if found and found != known:
        _log.error("not_well", findings=found, oldest_due_seconds=verdict.oldest_due_seconds)
    elif known and not found:
        _log.info("well_again")
