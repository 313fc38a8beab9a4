"""/feeds, and the calendar itself under /f, which asks for no key but the one in its address"""

from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime

from fastapi import APIRouter, Depends, Request, Response

from service.api.routing import new_router, tag
from service.dependencies import (
    IfMatch,
    Now,
    Page,
    Reader,
    RuntimeNow,
    Session,
    Writer,
    keep_answer,
)
from service.domain.access import Caller
from service.errors import not_found
from service.flows import subscription
from service.runtime import Runtime
from service.schemas import fields
from service.schemas.feeds import FeedIn, FeedMade, FeedOut, FeedPatch
from service.store.feeds import Feed, get_feed, list_feeds

router = new_router("feeds", "/feeds")
public = APIRouter()

_ALWAYS = {
    "Cache-Control": "private, no-cache",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}


def _made(feed: Feed, secret: str, runtime: Runtime) -> FeedMade:
    """`webcal` only where the service speaks TLS: some clients turn it into https."""
    url = f"{runtime.settings.base_url}/f/{feed.id}.{secret}.ics"
    webcal = url.replace("https://", "webcal://", 1) if url.startswith("https://") else None
    return FeedMade(**_facts(feed), url=url, webcal_url=webcal)


def _facts(feed: Feed) -> dict[str, object]:
    return feed.model_dump(include=set(FeedOut.model_fields))


def _own(feed: Feed | None, caller: Caller) -> Feed:
    if feed is None or caller.user_id not in (None, feed.user_id):
        raise not_found("feed")
    return feed


@router.post("", status_code=201, dependencies=[Depends(keep_answer)])
async def create_feed(
    body: FeedIn,
    session: Session,
    caller: Writer,
    runtime: RuntimeNow,
    now: Now,
    response: Response,
) -> FeedMade:
    """The address holds the secret and is shown this once; whoever has it reads the feed."""
    feed, secret = await subscription.create_feed(session, body, caller, now)
    tag(response, feed.id, feed.revision)
    return _made(feed, secret, runtime)


@router.get("")
async def read_feeds(session: Session, caller: Reader, page: Page) -> fields.Page[FeedOut]:
    rows = await list_feeds(session, caller.reach, page.after_id, page.limit)
    own = [row for row in rows if caller.user_id in (None, row.user_id)]
    items = [FeedOut.model_validate(row) for row in own]
    return fields.Page(items=items, next_cursor=page.next_cursor(rows, lambda row: [row.id]))


@router.get("/{feed_id}")
async def read_feed(feed_id: str, session: Session, caller: Reader, response: Response) -> FeedOut:
    feed = _own(await get_feed(session, feed_id, caller.reach), caller)
    tag(response, feed.id, feed.revision)
    return FeedOut.model_validate(feed)


@router.patch("/{feed_id}")
async def change_feed(
    feed_id: str,
    body: FeedPatch,
    session: Session,
    caller: Writer,
    now: Now,
    if_match: IfMatch,
    response: Response,
) -> FeedOut:
    feed = await subscription.change_feed(session, feed_id, body, if_match, caller, now)
    tag(response, feed.id, feed.revision)
    return FeedOut.model_validate(feed)


@router.post("/{feed_id}/rotate", dependencies=[Depends(keep_answer)])
async def rotate_feed(
    feed_id: str, session: Session, caller: Writer, runtime: RuntimeNow, now: Now
) -> FeedMade:
    """A new address; the old one stops at once."""
    feed, secret = await subscription.rotate_feed(session, feed_id, caller, now)
    return _made(feed, secret, runtime)


@router.post("/{feed_id}/revoke", dependencies=[Depends(keep_answer)])
async def revoke_feed(feed_id: str, session: Session, caller: Writer, now: Now) -> FeedOut:
    feed = await subscription.revoke_feed(session, feed_id, caller, now)
    return FeedOut.model_validate(feed)


@public.api_route("/f/{name}.ics", methods=["GET", "HEAD"], include_in_schema=False)
async def fetch_feed(name: str, request: Request, session: Session, now: Now) -> Response:
    """The calendar. Clients send no headers that we control, so the secret is in the address."""
    feed_id, _, secret = name.partition(".")
    fetched = await subscription.fetch(session, feed_id, secret, now)
    if fetched is None:
        return Response("No such calendar.\n", 404, media_type="text/plain; charset=utf-8")
    if fetched.gone:
        return Response("This calendar was switched off.\n", 410, media_type="text/plain")
    headers = _ALWAYS | {
        "ETag": fetched.etag,
        "Last-Modified": format_datetime(fetched.modified_at, usegmt=True),
    }
    if _unchanged(request, fetched, now):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = 'inline; filename="deadlines.ics"'
    # Explicit, for Starlette would leave a HEAD answer's length to the empty body.
    headers["Content-Length"] = str(len(fetched.content))
    body = b"" if request.method == "HEAD" else fetched.content
    return Response(body, headers=headers, media_type="text/calendar; charset=utf-8")


def _unchanged(request: Request, fetched: subscription.Fetched, now: datetime) -> bool:
    """RFC 9110, 13.1: If-None-Match (a list, or *) decides alone where it is sent.

    Within the second of the newest change no date can tell before from after (8.8.2.2).
    """
    asked = request.headers.get("if-none-match")
    if asked is not None:
        tags = [one.strip().removeprefix("W/") for one in asked.split(",")]
        return "*" in tags or fetched.etag in tags
    since = request.headers.get("if-modified-since")
    try:
        settled = fetched.modified_at < now.replace(microsecond=0)
        return since is not None and settled and fetched.modified_at <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False
