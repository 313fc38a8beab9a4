"""/feeds: whose they are, what they show and to whom; the calendar itself is fetched elsewhere."""

import segno
from fastapi import Depends, Response

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
from service.feeds.reading import seen_in
from service.flows import subscription
from service.flows.fetching import seen_by_strangers
from service.runtime import Runtime
from service.schemas import fields
from service.schemas.feeds import (
    EventOut,
    FeedIn,
    FeedMade,
    FeedOut,
    FeedPatch,
    FeedPreview,
    FeedRead,
    ReaderOut,
    RotateIn,
)
from service.store.feed_readers import readers_of
from service.store.feeds import Feed, list_feeds

router = new_router("feeds", "/feeds")


def _made(feed: Feed, secret: str, runtime: Runtime) -> FeedMade:
    """`webcal` only where the service speaks TLS: some clients turn it into https."""
    base_url = runtime.settings.base_url
    url = f"{base_url}/f/{feed.id}.{secret}.ics"
    webcal = url.replace("https://", "webcal://", 1) if url.startswith("https://") else None
    picture = segno.make(webcal or url, micro=False).svg_inline(scale=4)
    return FeedMade(
        **_facts(feed),
        url=url,
        webcal_url=webcal,
        qr_svg=picture,
        help_url=f"{base_url}/help/calendars",
    )


def _facts(feed: Feed) -> dict[str, object]:
    own = feed.model_dump(include=set(FeedOut.model_fields))
    return own | {"fetchers": feed.admitted, "old_address_until": feed.previous_until}


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
    items = [FeedOut.model_validate(_facts(row)) for row in own]
    return fields.Page(items=items, next_cursor=page.next_cursor(rows, lambda row: [row.id]))


@router.get("/{feed_id}")
async def read_feed(
    feed_id: str,
    session: Session,
    caller: Reader,
    runtime: RuntimeNow,
    now: Now,
    response: Response,
) -> FeedRead:
    """With the programs that read it."""
    feed = await subscription.own_feed(session, feed_id, caller)
    fetched, shows_all = await seen_by_strangers(session, feed, runtime.settings.base_url, now)
    readers = [
        ReaderOut.model_validate(row.model_dump() | {"up_to_date": row.etag == fetched.etag})
        for row in (await readers_of(session, [feed.id])).get(feed.id, [])
    ]
    tag(response, feed.id, feed.revision)
    return FeedRead.model_validate(_facts(feed) | {"shows_all": shows_all, "readers": readers})


@router.get("/{feed_id}/preview")
async def preview_feed(
    feed_id: str, session: Session, caller: Reader, runtime: RuntimeNow, now: Now
) -> FeedPreview:
    """What a stranger with the address would read now."""
    feed = await subscription.own_feed(session, feed_id, caller)
    fetched, shows_all = await seen_by_strangers(session, feed, runtime.settings.base_url, now)
    name, events = seen_in(fetched.content)
    items = [EventOut.model_validate(event) for event in events]
    return FeedPreview(name=name, shows_all=shows_all, items=items, raw=fetched.content.decode())


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
    return FeedOut.model_validate(_facts(feed))


@router.post("/{feed_id}/rotate", dependencies=[Depends(keep_answer)])
async def rotate_feed(
    feed_id: str,
    session: Session,
    caller: Writer,
    runtime: RuntimeNow,
    now: Now,
    body: RotateIn = RotateIn(),  # noqa: B008  (frozen)
) -> FeedMade:
    """A new address; the old one goes on working for a week, unless `at_once` is said."""
    feed, secret = await subscription.rotate_feed(session, feed_id, body, caller, now)
    return _made(feed, secret, runtime)


@router.post("/{feed_id}/revoke", dependencies=[Depends(keep_answer)])
async def revoke_feed(feed_id: str, session: Session, caller: Writer, now: Now) -> FeedOut:
    """For thirty days its address says farewell, and so takes back what calendars keep; then it is gone."""
    feed = await subscription.revoke_feed(session, feed_id, caller, now)
    return FeedOut.model_validate(_facts(feed))
