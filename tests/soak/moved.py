"""What became of each deadline of a drill in which dates move: whether it moved as it should, whether that
was told, and whether its notice came when the date that holds has it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from service.domain.notifications import EventType
from tests.soak.chaos import Gate, Result
from tests.soak.oracle import REMINDER, Row


@dataclass
class Entered:
    """One deadline: its end by the old law and by the new, and when by the old law its notice is due.
    `awaited`: that notice comes before the drill is over."""

    subject: str
    address: str
    zone: str
    old_at: datetime
    new_at: datetime
    mark_at: datetime
    awaited: bool

    @property
    def moves(self) -> bool:
        return self.old_at != self.new_at

    @property
    def asked(self) -> bool:
        """What would end later waits for a person."""
        return self.new_at > self.old_at

    @property
    def new_mark_at(self) -> datetime:
        return self.mark_at + (self.new_at - self.old_at)


@dataclass(frozen=True)
class Found:
    """A deadline as it stands in the end; `reviews`: how often the clockwork came back to it."""

    due_at: datetime
    version: int
    entered_at: datetime
    reviews: int


@dataclass
class Book:
    """What was entered, by id; how it was `found` in the end; the endpoint that hears of all of it."""

    tool: str
    entered: dict[str, Entered] = field(default_factory=dict)
    found: Mapping[str, Found] = field(default_factory=dict)


class Seen:
    """The book, joined with what the tables and the sinks say."""

    def __init__(self, book: Book, result: Result) -> None:
        self.book = book
        self._copies = Counter(copy.key for copy in result.drill.copies)
        self._rows: dict[str, list[Row]] = defaultdict(list)
        for row in result.drill.rows:
            self._rows[row.subject].append(row)

    def moved_exactly(self, one: Entered) -> bool:
        """To where the new law has it, once, and nothing came back to it; or not at all."""
        found, times = self.book.found[one.subject], int(one.moves)
        return (found.due_at, found.version, found.reviews) == (one.new_at, 1 + times, times)

    def announced(self, one: Entered) -> bool:
        """The move to the person and to the tool, the question to the tool, each once."""
        told = Counter(
            (row.event, row.address) for row in self._arrived(one) if row.event != REMINDER
        )
        changed = [(EventType.DATE_CHANGED.value, to) for to in (one.address, self.book.tool)]
        asked = [(EventType.REVIEW_WAITING.value, self.book.tool)]
        return told == Counter(changed * one.moves + asked * one.asked)

    def said_at_its_instant(self, one: Entered) -> bool:
        """The notice of the date that holds: once, planned for where it belongs."""
        found = self.book.found[one.subject]
        at = max(one.new_mark_at, found.entered_at)
        said = [
            row.due_at
            for row in self._arrived(one)
            if row.event == REMINDER and row.version == found.version and row.address == one.address
        ]
        return said == [at.timestamp()] * one.awaited

    def left_by_the_old(self, one: Entered) -> bool:
        return any(row.event == REMINDER and row.version == 1 for row in self._arrived(one))

    def _arrived(self, one: Entered) -> list[Row]:
        return [row for row in self._rows[one.subject] if self._copies[row.key]]


Books = Callable[[], Book]


def of_all(book: Books, holds: Callable[[Seen, Entered], bool]) -> Gate:
    def gate(result: Result) -> bool:
        seen = Seen(book(), result)
        return bool(seen.book.found) and all(holds(seen, one) for one in seen.book.entered.values())

    return gate


def some_had_left(book: Books, many: int) -> Gate:
    """Of what moved, many by the old law before it, and many not."""

    def gate(result: Result) -> bool:
        seen = Seen(book(), result)
        moved = (one for one in seen.book.entered.values() if one.moves)
        left = Counter(seen.left_by_the_old(one) for one in moved)
        return min(left[True], left[False]) >= many

    return gate
