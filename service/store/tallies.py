"""What is counted for the operator's figures, once the transaction that it happened in is kept; no label
holds an id, a name or a code of a case."""

from collections.abc import Callable

from prometheus_client import Counter, Histogram
from sqlalchemy import event
from sqlalchemy.orm import Session
from sqlmodel.ext.asyncio.session import AsyncSession

_KEY = "tallies"

notifications = Counter(
    "adquem_notifications_total",
    "Notices by what became of them, drills left out",
    ["channel", "state", "reason"],
)
possible_duplicates = Counter(
    "adquem_possible_duplicates_total", "Notices sent although they may have arrived already"
)
steps_empty = Counter("adquem_steps_empty_total", "Steps of ladders that told nobody")
exhausted = Counter("adquem_escalations_exhausted_total", "Ladders that spoke beyond their end")
ack_seconds = Histogram(
    "adquem_ack_seconds",
    "From the first word of a ladder to an answer that holds it",
    ["urgency"],
    buckets=(60, 300, 900, 3600, 4 * 3600, 12 * 3600, 86400, 3 * 86400, 7 * 86400),
)
ack_suspect = Counter("adquem_ack_suspect_total", "Answers that a machine may have given")


def tally(session: AsyncSession, counting: Callable[[], None]) -> None:
    """Done when the transaction is kept, and not where it is taken back."""
    session.info.setdefault(_KEY, []).append(counting)


def _kept(session: Session) -> None:
    if not session.in_nested_transaction():
        for counting in session.info.pop(_KEY, ()):
            counting()


def _taken_back(session: Session) -> None:
    if not session.in_nested_transaction():
        session.info.pop(_KEY, None)


event.listen(Session, "after_commit", _kept)
event.listen(Session, "after_rollback", _taken_back)
