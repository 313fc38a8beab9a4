"""The page on which people read how to subscribe: for whoever has no key, in their language, no script."""

import re
from urllib.parse import urlsplit

import pytest

from service.languages import Language
from tests.api.installation import Installation, Team, create

PAGE = "/help/calendars"
PROGRAMS = [
    *("Thunderbird", "Apple Calendar (Mac)", "ICSx5 (Android)", "iPhone, iPad", "Nextcloud"),
    *("Google Calendar", "Outlook on the web", "Outlook classic (Windows)", "Fastmail"),
    "Proton Calendar",
]


async def page(installation: Installation, address: str = PAGE, **headers: str) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await installation.outside.get(address, headers=named)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    return answer.text


def parts(text: str) -> dict[str, str]:
    """What stands under each heading."""
    found = re.findall(r"<section>\s*<h2>(.*?)</h2>(.*?)</section>", text, re.DOTALL)
    return dict(found)


async def test_every_program_has_a_part_with_its_menu_words(installation: Installation) -> None:
    found = parts(await page(installation))
    assert list(found)[1:] == PROGRAMS
    for name in PROGRAMS:
        assert re.search("<strong>.*(→|paste).*</strong>", found[name]), name
    assert "On My Mac" in found["Apple Calendar (Mac)"]
    assert "From URL" in found["Google Calendar"]
    assert "Subscribe from web" in found["Outlook on the web"]


async def test_three_are_advised_and_those_that_keep_copies_are_for_codes_alone(
    installation: Installation,
) -> None:
    found = parts(await page(installation))
    assert [name for name in PROGRAMS if "Advised" in found[name]] == PROGRAMS[:3]
    assert [name for name in PROGRAMS if "At level 1 alone" in found[name]] == PROGRAMS[5:]


async def test_whoever_may_see_a_change_a_day_late_is_told_so(installation: Installation) -> None:
    found = parts(await page(installation))
    late = [name for name in PROGRAMS if re.search("up to a day late", found[name], re.IGNORECASE)]
    assert late == ["ICSx5 (Android)", "Google Calendar", "Outlook on the web"]
    begin = found["Before you begin"]
    assert "QR code" in begin
    assert "webcal://" in begin


@pytest.mark.parametrize("language", Language)
async def test_it_speaks_the_language_that_is_chosen_or_else_that_of_the_browser(
    installation: Installation, language: Language
) -> None:
    by_browser = await page(installation, accept_language=language.value)
    other = "en" if language is Language.KAZAKH else "kk"
    chosen = await page(installation, f"{PAGE}?lang={language.value}", accept_language=other)
    assert f'<html lang="{language.value}">' in by_browser
    assert chosen == by_browser
    assert ("Before you begin" in chosen) is (language is Language.ENGLISH)
    for one in Language:
        assert f'href="?lang={one.value}"' in chosen


@pytest.mark.parametrize("unknown", ["", "xx", "EN", "../../etc", "<script>"])
async def test_a_language_that_we_do_not_speak_is_as_if_none_had_been_chosen(
    installation: Installation, unknown: str
) -> None:
    answer = await installation.outside.get(PAGE, params={"lang": unknown})
    assert answer.text == await page(installation)


async def test_it_runs_nothing_and_loads_nothing_from_elsewhere(installation: Installation) -> None:
    answer = await installation.outside.get(PAGE)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["vary"] == "Accept-Language"
    for word in ("<script", "style=", "onclick", 'src="', "http://", 'href="https'):
        assert word not in answer.text, word
    head = await installation.outside.head(PAGE)
    assert (head.status_code, head.content) == (200, b"")


async def test_whoever_makes_a_feed_is_shown_the_way_there(
    installation: Installation, team: Team
) -> None:
    made = await create(team.admin, "/feeds", {"name": "f", "user_id": team.people["owner"]})
    again = await create(team.admin, f"/feeds/{made['id']}/rotate", {})
    assert again["help_url"] == made["help_url"]
    assert "Thunderbird" in await page(installation, urlsplit(made["help_url"]).path)
