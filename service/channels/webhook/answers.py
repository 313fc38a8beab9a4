"""Reads what came back, or went wrong, with caution: the outcome of one try.

It decides what happened, never what follows.
"""

import errno
import json
import socket
import ssl
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import httpx

from service.channels.webhook.guard import BlockedAddress
from service.domain.retry import HERE, Outcome, Verdict

#: Of an answer no more is read, where nothing in it is wanted.
READ_BYTES = 16_384
#: Of what was read, so much is kept.
_EXCERPT = 4096
#: This host has no descriptor, no memory or no buffer left: nothing of the receiver.
_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})


@dataclass(frozen=True)
class Answer:
    """`body`: its first bytes, undecoded. `cut`: it did not come to its end within the time or the size
    that it was given."""

    status: int
    headers: httpx.Headers
    body: bytes
    cut: bool = False

    @property
    def excerpt(self) -> str:
        return self.body[:_EXCERPT].decode("utf-8", "replace")

    @property
    def parsed(self) -> Any:
        """None where it is not JSON, or not all of it."""
        try:
            return None if self.cut else json.loads(self.body)
        except (ValueError, RecursionError):
            return None


class Ask(Protocol):
    """One request to the receiver, within the time of the try."""

    def __call__(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes = b"",
        most: int = READ_BYTES,
    ) -> Awaitable[Answer]: ...


def verdict(answer: Answer, address: str, now: datetime) -> Outcome:
    """The status decides, whatever became of the body: a receiver that says 2xx has it."""
    code = str(answer.status)
    if 200 <= answer.status < 300:
        return Outcome(Verdict.ACCEPTED, code, answer.excerpt)
    if 300 <= answer.status < 400:
        return Outcome(Verdict.TEMPORARY, code, _moved(answer, address))
    if answer.status == httpx.codes.GONE:
        return Outcome(Verdict.PERMANENT, code, answer.excerpt)
    return Outcome(Verdict.TEMPORARY, code, answer.excerpt, _retry_after(answer, now))


def unclear(answer: Answer, sentence: str) -> Outcome:
    """A 200 whose body was to say more and does not."""
    if answer.cut:
        return Outcome(Verdict.UNKNOWN, "too_slow", "The answer did not come to its end.")
    return Outcome(Verdict.TEMPORARY, "not_json", f"{sentence} {answer.excerpt}"[:_EXCERPT])


def failure(error: Exception) -> Outcome:
    """Nothing came back. Once the body may have been read in full, nobody knows whether it was."""
    chain = list(_causes(error))
    detail = str(error)[:_EXCERPT] or type(error).__name__
    if any(isinstance(one, BlockedAddress) for one in chain):
        return Outcome(Verdict.PERMANENT, "blocked_address", detail)
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return Outcome(Verdict.PERMANENT, "invalid_url", detail)
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return Outcome(Verdict.TEMPORARY, "timeout", detail)
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return Outcome(Verdict.UNKNOWN, "timeout", "No answer within the time of one try.")
    if isinstance(error, httpx.ReadError):
        return Outcome(Verdict.UNKNOWN, "reset", detail)
    if isinstance(error, httpx.RemoteProtocolError):
        return Outcome(Verdict.UNKNOWN, "no_reply", detail)
    if any(isinstance(one, OSError) and one.errno in _SHORTAGES for one in chain):
        return Outcome(Verdict.TEMPORARY, "shortage", detail, at=HERE)
    return Outcome(Verdict.TEMPORARY, _unconnected(chain), detail)


def _unconnected(chain: list[BaseException]) -> str:
    if any(isinstance(one, ssl.SSLError) for one in chain):
        return "tls"
    return "dns" if any(isinstance(one, socket.gaierror) for one in chain) else "connection"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it, the innermost last."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _moved(answer: Answer, address: str) -> str:
    """The host alone: a path may hold somebody's secret."""
    try:
        target = urlsplit(urljoin(address, answer.headers.get("location", "")))
        host = (target.hostname or "").encode("ascii").decode()[:253]
    except ValueError:
        host = ""
    where = f" It points to {host}." if host and host.isprintable() else ""
    return f"redirect: nobody follows it, update your URL.{where}"


def _retry_after(answer: Answer, now: datetime) -> timedelta | None:
    """Seconds or a date (RFC 9110, 10.2.3); anything else asks nothing."""
    asked = answer.headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        return timedelta(seconds=min(int(asked[:9]), 86_400))
    try:
        return max(parsedate_to_datetime(asked) - now, timedelta()) if asked else None
    except (ValueError, TypeError):
        return None
