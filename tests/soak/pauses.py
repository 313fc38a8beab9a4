"""How long the sinks stood idle though there was work for them; pure, as the judge is."""

from collections.abc import Iterator
from itertools import pairwise

from tests.soak.oracle import Drill


def longest_pause(drill: Drill) -> float:
    """The longest time in which the sinks took nothing, and something was due that nobody had tried yet.
    What waits for its next try, or with a lost worker, is no work: the table of retries and the lease say
    when it is."""
    taken = sorted(copy.at for copy in drill.copies)
    return max(
        (
            following - one
            for begin, end in _busy(drill)
            for one, following in pairwise([begin, *(at for at in taken if begin < at < end), end])
        ),
        default=0.0,
    )


def _busy(drill: Drill) -> Iterator[tuple[float, float]]:
    """The spans in which anything waited for its first try, joined where they touch."""
    begin = end = 0.0
    waits = ((row.due_at, row.tries[0].opened_at) for row in drill.rows if row.tries)
    for due_at, opened_at in sorted(waits):
        if due_at > end:
            yield begin, end
            begin, end = due_at, opened_at
        end = max(end, opened_at)
    yield begin, end
