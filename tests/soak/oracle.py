"""The judge of a drill: joins what was entered, what the tables say and what the sinks saw.

Pure functions over records; it reads no file and no table, and is itself tried with doctored records.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from service.flows.delivery import LEASE

_LEASE = LEASE.total_seconds()
#: What is planned ahead, and what an edit takes back; all else tells what has happened.
REMINDER = "reminder.due"
#: So long after it was due a notice may still wait for its rescue, and be overtaken by an edit.
_RESCUE = 75.0
#: Attempts after which a copy may be out: it is known to be, or nobody knows.
_MAY_HAVE_LEFT = frozenset({"accepted", "unknown", None})


@dataclass(frozen=True)
class Planned:
    """One notice that was entered: about what, to which address, due when (Unix seconds). `mark`: the
    word by which the bytes of its team can be told from all others."""

    subject: str
    address: str
    due_at: float
    mark: str


@dataclass(frozen=True)
class Try:
    """An attempt as the table keeps it; `closed_at` and `verdict` None: it is still open."""

    opened_at: float
    closed_at: float | None
    verdict: str | None
    code: str | None = None


@dataclass(frozen=True)
class Row:
    """A message as the table keeps it; `key` is what its copies carry, `event` what it tells of, `version`
    of which date of its subject."""

    key: str
    subject: str
    address: str
    due_at: float
    state: str
    tries: Sequence[Try]
    event: str = REMINDER
    version: int = 1


@dataclass(frozen=True)
class Copy:
    """What a sink took. `said`: it told the sender so; else it took it and fell silent. `marked`: the
    copy says that it may be a repeat. `marks`: the words of teams that were found in its bytes. `late`: it
    says that it is late."""

    at: float
    key: str
    address: str
    said: bool = True
    marked: bool = False
    marks: frozenset[str] = frozenset()
    late: bool = False


@dataclass(frozen=True)
class Edit:
    """What a person changed, answered with yes at `at`: from then on nothing leaves about it that was
    planned before, or nothing to that `address`, or nothing of that `version` of the date. `tells`: who
    knew the old is told the new."""

    subject: str
    at: float
    address: str | None = None
    tells: bool = False
    version: int | None = None

    def touches(self, subject: str, address: str) -> bool:
        return self.subject == subject and self.address in (None, address)


@dataclass(frozen=True)
class Drill:
    """All that is known of one drill. `wanted` and `had`: how often each fault was to happen at least, and
    did. `refusals`: tries that a sink turned away. `forgotten`: messages that a database knew before an
    older copy was put in its place. `skew`: so long before it was kept an end may have been stamped, where
    time leaps while a transaction waits."""

    planned: Sequence[Planned]
    rows: Sequence[Row]
    copies: Sequence[Copy]
    wanted: Mapping[str, int] = field(default_factory=dict)
    had: Mapping[str, int] = field(default_factory=dict)
    refusals: int = 0
    edits: Sequence[Edit] = ()
    forgotten: Sequence[Row] = ()
    skew: float = 0


@dataclass(frozen=True)
class Judgement:
    """Each list names what offends; all are empty in a drill that was survived. `by_crash` and `by_sink`:
    repeats that a dead or frozen worker and a sink that took and fell silent explain. `lateness`: due to
    first copy, sorted; `rescues`: how long what a lost worker held stayed with it."""

    lost: list[str]
    unfinished: list[str]
    ghost: list[str]
    early: list[str]
    unexplained: list[str]
    unmarked: list[str]
    false_success: list[str]
    leak: list[str]
    stale: list[str]
    uncorrected: list[str]
    not_fired: list[str]
    by_crash: int
    by_sink: int
    lateness: list[float]
    rescues: list[float]

    @property
    def offences(self) -> dict[str, list[str]]:
        """Only those lists that hold something."""
        return {
            name: value
            for name, value in vars(self).items()
            if value and isinstance(value, list) and isinstance(value[0], str)
        }

    @property
    def survived(self) -> bool:
        return not self.offences

    def late(self, share: float) -> float:
        """The lateness that this share of the notices did not exceed."""
        return quantile(self.lateness, share)


def quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def lateness_of(drill: Drill, chosen: Callable[[Planned], bool]) -> list[float]:
    """From due to first copy, sorted, of these alone."""
    return sorted(_Seen(drill).lateness(chosen))


def judge(drill: Drill) -> Judgement:
    seen = _Seen(drill)
    repeats = [seen.repeats(row) for row in drill.rows]
    return Judgement(
        lost=[one.subject for one in drill.planned if seen.lost(one)],
        unfinished=[row.key for row in drill.rows if row.state in ("due", "sending", "held")],
        ghost=[one.key for one in drill.copies if seen.strange(one)],
        early=[one.key for one in drill.copies if seen.early(one)],
        unexplained=[row.key for row in drill.rows if seen.unexplained(row)],
        unmarked=[row.key for row in drill.rows if seen.unmarked(row)]
        + [row.key for row in drill.forgotten if seen.said_again_unmarked(row)],
        false_success=[
            row.key for row in drill.rows if row.state == "accepted" and not seen.copies[row.key]
        ],
        leak=[one.key for one in drill.copies if seen.foreign(one)],
        stale=[one.subject for one in drill.edits if seen.stale(one)],
        uncorrected=[one.subject for one in drill.edits if seen.uncorrected(one)],
        not_fired=[
            f"{name}: {drill.had.get(name, 0)} of {number}"
            for name, number in drill.wanted.items()
            if drill.had.get(name, 0) < number
        ],
        by_crash=sum(one.by_crash for one in repeats),
        by_sink=sum(one.by_sink for one in repeats),
        lateness=sorted(seen.lateness()),
        rescues=sorted(_rescues(drill.rows)),
    )


@dataclass(frozen=True)
class _Repeats:
    by_crash: int
    by_sink: int


class _Seen:
    """The records of one drill, joined."""

    def __init__(self, drill: Drill) -> None:
        self._drill = drill
        self.copies: dict[str, list[Copy]] = defaultdict(list)
        for one in sorted(drill.copies, key=lambda copy: copy.at):
            self.copies[one.key].append(one)
        # What both knew, the database of now knows better.
        self._rows = {row.key: row for row in (*drill.forgotten, *drill.rows)}
        self._of: dict[tuple[str, str], list[Row]] = defaultdict(list)
        self._about: dict[str, list[Row]] = defaultdict(list)
        for row in self._rows.values():
            self._of[row.subject, row.address].append(row)
            self._about[row.subject].append(row)
        self._known = {row.key for row in drill.rows}
        self._edits: dict[str, list[Edit]] = defaultdict(list)
        for edit in drill.edits:
            self._edits[edit.subject].append(edit)

    @cached_property
    def _marks(self) -> dict[str, str]:
        """Address to its team's word."""
        return {one.address: one.mark for one in self._drill.planned}

    def lost(self, planned: Planned) -> bool:
        """Nothing came, and nobody had changed it in time."""
        return self.first_copy(planned) is None and not any(
            edit.touches(planned.subject, planned.address) and edit.at <= planned.due_at + _RESCUE
            for edit in self._edits[planned.subject]
        )

    def stale(self, edit: Edit) -> bool:
        """A try was begun after the edit, of what it had taken back."""
        return any(one.opened_at > edit.at for row in self._taken_back(edit) for one in row.tries)

    def uncorrected(self, edit: Edit) -> bool:
        """Somebody has the old, and was not told the new."""
        return edit.tells and any(
            self.copies[row.key] and not self._corrected(row) for row in self._taken_back(edit)
        )

    def _taken_back(self, edit: Edit) -> Iterable[Row]:
        for row in self._about[edit.subject]:
            of_it = edit.version in (None, row.version)
            if of_it and row.event == REMINDER and edit.touches(row.subject, row.address):
                yield row

    def _corrected(self, old: Row) -> bool:
        rows = self._of[old.subject, old.address]
        return any(row.event != REMINDER and self.copies[row.key] for row in rows)

    def said_again_unmarked(self, old: Row) -> bool:
        """A copy of what is forgotten came, and what was written anew in its place does not say so."""
        if old.key in self._known or not self.copies[old.key]:
            return False
        anew = [row for row in self._of[old.subject, old.address] if row.key in self._known]
        return any(not copy.marked for row in anew for copy in self.copies[row.key])

    def first_copy(self, planned: Planned) -> Copy | None:
        rows = self._of[planned.subject, planned.address]
        copies = [copy for row in rows for copy in self.copies[row.key][:1]]
        return min(copies, key=lambda copy: copy.at, default=None)

    def lateness(self, chosen: Callable[[Planned], bool] = lambda _: True) -> Iterable[float]:
        for planned in filter(chosen, self._drill.planned):
            if copy := self.first_copy(planned):
                yield copy.at - planned.due_at

    def strange(self, copy: Copy) -> bool:
        """There is no such message, or it was for somebody else."""
        row = self._rows.get(copy.key)
        return row is None or row.address != copy.address

    def early(self, copy: Copy) -> bool:
        row = self._rows.get(copy.key)
        return row is not None and copy.at < row.due_at

    def foreign(self, copy: Copy) -> bool:
        return bool(copy.marks - {self._marks.get(copy.address, "")})

    def repeats(self, row: Row) -> _Repeats:
        extra = max(len(self.copies[row.key]) - 1, 0)
        by_sink = min(extra, sum(not copy.said for copy in self.copies[row.key]))
        return _Repeats(extra - by_sink, by_sink)

    def unexplained(self, row: Row) -> bool:
        """More copies than attempts that may have made one, or a try of what was known to have arrived, or
        whose holder had not been silent for a lease."""
        may_have_left = [one for one in row.tries if one.verdict in _MAY_HAVE_LEFT]
        sure = sorted(
            (one for one in row.tries if one.verdict == "accepted"), key=lambda one: one.opened_at
        )
        return len(self.copies[row.key]) > len(may_have_left) or any(
            second.opened_at >= (first.closed_at or 0) + self._drill.skew
            or second.opened_at < first.opened_at + _LEASE
            for first, second in pairwise(sure)
        )

    def unmarked(self, row: Row) -> bool:
        """Of several copies all but one must say that they may be repeats."""
        copies = self.copies[row.key]
        return len(copies) > 1 and sum(copy.marked for copy in copies) < len(copies) - 1


def _rescues(rows: Iterable[Row]) -> Iterable[float]:
    """From the claim of a worker that was lost to the claim that took it from it."""
    for row in rows:
        for one in row.tries:
            if one.code == "worker_lost" and one.closed_at is not None:
                yield one.closed_at - one.opened_at
