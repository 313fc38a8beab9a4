"""/v/TOKEN: the page behind the link in the mail that asks whether an address is read. Looking changes
nothing; its button confirms, once. Server-rendered, without scripts.
"""

from fastapi import APIRouter, Request, Response

from service.channels.wording import worded_templates, wording
from service.dependencies import RuntimeNow, Sits
from service.flows import verification
from service.languages import preferred
from service.runtime import TEMPLATES
from service.store.users import User
from service.web.respond import HEADERS

router = APIRouter(include_in_schema=False)
_pages = worded_templates(TEMPLATES / "pages")


@router.api_route("/v/{token}", methods=["GET", "HEAD"])
async def show(token: str, request: Request, sitting: Sits, runtime: RuntimeNow) -> Response:
    """The button, or that there is nothing left to confirm."""
    user = await verification.asked_by(sitting, runtime.seal, token)
    return _page(request, user, done=False)


@router.post("/v/{token}")
async def confirm(token: str, request: Request, sitting: Sits, runtime: RuntimeNow) -> Response:
    """Confirms the address."""
    user = await verification.asked_by(sitting, runtime.seal, token, lock=True)
    if user is not None:
        await verification.confirm(sitting, user)
    return _page(request, user, done=True)


def _page(request: Request, user: User | None, done: bool) -> Response:
    asked = request.headers.get("accept-language", "")
    words = wording(user.language if user else preferred(asked))
    page = _pages.get_template("verify.html").render(words=words, known=user is not None, done=done)
    headers = HEADERS | {"Content-Language": words.language.value}
    status = 200 if user else 404
    return Response(page, status, headers, media_type="text/html; charset=utf-8")
