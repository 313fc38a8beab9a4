"""Has everything that should have moved moved? Facts and `now` in, a verdict with its reasons out.

It sees instants and counts, never a deadline, an alert, a case or a person: what it says may be shown to
anyone who asks whether the service is well.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

#: Nothing that is due may be older than this without an alarm.
MOST_WAIT = timedelta(minutes=5)
#: An alert climbs by ten minutes: one that waits is noticed long before its next step.
MOST_ALERT_WAIT = timedelta(minutes=2)
#: A digest that comes a quarter of an hour late is still read with the morning's mail.
MOST_READER_WAIT = timedelta(minutes=15)
#: Two leases: one for the worker that held the message, one for the worker that takes it over.
MOST_UNTAKEN = timedelta(minutes=2)
#: Two watches: where one fails for a moment, the next one still comes in time.
MOST_SILENT = timedelta(minutes=10)


class FindingCode(StrEnum):
    """What can be wrong; published names, never renamed."""

    DEADLINE_WAITS = "deadline_waits"
    DEADLINE_ASLEEP = "deadline_asleep"
    ALERT_WAITS = "alert_waits"
    ALERT_ASLEEP = "alert_asleep"
    RELEASE_FAILS = "release_fails"
    READER_WAITS = "reader_waits"
    MESSAGE_WAITS = "message_waits"
    MESSAGE_NOT_TAKEN = "message_not_taken"
    NOT_TICKING = "not_ticking"
    NOT_WATCHED = "not_watched"
    QUARANTINED = "quarantined"


@dataclass(frozen=True)
class WatchFacts:
    """The oldest of each kind, None where there is none; all instants are aware UTC.

    `wake_at`: when a plan had something to say, `alert_wake_at` that of an alert; `failing_since`: since
    when one of them fails. `reader_wake_at`: when somebody's digest or exit check was to be written.
    `due_at`: when a message that is still pending was to be said, retries included. `next_attempt_at`:
    since when any worker may take a message.
    `asleep`: number of live deadlines that have not lapsed and that nothing will ever wake;
    `alerts_asleep`: of open alerts. Drills count too: they move or stand still like all the rest.
    `ticked_at`: the newest tick known to have ended well, None before the first. `quarantined_at`: since
    when nothing leaves.
    """

    wake_at: datetime | None = None
    due_at: datetime | None = None
    next_attempt_at: datetime | None = None
    asleep: int = 0
    alert_wake_at: datetime | None = None
    reader_wake_at: datetime | None = None
    failing_since: datetime | None = None
    alerts_asleep: int = 0
    ticked_at: datetime | None = None
    quarantined_at: datetime | None = None


@dataclass(frozen=True)
class Finding:
    """`code`: a FindingCode. `seconds`: for how long it has been so, 0 where that is not known."""

    code: str
    seconds: float
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """`oldest_due_seconds`: how long the oldest thing that should have moved has been waiting."""

    findings: tuple[Finding, ...]
    oldest_due_seconds: float

    @property
    def well(self) -> bool:
        return not self.findings


def judge(facts: WatchFacts, now: datetime) -> Verdict:
    """All is well when nothing waits beyond its limit; exactly at the limit it still is."""
    untaken = _age(facts.next_attempt_at, now)
    deadline, message = _age(facts.wake_at, now), _age(facts.due_at, now)
    alert = _age(facts.alert_wake_at, now)
    found = [
        _beyond(MOST_ALERT_WAIT, alert, FindingCode.ALERT_WAITS),
        _beyond(MOST_WAIT, deadline, FindingCode.DEADLINE_WAITS),
        _beyond(MOST_WAIT, _age(facts.failing_since, now), FindingCode.RELEASE_FAILS),
        _beyond(MOST_READER_WAIT, _age(facts.reader_wake_at, now), FindingCode.READER_WAITS),
        _beyond(MOST_WAIT, message, FindingCode.MESSAGE_WAITS),
        _beyond(MOST_UNTAKEN, untaken, FindingCode.MESSAGE_NOT_TAKEN),
        _beyond(MOST_SILENT, _distance(facts.ticked_at, now), FindingCode.NOT_TICKING),
    ]
    found += [
        _asleep(FindingCode.ALERT_ASLEEP, facts.alerts_asleep),
        _asleep(FindingCode.DEADLINE_ASLEEP, facts.asleep),
    ]
    if facts.quarantined_at is not None:
        seconds = _age(facts.quarantined_at, now)
        found.insert(0, _found(FindingCode.QUARANTINED, seconds))
    return Verdict(tuple(one for one in found if one), max(deadline, alert, message))


def unwatched(watched_at: datetime | None, now: datetime) -> Finding | None:
    """The watch itself has fallen silent; an installation that was never watched is not judged."""
    return _beyond(MOST_SILENT, _distance(watched_at, now), FindingCode.NOT_WATCHED)


_SENTENCES = {
    FindingCode.DEADLINE_WAITS: "A deadline was to be looked at {minutes} minutes ago, and no worker "
    "has done so: see that workers run.",
    FindingCode.DEADLINE_ASLEEP: "Live deadlines that nothing will ever wake again: {count}. This is "
    "a fault of the service: report it, and keep these dates by hand.",
    FindingCode.ALERT_WAITS: "An alert was to be looked at {minutes} minutes ago, and no worker has done "
    "so: tell its people by telephone, and see that workers run.",
    FindingCode.ALERT_ASLEEP: "Open alerts that nothing will ever wake again: {count}. This is a fault of "
    "the service: report it, and tell their people by telephone.",
    FindingCode.RELEASE_FAILS: "What is to be said of a deadline or an alert has failed for {minutes} "
    "minutes: see the workers' logs, and tell its people by hand.",
    FindingCode.READER_WAITS: "Somebody's digest or exit check was to be written {minutes} minutes ago: "
    "see that workers run, and what their logs say of the digest.",
    FindingCode.MESSAGE_WAITS: "A message that was due {minutes} minutes ago has not been handed "
    "over: see that workers run, and why its attempts fail.",
    FindingCode.MESSAGE_NOT_TAKEN: "A message has been waiting {minutes} minutes for a worker to take "
    "it: see that workers run and have free slots.",
    FindingCode.NOT_TICKING: "No tick has ended well for {minutes} minutes: see the workers' logs.",
    FindingCode.NOT_WATCHED: "Nothing has been watched for {minutes} minutes: see that workers run.",
    FindingCode.QUARANTINED: "In quarantine for {minutes} minutes, and nothing leaves: see what would with "
    "`adquem quarantine show`, then `adquem quarantine off`.",
}


def _age(instant: datetime | None, now: datetime) -> float:
    """Seconds since then; 0 for what is still to come, or is not there."""
    return max((now - instant).total_seconds(), 0.0) if instant else 0.0


def _distance(instant: datetime | None, now: datetime) -> float:
    """Seconds between the two. What stands in the future was written under a clock that was wrong:
    it would otherwise count as fresh until that instant has come."""
    return abs((now - instant).total_seconds()) if instant else 0.0


def _asleep(code: FindingCode, count: int) -> Finding | None:
    return Finding(code, 0.0, _SENTENCES[code].format(count=count)) if count else None


def _beyond(limit: timedelta, seconds: float, code: FindingCode) -> Finding | None:
    return _found(code, seconds) if seconds > limit.total_seconds() else None


def _found(code: FindingCode, seconds: float) -> Finding:
    return Finding(code, seconds, _SENTENCES[code].format(minutes=int(seconds // 60)))
