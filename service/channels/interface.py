"""What every channel is to the rest of the house: it composes bytes once, and it sends bytes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from service.domain.digest import Overview
from service.domain.endpoints import Report
from service.domain.feeds import FeedReport
from service.domain.inbound import SourceReport
from service.domain.notifications import ChannelKind, EventType, Notice
from service.domain.retry import Outcome
from service.domain.webhooks import Detail, Format
from service.languages import Language


@dataclass(frozen=True)
class Form:
    """How one endpoint wants to be told. `template`: the free-form body with its placeholders; `topic`:
    what its address names last, for receivers that want it inside."""

    format: Format = Format.STANDARD
    detail: Detail = Detail.DATES
    template: str | None = None
    topic: str = ""


@dataclass(frozen=True)
class Draft:
    """What a message says and to whom, before it is bytes.

    `notice` is redacted already; None where the event is about no deadline. `reader_zone`: IANA
    name of the reader's zone, None for machines. `about_user_id`: the person whom the event is about,
    where that is known and may be told; `report`: news of an endpoint, of a feed or of an
    inbound source.
    `reader_language`: of people, and of the rooms that they read. `overview`: of many deadlines at once,
    redacted too. `sequence` rises by one with each event of the same subject. `actor`: id of who caused
    it, None for the clockwork. `form`: of webhooks alone; `calendar`: of mails and of calendars, the date
    as an iCalendar file. `example`: none of it has happened.
    """

    message_id: str
    event: EventType
    event_id: str
    team_id: str
    occurred_at: datetime
    notice: Notice | None
    reader_zone: str | None = None
    reader_language: Language = Language.ENGLISH
    actor: str | None = None
    sequence: int = 0
    step: int | None = None
    overview: Overview | None = None
    about_user_id: str | None = None
    report: Report | FeedReport | SourceReport | None = None
    form: Form = Form()
    calendar: bytes | None = None
    example: bool = False


@dataclass(frozen=True)
class Parcel:
    """One attempt's worth: the frozen bytes, and what may differ from try to try.

    `address` is read at handover, never frozen. `secrets` sign, where the channel signs: the newest
    first, each that is still good. `credentials`: the one header that the receiver asked for, or a
    name and a password. `remote_id`: under which the receiver keeps what we told it before.
    `replayed`: somebody asked for it once more. `maybe_repeated`: an earlier try has no known end, so
    this may be the second copy. `along`: what reaches the same address in the same mail.
    `openpgp_key`: to whose holder alone a mail is to be readable.
    """

    message_id: str
    event_id: str
    address: str
    content: bytes
    attempt: int
    maybe_repeated: bool
    sent_at: datetime
    secrets: tuple[str, ...] = ()
    format: Format = Format.STANDARD
    credentials: tuple[str, str] | None = None
    remote_id: str | None = None
    replayed: bool = False
    along: tuple["Parcel", ...] = ()
    openpgp_key: bytes | None = None


class Channel(Protocol):
    """`pauses`: the table of retries that suits this channel's other side."""

    kind: ChannelKind
    pauses: tuple[timedelta, ...]

    def read_in(self) -> None:
        """From disk, whatever this channel works with: before processes are forked, so that none of them
        does it again."""

    def check_address(self, address: str) -> None:
        """Raises Refusal when nothing could or should ever be sent there."""

    def check_form(self, form: Form, credentials: tuple[str, str] | None = None) -> None:
        """Raises Refusal for a template that cannot be filled in, or a header that is not the receiver's to
        ask for."""

    def compose(self, draft: Draft) -> bytes:
        """The bytes to freeze; the same draft gives the same bytes."""

    async def send(self, parcel: Parcel) -> Outcome:
        """One try. Never raises: whatever goes wrong is an outcome."""

    def resting(self) -> bool:
        """Whether nothing should be handed over just now, because the way out is known to be closed."""

    async def check(self) -> dict[str, Any]:
        """Whether the other side answers, for `adquem doctor`; raises what it meets."""

    async def close(self) -> None:
        """Let go of open connections."""
