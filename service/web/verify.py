"""/v/TOKEN: the page behind the link in a mail that asks whether an address is read, or a key held. Looking
changes nothing; its button confirms, once. Server-rendered, without scripts.
"""

from fastapi import APIRouter, Request, Response

from service.channels.wording import worded_templates, wording
from service.dependencies import RuntimeNow, Sits
from service.flows import openpgp_keys, verification
from service.flows.verification import Asked
from service.languages import preferred
from service.runtime import TEMPLATES
from service.web.respond import HEADERS

router = APIRouter(include_in_schema=False)
_pages = worded_templates(TEMPLATES / "pages")


@router.api_route("/v/{token}", methods=["GET", "HEAD"])
async def show(token: str, request: Request, sitting: Sits, runtime: RuntimeNow) -> Response:
    """The button, or that there is nothing left to confirm."""
    asked = await verification.asked_by(sitting, runtime.seal, token)
    return _page(request, asked, done=False)


@router.post("/v/{token}")
async def confirm(token: str, request: Request, sitting: Sits, runtime: RuntimeNow) -> Response:
    """Confirms the address, or the key."""
    asked = await verification.asked_by(sitting, runtime.seal, token, lock=True)
    if asked is not None:
        confirm_ = openpgp_keys.confirm if asked.of_key else verification.confirm
        await confirm_(sitting, asked.user)
    return _page(request, asked, done=True)


def _page(request: Request, asked: Asked | None, done: bool) -> Response:
    understood = request.headers.get("accept-language", "")
    words = wording(asked.user.language if asked else preferred(understood))
    facts = {"known": asked is not None, "of_key": asked is not None and asked.of_key}
    page = _pages.get_template("verify.html").render(words=words, done=done, **facts)
    headers = HEADERS | {"Content-Language": words.language.value}
    status = 200 if asked else 404
    return Response(page, status, headers, media_type="text/html; charset=utf-8")
