"""/tools/signature: a page on which whoever takes webhooks checks a signature. All of it happens in the
browser: nothing that is pasted reaches this service."""

from pathlib import Path

from fastapi import APIRouter, Request, Response

from service.channels.wording import worded_templates, wording
from service.languages import preferred
from service.runtime import TEMPLATES

router = APIRouter(include_in_schema=False)
_pages = worded_templates(TEMPLATES / "pages")
_SCRIPT = (Path(TEMPLATES) / "pages" / "signature.js").read_bytes()
#: The form has nowhere to go, and the script nobody to talk to.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


@router.api_route("/tools/signature", methods=["GET", "HEAD"])
async def show(request: Request) -> Response:
    words = wording(preferred(request.headers.get("accept-language", "")))
    page = _pages.get_template("signature.html").render(words=words)
    headers = {
        "Content-Security-Policy": _POLICY,
        "Content-Language": words.language.value,
        "Vary": "Accept-Language",
    }
    return Response(page, headers=headers, media_type="text/html; charset=utf-8")


@router.get("/tools/signature.js")
async def script() -> Response:
    headers = {"Cache-Control": "public, max-age=3600"}
    return Response(_SCRIPT, headers=headers, media_type="text/javascript; charset=utf-8")
