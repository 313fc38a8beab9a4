"""/f: the calendar itself. Clients send no headers that we control, so the secret is in the address.

No route of FastAPI's: a poll that finds nothing new costs one read, and no machinery of requests. Nobody's
key is looked at, no body read, and no language of a client negotiated.
"""

from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple, cast

from starlette.requests import Request
from starlette.responses import Response

from service.dependencies import knocks_too_often
from service.domain.access import Reach
from service.domain.feeds import Bounds, Family, family_of
from service.flows.feed_care import note_fetch, note_refusal, worth_noting
from service.flows.fetching import (
    Fetched,
    Rendered,
    Standing,
    after_end,
    goodbye,
    kept,
    kept_of,
    rendered,
    standing,
)
from service.flows.sitting import Sitting
from service.knocks import SECONDS
from service.runtime import VERSION, Runtime
from service.store.feeds import Feed, get_feed, glance, keep, read_feed

_EVERYWHERE = Reach(None)
_ALWAYS = {
    "Cache-Control": "private, no-cache",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
_PLAIN = "text/plain; charset=utf-8"
_WORDS = {
    Standing.UNKNOWN: (404, "No such calendar.\n"),
    Standing.GONE: (410, "This calendar was switched off.\n"),
    Standing.REFUSED: (403, "This calendar is not for programs that keep copies in a cloud.\n"),
}


class _Poll(NamedTuple):
    """One request."""

    request: Request
    runtime: Runtime
    feed_id: str
    family: Family
    now: datetime
    bounds: Bounds

    @property
    def reads(self) -> bool:
        """HEAD takes nothing along."""
        return self.request.method == "GET"

    @property
    def edition(self) -> str:
        return f"{VERSION} {self.base_url}"

    @property
    def base_url(self) -> str:
        return self.runtime.settings.base_url


async def fetched(request: Request, name: str, bounds: Bounds) -> Response:
    """GET and HEAD. `name`: the id and the secret."""
    runtime = cast(Runtime, request.app.state.runtime)
    feed_id, _, secret = name.partition(".")
    family = family_of(request.headers.get("user-agent", ""))
    poll = _Poll(request, runtime, feed_id, family, runtime.clock(), bounds)
    row = await glance(runtime.glances, feed_id, family)
    found = standing(row, secret, family, poll.now)
    if row is None or found not in (Standing.OPEN, Standing.ENDED):
        return await _refused(poll, found)
    known = kept(row, poll.edition, poll.now) if found is Standing.OPEN else None
    if known is None or not _unchanged(poll, known):
        made = await _render(poll)
        if isinstance(made, Standing):
            return await _refused(poll, made)
        if not isinstance(made, Rendered):
            return _answer(poll, made)
        known = made
    if poll.reads and worth_noting(known.etag, row.seen_etag, row.last_fetched_at, poll.now):
        await _note(poll, known.etag)
    return _answer(poll, known)


async def _render(poll: _Poll) -> Fetched | Standing:
    """Anew, and kept where it was not known. Of one that has ended, or whose person has left, what is
    left to say."""
    runtime, now = poll.runtime, poll.now
    feed = await read_feed(runtime.glances, poll.feed_id)
    if feed is None:
        return Standing.UNKNOWN
    of, end, made = kept_of(feed.touched, poll.edition), feed.ended_at(now), None
    if not end:
        async with runtime.reading() as session:
            made = await rendered(session, feed, poll.base_url, now, poll.bounds)
    if made is None:
        end = end or feed.shown_at
        ended = after_end(end, now)
        return goodbye(feed, end) if ended is Standing.ENDED else ended
    if (feed.kept_of, feed.kept_etag, feed.kept_until) != (of, made.etag, made.until):
        await _keep(runtime, feed, of, made)
    return made


async def _keep(runtime: Runtime, feed: Feed, of: str, made: Rendered) -> None:
    async with runtime.transaction() as session:
        await keep(session, feed.id, of, made.etag, made.modified_at, made.until)


async def _note(poll: _Poll, etag: str | None) -> None:
    """`etag` None: it was refused."""
    runtime = poll.runtime
    async with runtime.transaction() as session:
        feed = await get_feed(session, poll.feed_id, _EVERYWHERE)
        sitting = Sitting(session, runtime.channels, runtime.rules, poll.now)
        if feed is not None and etag is not None:
            await note_fetch(sitting, feed, poll.family, etag)
        elif feed is not None:
            await note_refusal(sitting, feed, poll.family)


async def _refused(poll: _Poll, why: Standing) -> Response:
    if why is Standing.REFUSED:
        await _note(poll, None)
    if why is Standing.UNKNOWN and knocks_too_often(poll.request):
        headers = _ALWAYS | {"Retry-After": str(SECONDS)}
        return Response("Too many wrong addresses.\n", 429, headers, media_type=_PLAIN)
    status, words = _WORDS[why]
    return Response(words, status, _ALWAYS, media_type=_PLAIN)


def _answer(poll: _Poll, fetched: Fetched) -> Response:
    """A date ahead of the clock is none that an answer may bear (RFC 9110, 8.8.2.1)."""
    modified_at = min(fetched.modified_at, poll.now.replace(microsecond=0))
    headers = _ALWAYS | {
        "ETag": fetched.etag,
        "Last-Modified": _http_date(modified_at),
    }
    if _unchanged(poll, fetched):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = 'inline; filename="deadlines.ics"'
    # Explicit, for Starlette would leave a HEAD answer's length to the empty body.
    headers["Content-Length"] = str(len(fetched.content))
    body = fetched.content if poll.reads else b""
    return Response(body, headers=headers, media_type="text/calendar; charset=utf-8")


@lru_cache(maxsize=10_000)
def _http_date(at: datetime) -> str:
    return format_datetime(at, usegmt=True)


def _unchanged(poll: _Poll, fetched: Fetched) -> bool:
    """RFC 9110, 13.1: If-None-Match (a list, or *) decides alone where it is sent."""
    headers = poll.request.headers
    asked = headers.get("if-none-match")
    if asked is not None:
        tags = [one.strip().removeprefix("W/") for one in asked.split(",")]
        return "*" in tags or fetched.etag in tags
    since = headers.get("if-modified-since")
    try:
        return since is not None and fetched.modified_at <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False
