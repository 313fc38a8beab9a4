"""/u/TOKEN: one click ends the mails that nobody has to have (RFC 8058). Looking changes nothing; the POST
of a mail program or of the page's own form does, without cookie, login or redirect, however often it comes.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from service.channels.wording import worded_templates, wording
from service.dependencies import RuntimeNow, Sits
from service.domain.notifications import EventType
from service.flows.unsubscribing import optional_mail, unsubscribe
from service.languages import preferred
from service.runtime import TEMPLATES
from service.store.users import User
from service.web.respond import HEADERS

router = APIRouter(include_in_schema=False)
_pages = worded_templates(TEMPLATES / "pages")


@router.api_route("/u/{token}", methods=["GET", "HEAD"])
async def show(token: str, request: Request, sitting: Sits, runtime: RuntimeNow) -> Response:
    """Which mails it is about, and the form."""
    found = await optional_mail(sitting.session, runtime.seal, token)
    return _page(request, found, done=False, status=200 if found else 404)


async def _one_click(request: Request) -> bool:
    """In either of the two encodings that programs use."""
    body = await request.body()
    return b"List-Unsubscribe" in body and b"One-Click" in body


#: Read before the transaction is opened: a slow sender must not hold it.
OneClick = Annotated[bool, Depends(_one_click)]


@router.post("/u/{token}")
async def stop(
    token: str, one_click: OneClick, request: Request, sitting: Sits, runtime: RuntimeNow
) -> Response:
    """Ends them. A POST that does not say what it wants is answered with the form."""
    if not one_click:
        found = await optional_mail(sitting.session, runtime.seal, token)
        return _page(request, found, done=False, status=422 if found else 404)
    found = await unsubscribe(sitting, runtime.seal, token)
    return _page(request, found, done=True, status=200 if found else 404)


def _page(
    request: Request, found: tuple[User, EventType] | None, done: bool, status: int
) -> Response:
    asked = request.headers.get("accept-language", "")
    words = wording(found[0].language if found else preferred(asked))
    page = _pages.get_template("unsubscribe.html").render(
        words=words, event=found[1] if found else None, done=done
    )
    headers = HEADERS | {"Content-Language": words.language.value}
    return Response(page, status, headers, media_type="text/html; charset=utf-8")
