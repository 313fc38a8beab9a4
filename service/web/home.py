"""/ and the style sheet: what runs here and where to look."""

from pathlib import Path

from fastapi import APIRouter, Request, Response

from service.channels.wording import worded_templates, wording
from service.dependencies import RuntimeNow
from service.languages import preferred
from service.runtime import TEMPLATES, VERSION

router = APIRouter(include_in_schema=False)
_pages = worded_templates(TEMPLATES / "pages")
_STYLE = (Path(TEMPLATES) / "pages" / "style.css").read_bytes()


@router.api_route("/", methods=["GET", "HEAD"])
async def home(request: Request, runtime: RuntimeNow) -> Response:
    """Says nothing of any case: whoever reaches the port can read it."""
    words = wording(preferred(request.headers.get("accept-language", "")))
    page = _pages.get_template("home.html").render(
        words=words,
        version=VERSION,
        embedded=runtime.settings.embedded,
        base_url=runtime.settings.base_url,
        outbox=not runtime.settings.smtp_url.get_secret_value(),
    )
    headers = {"Content-Language": words.language.value, "Vary": "Accept-Language"}
    return Response(page, headers=headers, media_type="text/html; charset=utf-8")


@router.get("/style.css")
async def style() -> Response:
    headers = {"Cache-Control": "public, max-age=3600"}
    return Response(_STYLE, headers=headers, media_type="text/css; charset=utf-8")
