"""Each person is told in their own language: by mail, and on the page behind the link."""

import email
import email.policy
import re
from collections.abc import Mapping
from email.message import EmailMessage

import httpx
import pytest

from tests.api.installation import Installation, Team, change, create, read
from tests.api.test_answers import DAY, MARK, laddered
from tests.api.test_moving_dates import say
from tests.api.test_refusals import refused
from tests.api.test_respond import Reader, reader, tick

#: What stays as it is in every language.
DATA = r"K-17|Asia/Almaty|cookie|\bAPI\b|/style\.css|Adquem"


async def speaking(team: Team, **languages: str) -> None:
    """By role, the language that each is told in from now on."""
    for role, language in languages.items():
        await change(team.admin, f"/users/{team.people[role]}", {"language": language})


def latin(page: str) -> list[str]:
    """Words in Latin letters that a reader sees, besides data."""
    seen = re.sub(r"<[^>]*>", " ", page)
    return re.findall(r"[A-Za-z]{2,}", re.sub(DATA, " ", seen))


def mails(installation: Installation) -> Mapping[str, EmailMessage]:
    """The newest mail of each address."""
    found: dict[str, EmailMessage] = {}
    for file in sorted((installation.runtime.settings.home / "outbox").glob("*.eml")):
        message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        found[str(message["To"])] = message
    return found


async def test_a_persons_language_is_kept_shown_and_written_down(either: Installation) -> None:
    team = await either.team()
    owner = f"/users/{team.people['owner']}"
    assert (await read(team.admin, owner))["language"] == "en"
    assert (await change(team.admin, owner, {"language": "kk"}))["language"] == "kk"
    assert (await change(team.admin, owner, {"name": "Other"}))["language"] == "kk"
    body = {"name": "New", "email": "new@example.org", "timezone": "UTC", "language": "ru"}
    assert (await create(team.admin, "/users", body))["language"] == "ru"
    entries = [row for row in (await either.rows())["journal_entries"] if "user." in repr(row)]
    assert sum("'language': 'kk'" in repr(row) for row in entries) == 2
    assert sum("'language': 'ru'" in repr(row) for row in entries) == 1


@pytest.mark.parametrize("language", ["de", "RU", "", 7])
async def test_a_language_that_we_do_not_speak_is_refused(
    installation: Installation, team: Team, language: object
) -> None:
    body = {"name": "N", "email": "n@example.org", "timezone": "UTC", "language": language}
    response = await team.admin.post("/users", json=body)
    refused(response, 422, "invalid_input")
    assert "language" in response.text


async def test_everyone_on_a_case_is_mailed_in_their_own_language(
    installation: Installation, team: Team
) -> None:
    await speaking(team, owner="ru", deputy="kk")
    await laddered(team)
    for at in (MARK, MARK + DAY, MARK + 2 * DAY):
        await tick(installation, at)
    said = {
        address.partition(".")[0]: (mail["Content-Language"], str(mail["Subject"]))
        for address, mail in mails(installation).items()
    }
    day = "\N{NO-BREAK SPACE}"
    assert said == {
        "owner": (
            "ru",
            f"Напоминание: K-17, срок 10 июня 2026{day}г. (через 7 дней), не проверено",
        ),
        "deputy": (
            "kk",
            f"Әлі жауап жоқ: K-17, мерзімі 2026{day}ж. 10 маусым (6 күн қалды), тексерілмеген",
        ),
        "supervisor": ("en", "No answer yet: K-17, due 10 June 2026 (5 days), not verified"),
    }


@pytest.mark.parametrize("language", ["ru", "kk"])
async def test_the_page_speaks_the_readers_language_whatever_the_browser_asks_for(
    installation: Installation, team: Team, language: str
) -> None:
    await speaking(team, owner=language, deputy=language)
    deadline = await laddered(team)
    await tick(installation, MARK)
    owner = await reader(installation, team, deadline, "owner")
    owner.browser.headers["accept-language"] = "en"
    shown = [await owner.open()]
    shown.append((await owner.send(shown[0])).text)
    shown.append((await owner.send(shown[0], decline_reason="", answer="decline")).text)
    shown.append(await owner.answer(answer="decline", decline_reason="away"))
    await tick(installation, installation.clock.now)
    deputy = await reader(installation, team, deadline, "deputy")
    until = re.findall(r'<option value="(2026[^"]+)">', await deputy.open())[-1]
    shown.append(await deputy.answer(answer="snooze", until=until, snooze_reason="81"))
    shown.append(await owner.open())
    proof = {"user_id": team.people["owner"], "proof": "81/2026"}
    await create(team.admin, f"/deadlines/{deadline['id']}/complete", proof)
    shown.append(await owner.open())
    installation.clock.set(MARK + 37 * DAY)
    shown.append((await owner.browser.get(owner.path)).text)
    assert [latin(page) for page in shown] == [[] for _ in shown]
    assert all(f'<html lang="{language}">' in page for page in shown)


async def test_who_has_left_the_case_is_told_so_in_their_language(
    installation: Installation, team: Team
) -> None:
    await speaking(team, owner="kk")
    deadline = await laddered(team)
    await tick(installation, MARK)
    owner = await reader(installation, team, deadline, "owner")
    roles = [
        {"role": "owner", "user_id": team.people["deputy"]},
        {"role": "deputy", "user_id": team.people["supervisor"]},
    ]
    await change(team.admin, f"/cases/{team.case}", {"roles": roles})
    page = await owner.browser.get(owner.path)
    assert (page.status_code, page.headers["content-language"]) == (403, "kk")
    assert "Сізден енді сұралмайды" in page.text


@pytest.mark.parametrize(
    ("asks_for", "language", "words"),
    [
        ("", "en", "There is nothing here"),
        ("kk-KZ,ru;q=0.8", "kk", "Мұнда ештеңе жоқ"),
        ("de,ru;q=0.8,en;q=0.5", "ru", "Здесь ничего нет"),
        ("de", "en", "There is nothing here"),
    ],
)
async def test_a_stranger_is_answered_in_the_browsers_language(
    installation: Installation, asks_for: str, language: str, words: str
) -> None:
    stranger = Reader(installation, installation.client(None, ""), "/r/nothing")
    headers = {"accept-language": asks_for}
    for page in (
        await stranger.browser.get(stranger.path, headers=headers),
        await stranger.browser.post(stranger.path, headers=headers),
    ):
        assert (page.status_code, page.headers["content-language"]) == (404, language)
        assert words in page.text
    home: httpx.Response = await stranger.browser.get("/", headers=headers)
    assert home.headers["content-language"] == language
    assert "Accept-Language" in home.headers["vary"]
    assert f'<html lang="{language}">' in home.text


async def test_why_a_date_has_moved_is_said_in_the_readers_language_and_persons_words_are_kept(
    installation: Installation, team: Team
) -> None:
    await speaking(team, owner="ru")
    await change(team.admin, f"/cases/{team.case}", {"mail_level": 2})
    deadline = await laddered(team)
    asked = await say(team, deadline, "extensions", asked_until_on="2026-07-10", reason="illness")
    granted = {"granted_until_on": "2026-07-01", "source": "order of 5 June"}
    await say(team, deadline, f"extensions/{asked['id']}/grant", **granted)
    await tick(installation, installation.clock.now)
    [mail] = [one for to, one in mails(installation).items() if to.startswith("owner")]
    text = mail.get_body(("plain",))
    assert text is not None
    assert re.search(
        r"^Причина: +Срок продлён: order of 5 June\r?$", text.get_content(), re.MULTILINE
    )
