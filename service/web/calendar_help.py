"""/help/calendars: how each calendar program subscribes, and how late it is. Knows no feed and nobody."""

from babel import Locale
from fastapi import APIRouter, Request, Response

from service.channels.wording import worded_templates, wording
from service.languages import Language, preferred
from service.runtime import TEMPLATES

router = APIRouter(include_in_schema=False)
_pages = worded_templates(TEMPLATES / "pages")
#: Names that are the same in every language.
_NAMES = {
    "thunderbird": "Thunderbird",
    "apple": "Apple Calendar (Mac)",
    "icsx5": "ICSx5 (Android)",
    "ios": "iPhone, iPad",
    "nextcloud": "Nextcloud",
    "google": "Google Calendar",
    "fastmail": "Fastmail",
    "proton": "Proton Calendar",
}
_LANGUAGES = [(one.value, Locale.parse(one.value).get_display_name()) for one in Language]


@router.api_route("/help/calendars", methods=["GET", "HEAD"])
async def calendars(request: Request, lang: str = "") -> Response:
    """`lang`: one of ours goes before what the browser asks for."""
    asked = request.headers.get("accept-language", "")
    words = wording(Language(lang) if lang in list(Language) else preferred(asked))
    template = _pages.get_template("calendars.html")
    page = template.render(words=words, names=_NAMES, languages=_LANGUAGES)
    headers = {"Content-Language": words.language.value, "Vary": "Accept-Language"}
    return Response(page, headers=headers, media_type="text/html; charset=utf-8")
