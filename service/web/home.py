"""/ and the style sheet: what runs here and where to look."""

from pathlib import Path

from fastapi import APIRouter, Response
from jinja2 import Environment, FileSystemLoader, select_autoescape

from service.dependencies import RuntimeNow
from service.runtime import TEMPLATES, VERSION

router = APIRouter(include_in_schema=False)
_pages = Environment(
    loader=FileSystemLoader(TEMPLATES / "pages"), autoescape=select_autoescape(["html"])
)
_STYLE = (Path(TEMPLATES) / "pages" / "style.css").read_bytes()


@router.api_route("/", methods=["GET", "HEAD"])
async def home(runtime: RuntimeNow) -> Response:
    """Says nothing of any case: whoever reaches the port can read it."""
    page = _pages.get_template("home.html").render(
        version=VERSION,
        embedded=runtime.settings.embedded,
        base_url=runtime.settings.base_url,
        outbox=not runtime.settings.smtp_url.get_secret_value(),
    )
    return Response(page, media_type="text/html; charset=utf-8")


@router.get("/style.css")
async def style() -> Response:
    headers = {"Cache-Control": "public, max-age=3600"}
    return Response(_STYLE, headers=headers, media_type="text/css; charset=utf-8")
